/**
 * A BGP peer of bare octets over real TCP on loopback: it builds every message by hand and cuts what it hears by hand,
 * so that a fault of the codec under test cannot hide behind itself. It listens or connects, stalls, half-closes and
 * resets.
 */
import { connect as connectSocket, createServer, type Server, type Socket } from "node:net";
import { PATIENCE_MS, until } from "./until.ts";

/** Octets, as numbers. */
export type Octets = readonly number[];

/** Message types (RFC 4271 section 4.1, RFC 2918). */
export const OPEN = 1;
export const UPDATE = 2;
export const NOTIFICATION = 3;
export const KEEPALIVE = 4;
export const ROUTE_REFRESH = 5;

/** Sixteen octets of ones. */
export const MARKER: Octets = new Array<number>(16).fill(0xff);

/** Two octets. */
export function u16(value: number): Octets {
  return [(value >>> 8) & 0xff, value & 0xff];
}

/** Four octets. */
export function u32(value: number): Octets {
  return [...u16(value >>> 16), ...u16(value & 0xffff)];
}

/** A header that says `length`, whatever follows it. */
export function header(type: number, length: number): Octets {
  return [...MARKER, ...u16(length), type];
}

/** A whole message with the length that it has. */
export function message(type: number, body: Octets = []): Octets {
  return [...header(type, 19 + body.length), ...body];
}

/** One capability (RFC 5492). */
export function capability(code: number, value: Octets = []): Octets {
  return [code, value.length, ...value];
}

/** Multiprotocol for AFI and SAFI 1 (RFC 4760). */
export function multiprotocol(afi: number): Octets {
  return capability(1, [...u16(afi), 0, 1]);
}

/** Four-octet AS (RFC 6793). */
export function fourOctetAs(as: number): Octets {
  return capability(65, u32(as));
}

/** An optional parameter; of type 2 it holds capabilities. */
export function parameter(value: Octets, type = 2): Octets {
  return [type, value.length, ...value];
}

/** What an OPEN says; `parameters` includes their length octet. */
export interface RawOpen {
  readonly version?: number;
  readonly as?: number;
  readonly holdTime?: number;
  readonly identifier?: Octets;
  readonly parameters?: Octets;
}

/** An OPEN of AS 65002, 10.0.0.2, with IPv4 and IPv6 unicast, route refresh and a four-octet AS. */
export function open(rest: RawOpen = {}): Octets {
  const { version = 4, as = 65_002, holdTime = 90, identifier = [10, 0, 0, 2] } = rest;
  const parameters = rest.parameters ?? withCapabilities(capabilitiesOf(as));
  return message(OPEN, [version, ...u16(as), ...u16(holdTime), ...identifier, ...parameters]);
}

/** The capabilities of a plain OPEN. */
export function capabilitiesOf(as: number): Octets {
  return [...multiprotocol(1), ...multiprotocol(2), ...capability(2), ...fourOctetAs(as)];
}

/** Optional Parameters Length and one Capabilities parameter. */
export function withCapabilities(capabilities: Octets): Octets {
  return [2 + capabilities.length, ...parameter(capabilities)];
}

/** A KEEPALIVE. */
export function keepalive(): Octets {
  return message(KEEPALIVE);
}

/** A NOTIFICATION. */
export function notification(code: number, subcode: number, data: Octets = []): Octets {
  return message(NOTIFICATION, [code, subcode, ...data]);
}

/** A request for IPv4 unicast, or whatever the arguments say. */
export function routeRefresh(afi = 1, subtype = 0, safi = 1): Octets {
  return message(ROUTE_REFRESH, [...u16(afi), subtype, safi]);
}

/** A path attribute; the flag Extended Length makes its length two octets long. */
export function attribute(flags: number, type: number, value: Octets = []): Octets {
  const length = (flags & 0x10) !== 0 ? u16(value.length) : [value.length];
  return [flags, type, ...length, ...value];
}

/** What an UPDATE says; the lengths are right where they are not given. */
export interface RawUpdate {
  readonly withdrawn?: Octets;
  readonly withdrawnLength?: number;
  readonly attributes?: Octets;
  readonly attributesLength?: number;
  readonly nlri?: Octets;
}

/** An UPDATE. */
export function update(parts: RawUpdate): Octets {
  const { withdrawn = [], attributes = [], nlri = [] } = parts;
  return message(UPDATE, [
    ...u16(parts.withdrawnLength ?? withdrawn.length),
    ...withdrawn,
    ...u16(parts.attributesLength ?? attributes.length),
    ...attributes,
    ...nlri,
  ]);
}

/** A message that was heard, without its header. */
export interface RawMessage {
  readonly type: number;
  readonly body: Uint8Array;
  /** When, on the scale of `RawPeer`'s clock. */
  readonly at: number;
}

/** One TCP connection with the speaker under test. */
export class RawPeer implements Disposable {
  /** What was heard, in order. */
  readonly heard: RawMessage[] = [];
  /** Octets that were heard. */
  octets = 0;
  /** How the other side ended the connection, once it did. */
  ended: "closed" | "reset" | undefined;
  readonly #socket: Socket;
  readonly #now: () => number;
  #waiting: Uint8Array = new Uint8Array();

