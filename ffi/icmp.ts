/**
 * Echo requests over one socket per family, opened with the first echo: raw where CAP_NET_RAW is there, else a ping
 * socket where net.ipv4.ping_group_range allows one. The reactor is only asked while an echo is under way.
 */
import { ErrnoError } from "./errno.ts";
import {
  decodeEchoRequest,
  decodeIcmp,
  encodeEchoRequest,
  errorReason,
  expectedTypes,
  splitIPv4,
} from "./icmp_packet.ts";
import { MessageBuffer } from "./message.ts";
import type { IpAddress } from "./sockaddr.ts";
import { SOCK_DGRAM, SOCK_RAW, type Socket, type Sockets } from "./sockets.ts";

const IPPROTO = { 4: 1, 6: 58 } as const;
const PAYLOAD_SIZE = 56;
const LARGEST_PACKET = 2048;
/** Datagrams that are read before others get their turn. */
const BATCH = 64;
/** IP_RECVERR and IPV6_RECVERR as control messages; type and code of struct sock_extended_err. */
const RECVERR = { 4: { level: 0, type: 11 }, 6: { level: 41, type: 25 } } as const;
const EXTENDED_ERROR = { type: 5, code: 6 } as const;

/** How long an echo may take, and what cancels it. */
export interface EchoOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Which kind of socket a family got. */
export type IcmpSocketKind = "raw" | "ping";

/** Sends echo requests. Disposing closes the sockets; echoes under way fail. */
export class IcmpEchoer implements Disposable {
  readonly #sockets: Pick<Sockets, "open">;
  readonly #families = new Map<4 | 6, FamilyEchoer>();

  constructor(sockets: Pick<Sockets, "open">) {
    this.#sockets = sockets;
  }

  /** One echo request. @throws {Error} no answer in time, unreachable, aborted, or no socket allowed */
  async echo(address: IpAddress, { timeoutMs, signal }: EchoOptions): Promise<{ readonly rttMs: number }> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<{ readonly rttMs: number }>();
    const family = this.#family(address.family);
    const pending = family.send(address, { resolve: (rttMs) => resolve({ rttMs }), reject });
    const timer = setTimeout(() => reject(new Error(`no echo reply within ${timeoutMs} ms`)), timeoutMs);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await promise;
    } finally {
      pending[Symbol.dispose]();
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
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
    const opened = new FamilyEchoer(...openSocket(this.#sockets, family));
    this.#families.set(family, opened);
    return opened;
  }
}

interface Pending {
  readonly address: IpAddress;
  readonly payload: Uint8Array;
  readonly sentMs: number;
  readonly resolve: (rttMs: number) => void;
  readonly reject: (error: Error) => void;
}

class FamilyEchoer implements Disposable {
  readonly #socket: Socket;
  readonly kind: IcmpSocketKind;
  /** Under way, by sequence number. */
  readonly #pending = new Map<number, Pending>();
  readonly #message = new MessageBuffer(LARGEST_PACKET);
  /** A ping socket replaces it by one of its own. */
  readonly #identifier = randomU16();
  #sequence = randomU16();
  #watch: Disposable | undefined;

  constructor(socket: Socket, kind: IcmpSocketKind) {
    this.#socket = socket;
    this.kind = kind;
  }

  /** Sends one request. Disposing the result forgets it. */
  send(address: IpAddress, { resolve, reject }: Pick<Pending, "resolve" | "reject">): Disposable {
    // What arrived while nobody listened would only take the place of what comes now.
    if (this.#pending.size === 0) this.#receiveAll();
    const sequence = this.#takeSequence();
    const payload = crypto.getRandomValues(new Uint8Array(PAYLOAD_SIZE));
    const { family } = this.#socket;
    const request = encodeEchoRequest(family, { identifier: this.#identifier, sequence, payload });
    this.#watch ??= this.#socket.onReadable(() => this.#receiveAll());
    this.#pending.set(sequence, { address, payload, sentMs: performance.now(), resolve, reject });
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

  #sendTo(request: Uint8Array<ArrayBuffer>, address: IpAddress): void {
    const send = () => this.#socket.sendTo(request, { address, port: 0, scopeId: 0 });
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
    for (let count = 0; count < BATCH && this.#receive("errors"); count++) this.#onReturned();
    for (let count = 0; count < BATCH && this.#receive("data"); count++) this.#onPacket();
  }

  #receive(from: "data" | "errors"): boolean {
    try {
      return this.#socket.receive(this.#message, from);
    } catch (error) {
      // An error of the past that was pending on the socket; reading it has cleared it, and its echo times out.
      if (error instanceof ErrnoError) return false;
      throw error;
    }
  }

  /** A message as it came from the network. */
  #onPacket(): void {
    const { family } = this.#socket;
    const { bytes, address: from } = this.#message;
    const packet = this.kind === "raw" && family === 4 ? splitIPv4(bytes)?.payload : bytes;
    const message = packet === undefined ? undefined : decodeIcmp(family, packet);
    if (message === undefined || from === undefined) return;
    const { echo } = message;
    if (this.kind === "raw" && echo.identifier !== this.#identifier) return;
    const pending = this.#pending.get(echo.sequence);
    if (pending === undefined) return;
    if (message.type === "error") {
      if (equal(message.destination, pending.address.bytes)) pending.reject(new Error(message.reason));
    } else if (equal(from.address.bytes, pending.address.bytes) && equal(echo.payload, pending.payload)) {
      pending.resolve(performance.now() - pending.sentMs);
    }
  }

  /** Our own request, returned to a ping socket with what became of it. */
  #onReturned(): void {
    const { family } = this.#socket;
    const echo = decodeEchoRequest(family, this.#message.bytes);
    const pending = echo === undefined ? undefined : this.#pending.get(echo.sequence);
    const to = this.#message.address;
    if (pending === undefined || to === undefined || !equal(to.address.bytes, pending.address.bytes)) return;
    for (const { level, type, bytes } of this.#message.control()) {
      if (level !== RECVERR[family].level || type !== RECVERR[family].type) continue;
      const reason = errorReason(family, bytes[EXTENDED_ERROR.type] ?? 0, bytes[EXTENDED_ERROR.code] ?? 0);
      pending.reject(new Error(reason ?? "destination unreachable"));
    }
  }
}

/** @throws {Error} neither kind is allowed */
function openSocket(sockets: Pick<Sockets, "open">, family: 4 | 6): [Socket, IcmpSocketKind] {
  let refusal: unknown;
  try {
    const socket = sockets.open(family, SOCK_RAW, IPPROTO[family]);
    socket.setIcmpFilter(expectedTypes(family));
    return [socket, "raw"];
  } catch (error) {
    refusal = error;
  }
  try {
    const socket = sockets.open(family, SOCK_DGRAM, IPPROTO[family]);
    socket.setReceiveErrors();
    return [socket, "ping"];
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
