/**
 * Echo requests over one socket per family, opened with the first echo: raw where CAP_NET_RAW is there, else a ping
 * socket where net.ipv4.ping_group_range allows one. The reactor is only asked while an echo is under way.
 */
import { icmpErrorReason } from "../net/icmp_error.ts";
import { messageOf } from "../text/error_message.ts";
import type { Address } from "../net/address.ts";
import type { Datagram, Datagrams, DatagramSocket, ReturnedDatagram } from "../net/sockets.ts";
import { onAbort } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";
import { decodeEchoRequest, decodeIcmp, encodeEchoRequest, expectedTypes, splitIPv4 } from "./packet.ts";

const PAYLOAD_SIZE = 56;
/** Datagrams that are read before others get their turn. */
const BATCH = 64;

/** How long an echo may take, and what cancels it. */
export interface EchoOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Which kind of socket a family got. */
export type IcmpSocketKind = "raw" | "ping";

/** Sends echo requests. Disposing closes the sockets; echoes under way fail. */
export class IcmpEchoer implements Disposable {
  readonly #datagrams: Datagrams;
  readonly #clock: Clock;
  readonly #families = new Map<4 | 6, FamilyEchoer>();

  constructor(datagrams: Datagrams, clock: Clock) {
    this.#datagrams = datagrams;
    this.#clock = clock;
  }

  /** One echo request. @throws {Error} no answer in time, unreachable, aborted, or no socket allowed */
  async echo(address: Address, { timeoutMs, signal }: EchoOptions): Promise<{ readonly rttMs: number }> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<{ readonly rttMs: number }>();
    const family = this.#family(address.family);
    const pending = family.send(address, { resolve: (rttMs) => resolve({ rttMs }), reject });
    using _limit = this.#clock.at(
      this.#clock.now() + timeoutMs,
      () => reject(new Error(`no echo reply within ${timeoutMs} ms`)),
    );
    using _abort = onAbort(signal, () => reject(signal.reason));
    try {
      return await promise;
    } finally {
      pending[Symbol.dispose]();
    }
  }

  /** The kind of socket in use, undefined before the first echo of that family. */
  kind(family: 4 | 6): IcmpSocketKind | undefined {
    return this.#families.get(family)?.kind;
  }

  [Symbol.dispose](): void {
    for (const family of this.#families.values()) family[Symbol.dispose]();
    this.#families.clear();
  }

  #family(family: 4 | 6): FamilyEchoer {
    const open = this.#families.get(family);
    if (open !== undefined) return open;
    const opened = new FamilyEchoer(family, this.#clock, ...openSocket(this.#datagrams, family));
    this.#families.set(family, opened);
    return opened;
  }
}

interface Pending {
  readonly address: Address;
  readonly payload: Uint8Array;
  readonly sentMs: number;
  readonly resolve: (rttMs: number) => void;
  readonly reject: (error: Error) => void;
}

class FamilyEchoer implements Disposable {
  readonly #family: 4 | 6;
  readonly #clock: Clock;
  readonly #socket: DatagramSocket;
  readonly kind: IcmpSocketKind;
  /** Under way, by sequence number. */
  readonly #pending = new Map<number, Pending>();
  /** A ping socket replaces it by one of its own. */
  readonly #identifier = randomU16();
  #sequence = randomU16();
  #watch: Disposable | undefined;

