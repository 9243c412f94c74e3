/**
 * Bodies of HTTP/1.1 messages (RFC 9112 sections 6 and 7): how long one is, and its octets out of what arrives. Pure
 * and bounded; where two readings are possible there is an error, and no choice.
 */
import { latin1Octets, latin1Text } from "./latin1.ts";
import { type Field, type RequestHead, type ResponseHead, tokensOf, valuesOf } from "./http1.ts";

/** How the end of a body is known. */
export type BodyFraming =
  | { readonly type: "length"; readonly octets: number }
  | { readonly type: "chunked" }
  /** Only of a response: it ends with the connection. */
  | { readonly type: "close" };

/** The message cannot be read. `reason` has nothing in it that came from outside. */
export interface BodyError {
  readonly type: "error";
  /** The status that a server answers with: 400 or 501. */
  readonly status: number;
  readonly reason: string;
  /** The octets of the body before it, of those that were given last. */
  readonly before?: readonly Uint8Array[];
}

/** How the body of a request ends (RFC 9112 section 6.3). */
export function requestFraming({ version, fields }: RequestHead): BodyFraming | BodyError {
  if (valuesOf(fields, "transfer-encoding").length > 0 && valuesOf(fields, "content-length").length > 0) {
    return error(400, "both a length and a transfer coding");
  }
  const framing = statedFraming(fields);
  if (framing?.type === "chunked" && version === "1.0") return error(400, "chunks in a request of HTTP/1.0");
  return framing ?? { type: "length", octets: 0 };
}

/** How the body of the response to a request of `method` ends (RFC 9112 section 6.3). */
export function responseFraming(method: string, { status, fields }: ResponseHead): BodyFraming | BodyError {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return { type: "length", octets: 0 };
  }
  return statedFraming(fields) ?? { type: "close" };
}

function statedFraming(fields: readonly Field[]): BodyFraming | BodyError | undefined {
  if (valuesOf(fields, "transfer-encoding").length > 0) {
    const codings = tokensOf(fields, "transfer-encoding");
    return codings.length === 1 && codings[0] === "chunked"
      ? { type: "chunked" }
      : error(501, "a transfer coding other than chunked");
  }
  const [length, ...others] = valuesOf(fields, "content-length");
  if (length === undefined) return undefined;
  if (!/^\d{1,15}$/.test(length) || others.some((other) => other !== length)) {
    return error(400, "a content length that is not one number");
  }
  return { type: "length", octets: Number(length) };
}

/** What a decoder made of some octets. */
export interface BodyPart {
  readonly type: "part";
  /** Views of what was given. */
  readonly data: readonly Uint8Array[];
  /** How many octets were used up: all of them, but where the body ended before. */
  readonly used: number;
  readonly done: boolean;
}

/** The octets of one body out of pieces of any size. */
export interface BodyDecoder {
  /** @param octets what follows on what was used up before */
  decode(octets: Uint8Array): BodyPart | BodyError;
}

/**
 * A decoder for one body. With framing "close" it is never done: the end of the connection is the end.
 * @param lenient lines of the chunked coding may end with LF alone, as clients read them
 */
export function bodyDecoder(framing: BodyFraming, lenient = false): BodyDecoder {
  switch (framing.type) {
    case "length":
      return lengthDecoder(framing.octets);
    case "chunked":
      return new ChunkedDecoder(lenient);
    case "close":
      return lengthDecoder(Infinity);
    default:
      return framing satisfies never;
  }
}

function lengthDecoder(length: number): BodyDecoder {
  let left = length;
  return {
    decode(octets) {
      const data = octets.subarray(0, left);
      left -= data.length;
      return { type: "part", data: data.length > 0 ? [data] : [], used: data.length, done: left === 0 };
    },
  };
}

