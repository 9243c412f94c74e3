/** Durations as people and Go write them: `500ms`, `3s`, `1m30s`, `1.5h`, or a number of seconds. Pure. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const UNITS = Object.keys(UNIT_MS).join("|");
const NUMBER = "(?:[0-9]{1,12}(?:\\.[0-9]{0,9})?|\\.[0-9]{1,9})";
/** The grammar of a duration, as a regular expression without its ends. */
export const DURATION_PATTERN = `${NUMBER}|(?:${NUMBER}(?:${UNITS}))+`;

const SECONDS = new RegExp(`^${NUMBER}$`);
const WITH_UNITS = new RegExp(`^(?:${DURATION_PATTERN})$`);
const PART = new RegExp(`(${NUMBER})(${UNITS})`, "g");

/**
 * Milliseconds of a number of seconds or of a text such as Go's time.ParseDuration takes, without a sign; undefined for
 * anything else.
 * @example parseDuration("1m30s") // 90000
 */
export function parseDuration(input: string | number): number | undefined {
  const text = String(input);
  if (SECONDS.test(text)) return toMicroseconds(Number(text) * 1000);
  if (!WITH_UNITS.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit = ""] of text.matchAll(PART)) sum += Number(number) * (UNIT_MS[unit] ?? 0);
  return toMicroseconds(sum);
}

/** Nothing here is finer, and sums of fractions are not exact. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** What is wrong with a text that is no duration, where the reason is a usual slip. */
export function durationSlip(text: string): string | undefined {
  const trimmed = text.trim();
  if (/^-/.test(trimmed)) return "it cannot be negative";
  if (parseDuration(text.replace(/\s+/g, "")) !== undefined) return "write it without spaces";
  if (parseDuration(text.toLowerCase()) !== undefined) return "units are written in small letters";
  if (parseDuration(text.replace(",", ".")) !== undefined) return "write it with a point, not a comma";
  if (/^[0-9.]+\s*(d|days?|w|weeks?|y|years?)$/i.test(trimmed)) return "write it in hours, a day is 24h";
  if (/^[0-9.]+\s*(milliseconds?|msecs?|seconds?|secs?|minutes?|mins?|hours?|hrs?)$/i.test(trimmed)) {
    return "units are ms, s, m and h";
  }
  if (/^[0-9]+(:[0-9]{1,2}){1,2}$/.test(trimmed)) return "write it with units, such as 1m30s";
  if (/^P/i.test(trimmed)) return "write it as in 1m30s, not as in ISO 8601";
  return /[a-z\u00b5][0-9.]+$/.test(trimmed) ? "its last number has no unit" : undefined;
}

/** The shortest text that `parseDuration` reads back as `ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0 && ms > 60_000) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
