/** The ping check: an echo request to every address of a list at once; the first answer is a pass. */
import type { PingCheckConfig } from "../../config/checks/ping.ts";
import type { Address } from "../../net/address.ts";
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
      using race = openRace(signal);
      const echoes = config.addresses.map(async (address) => {
        const { rttMs } = await icmp.echo(address, { timeoutMs: config.timeoutMs, signal: race.signal });
        return `answer from ${address.text} in ${rttMs.toFixed(1)} ms`;
      });
      try {
        return { kind: "pass", detail: await Promise.any(echoes) };
      } catch (error) {
        return failureOfAll(error, config.addresses);
      }
    },
  };
}

/** A signal that is aborted with `outer`, and at the latest when the race is over. */
function openRace(outer: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const inner = new AbortController();
  const abort = () => inner.abort(outer.reason);
  if (outer.aborted) abort();
  outer.addEventListener("abort", abort);
  return {
    signal: inner.signal,
    [Symbol.dispose]() {
      outer.removeEventListener("abort", abort);
      inner.abort();
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
