/**
 * Heads of HTTP/1.1 messages (RFC 9112): request line or status line, and field lines. Pure, bounded in octets, lines
 * and fields, with three distinct answers: a head, need more, error. Requests are read strictly, for what two parsers
 * read differently can be smuggled; responses as widely as clients do (lines that end with LF alone, folded lines).
 */
import { latin1Text } from "./latin1.ts";

/** How much of a head is read at most. */
export interface HeadLimits {
  /** Of the whole head, its empty line included. */
  readonly octets: number;
  readonly lineOctets: number;
  readonly fields: number;
}

/** What a request is given by default. */
export const REQUEST_LIMITS: HeadLimits = { octets: 16_384, lineOctets: 8192, fields: 100 };

/** What a response is given by default. */
export const RESPONSE_LIMITS: HeadLimits = { octets: 65_536, lineOctets: 65_536, fields: 256 };

/** A field line: the name in lower case, the value without white space around it, one character for each octet. */
export interface Field {
  readonly name: string;
  readonly value: string;
}

/** A later minor version counts as 1.1 (RFC 9110 section 2.5). */
export type HttpVersion = "1.0" | "1.1";

/** What heads of both kinds have. */
interface Head {
  readonly type: "head";
  readonly version: HttpVersion;
  readonly fields: readonly Field[];
  /** Octets of the head: what follows is the body, or the next message. */
  readonly length: number;
}

/** The head of a request. */
export interface RequestHead extends Head {
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
}

/** The head of a response. */
export interface ResponseHead extends Head {
  readonly status: number;
  /** "" where there is none. */
  readonly reason: string;
}

/** The head is not complete yet. */
export interface NeedMore {
  readonly type: "more";
}

/** This can never become a head. `reason` has nothing in it that came from outside. */
export interface HeadError {
  readonly type: "error";
  /** The status that a server answers with: 400, 414, 431 or 505. */
  readonly status: number;
  readonly reason: string;
}

/**
 * The head of the request that `octets` begins with.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const octets = new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
 * const head = parseRequestHead(octets);
 * assert.ok(head.type === "head" && head.target === "/metrics");
 * ```
 */
export function parseRequestHead(
  octets: Uint8Array,
  limits = REQUEST_LIMITS,
): RequestHead | NeedMore | HeadError {
  return requestHeadParser(limits).parse(octets);
}

/** The head of the response that `octets` begins with; an interim one (1xx) is a head of its own. */
export function parseResponseHead(
  octets: Uint8Array,
  limits = RESPONSE_LIMITS,
): ResponseHead | NeedMore | HeadError {
  return responseHeadParser(limits).parse(octets);
}

/** Reads one head that arrives in pieces, each line once. */
export interface HeadParser<H> {
  /** @param octets all of the message that has arrived so far, from its first octet on */
  parse(octets: Uint8Array): H | NeedMore | HeadError;
}

/** A parser for one request. */
export function requestHeadParser(limits = REQUEST_LIMITS): HeadParser<RequestHead> {
  return new LineParser(limits, {
    parseStart: parseRequestLine,
    startTooLong: 414,
    lenient: false,
    mayBegin: (text) => /^[\r\n]*[\x21-\x7e]*( |$)/.test(text),
  });
}

/** A parser for one response. */
export function responseHeadParser(limits = RESPONSE_LIMITS): HeadParser<ResponseHead> {
  return new LineParser(limits, RESPONSE_RULES);
}

/** All values of a field, in order; lists within one line are not split. */
export function valuesOf(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter((field) => field.name === name).map(({ value }) => value);
}

/** The members of a field whose values are lists of tokens, in lower case (RFC 9110 section 5.6.1). */
export function tokensOf(fields: readonly Field[], name: string): readonly string[] {
  return valuesOf(fields, name).flatMap((value) => value.split(","))
    .map((token) => token.trim().toLowerCase()).filter((token) => token !== "");
}

/** A token of RFC 9110 section 5.6.2. */
function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** What differs between requests and responses. */
interface Rules<Start> {
  parseStart(line: string): Start | HeadError;
  readonly startTooLong: number;
  readonly lenient: boolean;
  /** Whether a first line may begin with these few characters, so that another protocol is known before its line ends. */
  mayBegin(text: string): boolean;
}

const RESPONSE_RULES: Rules<StatusLine> = {
  parseStart: parseStatusLine,
  startTooLong: 431,
  lenient: true,
  mayBegin: (text) => "HTTP/1.".startsWith(text),
};
const LF = 10;
const CR = 13;
/** "HTTP/1." */
const BEGIN_OCTETS = 7;

class LineParser<Start> implements HeadParser<Start & Head> {
  readonly #limits: HeadLimits;
  readonly #rules: Rules<Start & { readonly version: HttpVersion }>;
  #start: (Start & { readonly version: HttpVersion }) | undefined;
  readonly #fields: Field[] = [];
  /** Those that go on with the one before count, too: each is as much work. */
  #fieldLines = 0;
  /** Where the next line begins, and up to where its end was looked for. */
  #at = 0;
  #searched = 0;
  #answer: (Start & Head) | HeadError | undefined;

  constructor(limits: HeadLimits, rules: Rules<Start & { readonly version: HttpVersion }>) {
    this.#limits = limits;
    this.#rules = rules;
  }

