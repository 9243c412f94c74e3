/**
 * From the head of a request to a `Request` (RFC 9110, RFC 9112 section 3), or why there is none. The target alone
 * chooses the path; `Host` chooses nothing, and is only looked at. Pure.
 */
import { type RequestHead, tokensOf, valuesOf } from "../net/http1.ts";

/** A request that is not carried out. `reason` has nothing in it that came from outside. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

/** A request that is. */
export interface Wanted {
  readonly method: string;
  /** Path and query; they begin with a slash. */
  readonly path: string;
  readonly keepAlive: boolean;
  /** The client sends the body only when it is told to (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
}

/** What this server carries out or lets the app refuse; CONNECT and TRACE are not among it. */
const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/** What the head asks for. @param isOurHost whether a host, with its port, is answered */
export function wantedOf(head: RequestHead, isOurHost: (host: string) => boolean): Wanted | Refusal {
  const { method, version, fields } = head;
  const hosts = valuesOf(fields, "host");
  if (hosts.length > 1 || (hosts.length === 0 && version === "1.1")) {
    return { status: 400, reason: "HTTP/1.1 has exactly one Host in each request" };
  }
  if (!METHODS.includes(method)) return { status: 501, reason: `only ${METHODS.join(", ")} are known here` };
  const target = targetOf(head.target);
  if (target === undefined) return { status: 400, reason: "a target that is neither a path nor an http URL" };
  if (!isOurHost(target.host ?? hosts[0] ?? "")) return { status: 421, reason: NOT_OUR_HOST };
  const expects = tokensOf(fields, "expect");
  if (expects.some((each) => each !== "100-continue")) {
    return { status: 417, reason: "only 100-continue can be expected here" };
  }
  const keepAlive = version === "1.1" && !tokensOf(fields, "connection").includes("close");
  return { method, path: target.path, keepAlive, expectsContinue: version === "1.1" && expects.length > 0 };
}

const NOT_OUR_HOST =
  "the Host of the request is no address, not localhost and no name of this host (a guard against DNS rebinding); " +
  "http.allowedHosts in the configuration adds names";

interface Target {
  /** Of an absolute target, which then counts instead of the field. */
  readonly host: string | undefined;
  readonly path: string;
}

function targetOf(target: string): Target | undefined {
  if (target.includes("#")) return undefined;
  if (target === "*") return { host: undefined, path: "/*" };
  if (target.startsWith("/")) return { host: undefined, path: target };
  const [, host, path = ""] = /^https?:\/\/([^/?@]+)([/?].*)?$/i.exec(target) ?? [];
  if (host === undefined) return undefined;
  return { host, path: path.startsWith("/") ? path : `/${path}` };
}

/** The request as the app takes it. @throws {TypeError} where it cannot be one */
export function requestOf(head: RequestHead, wanted: Wanted, body: Uint8Array, signal: AbortSignal): Request {
  const headers = new Headers(head.fields.map(({ name, value }): [string, string] => [name, value]));
  // What GET has, HEAD tells of: its answers are those of GET.
  const method = wanted.method === "HEAD" ? "GET" : wanted.method;
  return new Request(`http://bgp-lb${wanted.path}`, {
    method,
    headers,
    signal,
    ...(method === "GET" ? {} : { body: new Uint8Array(body) }),
  });
}
