/**
 * The HTTP/1.1 server: takes the connections of any listener and bounds its clients in number, time and size. Over the
 * bound the one that has kept us waiting longest goes; where none does, the new one is refused. It never ends by
 * itself: what one client, or the shortage of descriptors, breaks is counted and told.
 */
import type { ListenerEvents, StreamSocket } from "../net/sockets.ts";
import type { Clock } from "../time/clock.ts";
import { type App, type ConnectionEvent, type ConnectionLimits, HttpConnection } from "./connection.ts";
import { Pace } from "./pace.ts";
import { closingResponse } from "./response.ts";

/** Bounds of a server. */
export interface ServerLimits extends ConnectionLimits {
  /** Clients at once. */
  readonly connections: number;
}

/** Bounds as they are by default. */
const DEFAULT_SERVER_LIMITS: ServerLimits = {
  connections: 256,
  requestMs: 10_000,
  idleMs: 30_000,
  sendMs: 30_000,
  lingerMs: 1000,
  bodyOctets: 65_536,
};

/** What a server needs and tells. */
export interface ServerOptions {
  readonly clock: Clock;
  readonly app: App;
  readonly limits?: Partial<ServerLimits>;
  /** Whether the host that a client names, with its port, is answered. Default: any. */
  readonly isOurHost?: (host: string) => boolean;
  /** The app threw: for the log, once each. */
  onFault(error: unknown): void;
  /** Connections cannot be accepted; told once, until they can be again. */
  onAcceptFault?(error: Error): void;
}

/** How a server is doing; the counts are since its start. */
export interface ServerStatus {
  readonly connections: number;
  readonly limit: number;
  readonly accepted: number;
  readonly requests: number;
  /** Connections that were refused, as there were too many. */
  readonly refused: number;
  /** Connections that were closed to make room for others. */
  readonly displaced: number;
  readonly timeouts: number;
  /** What was no request, or none for us. */
  readonly refusedRequests: number;
  /** Exceptions in the app. */
  readonly faults: number;
  readonly acceptFaults: number;
}

/** One that is sent so little for so long that it counts as waiting for the client. */
const STALLED_MS = 5000;
/** Refused ones that are still told why; beyond that they are closed without a word. */
const MAX_REFUSING = 16;

/** A server without a listener of its own: it is what listeners tell their events to. */
export class HttpServer implements ListenerEvents {
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #pace: Pace;
  readonly #connections = new Set<HttpConnection>();
  readonly #counts = {
    accepted: 0,
    requests: 0,
    refused: 0,
    displaced: 0,
    timeouts: 0,
    refusedRequests: 0,
    faults: 0,
    acceptFaults: 0,
  };
  #refusing = 0;
  #accepting = true;
  #closing = false;
  #closed: (() => void) | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#pace = new Pace(options.clock);
    this.#limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
  }

  /** How it is doing. */
  get status(): ServerStatus {
    return { connections: this.#connections.size, limit: this.#limits.connections, ...this.#counts };
  }

  /** Serves a new client, or refuses it. */
  connection(socket: StreamSocket): void {
    this.#accepting = true;
    if (this.#closing) return socket[Symbol.dispose]();
    this.#counts.accepted++;
    if (this.#connections.size >= this.#limits.connections && !this.#displace()) return this.#refuse(socket);
    const { clock, app, isOurHost = () => true } = this.#options;
    const connection = new HttpConnection({
      socket,
      clock,
      limits: this.#limits,
      app,
      isOurHost,
      admit: () => this.#pace.admit(),
      onEvent: (event) => this.#count(event),
    });
    this.#connections.add(connection);
    void connection.serve().finally(() => this.#remove(connection));
  }

  /** Descriptors have run out, most likely: half of those who keep us waiting give theirs back to all who need some. */
  fault(error: Error): void {
    this.#counts.acceptFaults++;
    const waiting = this.#waiting().sort((one, other) => one.sinceMs - other.sinceMs);
    for (const connection of waiting.slice(0, Math.ceil(waiting.length / 2))) this.#sendAway(connection);
    if (this.#accepting) this.#options.onAcceptFault?.(error);
    this.#accepting = false;
  }

  /** Answers what is under way, ends streams, and resolves when all clients have gone, at the latest after `limitMs`. */
  async close(limitMs: number): Promise<void> {
    this.#closing = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    // Whoever waits for an earlier call, with more time, is not left waiting.
    const outer = this.#closed;
    this.#closed = () => {
      outer?.();
      resolve();
    };
    const { clock } = this.#options;
    using _limit = clock.at(clock.now() + limitMs, resolve);
    for (const connection of [...this.#connections]) connection.close();
    if (this.#connections.size > 0) await promise;
    for (const connection of [...this.#connections]) connection.abort();
    this.#closed();
    this.#pace[Symbol.dispose]();
  }

  #remove(connection: HttpConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#closed?.();
  }

  /** Those who keep us waiting. */
  #waiting(): HttpConnection[] {
    const stalledBeforeMs = this.#options.clock.now() - STALLED_MS;
    return [...this.#connections].filter(({ phase, sinceMs }) =>
      phase === "new" || phase === "idle" || phase === "receiving" || phase === "lingering" ||
      (phase === "sending" && sinceMs <= stalledBeforeMs)
    );
  }

  /** Makes room for one more; whether that was possible. */
  #displace(): boolean {
    const waiting = this.#waiting();
    if (waiting.length === 0) return false;
    this.#sendAway(waiting.reduce((longest, other) => other.sinceMs < longest.sinceMs ? other : longest));
    return true;
  }

  /** Sends a client away. */
  #sendAway(connection: HttpConnection): void {
    this.#counts.displaced++;
    connection.abort();
    this.#connections.delete(connection);
  }

  #refuse(socket: StreamSocket): void {
    this.#counts.refused++;
    if (this.#refusing >= MAX_REFUSING) return socket[Symbol.dispose]();
    this.#refusing++;
    const words = `${this.#limits.connections} clients are being answered, more are not`;
    socket.write(closingResponse(503, words, this.#options.clock.wallTime())).catch(() => {});
    void socket.end(this.#limits.lingerMs).finally(() => this.#refusing--);
  }

  #count(event: ConnectionEvent): void {
    switch (event.type) {
      case "request":
        this.#counts.requests++;
        return;
      case "refused-request":
        this.#counts.refusedRequests++;
        return;
      case "timeout":
        this.#counts.timeouts++;
        return;
      case "fault":
        this.#counts.faults++;
        return this.#options.onFault(event.error);
      default:
        return event satisfies never;
    }
  }
}
