/** What every kind of check has: a name, the beat, the time limit and the threshold. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { PATTERNS } from "../values/patterns.ts";
import { duration, notSupportedYet, text, whole } from "../values/rules.ts";
import { nameProblem } from "../../text/characters.ts";
import type { Parsed } from "../../text/parsed.ts";
import { formatDuration } from "../../time/duration.ts";

/** The beat and the threshold that every kind of check has. */
export interface CheckTiming {
  readonly intervalMs: number;
  /** While the verdict is changing. */
  readonly fastIntervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive passes that make it healthy. */
  readonly rise: number;
  /** Consecutive failures that make it unhealthy. */
  readonly fall: number;
}

/** What every checked check has. */
export interface CheckBase extends CheckTiming {
  /** Unique within the service, and what a check is known by: across reloads, in status, log and metrics. */
  readonly name: string;
}

/** Keys of every kind. */
export const baseSchema = lazily(() => {
  return {
    name: text(parseCheckName, PATTERNS.checkName).optional().describe(
      "Unique within the service. Default: kind and place, such as http 127.0.0.1:8080/healthz",
    ),
    interval: duration(50, 3_600_000).prefault("1s").describe("Time between the starts of two probes"),
    fastInterval: duration(50, 3_600_000).optional().describe(
      "The same while the verdict is changing. Default: the interval",
    ),
    timeout: duration(10, 600_000).prefault("1s").describe("A probe that takes longer has failed"),
    rise: whole(1, 1000).default(2).describe("Passes in a row that make it healthy"),
    fall: whole(1, 1000).default(3).describe("Failures in a row that make it unhealthy"),
    source: notSupportedYet().describe("Local address of the probes. Not supported yet"),
    invert: notSupportedYet().describe("A failure counts as a pass. Not supported yet"),
    via: notSupportedYet().describe("local or service. Not supported yet"),
    tripwire: notSupportedYet().describe("A standing watch beside the interval. Not supported yet"),
    flap: notSupportedYet().describe("Unhealthy while outcomes change too often. Not supported yet"),
  } as const;
});

/** The same keys of one check, as the schema read them. */
export interface FileBase {
  readonly name?: string | undefined;
  readonly interval: number;
  readonly fastInterval?: number | undefined;
  readonly timeout: number;
  readonly rise: number;
  readonly fall: number;
}

/** The rule between the keys of every kind. */
export function checkBase({ interval, fastInterval }: FileBase, context: z.RefinementCtx): void {
  if (fastInterval === undefined || fastInterval <= interval) return;
  context.addIssue({
    code: "custom",
    path: ["fastInterval"],
    message: "must not be longer than the interval",
  });
}

/** The base of the checked configuration. */
export function resolveBase(file: FileBase, name: string): CheckBase {
  return {
    name,
    intervalMs: file.interval,
    fastIntervalMs: file.fastInterval ?? file.interval,
    timeoutMs: file.timeout,
    rise: file.rise,
    fall: file.fall,
  };
}

/** The base as the file spells it. */
export function renderBase(base: CheckBase): Readonly<Record<string, unknown>> {
  return {
    name: base.name,
    interval: formatDuration(base.intervalMs),
    fastInterval: formatDuration(base.fastIntervalMs),
    timeout: formatDuration(base.timeoutMs),
    rise: base.rise,
    fall: base.fall,
  };
}

/** The longest name of a check. */
export const MAX_CHECK_NAME_LENGTH = 100;

function parseCheckName(input: string): Parsed<string> {
  if (input.trim() !== input || input === "") {
    return { problem: "must not be empty, nor begin or end with a space" };
  }
  const problem = nameProblem(input);
  if (problem !== undefined) return { problem };
  const { length } = [...input];
  return length > MAX_CHECK_NAME_LENGTH
    ? { problem: `must have at most ${MAX_CHECK_NAME_LENGTH} characters, and has ${length}` }
    : { value: input };
}
