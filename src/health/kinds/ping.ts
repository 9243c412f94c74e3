/**
 * The ping check: an echo request to every address of a list at once; the first answer is a pass, or all must answer. A
 * host name is asked by each of its addresses, and one of them must answer.
 */
import type { PingCheckConfig } from "../../config/checks/ping.ts";
import { type Address, parseAddress } from "../../net/address.ts";
import { onAbort } from "../../time/abort.ts";
import type { DialPorts } from "../connect/dial.ts";
import { type Failure, failureOf, NO_LOCAL_ADDRESS, OwnShortage, ProbeFailure } from "../connect/failure.ts";
import { reachableFrom, sourceError } from "../connect/source.ts";
import type { EchoReply, Icmp } from "./icmp.ts";
import type { Probe, ProbeOutcome, Progress } from "./probe.ts";

/** What pings need of the outside. */
export interface PingPorts extends Pick<DialPorts, "names"> {
  /** Undefined: this process may not use FFI. */
  readonly icmp: Icmp | undefined;
}

/** A probe by ICMP or ICMPv6 echo. */
export function pingProbe(config: PingCheckConfig, { icmp, names }: PingPorts): Probe {
  if (icmp === undefined) {
    const detail = "ping needs sockets that only FFI opens: run with --allow-ffi";
    return { run: () => Promise.resolve({ kind: "unknown", detail }) };
  }
  const { addresses, need, source, timeoutMs } = config;
  return {
    async run(signal, progress) {
      // Ends the other echoes when the race is over.
      const race = new AbortController();
      using _abort = onAbort(signal, () => race.abort(signal.reason));
      const answered = answers(addresses, progress);
      const echo = async (address: Address, words: string) => {
        const reply = await icmp.echo(address, { timeoutMs, source, signal: race.signal });
        return replyText(words, reply);
      };
      const echoes = addresses.map(async (host) => {
        const literal = parseAddress(host);
        const reply = literal === undefined
          ? await anyOf(
            host,
            reachableFrom(source, (await names.addressesOf(host)).addresses, host),
            echo,
            source,
          )
          : await echo(literal, host);
        answered(host);
        return reply;
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

/**
 * The first answer of the addresses of a name.
 * @throws {ProbeFailure | OwnShortage} how each of them failed
 */
async function anyOf(
  host: string,
  addresses: readonly Address[],
  echo: (address: Address, words: string) => Promise<string>,
  source: Address | undefined,
): Promise<string> {
  try {
    return await Promise.any(addresses.map((address) => echo(address, `${host} (${address.text})`)));
  } catch (error) {
    const failures = (error instanceof AggregateError ? error.errors : [error])
      .map((each) => failureOfOne(sourceError(each, source)));
    const words = failures.map(({ detail }, at) => `${addresses[at]?.text} ${detail}`).join(", ");
    throw failures.some(({ kind }) => kind === "unknown") ? new OwnShortage(words) : new ProbeFailure(words);
  }
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

function replyText(words: string, { rttMs }: EchoReply): string {
  return `answer from ${words} in ${rttMs.toFixed(1)} ms`;
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
function failureOfAll(
  errors: readonly unknown[],
  { addresses, need, source }: PingCheckConfig,
): ProbeOutcome {
  const failures = errors.map((error) => failureOfOne(sourceError(error, source)));
  const details = failures.map(({ detail }, at) => `${addresses[at]}: ${detail}`);
  const ours = failures.filter(({ kind }) => kind === "unknown").length;
  // Where all must answer, one that is known not to is enough.
  const unknown = need === "all" ? ours === failures.length : ours > 0;
  return { kind: unknown ? "unknown" : "fail", detail: details.join("; ") };
}
