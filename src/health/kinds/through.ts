/**
 * A check that goes through the service, as clients go: to each of its addresses, which IPVS leads to a real server. All
 * must pass, and the first that fails decides. Where this host does not have the address, not yet or not any more, a
 * probe would leave it and be answered by another host of the fleet: it is not sent, and the way is not there.
 */
import type { Address } from "../../net/address.ts";
import { onAbort } from "../../time/abort.ts";
import { failureOf } from "../connect/failure.ts";
import type { Probe, ProbeOutcome } from "./probe.ts";

/** The addresses of this host. */
export interface LocalAddresses {
  /** Whether this is one of them, now. @throws {Error} where the kernel cannot be asked */
  has(address: Address): boolean;
}

/** A way through the service. */
export interface Way {
  readonly address: Address;
  readonly probe: Probe;
}

/** The probe of a service by all of these ways. */
export function throughProbe(ways: readonly Way[], local: LocalAddresses): Probe {
  return {
    async run(signal, progress) {
      const absent = absence(ways, local);
      if (absent !== undefined) return absent;
      const race = new AbortController();
      using _abort = onAbort(signal, () => race.abort(signal.reason));
      const steps = new Map<string, string>();
      const tell = () => progress([...steps].map(([text, step]) => `${step} through ${text}`).join(", "));
      let failed: ProbeOutcome | undefined;
      const runs = ways.map(async ({ address, probe }) => {
        const { text } = address;
        const outcome = said(
          address,
          await probe.run(race.signal, (step) => {
            steps.set(text, step);
            tell();
          }),
        );
        if (steps.delete(text) && steps.size > 0) tell();
        if (outcome.kind === "fail" && failed === undefined) {
          failed = outcome;
          race.abort();
        }
        return outcome;
      });
      try {
        const outcomes = await Promise.all(runs);
        return failed ?? together(outcomes);
      } finally {
        race.abort();
      }
    },
  };
}

/** Why nothing is sent; undefined: it is. */
function absence(ways: readonly Way[], local: LocalAddresses): ProbeOutcome | undefined {
  for (const { address } of ways) {
    try {
      if (local.has(address)) continue;
      return said(address, { kind: "fail", detail: "this host does not have the address now" });
    } catch (error) {
      return said(address, failureOf(error));
    }
  }
  return undefined;
}

function said({ text }: Address, { kind, detail }: ProbeOutcome): ProbeOutcome {
  return { kind, detail: `through ${text}: ${detail}` };
}

/** None has failed: they pass where nothing was short for any. */
function together(outcomes: readonly ProbeOutcome[]): ProbeOutcome {
  const unknown = outcomes.find(({ kind }) => kind === "unknown");
  return unknown ?? { kind: "pass", detail: outcomes.map(({ detail }) => detail).join("; ") };
}
