/** A GET by HTTP/1.1 on a connection of its own, up to the head of the answer (RFC 9112): the body is not read. */
import { OctetQueue } from "../../bytes/octet_queue.ts";
import { type ResponseHead, responseHeadParser, valuesOf } from "../../net/http1.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { ProbeFailure } from "./failure.ts";

/** A GET, by whichever version of HTTP. */
export interface GetRequest {
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
  /** The field of the answer that gives a weight, in lower case. */
  readonly weightField?: string | undefined;
}

/** What of an answer a probe looks at. */
export interface AnswerHead {
  readonly status: number;
  readonly location: string | undefined;
  /** The value of the request's `weightField`. */
  readonly weight: string | undefined;
}

/** Interim answers (1xx) that one answer may have before it. */
export const MAX_INTERIM_ANSWERS = 16;

/**
 * Asks on `stream`, which bounds what is read, and returns the head of the final answer.
 * @throws {ProbeFailure} no answer, or one that is not HTTP
 * @throws {Error} the connection's own
 */
export async function getByHttp1(stream: StreamSocket, request: GetRequest): Promise<AnswerHead> {
  // Who answers before it has read everything is right to do so: reading decides.
  stream.write(requestOctets(request)).catch(() => {});
  const octets = new OctetQueue();
  for (let interim = 0; interim <= MAX_INTERIM_ANSWERS; interim++) {
    const head = await readHead(stream, octets);
    if (head.status >= 200 || head.status === 101) {
      const { weightField } = request;
      return {
        status: head.status,
        location: valuesOf(head.fields, "location")[0],
        weight: weightField === undefined ? undefined : valuesOf(head.fields, weightField)[0],
      };
    }
    octets.consume(head.length);
  }
  throw interimAnswers();
}

/** More of them than there may be. */
export function interimAnswers(): ProbeFailure {
  return new ProbeFailure(`more than ${MAX_INTERIM_ANSWERS} interim answers (1xx)`);
}

function requestOctets({ authority, path, fields }: GetRequest): Uint8Array {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${authority}`,
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
  ];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

async function readHead(stream: StreamSocket, octets: OctetQueue): Promise<ResponseHead> {
  const parser = responseHeadParser();
  for (;;) {
    const parsed = parser.parse(octets.view);
    if (parsed.type === "head") return parsed;
    if (parsed.type === "error") {
      throw new ProbeFailure(
        parsed.status === 431 ? `the answer is too large: ${parsed.reason}` : "the answer is not HTTP",
      );
    }
    const piece = await stream.read();
    if (piece === undefined) throw new ProbeFailure("connection closed without an answer");
    octets.append(piece);
  }
}
