/**
 * A BGP peer of bare octets that waits for a speaker, answers at once, keeps its sessions alive, and notes when everything
 * came: what a benchmark of a speaker's times looks at. IPv4 unicast only.
 */
import { createServer, type Server, type Socket } from "node:net";
import { KEEPALIVE, keepalive, NOTIFICATION, OPEN, open, UPDATE } from "../support/raw_peer.ts";
import { until } from "../support/until.ts";

const HEADER = 19;

/** Moments, on the scale of performance.now(). */
export interface Moments {
  established?: number;
  route?: number;
  withdrawal?: number;
  notification?: number;
}

/** A waiting peer. */
export class TimedPeer implements AsyncDisposable {
  /** Firsts since `forget`. */
  moments: Moments = {};
  /** When KEEPALIVEs came since `forget`, over any session. */
  keepalives: number[] = [];
  /** Sessions that became Established, in all. */
  sessions = 0;
  /** Prefixes, in hexadecimal with their length, that the newest session has. */
  readonly routes = new Set<string>();
  /** Prefixes that were withdrawn since `forget`. */
  readonly withdrawn = new Set<string>();
  readonly #sockets = new Set<Socket>();
  #server: Server;
  readonly #beat: ReturnType<typeof setInterval>;

  private constructor(
    readonly host: string,
    readonly holdTime: number,
    readonly as: number,
    server: Server,
  ) {
    this.#server = server;
    // Half of what is due, so that this side is never the one that is late.
    const everyMs = holdTime * 1000 / 6;
    this.#beat = setInterval(() => this.#sockets.forEach((socket) => send(socket, keepalive())), everyMs);
  }

  /** Waits at `host`, on `port` or one that the kernel chooses. */
  static async listen(host: string, { holdTime = 90, as = 65512, port = 0 } = {}): Promise<TimedPeer> {
    const server = createServer();
    const peer = new TimedPeer(host, holdTime, as, server);
    await peer.#listen(server, port);
    return peer;
  }

  get port(): number {
    const at = this.#server.address();
    if (at === null || typeof at === "string") throw new Error("it does not listen");
    return at.port;
  }

  /** Begins a new measurement. */
  forget(): void {
    this.moments = {};
    this.keepalives = [];
    this.withdrawn.clear();
  }

  /** Resolves when `moment` has come. @throws after the limit */
  async saw(moment: keyof Moments, limitMs?: number): Promise<number> {
    await until(() => this.moments[moment] !== undefined, () => `${moment} at ${this.host}`, limitMs);
    return this.moments[moment] ?? NaN;
  }

  /** Ends every session without a word, and is away until it is to be back: a router that restarts. */
  async restart(awayMs: number): Promise<void> {
    const { port } = this;
    await this.#close();
    await new Promise((resolve) => setTimeout(resolve, awayMs));
    this.#server = createServer();
    await this.#listen(this.#server, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#beat);
    await this.#close();
  }

  #listen(server: Server, port: number): Promise<void> {
    server.on("connection", (socket) => this.#speak(socket));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: this.host, port }, resolve);
    });
  }

  #close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #speak(socket: Socket): void {
    let rest = new Uint8Array();
    let established = false;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => void this.#sockets.delete(socket));
    socket.on("data", (chunk: Uint8Array) => {
      const bytes = new Uint8Array(rest.byteLength + chunk.byteLength);
      bytes.set(rest);
      bytes.set(chunk, rest.byteLength);
      let start = 0;
      while (bytes.byteLength - start >= HEADER) {
        const length = u16(bytes, start + 16);
        if (length < HEADER || bytes.byteLength - start < length) break;
        const type = bytes[start + 18];
        const at = performance.now();
        if (type === OPEN) {
          const identifier = this.host.split(".").map(Number);
          send(socket, open({ as: this.as, holdTime: this.holdTime, identifier }), keepalive());
        }
        if (type === KEEPALIVE) this.keepalives.push(at);
        if (type === KEEPALIVE && !established) {
          established = true;
          this.sessions++;
          this.routes.clear();
          this.moments.established ??= at;
        }
        if (type === UPDATE) this.#update(bytes.subarray(start, start + length), at);
        if (type === NOTIFICATION) this.moments.notification ??= at;
        start += length;
      }
      rest = bytes.slice(start);
    });
  }

  #update(message: Uint8Array, at: number): void {
    // An UPDATE stands for a KEEPALIVE (RFC 4271 section 4.4).
    this.keepalives.push(at);
    const attributesAt = HEADER + 2 + u16(message, HEADER) + 2;
    const withdrawn = prefixes(message, HEADER + 2, attributesAt - 2);
    const announced = prefixes(message, attributesAt + u16(message, attributesAt - 2), message.byteLength);
    for (const prefix of withdrawn) {
      this.routes.delete(prefix);
      this.withdrawn.add(prefix);
    }
    for (const prefix of announced) this.routes.add(prefix);
    if (withdrawn.length > 0) this.moments.withdrawal ??= at;
    if (announced.length > 0) this.moments.route ??= at;
  }
}

function send(socket: Socket, ...messages: readonly (readonly number[])[]): void {
  if (!socket.destroyed) socket.write(Uint8Array.from(messages.flat()));
}

function prefixes(bytes: Uint8Array, start: number, end: number): readonly string[] {
  const found: string[] = [];
  for (let at = start; at < end;) {
    const next = at + 1 + (((bytes[at] ?? 0) + 7) >>> 3);
    found.push(bytes.subarray(at, next).toHex());
    at = next;
  }
  return found;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