  parse(octets: Uint8Array): (Start & Head) | NeedMore | HeadError {
    const bounded = octets.length > this.#limits.octets ? octets.subarray(0, this.#limits.octets) : octets;
    while (this.#answer === undefined) {
      const end = bounded.indexOf(LF, this.#searched);
      if (end < 0) {
        this.#searched = bounded.length;
        this.#answer = this.#errorOfRest(bounded);
        if (this.#answer === undefined) return { type: "more" };
      } else {
        this.#answer = this.#line(bounded, end);
        this.#at = this.#searched = end + 1;
      }
    }
    return this.#answer;
  }

  /** What is wrong already with a line that has not ended. */
  #errorOfRest(octets: Uint8Array): HeadError | undefined {
    const rest = octets.length - this.#at;
    if (rest > this.#limits.lineOctets) return this.#tooLong();
    if (octets.length >= this.#limits.octets) {
      return error(431, `the head is longer than ${this.#limits.octets} octets`);
    }
    if (this.#start !== undefined) return undefined;
    const begin = latin1Text(octets.subarray(this.#at, this.#at + BEGIN_OCTETS));
    return this.#rules.mayBegin(begin) ? undefined : error(400, "this is not HTTP/1.1");
  }

  #line(octets: Uint8Array, end: number): (Start & Head) | HeadError | undefined {
    if (end - this.#at > this.#limits.lineOctets) return this.#tooLong();
    const withCr = end > this.#at && octets[end - 1] === CR;
    if (!withCr && !this.#rules.lenient) return error(400, "a line ends with LF alone");
    const line = latin1Text(octets.subarray(this.#at, withCr ? end - 1 : end));
    if (this.#start === undefined) return this.#startLine(line);
    if (line === "") return { type: "head", ...this.#start, fields: this.#fields, length: end + 1 };
    return this.#fieldLine(line);
  }

  #startLine(line: string): HeadError | undefined {
    // One empty line before a request is no request (RFC 9112 section 2.2).
    if (line === "" && this.#at === 0 && !this.#rules.lenient) return undefined;
    const start = this.#rules.parseStart(line);
    if ("type" in start) return start;
    this.#start = start;
    return undefined;
  }

  #fieldLine(line: string): HeadError | undefined {
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(line)) return error(400, "a control character in a field");
    if (++this.#fieldLines > this.#limits.fields) {
      return error(431, `more than ${this.#limits.fields} fields`);
    }
    if (/^[ \t]/.test(line)) return this.#fold(line);
    const colon = line.indexOf(":");
    if (colon < 0) return error(400, "a field line without a colon");
    const name = this.#rules.lenient ? line.slice(0, colon).trimEnd() : line.slice(0, colon);
    if (!isToken(name)) return error(400, "a field name that is no token");
    this.#fields.push({ name: name.toLowerCase(), value: trim(line.slice(colon + 1)) });
    return undefined;
  }

  /** A line that goes on with the one before (obs-fold, RFC 9112 section 5.2). */
  #fold(line: string): HeadError | undefined {
    const last = this.#fields.pop();
    if (!this.#rules.lenient || last === undefined) return error(400, "a line that begins with white space");
    // Both are trimmed already: all of a long value is not gone through again at each line.
    const parts = [last.value, trim(line)].filter((part) => part !== "");
    this.#fields.push({ name: last.name, value: parts.join(" ") });
    return undefined;
  }

  #tooLong(): HeadError {
    const status = this.#start === undefined ? this.#rules.startTooLong : 431;
    return error(status, `a line is longer than ${this.#limits.lineOctets} octets`);
  }
}

function parseRequestLine(
  line: string,
): { readonly method: string; readonly target: string; readonly version: HttpVersion } | HeadError {
  const [method = "", target = "", protocol = "", ...more] = line.split(" ");
  const [, major, minor] = /^HTTP\/(\d)\.(\d)$/.exec(protocol) ?? [];
  if (more.length > 0 || !isToken(method) || !/^[\x21-\x7e]+$/.test(target) || major === undefined) {
    return error(400, "this is not a request line of HTTP/1.1");
  }
  if (major !== "1") return error(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  return { method, target, version: versionOf(minor) };
}

interface StatusLine {
  readonly version: HttpVersion;
  readonly status: number;
  readonly reason: string;
}

function parseStatusLine(line: string): StatusLine | HeadError {
  const [, minor, status, reason = ""] = /^HTTP\/1\.(\d) +([1-9]\d\d)(?: (.*))?$/s.exec(line) ?? [];
  if (status === undefined) return error(400, "this is not a status line of HTTP/1.1");
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(reason)) return error(400, "a control character in the status line");
  return { version: versionOf(minor), status: Number(status), reason: trim(reason) };
}

function versionOf(minor: string | undefined): HttpVersion {
  return minor === "0" ? "1.0" : "1.1";
}

function error(status: number, reason: string): HeadError {
  return { type: "error", status, reason };
}

/** Without white space as RFC 9110 section 5.6.3 has it, which is less than what JavaScript trims. */
function trim(text: string): string {
  return text.replace(/^[ \t]+/, "").replace(/(?<![ \t])[ \t]+$/, "");
}