  /** @param now what messages are stamped with; by default performance.now() */
  constructor(socket: Socket, now: () => number = () => performance.now()) {
    this.#socket = socket;
    this.#now = now;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("end", () => this.ended ??= "closed");
    socket.on("error", () => this.ended ??= "reset");
    socket.on("close", () => this.ended ??= "closed");
  }

  /** How many messages of a type were heard. */
  count(type: number): number {
    return this.heard.reduce((sum, each) => sum + (each.type === type ? 1 : 0), 0);
  }

  /** What was heard, in words: types, and the codes of NOTIFICATIONs. */
  get words(): string {
    return this.heard.map(({ type, body }) => type === NOTIFICATION ? `3(${body[0]}/${body[1]})` : `${type}`)
      .join(" ");
  }

  /** Says the messages in one write. */
  send(...messages: readonly Octets[]): void {
    this.#socket.write(Uint8Array.from(messages.flat()));
  }

  /** Says octets as they are; resolves when the system has taken them. */
  pour(octets: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => this.#socket.write(octets, (error) => resolve(!error)));
  }

  /** Says octet by octet, each in its own write. */
  async trickle(octets: Octets): Promise<void> {
    for (const octet of octets) await this.pour(Uint8Array.of(octet));
  }

  /** The `nth` message of a type. @throws where it does not come, or the connection ends before it */
  async hear(type: number, nth = 1, limitMs = PATIENCE_MS): Promise<RawMessage> {
    let found: RawMessage | undefined;
    const look = () => found = this.heard.filter((each) => each.type === type)[nth - 1];
    await until(
      () => look() !== undefined || this.ended !== undefined,
      () => `message ${type}, number ${nth}; heard ${this.words}`,
      limitMs,
    );
    if (found === undefined) throw new Error(`${this.ended} before message ${type}; heard ${this.words}`);
    return found;
  }

  /** Goes from the speaker's OPEN to its KEEPALIVE. */
  async confirm(octets: Octets = open()): Promise<void> {
    await this.hear(OPEN);
    this.send(octets);
    await this.hear(KEEPALIVE);
  }

  /** Goes to Established, as far as this side can tell. */
  async establish(octets: Octets = open()): Promise<void> {
    await this.confirm(octets);
    this.send(keepalive());
  }

  /** Resolves when the speaker has ended the connection. */
  async end(limitMs = PATIENCE_MS): Promise<void> {
    await until(() => this.ended !== undefined, () => `end of the connection; heard ${this.words}`, limitMs);
  }

  /** Reads no more, so that the TCP window closes. */
  stall(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  /** Sends FIN and goes on reading. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Sends RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Closes. */
  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    this.octets += chunk.byteLength;
    const bytes = new Uint8Array(this.#waiting.byteLength + chunk.byteLength);
    bytes.set(this.#waiting);
    bytes.set(chunk, this.#waiting.byteLength);
    let start = 0;
    while (bytes.byteLength - start >= 19) {
      const length = (bytes[start + 16] ?? 0) * 256 + (bytes[start + 17] ?? 0);
      const broken = length < 19 || bytes.subarray(start, start + 16).some((octet) => octet !== 0xff);
      if (broken) throw new Error(`the speaker sent no message: ${bytes.subarray(start, start + 19)}`);
      if (bytes.byteLength - start < length) break;
      const body = bytes.slice(start + 19, start + length);
      this.heard.push({ type: bytes[start + 18] ?? 0, body, at: this.#now() });
      start += length;
    }
    this.#waiting = bytes.slice(start);
  }
}

/** Connects from `local` to `remote`. @throws where it is refused */
export function connectRaw(
  local: string,
  remote: string,
  port: number,
  now?: () => number,
): Promise<RawPeer> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: remote, port, localAddress: local, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(new RawPeer(socket, now));
    });
  });
}

/** Listens at an address and keeps whoever connects. */
export class RawListener implements AsyncDisposable {
  /** The connections, in the order in which they came, and when. */
  readonly peers: RawPeer[] = [];
  readonly times: number[] = [];
  readonly #server: Server;

  private constructor(now: () => number) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.times.push(now());
      this.peers.push(new RawPeer(socket, now));
    });
  }

  /** Resolves when it listens; port 0 takes any. */
  static async at(
    host: string,
    port: number,
    now: () => number = () => performance.now(),
  ): Promise<RawListener> {
    const listener = new RawListener(now);
    await new Promise<void>((resolve, reject) => {
      listener.#server.once("error", reject);
      listener.#server.listen({ host, port }, resolve);
    });
    return listener;
  }

  /** The port that it has. */
  get port(): number {
    const at = this.#server.address();
    if (at === null || typeof at === "string") throw new Error("it does not listen");
    return at.port;
  }

  /** The `nth` connection. @throws where it does not come */
  async accepted(nth = 1, limitMs = PATIENCE_MS): Promise<RawPeer> {
    await until(() => this.peers.length >= nth, () => `connection ${nth} of the speaker's`, limitMs);
    const peer = this.peers[nth - 1];
    if (peer === undefined) throw new Error("no connection");
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.peers) peer[Symbol.dispose]();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Below the ports that the system gives to outgoing connections, one of which could take a free one before its user does. */
const PORTS = { first: 20_000, count: 10_000 } as const;

/** A port that nobody listens on now, at any address of this host. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    try {
      await using _listener = await RawListener.at("0.0.0.0", port);
      return port;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    }
  }
}