/** Of the line of a chunk's size, extensions included; and of all trailer lines together. */
const MAX_SIZE_LINE_OCTETS = 1024;
const MAX_TRAILER_OCTETS = 8192;
const LF = 10;
const CR = 13;
/** Lower-case ones. */
const DIGITS = latin1Octets("0123456789abcdef");
const PLAIN_DIGITS = 6;

/** The chunked coding (RFC 9112 section 7.1); extensions and trailers are read and dropped. */
class ChunkedDecoder implements BodyDecoder {
  #state: "size" | "data" | "data-end" | "trailers" | "done" = "size";
  /** Octets that the chunk still has. */
  #left = 0;
  /** The line that has not ended yet. */
  #line = "";
  #trailerOctets = 0;
  readonly #lenient: boolean;

  constructor(lenient: boolean) {
    this.#lenient = lenient;
  }

  decode(octets: Uint8Array): BodyPart | BodyError {
    const data: Uint8Array[] = [];
    let at = 0;
    while (at < octets.length && this.#state !== "done") {
      if (this.#state === "data") {
        const piece = octets.subarray(at, at + this.#left);
        data.push(piece);
        at += piece.length;
        this.#left -= piece.length;
        if (this.#left === 0) this.#state = "data-end";
        continue;
      }
      const end = octets.indexOf(LF, at);
      const line = octets.subarray(at, end < 0 ? octets.length : end);
      at += line.length + (end < 0 ? 0 : 1);
      const problem = this.#plainLine(line, end >= 0)
        ? undefined
        : this.#more(line) ?? (end < 0 ? undefined : this.#endOfLine());
      if (problem !== undefined) return { ...error(400, problem), before: data };
    }
    return { type: "part", data, used: at, done: this.#state === "done" };
  }

  /** The lines that nearly all are, a few digits or nothing, without a text for each: there may be one for each octet. */
  #plainLine(line: Uint8Array, whole: boolean): boolean {
    const length = line.length - 1;
    if (!whole || line[length] !== CR || this.#line !== "") return false;
    if (this.#state === "data-end" && length === 0) {
      this.#state = "size";
      return true;
    }
    if (this.#state !== "size" || length === 0 || length > PLAIN_DIGITS) return false;
    let size = 0;
    for (let at = 0; at < length; at++) {
      const digit = DIGITS.indexOf(line[at] ?? 0);
      if (digit < 0) return false;
      size = size * 16 + digit;
    }
    this.#begin(size);
    return true;
  }

  #more(octets: Uint8Array): string | undefined {
    const limit = this.#state === "size"
      ? MAX_SIZE_LINE_OCTETS
      : this.#state === "data-end"
      ? 1
      : MAX_TRAILER_OCTETS;
    if (this.#state === "trailers") this.#trailerOctets += octets.length;
    const length = this.#state === "trailers" ? this.#trailerOctets : this.#line.length + octets.length;
    if (length > limit) return "a line of the chunked coding is too long";
    this.#line += latin1Text(octets);
    return undefined;
  }

  #begin(size: number): void {
    this.#left = size;
    this.#state = size === 0 ? "trailers" : "data";
  }

  #endOfLine(): string | undefined {
    const withCr = this.#line.charCodeAt(this.#line.length - 1) === CR;
    if (!withCr && !this.#lenient) return "a chunk's line ends with LF alone";
    const line = withCr ? this.#line.slice(0, -1) : this.#line;
    this.#line = "";
    switch (this.#state) {
      case "size": {
        const [, size] = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/.exec(line) ?? [];
        if (size === undefined) return "a chunk's size is no hexadecimal number";
        this.#begin(Number.parseInt(size, 16));
        return undefined;
      }
      case "data-end":
        this.#state = "size";
        return line === "" ? undefined : "a chunk is longer than its size";
      case "trailers":
        if (line === "") this.#state = "done";
        return undefined;
      case "data":
      case "done":
        return undefined;
      default:
        return this.#state satisfies never;
    }
  }
}

function error(status: number, reason: string): BodyError {
  return { type: "error", status, reason };
}
