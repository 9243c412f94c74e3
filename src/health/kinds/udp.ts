/**
 * The udp check: one datagram from a socket of its own, and what becomes of it. An answer passes where it has what is
 * expected; where nothing is, silence passes, too, and what ICMP brings back fails: that nobody listens there, or that there
 * is no way. The socket is connected (udp(7)), so that datagrams of others never come to it.
 */
import type { UdpCheckConfig } from "../../config/checks/udp.ts";
import type { Address } from "../../net/address.ts";
import { icmpErrorReason } from "../../net/icmp_error.ts";
import type { Datagrams, DatagramSocket } from "../../net/sockets.ts";
import { shownOctets } from "../../text/shown_octets.ts";
import { onAbort } from "../../time/abort.ts";
import type { Clock } from "../../time/clock.ts";
import { type AddressPorts, answeredBy, type Attempt, eachAddress } from "../connect/each_address.ts";
import { failureOf, OwnShortage, ProbeFailure } from "../connect/failure.ts";
import { OctetSearch } from "../connect/octet_search.ts";
import { localEnd } from "../connect/source.ts";
import { type Probe, probeWithoutFfi, type Progress } from "./probe.ts";

/** What udp probes need of the outside. */
export interface UdpPorts extends AddressPorts {
  /** Undefined: this process may not use FFI, and udp checks say so. */
  readonly datagrams: Datagrams | undefined;
}

/** What is expected must come within so many datagrams. */
export const MAX_DATAGRAMS = 64;
/** Datagrams that are read before others have their turn. */
const BATCH = 8;
/** Where nothing is expected, so much of the timeout passes in silence before that counts as a pass. */
const QUIET_PART = 0.5;

/** The probe of a udp check. */
export function udpProbe(config: UdpCheckConfig, ports: UdpPorts): Probe {
  const { datagrams, clock } = ports;
  if (datagrams === undefined) return probeWithoutFfi(config);
  const attempt: Attempt<string> = {
    run: (address, signal, progress) => exchange(address, config, { datagrams, clock }, signal, progress),
  };
  return {
    async run(signal, progress) {
      try {
        const { address: host } = config;
        const { value, address } = await eachAddress(host, attempt, ports, signal, progress, config);
        return { kind: "pass", detail: `${value}${answeredBy(host, address)}` };
      } catch (error) {
        return failureOf(error);
      }
    },
  };
}

/** What the service at `address` does with the datagram, where that is a pass. @throws {Error} where it is not */
async function exchange(
  address: Address,
  { port, source, send, expect, timeoutMs }: UdpCheckConfig,
  { datagrams, clock }: { readonly datagrams: Datagrams; readonly clock: Clock },
  signal: AbortSignal,
  progress: Progress,
): Promise<string> {
  const remote = { address, port, scopeId: 0 };
  using socket = datagrams.open({
    family: address.family,
    kind: "udp",
    remote,
    receiveReturned: true,
    ...localEnd(source),
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const answers = new Answers(expect);
  const onReadable = () => {
    try {
      for (let count = 0; count < BATCH; count++) {
        const octets = socket.receive()?.octets;
        if (octets === undefined) break;
        if (answers.add(octets)) return resolve(answers.passing);
      }
      progress(answers.waiting);
    } catch (error) {
      // What ICMP brought back is an error of the next call; more of it is in a queue of its own (ip(7) IP_RECVERR).
      const returned = returnedFailure(socket, address.family);
      if (returned !== "harmless") reject(returned ?? error);
    }
  };
  progress(answers.waiting);
  if (!socket.send(send, remote)) throw new OwnShortage("the send buffer is full");
  using _watch = socket.onReadable(onReadable);
  using _abort = onAbort(signal, () => reject(signal.reason));
  const quietMs = Math.round(timeoutMs * QUIET_PART);
  using _quiet = expect === undefined
    ? clock.at(
      clock.now() + quietMs,
      () => resolve(`not refused within ${quietMs} ms: silence passes, as no answer is expected`),
    )
    : undefined;
  return await promise;
}

/** The datagrams that came of one address. */
class Answers {
  readonly #expect: Uint8Array | undefined;
  readonly #wanted: string;
  #last: Uint8Array | undefined;
  #count = 0;

  constructor(expect: Uint8Array | undefined) {
    this.#expect = expect;
    this.#wanted = expect === undefined ? "an answer" : shownOctets(expect);
  }

  /** True once one has what is expected. @throws {ProbeFailure} there are too many without */
  add(octets: Uint8Array): boolean {
    if (this.#expect === undefined || new OctetSearch(this.#expect).add(octets)) return true;
    this.#last = octets.slice();
    if (++this.#count < MAX_DATAGRAMS) return false;
    throw new ProbeFailure(`${MAX_DATAGRAMS} answers without ${this.#wanted}, the last one: ${this.#shown}`);
  }

  get passing(): string {
    return this.#expect === undefined ? "answered" : `the answer has ${this.#wanted}`;
  }

  get waiting(): string {
    return `waiting for ${this.#wanted}, ${
      this.#last === undefined ? "nothing came" : `what came: ${this.#shown}`
    }`;
  }

  get #shown(): string {
    return shownOctets(this.#last ?? new Uint8Array());
  }
}

/** What did not fit on the way says nothing of the service: the next datagram is cut to what does (path MTU discovery). */
const TOO_BIG = { 4: { type: 3, code: 4 }, 6: { type: 2, code: 0 } } as const;

/** What a datagram that came back tells of the service; undefined where none did. */
function returnedFailure(socket: DatagramSocket, family: 4 | 6): ProbeFailure | "harmless" | undefined {
  const icmp = socket.receiveReturned()?.icmp;
  if (icmp === undefined) return undefined;
  const { type, code } = icmp;
  if (type === TOO_BIG[family].type && code === TOO_BIG[family].code) return "harmless";
  return new ProbeFailure(`${icmpErrorReason(family, type, code) ?? "destination unreachable"} (ICMP)`);
}
