/** What the body of an answer must have: read as far as is needed, and never further than a bound. */
import { OctetQueue } from "../../bytes/octet_queue.ts";
import type { BodyRule } from "../../config/checks/http_grammar.ts";
import { foreignText } from "../../text/foreign.ts";
import { type CompileRegex, loadRegexes, type Regex } from "../../text/regex.ts";
import { OwnShortage } from "../connect/failure.ts";
import type { HttpAnswer } from "../connect/http_exchange.ts";
import { OctetSearch } from "../connect/octet_search.ts";

/** So much of a body is looked at. */
export const BODY_OCTETS = 65_536;
/** How much of a body, and of a rule, is told. */
const SHOWN_LENGTH = 60;

/** What is wrong with the body of an answer; undefined: nothing. */
export type BodyTest = (answer: HttpAnswer) => Promise<string | undefined>;

/** The test that a rule is. What it needs is loaded at the first answer. */
export function bodyTest(rule: BodyRule): BodyTest {
  if ("contains" in rule) {
    const wanted = new TextEncoder().encode(rule.contains);
    return async (answer) =>
      compressed(answer) ?? await lacksText(answer, wanted, `does not contain "${shown(rule.contains)}"`);
  }
  let compiled: Promise<Regex> | undefined;
  return async (answer) => {
    compiled ??= loadRegexes().then((compile) => compiledOrShort(compile, rule.matches));
    const regex = await compiled;
    return compressed(answer) ?? await lacksMatch(answer, regex, `does not match ${shown(rule.matches)}`);
  };
}

/** What a body that passed has, in a few words. */
export function bodyWords(rule: BodyRule): string {
  return "contains" in rule
    ? `the body contains "${shown(rule.contains)}"`
    : `the body matches ${shown(rule.matches)}`;
}

/** `check` has refused what is no expression; here it is our own fault. */
function compiledOrShort(compile: CompileRegex, source: string): Regex {
  const parsed = compile(source);
  if ("problem" in parsed) throw new OwnShortage(`body.matches ${parsed.problem}`);
  return parsed.value;
}

/** Nobody asked for that, and what it unpacks to has no bound. */
function compressed(answer: HttpAnswer): string | undefined {
  const coding = answer.field("content-encoding")?.trim() ?? "";
  return coding === "" || coding.toLowerCase() === "identity"
    ? undefined
    : `the body is compressed (${foreignText(coding, SHOWN_LENGTH)}), though identity was asked for`;
}

/** Passes as soon as the text was seen, so what follows, or how the body ends, does not matter. */
async function lacksText(answer: HttpAnswer, wanted: Uint8Array, lack: string): Promise<string | undefined> {
  const search = new OctetSearch(wanted);
  for (;;) {
    const piece = await nextPiece(answer, search.seen.byteLength);
    if (piece === undefined) return `the body ${lack}${beginningOf(search.seen)}`;
    if (search.add(piece)) return undefined;
  }
}

async function lacksMatch(answer: HttpAnswer, regex: Regex, lack: string): Promise<string | undefined> {
  const body = new OctetQueue();
  for (;;) {
    const piece = await nextPiece(answer, body.length);
    if (piece === undefined) break;
    body.append(piece);
  }
  return regex.matches(new TextDecoder().decode(body.view))
    ? undefined
    : `the body ${lack}${beginningOf(body.view)}`;
}

/** What follows the first `length` octets of a body; undefined at its end, or at the bound. */
async function nextPiece(answer: HttpAnswer, length: number): Promise<Uint8Array | undefined> {
  return length >= BODY_OCTETS ? undefined : (await answer.readBody())?.subarray(0, BODY_OCTETS - length);
}

function beginningOf(body: Uint8Array): string {
  if (body.byteLength === 0) return ": it is empty";
  const bound = body.byteLength >= BODY_OCTETS ? " in its first 64 KiB" : "";
  const begin = new TextDecoder().decode(body.subarray(0, 4 * SHOWN_LENGTH));
  // The ends of lines are seen as such; quotes, of which JSON is full, stay as they are.
  const escaped = JSON.stringify(begin).slice(1, -1).replaceAll('\\"', '"');
  return `${bound}: it begins with "${shown(escaped)}"`;
}

function shown(text: string): string {
  return foreignText(text, SHOWN_LENGTH);
}
