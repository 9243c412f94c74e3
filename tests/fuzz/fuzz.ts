/**
 * A seeded fuzzer of anything that reads what others send. An answer is known by its seed and its number alone, so that one
 * which fails can be judged again without those before it. Time is bounded, too: an answer that takes long is told.
 */
import assert from "node:assert/strict";
import { messageOf } from "../../src/text/error_message.ts";
import { UNPRINTABLE } from "../../src/text/escapes.ts";
import { Dice } from "../support/dice.ts";

/** What a check says; of what is no check: whether it could be read. */
export type Verdict = "pass" | "fail" | "unknown";

/** What became of an answer. */
export interface FuzzOutcome {
  readonly verdict: Verdict;
  /** What sort of it; there are not many. */
  readonly sort: string;
}

/** One answer, which may be judged more than once. */
export interface FuzzCase {
  /** For people, where it fails. */
  readonly shown: Uint8Array | string;
  /** @throws {Error} it does not do what it must */
  judge(): FuzzOutcome | Promise<FuzzOutcome>;
}

/** Makes answers. */
export type MakeCase = (dice: Dice) => FuzzCase;

/** What is fuzzed. */
export interface FuzzSubject {
  readonly name: string;
  /** Loads what is needed. */
  open(): MakeCase | Promise<MakeCase>;
}

/** Which answers. */
export interface FuzzOptions {
  readonly seed: number;
  /** The number of the first one. Default: 0. */
  readonly first?: number;
  readonly answers: number;
  /** No more are begun then. Default: never. */
  isOver?(): boolean;
  /** Called now and then, with the number of the next one: others have their turn until it resolves. */
  pause?(number: number): Promise<void>;
  /** Milliseconds. Default: those of this machine. */
  now?(): number;
}

/** An answer that took long, and how long at least. */
export interface SlowAnswer {
  readonly number: number;
  readonly ms: number;
}

/** What became of some answers. */
export interface FuzzReport {
  readonly answers: number;
  readonly verdicts: ReadonlyMap<Verdict, number>;
  readonly sorts: ReadonlyMap<string, number>;
  readonly slow: readonly SlowAnswer[];
}

/** An answer that did not become what it must. */
export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";
  constructor(
    readonly subject: string,
    readonly seed: number,
    readonly number: number,
    shown: string,
    cause: unknown,
  ) {
    super(`${subject}: answer ${number} of seed ${seed}: ${messageOf(cause)}\n${shown}`, { cause });
  }
}

/** One answer should not take longer than this. */
export const SLOW_MS = 50;
/** After so many, or so long, others have their turn. */
const ANSWERS_A_TURN = 1024;
const TURN_MS = 1000;
/** A busy machine is no slow answer: each is given so many tries, and the fastest counts. */
const TRIES = 4;

/**
 * Judges answers, the same ones for the same seed.
 * @throws {FuzzFailure} at the first that fails
 */
export async function fuzz(subject: FuzzSubject, options: FuzzOptions): Promise<FuzzReport> {
  const { seed, first = 0, answers, isOver = () => false, pause, now = () => performance.now() } = options;
  const make = await subject.open();
  const verdicts = new Map<Verdict, number>();
  const sorts = new Map<string, number>();
  const slow: SlowAnswer[] = [];
  let number = first;
  let pausedMs = now();
  for (; number < first + answers && !isOver(); number++) {
    if (number % ANSWERS_A_TURN === 0 || now() - pausedMs > TURN_MS) {
      await pause?.(number);
      pausedMs = now();
    }
    const one = make(new Dice(seed, number));
    try {
      const began = now();
      // Most are judged at once: waiting for each would take longer than to judge it.
      const pending = one.judge();
      const outcome = pending instanceof Promise ? await pending : pending;
      const ms = now() - began;
      if (ms > SLOW_MS) await noteIfSlow(slow, one, { number, ms }, now);
      count(verdicts, outcome.verdict);
      count(sorts, `${outcome.verdict}: ${outcome.sort}`);
    } catch (error) {
      throw new FuzzFailure(subject.name, seed, number, shownOf(one), error);
    }
  }
  return { answers: number - first, verdicts, sorts, slow };
}

async function noteIfSlow(
  slow: SlowAnswer[],
  one: FuzzCase,
  { number, ms }: SlowAnswer,
  now: () => number,
): Promise<void> {
  let least = ms;
  for (let time = 1; time < TRIES; time++) {
    const began = now();
    await one.judge();
    least = Math.min(least, now() - began);
  }
  if (least > SLOW_MS) slow.push({ number, ms: least });
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

const SHOWN_LENGTH = 4000;

function shownOf({ shown }: FuzzCase): string {
  const text = typeof shown === "string" ? JSON.stringify(shown) : shown.toHex();
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}… (${text.length} characters)`;
}

/** The longest words of an outcome. */
const MAX_WORDS = 400;
/** One that does not remember where it was. */
const HIDDEN = new RegExp(UNPRINTABLE, "u");

/** @throws {AssertionError} people cannot read these words: they are too many, of more than one line, or hide something */
export function checkWords(words: string): void {
  if (/^[ -~]{1,400}$/.test(words)) return;
  assert.ok(words !== "", "no words");
  assert.ok(
    words.length <= MAX_WORDS || [...words].length <= MAX_WORDS,
    `${words.length} characters: ${words}`,
  );
  assert.ok(words.isWellFormed(), `half a character: ${JSON.stringify(words)}`);
  assert.ok(!HIDDEN.test(words), `an unprintable character: ${JSON.stringify(words)}`);
}

/** Words without how much had come by then, which is all that may depend on how an answer is cut into pieces. */
export function withoutWhatCame(words: string): string {
  return words.replace(/, what came: .*/s, "");
}

/** Words without what differs from one answer to the next: numbers, and what others said. */
export function sortOf(words: string): string {
  return words.replace(/"(?:[^"\\]|\\.)*"?…?/gs, '"…"').replace(/\(.*\)/gs, "(…)")
    .replace(/(?<=redirect to ).*(?=: not followed)|(?<=it begins with |what came: ).*$/gs, "…")
    .replace(/\b[0-9a-f]{6,}\b…?/g, "…").replace(/\d+/g, "N");
}
