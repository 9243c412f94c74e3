/** Times of certificates: right ones, and such as are none. */
import assert from "node:assert/strict";
import { certificateTime } from "../../src/time/certificate_time.ts";

const utc = (text: string) => Date.parse(text);

for (
  const [text, expected] of [
    ["Jan  1 00:00:00 2030 GMT", utc("2030-01-01T00:00:00Z")],
    ["Dec 31 23:59:59 9999 GMT", utc("9999-12-31T23:59:59Z")],
    ["Feb 29 12:34:56 2028 GMT", utc("2028-02-29T12:34:56Z")],
    ["Sep  9 01:02:03 1999", utc("1999-09-09T01:02:03Z")],
    // Long ago, and not within this century.
    ["Jan  1 00:00:00 0049 GMT", utc("0049-01-01T00:00:00Z")],
    ["Jan  1 00:00:00 0 GMT", utc("0000-01-01T00:00:00Z")],
    ["Jan  1 00:00:00 1950 GMT", utc("1950-01-01T00:00:00Z")],
  ] as const
) {
  Deno.test(`certificateTime() reads ${text}`, () => assert.equal(certificateTime(text), expected));
}

for (
  const text of [
    "",
    "Bad time value",
    "2030-01-01T00:00:00Z",
    "anF  1 00:00:00 2030 GMT",
    "Abc  1 00:00:00 2030 GMT",
    "Feb 30 00:00:00 2026 GMT",
    "Jan  0 00:00:00 2026 GMT",
    "Jan  1 24:00:00 2026 GMT",
    "Jan  1 00:60:00 2026 GMT",
    "Jan  1 00:00:00 12026 GMT",
    "Jan  1 00:00:00 2030 GMT\n",
  ]
) {
  Deno.test(`certificateTime() of ${JSON.stringify(text)} is no time`, () =>
    assert.equal(certificateTime(text), NaN));
}
