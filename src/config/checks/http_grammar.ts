/** The single values of http checks: methods, header fields, statuses, what a body must have. */
import * as z from "zod";
import { parseAddress } from "../../net/address.ts";
import type { Parsed } from "../../text/parsed.ts";
import { lazily } from "../values/lazily.ts";
import { parseHost, parsePrintable } from "../values/name.ts";
import { PATTERNS } from "../values/patterns.ts";
import { oneOrList, text, whole } from "../values/rules.ts";

/** Statuses from one to another, both included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** What a body must have: a text, or something that a regular expression (RE2) matches. */
export type BodyRule = { readonly contains: string } | { readonly matches: string };

/** A status passes where nothing else is said. */
export const DEFAULT_STATUS: readonly StatusRange[] = [{ from: 200, to: 299 }];

const MAX_STATUS_RANGES = 64;
const MAX_HEADERS = 32;
/** Of a text that a body must have, and of a regular expression. */
const MAX_BODY_RULE_LENGTH = 1024;

/** `/` and what follows it in a URL. */
export function parsePath(input: string): Parsed<string> {
  if (!input.startsWith("/")) return { problem: "must begin with /" };
  return /[\s#\p{Cc}]/u.test(input)
    ? { problem: "must not have spaces, control characters or #" }
    : parsePrintable(input);
}

/** A method, of those that ask one question on one connection. */
export function parseMethod(input: string): Parsed<string> {
  if (input === "CONNECT") return { problem: "must not be CONNECT, which has no answer of its own" };
  return new RegExp(PATTERNS.httpMethod).test(input)
    ? { value: input }
    : { problem: "must be a method in capitals, such as GET, HEAD or POST" };
}

/** The name of a header field. */
export function parseFieldName(input: string): Parsed<string> {
  return new RegExp(PATTERNS.fieldName).test(input)
    ? { value: input }
    : { problem: "must be the name of a header field, such as X-Weight" };
}

/** What stands in the Host field: a host, and a port where it is not the usual one. */
export function parseAuthority(input: string): Parsed<string> {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(input) ?? [];
  const host = bracketed ?? plain;
  const right = host !== undefined && (port === undefined || (Number(port) > 0 && Number(port) < 65_536)) &&
    (bracketed === undefined ? parseAddress(host)?.family !== 6 : parseAddress(host)?.family === 6);
  const parsed = right ? parseHost(host) : undefined;
  return parsed === undefined || "problem" in parsed
    ? { problem: "must be a host name or an address ([IPV6]), with :PORT where it is an unusual one" }
    : { value: input };
}

/** The host of an authority, without brackets and port. */
export function hostOfAuthority(authority: string): string {
  return authority.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

const STATUS_RULE = "must be a status from 200 to 599, or a range such as 200-299";

/** Which statuses pass. */
export const statusSchema = lazily(() => {
  const numbers = [whole(200, 599, STATUS_RULE), text(parseStatusRange, PATTERNS.httpStatus)] as const;
  const one = z.union(numbers, { error: STATUS_RULE });
  return oneOrList(one, MAX_STATUS_RANGES, `must be at most ${MAX_STATUS_RANGES} statuses and ranges`);
});

function parseStatusRange(input: string): Parsed<StatusRange> {
  const [, from = "", to = from] = new RegExp(PATTERNS.httpStatus).exec(input) ?? [];
  return from === "" || from > to
    ? { problem: STATUS_RULE }
    : { value: { from: Number(from), to: Number(to) } };
}

/** A list of them as `statusSchema` reads it; undefined: the default. */
export function statusRanges(
  statuses: readonly (number | StatusRange)[] | undefined,
): readonly StatusRange[] {
  return statuses?.map((one) => typeof one === "number" ? { from: one, to: one } : one) ?? DEFAULT_STATUS;
}

/** `200-299`, or one status. */
export function formatStatusRange({ from, to }: StatusRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

const HEADERS_RULE = 'must be a mapping of fields, like X-Probe: "1"';

/** Header fields by name. */
export const headersSchema = lazily(() => {
  const value = text(parseFieldValue, PATTERNS.fieldValue);
  const named = z.record(z.string(), value, { error: HEADERS_RULE }).superRefine((headers, context) => {
    const complain = (name: string, message: string) =>
      context.addIssue({ code: "custom", path: [name], message });
    const names = Object.keys(headers);
    if (names.length > MAX_HEADERS) {
      context.addIssue({ code: "custom", message: `must have at most ${MAX_HEADERS} fields` });
    }
    const seen = new Map<string, string>();
    for (const name of names) {
      const parsed = parseFieldName(name);
      const lower = name.toLowerCase();
      if ("problem" in parsed) complain(name, parsed.problem);
      else if (NOT_THEIRS.has(lower)) complain(name, `cannot be set here: ${NOT_THEIRS.get(lower)}`);
      else if (seen.has(lower)) complain(name, `is the same field as ${seen.get(lower)}`);
      seen.set(lower, name);
    }
  });
  return named.register(z.globalRegistry, {
    maxProperties: MAX_HEADERS,
    propertyNames: { pattern: PATTERNS.fieldName },
  });
});

const FRAMING = "the request has no body, and one connection for itself";
/** Fields that the check sets itself, in lower case, and why. */
const NOT_THEIRS: ReadonlyMap<string, string> = new Map([
  ["host", "use the key host"],
  ["accept-encoding", "the body is read as it is, so no compression is asked for"],
  ["connection", FRAMING],
  ["content-length", FRAMING],
  ["expect", FRAMING],
  ["http2-settings", FRAMING],
  ["keep-alive", FRAMING],
  ["proxy-connection", FRAMING],
  ["te", FRAMING],
  ["trailer", FRAMING],
  ["transfer-encoding", FRAMING],
  ["upgrade", FRAMING],
]);

function parseFieldValue(input: string): Parsed<string> {
  if (/[\r\n]/.test(input)) return { problem: "must not have a line end" };
  if (input.trim() !== input) return { problem: "must not begin or end with a space" };
  return new RegExp(PATTERNS.fieldValue).test(input)
    ? { value: input }
    : { problem: "must have at most 4096 characters, all of them printable ASCII" };
}

/** What the body must have. */
export const bodySchema = lazily(() => {
  const words = () => z.string().min(1, ONE_OF_THEM).max(MAX_BODY_RULE_LENGTH, TOO_LONG);
  return z.strictObject({
    contains: words().optional().describe("This text"),
    matches: words().optional().describe("Something that this regular expression (RE2 syntax) matches"),
  }, { error: ({ code }) => code === "invalid_type" ? BODY_FORM : undefined }).superRefine(
    (body, context) => {
      if ((body.contains === undefined) === (body.matches === undefined)) {
        context.addIssue({ code: "custom", message: "must have one of contains and matches" });
      }
    },
  ).register(z.globalRegistry, {
    oneOf: [{ required: ["contains"] }, { required: ["matches"] }],
  });
});

const BODY_FORM = "must be a mapping, {contains: TEXT} or {matches: REGEX}";
const ONE_OF_THEM = "must not be empty";
const TOO_LONG = `must have at most ${MAX_BODY_RULE_LENGTH} characters`;

/** The rule that `bodySchema` read. */
export function bodyRule(
  body: { readonly contains?: string | undefined; readonly matches?: string | undefined } | undefined,
): BodyRule | undefined {
  if (body?.contains !== undefined) return { contains: body.contains };
  return body?.matches === undefined ? undefined : { matches: body.matches };
}
