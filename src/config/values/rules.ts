/**
 * The rules of single values as zod types: numbers with a range, durations, texts that become something else. What JSON
 * Schema can say of a rule goes with it as metadata. Each start builds them all, and a zod type is dear: so there is one
 * `check` for all that a number must be, and metadata is registered with a type, where `meta` would make another one.
 */
import * as z from "zod";
import type { Parsed } from "../../text/parsed.ts";
import { durationSlip, formatDuration, parseDuration } from "../../time/duration.ts";
import { PATTERNS } from "./patterns.ts";

type Duration = z.ZodPipe<
  z.ZodUnion<readonly [z.ZodString, z.ZodNumber]>,
  z.ZodTransform<number, string | number>
>;

/** Text of the grammar `pattern` that `parse` turns into a value. */
export function text<T>(
  parse: (text: string) => Parsed<T>,
  pattern?: string,
): z.ZodPipe<z.ZodString, z.ZodTransform<T, string>> {
  const grammar = z.string();
  if (pattern !== undefined) grammar.register(z.globalRegistry, { pattern });
  return grammar.transform((input, context): T => {
    const parsed = parse(input);
    if ("value" in parsed) return parsed.value;
    context.issues.push({ code: "custom", message: parsed.problem, input });
    return z.NEVER;
  });
}

/** A whole number in a range. */
export function whole(
  min: number,
  max: number,
  error = `must be a whole number from ${min} to ${max}`,
): z.ZodNumber {
  return z.number({ error }).check(z.int({ error }), z.gte(min, { error }), z.lte(max, { error }));
}

/** A duration in a range, in milliseconds. */
export function duration(minMs: number, maxMs: number): Duration {
  const rule = `must be a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as ${
    formatDuration(Math.max(minMs, Math.min(3000, maxMs)))
  }`;
  const numbers = { minimum: minMs / 1000, maximum: maxMs / 1000 };
  return durationThat(rule, numbers, (ms) => ms >= minMs && ms <= maxMs ? ms : undefined);
}

/** Seconds that `seconds` takes; `orZero`: 0 as well. */
export interface SecondsRange {
  readonly min: number;
  readonly max: number;
  readonly orZero?: boolean;
}

/** A duration of whole seconds in a range, in seconds. */
export function seconds(rule: string, { min, max, orZero = false }: SecondsRange): Duration {
  const accepted = (value: number) => (orZero && value === 0) || (value >= min && value <= max);
  const range = { minimum: min, maximum: max };
  const numbers = { multipleOf: 1, ...(orZero ? { anyOf: [{ const: 0 }, range] } : range) };
  return durationThat(
    rule,
    numbers,
    (ms) => ms % 1000 === 0 && accepted(ms / 1000) ? ms / 1000 : undefined,
  );
}

function durationThat(
  rule: string,
  numbers: Readonly<Record<string, unknown>>,
  convert: (ms: number) => number | undefined,
): Duration {
  const spellings = [
    z.string().register(z.globalRegistry, { pattern: PATTERNS.duration }),
    z.number().register(z.globalRegistry, numbers),
  ] as const;
  return z.union(spellings, { error: rule }).transform((input, context): number => {
    const ms = parseDuration(input);
    const value = ms === undefined ? undefined : convert(ms);
    if (value !== undefined) return value;
    const slip = typeof input === "string" && ms === undefined
      ? durationSlip(input)
      : typeof input === "number" && convert(input) !== undefined
      ? `a number is one of seconds, ${input}ms says milliseconds`
      : undefined;
    const message = slip === undefined ? rule : `${rule}; ${slip}`;
    context.issues.push({ code: "custom", message, input });
    return z.NEVER;
  });
}

/** One of some words, given once or in a list without repetition. */
export function distinct<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item).superRefine((items, context) => {
    const first = new Set<unknown>();
    items.forEach((value, index) => {
      const key = JSON.stringify(value);
      if (first.has(key)) context.addIssue({ code: "custom", message: "is listed twice", path: [index] });
      first.add(key);
    });
  }).register(z.globalRegistry, { uniqueItems: true });
}

/** Marks, for JSON Schema, what may also be `off` or `false`. */
export const CAN_BE_OFF = "canBeOff";

/** A part that is off by default; `off` or `false` says so aloud, against `bgp.defaults`. */
export function optionalPart<T extends z.ZodType>(
  part: T,
): z.ZodOptional<z.ZodPreprocess<z.ZodOptional<T>>> {
  return z.preprocess((input) => input === "off" || input === false ? undefined : input, part.optional())
    .optional().register(z.globalRegistry, { [CAN_BE_OFF]: true });
}

/** Marks, for JSON Schema, the word that may stand in place of a part. */
export const CAN_BE_WORD = "canBeWord";

/** A part that is undefined by default; `word` says so aloud. */
export function orWord<T extends z.ZodType>(
  word: string,
  part: T,
): z.ZodOptional<z.ZodPreprocess<z.ZodOptional<T>>> {
  return z.preprocess((input) => input === word ? undefined : input, part.optional())
    .optional().register(z.globalRegistry, { [CAN_BE_WORD]: word });
}

/** Marks, for JSON Schema, a list that may also be its one item. */
export const CAN_BE_ONE = "canBeOne";

/** One thing, or a list of at most `most`. */
export function oneOrList<T extends z.ZodType>(
  item: T,
  most: number,
  tooMany: string,
): z.ZodOptional<z.ZodPreprocess<z.ZodArray<T>>> {
  const list = z.array(item).min(1, { error: "must have at least one; leave it out for none" })
    .max(most, { error: tooMany });
  return z.preprocess((input) => Array.isArray(input) ? input : [input], list)
    .optional().register(z.globalRegistry, { [CAN_BE_ONE]: true });
}
