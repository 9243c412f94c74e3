/** A reply that comes line by line as things happen, such as the progress of an order: bounded in silence and in octets. */
import { OctetQueue } from "../bytes/octet_queue.ts";
import { bodyOf } from "./client.ts";
import { type ClientPorts, type ControlRequest, Exchange, NoAnswerError, type Reply } from "./exchange.ts";

/** How long a stream may be silent. */
export interface StreamLimits {
  /** Until its head has come. */
  readonly answerMs: number;
  /** Between two pieces. */
  readonly silenceMs: number;
  /** How long a line may be. Default: 16 MiB. */
  readonly lineOctets?: number;
}

/** The media type of lines of JSON. */
export const NDJSON = "application/x-ndjson";
const MAX_LINE_OCTETS = 16 * 1024 * 1024;
const LF = 10;

/** One open reply. Disposing closes the connection. */
export class LineStream implements Disposable {
  readonly #exchange: Exchange;
  readonly #limits: StreamLimits;
  readonly #queue = new OctetQueue();
  #reply: Reply | undefined;

  /** @param signal ends every wait with its reason */
  constructor(limits: StreamLimits, ports: ClientPorts, signal: AbortSignal) {
    this.#exchange = new Exchange(ports, signal);
    this.#limits = limits;
  }

  /** The request has gone out, in part at least. */
  get sent(): boolean {
    return this.#exchange.sent;
  }

  /** Sends the request; the status, and whether lines follow. @throws {Error} as `Exchange.send` */
  async open(request: ControlRequest): Promise<{ readonly status: number; readonly streams: boolean }> {
    this.#exchange.limit(this.#limits.answerMs);
    const reply = this.#reply = await this.#exchange.send(request);
    return { status: reply.status, streams: reply.mediaType === NDJSON };
  }

  /** The whole body, where no lines follow. @throws {Error} */
  async text(): Promise<string> {
    return this.#reply === undefined ? "" : await bodyOf(this.#reply);
  }

  /** The next line; undefined at the end of the reply. @throws {NoAnswerError} @throws {LateError} */
  async line(): Promise<string | undefined> {
    for (let searched = 0;;) {
      const { view } = this.#queue;
      const end = view.indexOf(LF, searched);
      if (end >= 0) {
        const line = new TextDecoder().decode(view.subarray(0, end));
        this.#queue.consume(end + 1);
        return line;
      }
      searched = view.length;
      const { lineOctets = MAX_LINE_OCTETS } = this.#limits;
      if (searched > lineOctets) throw new NoAnswerError(`a line of more than ${lineOctets} octets came`);
      this.#exchange.limit(this.#limits.silenceMs);
      const octets = await this.#reply?.read();
      if (octets === undefined) return this.#rest();
      this.#queue.append(octets);
    }
  }

  /** What stands behind the last line; undefined where nothing does. */
  #rest(): string | undefined {
    if (this.#queue.length === 0) return undefined;
    const rest = new TextDecoder().decode(this.#queue.view);
    this.#queue.consume(this.#queue.length);
    return rest;
  }

  [Symbol.dispose](): void {
    this.#exchange[Symbol.dispose]();
  }
}
