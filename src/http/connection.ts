/**
 * One client of the server: requests one after the other, each read, answered and sent within limits of time and size.
 * What a client sends ahead waits; what takes too long ends the connection.
 */
import { concat } from "../bytes/concat.ts";
import { OctetQueue } from "../bytes/octet_queue.ts";
import { type HeadError, REQUEST_LIMITS, type RequestHead, requestHeadParser } from "../net/http1.ts";
import { bodyDecoder, requestFraming } from "../net/http1_body.ts";
import type { PeerCredentials, StreamSocket } from "../net/sockets.ts";
import { onAbort } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";
import { Incoming } from "./incoming.ts";
import { type Refusal, requestOf, type Wanted, wantedOf } from "./request.ts";
import { chunkOf, closingResponse, continueResponse, lastChunk, responseHead } from "./response.ts";

/** Who asks: what is known of the connection, and nothing that a request says. */
export interface Client {
  /** Of a unix socket, where they can be had. */
  readonly credentials: PeerCredentials | undefined;
}

/** From request to response, as Hono's `fetch` is. */
export type App = (request: Request, client: Client) => Promise<Response>;

/** Limits of time and size of each client. */
export interface ConnectionLimits {
  /** For a whole head from its first octet on, or from the beginning of the connection; and for a whole body. */
  readonly requestMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** For each piece of an answer. */
  readonly sendMs: number;
  /** For the client to close after us. */
  readonly lingerMs: number;
  readonly bodyOctets: number;
}

/** What a connection needs and tells. */
export interface ConnectionOptions {
  readonly socket: StreamSocket;
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  readonly app: App;
  isOurHost(host: string): boolean;
  /** Resolves when the app may be asked. */
  admit(): Promise<void>;
  onEvent(event: ConnectionEvent): void;
}

/** Something worth counting. */
export type ConnectionEvent =
  | { readonly type: "request" }
  /** It was no request, or not one for us. */
  | { readonly type: "refused-request"; readonly status: number }
  | { readonly type: "timeout" }
  /** The app threw, or the body that it gave did. */
  | { readonly type: "fault"; readonly error: unknown };

/** What the connection is doing. All but "answering" and "streaming" wait for the client, "sending" as long as it does not read. */
export type ConnectionPhase =
  /** Nothing has come yet. */
  | "new"
  /** A request has been answered, and nothing of the next has come. */
  | "idle"
  | "receiving"
  | "answering"
  | "sending"
  | "streaming"
  | "lingering";

/** What is done to a client that lets the time of a phase go by; left out: it has no limit. */
const ON_TIMEOUT: { readonly [Phase in ConnectionPhase]?: "close" | "cut off" | "answer 408" } = {
  new: "cut off",
  idle: "close",
  receiving: "answer 408",
  sending: "cut off",
};

/** Octets that are handed to the socket at once, so that a slow reader is told from one that does not read. */
const PIECE_OCTETS = 65_536;

