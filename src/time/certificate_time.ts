/** Times of certificates as OpenSSL writes them, and the runtime after it: `Jan  1 00:00:00 2030 GMT`. Pure. */

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const PATTERN = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{1,4})(?: GMT)?$/;

/**
 * Milliseconds since 1970; NaN where it is no such time. (`Date.parse` takes the year 49 for 2049, and what is none for
 * something.)
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(certificateTime("Jan  1 00:00:00 2030 GMT"), Date.UTC(2030, 0, 1));
 * ```
 */
export function certificateTime(text: string): number {
  const [, name = "", ...numbers] = PATTERN.exec(text) ?? [];
  const [day = NaN, hour = NaN, minute = NaN, second = NaN, year = NaN] = numbers.map(Number);
  const month = MONTHS.indexOf(name);
  if (month < 0 || month % 3 !== 0) return NaN;
  const date = new Date(0);
  date.setUTCFullYear(year, month / 3, day);
  date.setUTCHours(hour, minute, second);
  return date.getUTCDate() === day && date.getUTCHours() === hour ? date.getTime() : NaN;
}
