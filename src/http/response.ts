/** Responses as octets of HTTP/1.1 (RFC 9112 sections 4, 6 and 7). Pure. */
import { concat } from "../bytes/concat.ts";
import { latin1Octets } from "../net/latin1.ts";

/** What goes with every response. */
export interface Framing {
  readonly date: Date;
  readonly close: boolean;
  /** Undefined: the body ends with the connection. */
  readonly body: { readonly octets: number } | "chunked" | "none" | undefined;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  202: "Accepted",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** Fields that say how this one message is sent: the server's to say, not the app's. */
const OF_THE_MESSAGE: readonly string[] = [
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
];

/** The head of a response. */
export function responseHead(status: number, headers: Headers, { date, close, body }: Framing): Uint8Array {
  const lines = [`HTTP/1.1 ${status} ${REASONS[status] ?? ""}`, `date: ${date.toUTCString()}`];
  for (const [name, value] of headers) if (!OF_THE_MESSAGE.includes(name)) lines.push(`${name}: ${value}`);
  if (body === "chunked") lines.push("transfer-encoding: chunked");
  else if (typeof body === "object") lines.push(`content-length: ${body.octets}`);
  if (close) lines.push("connection: close");
  return latin1Octets(`${lines.join("\r\n")}\r\n\r\n`);
}

/** A whole response in words, after which the connection is closed. */
export function closingResponse(status: number, reason: string, date: Date, withBody = true): Uint8Array {
  const body = new TextEncoder().encode(`${reason}\n`);
  const headers = new Headers({ "content-type": "text/plain; charset=UTF-8" });
  const head = responseHead(status, headers, { date, close: true, body: { octets: body.length } });
  return withBody ? concat([head, body]) : head;
}

/** "Go on, send the body." */
export function continueResponse(): Uint8Array {
  return latin1Octets("HTTP/1.1 100 Continue\r\n\r\n");
}

/** One chunk of a chunked body. @param octets at least one: none would be the end */
export function chunkOf(octets: Uint8Array): Uint8Array {
  return concat([latin1Octets(`${octets.length.toString(16)}\r\n`), octets, latin1Octets("\r\n")]);
}

/** The end of a chunked body. */
export function lastChunk(): Uint8Array {
  return latin1Octets("0\r\n\r\n");
}