/** A client's connection. */
export class HttpConnection {
  readonly #options: ConnectionOptions;
  readonly #incoming: Incoming;
  #phase: ConnectionPhase = "new";
  #sinceMs: number;
  #deadline: Disposable | undefined;
  /** Aborts when no further request is to be answered, and no stream to go on. */
  readonly #closing = new AbortController();
  /** Aborts when the client has gone. */
  #exchange = new AbortController();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#incoming = new Incoming(options.socket);
    this.#sinceMs = options.clock.now();
  }

  /** What it is doing. */
  get phase(): ConnectionPhase {
    return this.#phase;
  }

  /** Since when it does that, without progress; on the scale of the clock. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Serves until the connection has ended. Never rejects. */
  async serve(): Promise<void> {
    const { socket, limits } = this.#options;
    try {
      this.#enter("new", limits.requestMs);
      while (await this.#serveOne() && !this.#closing.signal.aborted) this.#enter("idle", limits.idleMs);
    } catch {
      // The client has gone, or was sent away.
    }
    this.#exchange.abort();
    this.#enter("lingering", undefined);
    await socket.end(limits.lingerMs);
  }

  /** Ends after the answer that is under way, at once where none is. */
  close(): void {
    this.#closing.abort();
    if (this.#phase === "idle") this.abort();
  }

  /** Ends now. */
  abort(): void {
    this.#deadline?.[Symbol.dispose]();
    this.#options.socket[Symbol.dispose]();
    this.#exchange.abort();
  }

  /** One request and its answer; whether another may follow. */
  async #serveOne(): Promise<boolean> {
    const head = await this.#readHead();
    if (head === undefined) return false;
    if (head.type === "error") return await this.#refuse(head);
    const wanted = wantedOf(head, this.#options.isOurHost);
    if ("reason" in wanted) return await this.#refuse(wanted, head);
    const body = await this.#readBody(head, wanted);
    if (body === undefined) return false;
    if ("reason" in body) return await this.#refuse(body, head);
    this.#options.onEvent({ type: "request" });
    return await this.#answer(head, wanted, body);
  }

  async #readHead(): Promise<RequestHead | HeadError | undefined> {
    const { queue } = this.#incoming;
    const parser = requestHeadParser(REQUEST_LIMITS);
    for (;;) {
      if (queue.length > 0) {
        // The time of a first request has run since the beginning.
        if (this.#phase === "new") this.#phase = "receiving";
        if (this.#phase === "idle") this.#enter("receiving", this.#options.limits.requestMs);
        const head = parser.parse(queue.view);
        if (head.type !== "more") {
          if (head.type === "head") queue.consume(head.length);
          return head;
        }
      }
      if (!await this.#incoming.more()) return undefined;
    }
  }

  async #readBody(head: RequestHead, { expectsContinue }: Wanted): Promise<Uint8Array | Refusal | undefined> {
    const { socket, limits } = this.#options;
    const tooLarge = { status: 413, reason: `the body of a request has at most ${limits.bodyOctets} octets` };
    const framing = requestFraming(head);
    if (framing.type === "error") return framing;
    if (framing.type === "length" && framing.octets === 0) return new Uint8Array(0);
    if (framing.type === "length" && framing.octets > limits.bodyOctets) return tooLarge;
    this.#enter("receiving", limits.requestMs);
    const { queue } = this.#incoming;
    if (expectsContinue && queue.length === 0) await socket.write(continueResponse());
    const decoder = bodyDecoder(framing);
    const body = new OctetQueue();
    for (;;) {
      const part = decoder.decode(queue.view);
      if (part.type === "error") return part;
      for (const data of part.data) body.append(data);
      queue.consume(part.used);
      if (body.length > limits.bodyOctets) return tooLarge;
      if (part.done) return body.view;
      if (!await this.#incoming.more()) return undefined;
    }
  }

  async #answer(head: RequestHead, wanted: Wanted, body: Uint8Array): Promise<boolean> {
    const exchange = this.#exchange = new AbortController();
    this.#enter("answering", undefined);
    const watching = this.#incoming.ended(exchange.signal).then((ended) => {
      if (ended) this.#exchange.abort();
    });
    try {
      const request = requestOf(head, wanted, body, exchange.signal);
      await this.#options.admit();
      const response = await this.#options.app(request, { credentials: this.#options.socket.credentials });
      return await this.#send(response, head, wanted);
    } catch (error) {
      return await this.#fail(error, wanted);
    } finally {
      exchange.abort();
      await watching;
    }
  }

  /** @throws where the body cannot be had, or the client has gone */
  async #send(response: Response, { version }: RequestHead, { method, keepAlive }: Wanted): Promise<boolean> {
    const { status, headers } = response;
    const goesOn = () => keepAlive && !this.#closing.signal.aborted;
    const date = this.#options.clock.wallTime();
    // As Hono's stream helpers say that a body is to go out as it comes.
    const streams = headers.get("transfer-encoding") === "chunked" && response.body !== null;
    if (!streams) {
      const octets = new Uint8Array(await response.arrayBuffer());
      const close = !goesOn();
      const without = status === 204 || status === 304;
      const sent = responseHead(status, headers, {
        date,
        close,
        body: without ? "none" : { octets: octets.length },
      });
      await this.#write(method === "HEAD" || without ? sent : concat([sent, octets]));
      return !close;
    }
    const chunked = version === "1.1";
    const close = !goesOn() || !chunked;
    try {
      await this.#write(
        responseHead(status, headers, { date, close, body: chunked ? "chunked" : undefined }),
      );
      if (method !== "HEAD" && response.body !== null) await this.#stream(response.body, chunked);
    } finally {
      // Whoever makes the body learns that nobody wants it, also where the client had gone before it began.
      if (!response.bodyUsed) await response.body?.cancel();
    }
    return !close;
  }

  /** Sends pieces as they come, until they end, or the client has gone, or the server closes. */
  async #stream(body: ReadableStream<Uint8Array>, chunked: boolean): Promise<void> {
    const { signal } = this.#exchange;
    const reader = body.getReader();
    const cancel = () => void reader.cancel().catch(() => {});
    using _gone = onAbort(signal, cancel);
    using _closing = onAbort(this.#closing.signal, cancel);
    try {
      for (;;) {
        this.#enter("streaming", undefined);
        const { done, value } = await reader.read();
        if (done) break;
        if (value.length > 0) await this.#write(chunked ? chunkOf(value) : value);
      }
      if (chunked) await this.#write(lastChunk());
    } catch (error) {
      cancel();
      throw new StreamError(error);
    }
  }

  /** The app, or the body that it gave, threw, or the client has gone. */
  async #fail(error: unknown, { method }: Wanted): Promise<boolean> {
    if (error instanceof GoneError || (error instanceof StreamError && error.cause instanceof GoneError)) {
      return false;
    }
    this.#options.onEvent({ type: "fault", error: error instanceof StreamError ? error.cause : error });
    // What is half sent must not look whole: the connection ends in the middle.
    if (error instanceof StreamError) this.abort();
    else await this.#write(this.#unexpected(method));
    return false;
  }

  #unexpected(method: string): Uint8Array {
    const reason = "something unexpected happened in the agent; its log says what";
    return closingResponse(500, reason, this.#options.clock.wallTime(), method !== "HEAD");
  }

  async #refuse({ status, reason }: Refusal, head?: RequestHead): Promise<false> {
    this.#options.onEvent({ type: "refused-request", status });
    const withBody = head?.method !== "HEAD";
    await this.#write(closingResponse(status, reason, this.#options.clock.wallTime(), withBody));
    return false;
  }

  /** @throws {GoneError} the client has gone, or does not read */
  async #write(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length; at += PIECE_OCTETS) {
      this.#enter("sending", this.#options.limits.sendMs);
      try {
        await this.#options.socket.write(octets.subarray(at, at + PIECE_OCTETS));
      } catch (error) {
        throw new GoneError("the client has gone", { cause: error });
      }
    }
  }

  #enter(phase: ConnectionPhase, limitMs: number | undefined): void {
    const { clock } = this.#options;
    this.#phase = phase;
    this.#sinceMs = clock.now();
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = limitMs === undefined
      ? undefined
      : clock.at(this.#sinceMs + limitMs, () => this.#expire());
  }

  #expire(): void {
    const { socket, clock, limits, onEvent } = this.#options;
    const answer = ON_TIMEOUT[this.#phase];
    if (answer !== "close") onEvent({ type: "timeout" });
    if (answer !== "answer 408") return this.abort();
    const words = "a request has to come whole within a few seconds";
    socket.write(closingResponse(408, words, clock.wallTime())).catch(() => {});
    // Wakes the read, and so ends the connection.
    void socket.end(limits.lingerMs);
  }
}

/** The client has gone. */
class GoneError extends Error {}

/** The body of an answer ended in the middle. */
class StreamError extends Error {
  constructor(cause: unknown) {
    super("the body of an answer", { cause });
  }
}
