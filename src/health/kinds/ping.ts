/** The ping check: an echo request to every address of a list at once; the first answer is a pass. */
import { messageOf } from "../../text/error_message.ts";
import type { PingCheckConfig } from "../../config/checks/ping.ts";
import type { Icmp } from "./icmp.ts";
import type { Probe } from "./probe.ts";

/** A probe by ICMP or ICMPv6 echo. */
export function pingProbe(config: PingCheckConfig, icmp: Icmp | undefined): Probe {
  if (icmp === undefined) {
    const detail = "ping needs sockets that only FFI opens: run with --allow-ffi";
    return { run: () => Promise.resolve({ pass: false, detail }) };
  }
  return {
    async run(signal) {
      using race = openRace(signal);
      const echoes = config.addresses.map(async (address) => {
        try {
          const { rttMs } = await icmp.echo(address, { timeoutMs: config.timeoutMs, signal: race.signal });
          return { pass: true, detail: `answer from ${address.text} in ${rttMs.toFixed(1)} ms` };
        } catch (error) {
          throw new Error(`${address.text}: ${messageOf(error)}`);
        }
      });
      try {
        return await Promise.any(echoes);
      } catch (error) {
        return { pass: false, detail: describeAll(error) };
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

function describeAll(error: unknown): string {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  return errors.map(messageOf).join("; ");
}
