/**
 * One request to whoever listens on a control socket, and the reply in pieces: HTTP/1.1 over a unix socket. Each wait has
 * a limit; what went wrong is an error that says how far it had come.
 */
import { concat } from "../bytes/concat.ts";
import { OctetQueue } from "../bytes/octet_queue.ts";
import { responseHeadParser } from "../net/http1.ts";
import { type BodyDecoder, bodyDecoder, type BodyFraming, responseFraming } from "../net/http1_body.ts";
import type { Streams, StreamSocket } from "../net/sockets.ts";
import { codeOf } from "../text/error_message.ts";
import { onAbort, untilAborted } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";

/** What a question needs. */
export interface ClientPorts {
  readonly streams: Streams;
  readonly clock: Clock;
  /** User ID of this process, for words; undefined where it may not know. */
  readonly user?: number | undefined;
}

/** What is asked, or ordered. */
export interface ControlRequest {
  /** Of the control socket. */
  readonly path: string;
  /** Path and query of the question. */
  readonly target: string;
  readonly accept: string;
  /** Makes it an order: what goes with it as JSON. */
  readonly body?: unknown;
}

/** Nothing came in time. */
export class LateError extends Error {
  override readonly name = "LateError";
}

/** What came is no answer of HTTP/1.1, or no whole one. */
export class NoAnswerError extends Error {
  override readonly name: string = "NoAnswerError";
}

/** The connection ended before the answer was whole. */
export class CutOffError extends NoAnswerError {
  override readonly name = "CutOffError";
}

/** The reply as far as it has come. */
export interface Reply {
  readonly status: number;
  /** Without parameters, in small letters; empty where none is said. */
  readonly mediaType: string;
  /** The next octets of its body; undefined at its end. @throws {NoAnswerError} @throws {LateError} */
  read(): Promise<Uint8Array | undefined>;
}

/** A connection for one request. Disposing closes it, and ends every wait. */
export class Exchange implements Disposable {
  readonly #ports: ClientPorts;
  readonly #aborted = new AbortController();
  readonly #incoming = new OctetQueue();
  #socket: StreamSocket | undefined;
  #limit: Disposable | undefined;
  #outside: Disposable | undefined;
  #sent = false;

  /** @param signal ends every wait with its reason */
  constructor(ports: ClientPorts, signal?: AbortSignal) {
    this.#ports = ports;
    if (signal !== undefined) this.#outside = onAbort(signal, () => this.#abort(signal.reason));
  }

  /** The request has gone out, in part at least. */
  get sent(): boolean {
    return this.#sent;
  }

  /** From now on waits end with a `LateError` after so long. */
  limit(ms: number): void {
    const { clock } = this.#ports;
    this.#limit?.[Symbol.dispose]();
    this.#limit = clock.at(clock.now() + ms, () => {
      this.#abort(new LateError(`nothing came within ${ms / 1000} s`));
    });
  }

  /** Sends the request; the head of the reply. @throws {Error} in the kernel's words @throws {NoAnswerError} @throws {LateError} */
  async send(request: ControlRequest): Promise<Reply> {
    const socket = await this.#connect(request.path);
    this.#sent = true;
    try {
      await socket.write(octetsOf(request));
    } catch (error) {
      // Who refuses without reading has said why.
      if (!isClosed(error)) throw this.#reasonFor(error);
    }
    return await this.#readHead(request.body === undefined ? "GET" : "POST");
  }

  [Symbol.dispose](): void {
    this.#abort(new Error("the connection is closed"));
    this.#outside?.[Symbol.dispose]();
  }

  async #connect(path: string): Promise<StreamSocket> {
    const { signal } = this.#aborted;
    const connecting = this.#ports.streams.connect({ path }, signal);
    // One that comes too late is nobody's.
    connecting.then((found) => signal.aborted && found[Symbol.dispose](), () => {});
    this.#socket = await untilAborted(connecting, signal);
    return this.#socket;
  }

  async #readHead(method: string): Promise<Reply> {
    let parser = responseHeadParser();
    for (;;) {
      const head = parser.parse(this.#incoming.view);
      if (head.type === "error") {
        throw new NoAnswerError(`what answers there is no agent: ${head.reason}`);
      }
      if (head.type === "more") {
        if (!await this.#more()) throw new CutOffError("the connection ended without an answer");
        continue;
      }
      this.#incoming.consume(head.length);
      if (head.status < 200) {
        parser = responseHeadParser();
        continue;
      }
      const framing = responseFraming(method, head);
      if (framing.type === "error") throw new NoAnswerError(framing.reason);
      const type = head.fields.find(({ name }) => name.toLowerCase() === "content-type")?.value ?? "";
      return {
        status: head.status,
        mediaType: (type.split(";")[0] ?? "").trim().toLowerCase(),
        read: this.#bodyReader(framing, bodyDecoder(framing, true)),
      };
    }
  }

  #bodyReader(framing: BodyFraming, decoder: BodyDecoder): () => Promise<Uint8Array | undefined> {
    const data: Uint8Array[] = [];
    let done = false;
    return async () => {
      while (data.length === 0 && !done) {
        const part = decoder.decode(this.#incoming.view);
        if (part.type === "error") throw new NoAnswerError(part.reason);
        data.push(...part.data.map((octets) => octets.slice()));
        this.#incoming.consume(part.used);
        done = part.done;
        if (data.length > 0 || done || await this.#more()) continue;
        if (framing.type !== "close") {
          throw new CutOffError("the connection ended in the middle of the answer");
        }
        done = true;
      }
      return data.shift();
    };
  }

  /** Whether more has come. */
  async #more(): Promise<boolean> {
    try {
      const octets = await this.#socket?.read();
      this.#aborted.signal.throwIfAborted();
      if (octets !== undefined) this.#incoming.append(octets);
      return octets !== undefined;
    } catch (error) {
      const reason = this.#reasonFor(error);
      throw isClosed(reason)
        ? new CutOffError("the connection was closed before an answer came", { cause: reason })
        : reason;
    }
  }

  #reasonFor(error: unknown): unknown {
    return this.#aborted.signal.aborted ? this.#aborted.signal.reason : error;
  }

  #abort(reason: unknown): void {
    this.#limit?.[Symbol.dispose]();
    this.#aborted.abort(reason);
    this.#socket?.[Symbol.dispose]();
  }
}

function isClosed(error: unknown): boolean {
  return codeOf(error) === "ECONNRESET" || codeOf(error) === "EPIPE";
}

function octetsOf({ target, accept, body }: ControlRequest): Uint8Array {
  const content = body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(body));
  const lines = [
    `${content === undefined ? "GET" : "POST"} ${target} HTTP/1.1`,
    "host: bgp-lb",
    `accept: ${accept}`,
    "connection: close",
    ...content === undefined ? [] : ["content-type: application/json", `content-length: ${content.length}`],
    "",
    "",
  ];
  const head = new TextEncoder().encode(lines.join("\r\n"));
  return content === undefined ? head : concat([head, content]);
}
