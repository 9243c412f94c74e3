/**
 * The ping check: an echo request to every address of a list at once; the first answer is a pass, or all must answer. A
 * host name has answered where one of its addresses has.
 */
import type { PingCheckConfig } from "../../config/checks/ping.ts";
import type { Address } from "../../net/address.ts";
import { onAbort } from "../../time/abort.ts";
import { type AddressPorts, answeredBy, type Attempt, eachAddress } from "../connect/each_address.ts";
import { type Failure, failureOf, NO_LOCAL_ADDRESS } from "../connect/failure.ts";
import { sourceError } from "../connect/source.ts";
import type { EchoReply, Icmp } from "./icmp.ts";
import { type Probe, type ProbeOutcome, probeWithoutFfi, type Progress } from "./probe.ts";

/** What pings need of the outside. */
export interface PingPorts extends AddressPorts {
  /** Undefined: this process may not use FFI. */
  readonly icmp: Icmp | undefined;
}

/** A probe by ICMP or ICMPv6 echo. */
export function pingProbe(config: PingCheckConfig, { icmp, ...ports }: PingPorts): Probe {
  if (icmp === undefined) return probeWithoutFfi(config);
  const { addresses, need, source, timeoutMs } = config;
  const attempt: Attempt<EchoReply> = {
    async run(address, signal) {
      try {
        return await icmp.echo(address, { timeoutMs, source, signal });
      } catch (error) {
        throw sourceError(error, source);
      }
    },
  };
  return {
    async run(signal, progress) {
      // Ends the other echoes when the race is over.
      const race = new AbortController();
      using _abort = onAbort(signal, () => race.abort(signal.reason));
      const answered = answers(addresses, progress);
      const echoes = addresses.map(async (host) => {
        const { value, address } = await eachAddress(host, attempt, ports, race.signal, () => {}, config);
        answered(host);
        return replyText(host, address, value);
      });
      try {
        if (need === "all") return outcomeOfAll(await Promise.allSettled(echoes), config);
        return { kind: "pass", detail: await Promise.any(echoes) };
      } catch (error) {
        return failureOfAll(error instanceof AggregateError ? error.errors : [error], config);
      } finally {
        race.abort();
      }
    },
  };
}

/** Says at each answer whose is waited for still, so that a probe that is cut off names them. */
function answers(hosts: readonly string[], progress: Progress): (host: string) => void {
  const silent = new Set(hosts);
  const tell = () => progress(`waiting for an answer from ${[...silent].join(", ")}`);
  tell();
  return (host) => {
    silent.delete(host);
    if (silent.size > 0) tell();
  };
}

function replyText(host: string, address: Address, { rttMs }: EchoReply): string {
  return `answer from ${host}${answeredBy(host, address)} in ${rttMs.toFixed(1)} ms`;
}

/** An echo needs no port: without an address to send from there is no way to the target. */
function failureOfOne(error: unknown): Failure {
  const failure = failureOf(error);
  return failure.detail === NO_LOCAL_ADDRESS ? { ...failure, kind: "fail" } : failure;
}

/** Every host must have answered; told are those that did not. */
function outcomeOfAll(
  results: readonly PromiseSettledResult<string>[],
  config: PingCheckConfig,
): ProbeOutcome {
  const replies = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  if (replies.length === results.length) return { kind: "pass", detail: replies.join(", ") };
  const silent = config.addresses.filter((_, at) => results[at]?.status === "rejected");
  const errors = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  const { kind, detail } = failureOfAll(errors, { ...config, addresses: silent });
  const part = replies.length > 0 ? ` (${replies.length} of ${results.length} answered)` : "";
  return { kind, detail: `${detail}${part}` };
}

/** The service may be well where one of the echoes failed for something of our own. */
function failureOfAll(errors: readonly unknown[], { addresses, need }: PingCheckConfig): ProbeOutcome {
  const failures = errors.map(failureOfOne);
  const details = failures.map(({ detail }, at) => `${addresses[at]}: ${detail}`);
  const ours = failures.filter(({ kind }) => kind === "unknown").length;
  // Where all must answer, one that is known not to is enough.
  const unknown = need === "all" ? ours === failures.length : ours > 0;
  return { kind: unknown ? "unknown" : "fail", detail: details.join("; ") };
}
