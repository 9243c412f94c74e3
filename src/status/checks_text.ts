/** A check for people: its verdict, what it counts and waits for, and what its last probes found. Pure. */
import type { CheckResultStatus, CheckStatusEntry, CheckWatchStatus } from "./status.ts";
import { type Piece, PLAIN, type Style, type Tone, toned } from "../text/style.ts";
import { age, lines, table } from "../text/table.ts";
import { formatDuration } from "../time/duration.ts";

/** The colour of a verdict. */
export const VERDICT_TONES = {
  healthy: "good",
  unhealthy: "bad",
  unknown: "changing",
} as const satisfies Record<CheckStatusEntry["verdict"], Tone>;

const RESULT_TONES = {
  pass: undefined,
  fail: "bad",
  unknown: "changing",
} as const satisfies Record<CheckResultStatus["result"], Tone | undefined>;

/** What stands under a label of a service. */
const INDENT = " ".repeat(17);

/** A check in a paragraph of its service. */
export function checkText(check: CheckStatusEntry, now: Date, style: Style = PLAIN): string {
  const { name, verdict, cause, passes, failures, unknowns, lastUnknown, fault, watch } = check;
  const tone = verdict === "healthy" ? undefined : VERDICT_TONES[verdict];
  const counts = [
    `passed ${passes}`,
    `failed ${failures}`,
    ...unknowns === 0 ? [] : [`said nothing ${unknowns}`],
  ];
  const head: readonly Piece[] = [
    toned(`  check          ${name}: ${verdict} for ${age(check.since, now)}: ${cause}`, tone),
    `${INDENT}${counts.join(", ")}${check.expects === "" ? "" : `; passes where ${check.expects}`}`,
    ...flappingLines(check, now),
    ...watch === undefined ? [] : [`${INDENT}tripwire: ${watchWords(watch, now)}`],
    ...lastUnknown === undefined ? [] : [`${INDENT}said nothing the last time because: ${lastUnknown}`],
    ...fault === undefined ? [] : [toned(`${INDENT}a fault of this agent: ${fault}`, "bad")],
    ...check.recent.length === 0 ? [`${INDENT}not probed yet`] : [],
  ];
  return lines(head, style) + resultsText(check.recent, now, style, INDENT);
}

/** The last results as a table, newest first; those in a row that are the same are one row of it. */
export function resultsText(
  results: readonly CheckResultStatus[],
  now: Date,
  style: Style = PLAIN,
  indent = "",
): string {
  if (results.length === 0) return "";
  const rows = stretches(results).map(({ first, count, leastMs, mostMs }) => [
    `${age(first.at, now)} ago`,
    toned(count === 1 ? first.result : `${first.result}, ${count} times`, RESULT_TONES[first.result]),
    leastMs === mostMs ? `${mostMs} ms` : `${leastMs} to ${mostMs} ms`,
    first.detail,
  ]);
  const width = style.width === undefined ? undefined : Math.max(1, style.width - indent.length);
  const text = table(["NEWEST", "RESULT", "TOOK", "WHY"], rows, { ...style, width });
  return text.replace(/^(?=.)/gm, indent);
}

interface Stretch {
  /** The newest one. */
  readonly first: CheckResultStatus;
  readonly count: number;
  readonly leastMs: number;
  readonly mostMs: number;
}

function stretches(results: readonly CheckResultStatus[]): readonly Stretch[] {
  const found: Stretch[] = [];
  for (const each of results) {
    const ms = Math.round(each.durationMs);
    const last = found.at(-1);
    if (last?.first.result !== each.result || last.first.detail !== each.detail) {
      found.push({ first: each, count: 1, leastMs: ms, mostMs: ms });
      continue;
    }
    const { count, leastMs, mostMs } = last;
    found[found.length - 1] = {
      ...last,
      count: count + 1,
      leastMs: Math.min(leastMs, ms),
      mostMs: Math.max(mostMs, ms),
    };
  }
  return found;
}

function flappingLines({ flapping }: CheckStatusEntry, now: Date): readonly Piece[] {
  if (flapping === undefined) return [];
  const { changes, since, until } = flapping;
  return [toned(
    `${INDENT}flapping for ${age(since, now)}: ${changes} changes of outcome; held for another ${
      age(now, until)
    }, until ${until}, or longer where there is more`,
    "bad",
  )];
}

/** Whether it is watched, and what the watch has come to. */
function watchWords({ since, idleLifetimeMs, quiet, trips, lastTrip }: CheckWatchStatus, now: Date): string {
  const learned = idleLifetimeMs === undefined
    ? []
    : [`the server closes idle connections after ${formatDuration(idleLifetimeMs)}`];
  const state = since !== undefined
    ? `watching for ${age(since, now)}`
    : quiet
    ? "not watching: too short for it, tried again after a while"
    : "begins with the next pass";
  const last = lastTrip === undefined ? [] : [
    `tripped ${trips === 1 ? "once" : `${trips} times`}, last ${
      age(lastTrip.at, now)
    } ago: ${lastTrip.reason}`,
  ];
  return [state, ...learned, ...last].join("; ");
}
