/** What went wrong with a connection: in whose fault, and in which words; from the errors of Deno, node and the kernel. */
import { messageOf } from "../../text/error_message.ts";
import { foreignText } from "../../text/foreign.ts";

/** The service did something wrong, in words for people. */
export class ProbeFailure extends Error {
  override readonly name = "ProbeFailure";
}

/** Something of our own is short or wrong, in words for people: it says nothing of the service. */
export class OwnShortage extends Error {
  override readonly name = "OwnShortage";
}

/** What an error comes to. */
export interface Failure {
  readonly kind: "fail" | "unknown";
  readonly detail: string;
}

type Row = readonly [pattern: RegExp, words: string];

/** All ephemeral ports are used up, or there is no address to connect from. */
export const NO_LOCAL_ADDRESS = "no local address or port to connect from";

/** Where one of these is found, in a code of the kernel or of Deno, it is our own shortage. */
const OURS: readonly Row[] = [
  [/^EMFILE$|too many open files/i, "this process has too many open files"],
  [/^ENFILE$|file table overflow/i, "this host has too many open files"],
  [/^ENOMEM$|out of memory|cannot allocate memory/i, "this host is out of memory"],
  [/^ENOBUFS$|no buffer space/i, "this host is out of buffer space"],
  [/^EADDRNOTAVAIL$|cannot assign requested address/i, NO_LOCAL_ADDRESS],
  [/^EAGAIN$|resource temporarily unavailable/i, "this host is short of something for now"],
  [/^EACCES$|^EPERM$|operation not permitted|permission denied/i, "not permitted by this host"],
  [
    /^certFile and keyFile do not go together/,
    "certFile and keyFile do not go together, or cannot be read",
  ],
  [/^NotCapable$|^Requires \w+ access to/, "not permitted by the runtime's own flags"],
];

/** The same, whose words say it all. */
const OURS_IN_FULL =
  /^no ICMP socket|^the ICMP socket is closed|sockets that only FFI opens|echo requests are under way already|send buffer is full/;

/** What each code of node and text of TLS means. First match wins. */
const THEIRS: readonly Row[] = [
  [
    /unexpected ?eof|close_notify|handshake eof|before secure TLS/i,
    "connection closed within the TLS handshake",
  ],
  [/^ECONNREFUSED$|connection refused/i, "connection refused"],
  [/^ECONNRESET$|connection reset|^EPIPE$|broken pipe/i, "connection reset"],
  [/^ECONNABORTED$|connection aborted/i, "connection reset"],
  [/^EHOSTUNREACH$|no route to host/i, "no route to host"],
  [/^ENETUNREACH$|network is unreachable/i, "network is unreachable"],
  [/^ETIMEDOUT$|connection timed out/i, "connecting timed out in the kernel"],
  [/^EAFNOSUPPORT$|address family not supported/i, "this host does not have this address family"],
  [
    /InvalidContentType|corrupt message|WRONG_VERSION_NUMBER|packet length too long/i,
    "the answer is not TLS",
  ],
  [
    /alert.*certificate_?required/i,
    "the server wants a certificate of ours: name it with certFile and keyFile",
  ],
  [/alert.*decrypt_?error/i, "the server refuses our certificate: is the key of keyFile that of certFile?"],
  [
    /alert.*(bad_?certificate|unknown_?ca|certificate_?(unknown|expired|revoked)|unsupported_?certificate|access_?denied)/i,
    "the server refuses our certificate",
  ],
  [/no_?application_?protocol/i, "the server speaks neither HTTP/1.1 nor HTTP/2 (ALPN)"],
  [/protocol_?version|HandshakeFailure|handshake_?failure/i, "no version or cipher of TLS in common"],
];

/** Whose fault `error` is, and why in a few words. What nobody foresaw is our own. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ProbeFailure) return { kind: "fail", detail: error.message };
  if (error instanceof OwnShortage) return { kind: "unknown", detail: error.message };
  const texts = causes(error);
  const told = texts.find((text) => OURS_IN_FULL.test(text));
  if (told !== undefined) return { kind: "unknown", detail: foreignText(told) };
  const ours = wordsOf(OURS, texts);
  if (ours !== undefined) return { kind: "unknown", detail: ours };
  const theirs = wordsOf(THEIRS, texts);
  if (theirs !== undefined) return { kind: "fail", detail: theirs };
  const words = texts.map((text) => text.replace(/ ?\(os error \d+\)$/, "").trim());
  const last = foreignText(words.findLast((text) => text !== "") ?? "unknown error");
  return isInternal(error)
    ? { kind: "unknown", detail: `unexpected: ${last}` }
    : { kind: "fail", detail: last };
}

/** Errors of the language itself come of our own code; those of the system, also where Deno calls them TypeError, have a code. */
function isInternal(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  if ("code" in error && typeof error.code === "string") return false;
  return [TypeError, RangeError, ReferenceError, SyntaxError, URIError].some((type) => error instanceof type);
}

function wordsOf(rows: readonly Row[], texts: readonly string[]): string | undefined {
  return rows.find(([pattern]) => texts.some((text) => pattern.test(text)))?.[1];
}

const MAX_CAUSES = 16;

/** The codes, names and messages of an error and of what caused it, outermost first. */
function causes(error: unknown): readonly string[] {
  const texts: string[] = [];
  for (let next = error; next !== undefined && next !== null && texts.length < 3 * MAX_CAUSES;) {
    if (!(next instanceof Error)) return [...texts, messageOf(next)];
    if ("code" in next && typeof next.code === "string") texts.push(next.code);
    if (next.name === "NotCapable") texts.push(next.name);
    texts.push(next.message);
    next = next.cause;
  }
  return texts;
}
