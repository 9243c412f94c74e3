/** The ping check: an echo request to every address of a list at once; the first answer is a pass. */
import type { PingCheckConfig } from "../../config/checks/ping.ts";
import type { Address } from "../../net/address.ts";
import { onAbort } from "../../time/abort.ts";
import { type Failure, failureOf, NO_LOCAL_ADDRESS } from "../connect/failure.ts";
import type { Icmp } from "./icmp.ts";
import type { Probe, ProbeOutcome } from "./probe.ts";

/** A probe by ICMP or ICMPv6 echo. */
export function pingProbe(config: PingCheckConfig, icmp: Icmp | undefined): Probe {
  if (icmp === undefined) {
    const detail = "ping needs sockets that only FFI opens: run with --allow-ffi";
    return { run: () => Promise.resolve({ kind: "unknown", detail }) };
  }
  return {
    async run(signal, progress) {
      progress("waiting for an answer");
      // Ends the other echoes when the race is over.
      const race = new AbortController();
      using _abort = onAbort(signal, () => race.abort(signal.reason));
      const echoes = config.addresses.map(async (address) => {
        const { rttMs } = await icmp.echo(address, { timeoutMs: config.timeoutMs, signal: race.signal });
        return `answer from ${address.text} in ${rttMs.toFixed(1)} ms`;
      });
      try {
        return { kind: "pass", detail: await Promise.any(echoes) };
      } catch (error) {
        return failureOfAll(error, config.addresses);
      } finally {
        race.abort();
      }
    },
  };
}

/** An echo needs no port: without an address to send from there is no way to the target. */
function failureOfOne(error: unknown): Failure {
  const failure = failureOf(error);
  return failure.detail === NO_LOCAL_ADDRESS ? { ...failure, kind: "fail" } : failure;
}

/** The service may be well where one of the echoes failed for something of our own. */
function failureOfAll(error: unknown, addresses: readonly Address[]): ProbeOutcome {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  const failures = errors.map(failureOfOne);
  const details = failures.map(({ detail }, at) => `${addresses[at]?.text}: ${detail}`);
  const kind = failures.some((failure) => failure.kind === "unknown") ? "unknown" : "fail";
  return { kind, detail: details.join("; ") };
}
