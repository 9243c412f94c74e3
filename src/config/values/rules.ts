/** The rules of single values as zod types: numbers with a range, durations, texts that become something else. */
import * as z from "zod";
import type { Parsed } from "../../text/parsed.ts";
import { durationSlip, formatDuration, parseDuration } from "../../time/duration.ts";

type Duration = z.ZodPipe<
  z.ZodUnion<readonly [z.ZodString, z.ZodNumber]>,
  z.ZodTransform<number, string | number>
>;

/** Text that `parse` turns into a value. */
export function text<T>(
  parse: (text: string) => Parsed<T>,
): z.ZodPipe<z.ZodString, z.ZodTransform<T, string>> {
  return z.string().transform((input, context): T => {
    const parsed = parse(input);
    if ("value" in parsed) return parsed.value;
    context.issues.push({ code: "custom", message: parsed.problem, input });
    return z.NEVER;
  });
}

/** A whole number in a range. */
export function whole(min: number, max: number): z.ZodNumber {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** A duration in a range, in milliseconds. */
export function duration(minMs: number, maxMs: number): Duration {
  const rule = `must be a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as ${
    formatDuration(Math.max(minMs, Math.min(3000, maxMs)))
  }`;
  return durationThat(rule, (ms) => ms >= minMs && ms <= maxMs ? ms : undefined);
}

/** A duration of whole seconds for which `accept` holds, in seconds. */
export function seconds(rule: string, accept: (seconds: number) => boolean): Duration {
  return durationThat(rule, (ms) => ms % 1000 === 0 && accept(ms / 1000) ? ms / 1000 : undefined);
}

function durationThat(rule: string, convert: (ms: number) => number | undefined): Duration {
  return z.union([z.string(), z.number()], { error: rule }).transform((input, context): number => {
    const ms = parseDuration(input);
    const value = ms === undefined ? undefined : convert(ms);
    if (value !== undefined) return value;
    const slip = typeof input === "string" && ms === undefined ? durationSlip(input) : undefined;
    const message = slip === undefined ? rule : `${rule}; ${slip}`;
    context.issues.push({ code: "custom", message, input });
    return z.NEVER;
  });
}

/** One of some words, given once or in a list without repetition. */
export function distinct<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item).superRefine((items, context) => {
    const seen = new Set<unknown>();
    items.forEach((value, index) => {
      const key = JSON.stringify(value);
      if (seen.has(key)) context.addIssue({ code: "custom", message: "is listed twice", path: [index] });
      seen.add(key);
    });
  });
}

/** A part that is off by default; `off` or `false` says so aloud, against `bgp.defaults`. */
export function optionalPart<T extends z.ZodType>(
  part: T,
): z.ZodOptional<z.ZodPreprocess<z.ZodOptional<T>>> {
  return z.preprocess((input) => input === "off" || input === false ? undefined : input, part.optional())
    .optional();
}

/** A key whose behaviour does not exist yet: refused, except as `off`. */
export function notSupportedYet(): ReturnType<typeof optionalPart<z.ZodNever>> {
  return optionalPart(z.never({ error: "is not supported yet" }));
}
