/** A request by HTTP/1.1 on a connection of its own (RFC 9112), and its answer, by 1.1 or 1.0, as far as it is looked at. */
import { concat } from "../../bytes/concat.ts";
import { OctetQueue } from "../../bytes/octet_queue.ts";
import { type ResponseHead, responseHeadParser, valuesOf } from "../../net/http1.ts";
import { type BodyDecoder, bodyDecoder, responseFraming } from "../../net/http1_body.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { shownOctets } from "../../text/shown_octets.ts";
import { ProbeFailure } from "./failure.ts";
import {
  bodyCutShort,
  type HttpAnswer,
  type HttpRequest,
  interimAnswers,
  MAX_INTERIM_ANSWERS,
} from "./http_exchange.ts";

/**
 * Asks on `stream`, which bounds what is read, and returns the final answer.
 * @throws {ProbeFailure} no answer, or one that is not HTTP
 * @throws {Error} the connection's own
 */
export async function askByHttp1(
  stream: StreamSocket,
  request: HttpRequest,
  asked = requestOctets(request),
): Promise<HttpAnswer> {
  // Who answers before it has read everything is right to do so: reading decides.
  stream.write(asked).catch(() => {});
  let came: Uint8Array = NOTHING;
  for (let interim = 0; interim <= MAX_INTERIM_ANSWERS; interim++) {
    const { head, octets } = await readHead(stream, came);
    if (head.status >= 200 || head.status === 101) {
      let body: BodyReader | undefined;
      return {
        status: head.status,
        field: (name) => valuesOf(head.fields, name)[0],
        // How it ends matters to nobody who does not read it.
        async readBody() {
          body ??= new BodyReader(request.method, head, stream, octets.subarray(head.length));
          return await body.next();
        },
      };
    }
    came = octets.subarray(head.length);
  }
  throw interimAnswers();
}

/** Methods whose requests usually have a body: without one they say so (RFC 9110 section 8.6). */
const WITH_BODY: readonly string[] = ["POST", "PUT", "PATCH"];

/** What a request is on the wire. */
export function requestOctets({ method, authority, path, fields }: HttpRequest): Uint8Array {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${authority}`,
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
    ...(WITH_BODY.includes(method) ? ["Content-Length: 0"] : []),
    "Connection: close",
  ];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

const NOTHING = new Uint8Array();

/** A head that begins with what `came`, and all the octets then: a view that is good until the next read. */
async function readHead(
  stream: StreamSocket,
  came: Uint8Array,
): Promise<{ readonly head: ResponseHead; readonly octets: Uint8Array }> {
  const parser = responseHeadParser();
  let octets = came;
  let queue: OctetQueue | undefined;
  for (;;) {
    const parsed = parser.parse(octets);
    if (parsed.type === "head") return { head: parsed, octets };
    if (parsed.type === "error") {
      throw new ProbeFailure(
        parsed.status === 431
          ? `the answer is too large: ${parsed.reason}`
          : `the answer is not HTTP, what came: ${shownOctets(octets)}`,
      );
    }
    // Most heads come in one piece, which is looked at where it is; one that does not is copied, piece by piece.
    if (queue === undefined && octets.byteLength > 0) {
      queue = new OctetQueue();
      queue.append(octets);
    }
    const piece = await stream.read();
    if (piece === undefined) throw new ProbeFailure("connection closed without an answer");
    queue?.append(piece);
    octets = queue?.view ?? piece;
  }
}

/** The octets of one body, as they come. */
class BodyReader {
  readonly #stream: StreamSocket;
  readonly #decoder: BodyDecoder;
  /** It ends with the connection, so that is no fault then (RFC 9112 section 6.3). */
  readonly #endsByClosing: boolean;
  /** What came with the head. */
  #came: Uint8Array | undefined;
  #done = false;
  #problem: ProbeFailure | undefined;

  constructor(method: string, head: ResponseHead, stream: StreamSocket, came: Uint8Array) {
    const framing = responseFraming(method, head);
    if (framing.type === "error") throw unreadable(framing.reason);
    this.#stream = stream;
    this.#decoder = bodyDecoder(framing, true);
    this.#endsByClosing = framing.type === "close";
    this.#came = came;
  }

  async next(): Promise<Uint8Array | undefined> {
    while (!this.#done) {
      const data = await this.#decodeNext();
      if (data.byteLength > 0) return data;
    }
    return undefined;
  }

  /** Of the octets that came together: in one piece, as each is work for whoever gets it. */
  async #decodeNext(): Promise<Uint8Array> {
    if (this.#problem !== undefined) throw this.#problem;
    const octets = this.#came ?? await this.#stream.read();
    this.#came = undefined;
    if (octets === undefined) {
      if (!this.#endsByClosing) throw bodyCutShort();
      this.#done = true;
      return NOTHING;
    }
    const part = this.#decoder.decode(octets);
    if (part.type === "error") {
      // What came before it counts, however the octets were cut into pieces.
      this.#problem = unreadable(part.reason);
      return concat(part.before ?? []);
    }
    this.#done = part.done;
    return concat(part.data);
  }
}

function unreadable(reason: string): ProbeFailure {
  return new ProbeFailure(`the body cannot be read: ${reason}`);
}