  constructor(family: 4 | 6, clock: Clock, socket: DatagramSocket, kind: IcmpSocketKind) {
    [this.#family, this.#clock, this.#socket, this.kind] = [family, clock, socket, kind];
  }

  /** Sends one request. Disposing the result forgets it. */
  send(address: Address, { resolve, reject }: Pick<Pending, "resolve" | "reject">): Disposable {
    // What arrived while nobody listened would only take the place of what comes now.
    if (this.#pending.size === 0) this.#receiveAll();
    const sequence = this.#takeSequence();
    const payload = crypto.getRandomValues(new Uint8Array(PAYLOAD_SIZE));
    const request = encodeEchoRequest(this.#family, { identifier: this.#identifier, sequence, payload });
    this.#watch ??= this.#socket.onReadable(() => this.#receiveAll());
    this.#pending.set(sequence, { address, payload, sentMs: this.#clock.now(), resolve, reject });
    try {
      this.#sendTo(request, address);
    } catch (error) {
      this.#forget(sequence);
      throw error;
    }
    return { [Symbol.dispose]: () => this.#forget(sequence) };
  }

  [Symbol.dispose](): void {
    for (const { reject } of this.#pending.values()) reject(new Error("the ICMP socket is closed"));
    this.#pending.clear();
    this.#socket[Symbol.dispose]();
  }

  #sendTo(request: Uint8Array, address: Address): void {
    const send = () => this.#socket.send(request, { address, port: 0, scopeId: 0 });
    let sent: boolean;
    try {
      sent = send();
    } catch (error) {
      // A ping socket tells the next call of what ICMP returned to any call before; once told, it has forgotten.
      if (this.kind === "raw") throw error;
      sent = send();
    }
    if (!sent) throw new Error("sendto: the send buffer is full");
  }

  #forget(sequence: number): void {
    this.#pending.delete(sequence);
    if (this.#pending.size > 0) return;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  #takeSequence(): number {
    if (this.#pending.size > 0xffff) throw new Error("65536 echo requests are under way already");
    do this.#sequence = (this.#sequence + 1) & 0xffff; while (this.#pending.has(this.#sequence));
    return this.#sequence;
  }

  #receiveAll(): void {
    for (let count = 0; count < BATCH; count++) {
      const returned = attempt(() => this.#socket.receiveReturned());
      if (returned === undefined) break;
      this.#onReturned(returned);
    }
    for (let count = 0; count < BATCH; count++) {
      const datagram = attempt(() => this.#socket.receive());
      if (datagram === undefined) break;
      this.#onDatagram(datagram);
    }
  }

  /** A message as it came from the network. */
  #onDatagram({ octets, from }: Datagram): void {
    const family = this.#family;
    const packet = this.kind === "raw" && family === 4 ? splitIPv4(octets)?.payload : octets;
    const message = packet === undefined ? undefined : decodeIcmp(family, packet);
    if (message === undefined || from === undefined) return;
    const { echo } = message;
    if (this.kind === "raw" && echo.identifier !== this.#identifier) return;
    const pending = this.#pending.get(echo.sequence);
    if (pending === undefined) return;
    if (message.type === "error") {
      if (equal(message.destination, pending.address.bytes)) pending.reject(new Error(message.reason));
    } else if (equal(from.address.bytes, pending.address.bytes) && equal(echo.payload, pending.payload)) {
      pending.resolve(this.#clock.now() - pending.sentMs);
    }
  }

  /** Our own request, returned to a ping socket with what became of it. */
  #onReturned({ octets, to, icmp }: ReturnedDatagram): void {
    const echo = decodeEchoRequest(this.#family, octets);
    const pending = echo === undefined ? undefined : this.#pending.get(echo.sequence);
    if (pending === undefined || to === undefined || !equal(to.address.bytes, pending.address.bytes)) return;
    const reason = icmp && icmpErrorReason(this.#family, icmp.type, icmp.code);
    pending.reject(new Error(reason ?? "destination unreachable"));
  }
}

/** An error of the past that was pending on the socket; reading it has cleared it, and its echo times out. */
function attempt<T>(receive: () => T | undefined): T | undefined {
  try {
    return receive();
  } catch {
    return undefined;
  }
}

/** @throws {Error} neither kind is allowed */
function openSocket(datagrams: Datagrams, family: 4 | 6): [DatagramSocket, IcmpSocketKind] {
  let refusal: unknown;
  try {
    return [datagrams.open({ family, kind: "icmp", icmpTypes: expectedTypes(family) }), "raw"];
  } catch (error) {
    refusal = error;
  }
  try {
    return [datagrams.open({ family, kind: "ping", receiveReturned: true }), "ping"];
  } catch (error) {
    throw new Error(
      `no ICMP socket: raw: ${messageOf(refusal)}, it needs CAP_NET_RAW; ` +
        `ping: ${messageOf(error)}, it needs a group of this process in sysctl net.ipv4.ping_group_range`,
      { cause: error },
    );
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((octet, index) => octet === b[index]);
}

function randomU16(): number {
  return crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
}
