/** What the body of an answer must have: read as far as is needed, and never further than a bound. */
import { OctetQueue } from "../../bytes/octet_queue.ts";
import type { BodyRule } from "../../config/checks/http_grammar.ts";
import { latin1Text } from "../../net/latin1.ts";
import { foreignText } from "../../text/foreign.ts";
import { type CompileRegex, loadRegexes, type Regex } from "../../text/regex.ts";
import { OwnShortage } from "../connect/failure.ts";
import type { HttpAnswer } from "../connect/http_exchange.ts";

/** So much of a body is looked at. */
export const BODY_OCTETS = 65_536;
/** How much of a body, and of a rule, is told. */
const SHOWN_LENGTH = 60;

/** What is wrong with the body of an answer; undefined: nothing. */
export type BodyTest = (answer: HttpAnswer) => Promise<string | undefined>;

/** The test that a rule is. What it needs is loaded at the first answer. */
export function bodyTest(rule: BodyRule): BodyTest {
  if ("contains" in rule) {
    const needle = latin1Text(new TextEncoder().encode(rule.contains));
    return async (answer) =>
      compressed(answer) ?? await lacksText(answer, needle, `does not contain "${shown(rule.contains)}"`);
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
async function lacksText(answer: HttpAnswer, needle: string, lack: string): Promise<string | undefined> {
  const body = new OctetQueue();
  for (;;) {
    const searched = Math.max(0, body.length - needle.length + 1);
    if (!await readMore(answer, body)) return `the body ${lack}${beginningOf(body)}`;
    if (latin1Text(body.view.subarray(searched)).includes(needle)) return undefined;
  }
}

async function lacksMatch(answer: HttpAnswer, regex: Regex, lack: string): Promise<string | undefined> {
  const body = new OctetQueue();
  while (await readMore(answer, body));
  return regex.matches(new TextDecoder().decode(body.view))
    ? undefined
    : `the body ${lack}${beginningOf(body)}`;
}

/** False at the end of the body, or at the bound. */
async function readMore(answer: HttpAnswer, body: OctetQueue): Promise<boolean> {
  if (body.length >= BODY_OCTETS) return false;
  const piece = await answer.readBody();
  if (piece === undefined) return false;
  body.append(piece.subarray(0, BODY_OCTETS - body.length));
  return true;
}

function beginningOf(body: OctetQueue): string {
  if (body.length === 0) return ": it is empty";
  const bound = body.length >= BODY_OCTETS ? " in its first 64 KiB" : "";
  const begin = new TextDecoder().decode(body.view.subarray(0, 4 * SHOWN_LENGTH));
  // The ends of lines are seen as such; quotes, of which JSON is full, stay as they are.
  const escaped = JSON.stringify(begin).slice(1, -1).replaceAll('\\"', '"');
  return `${bound}: it begins with "${shown(escaped)}"`;
}

function shown(text: string): string {
  return foreignText(text, SHOWN_LENGTH);
}
