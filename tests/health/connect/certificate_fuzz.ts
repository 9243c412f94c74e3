/** What a hostile certificate says of itself, by chance and seeded: dates as the library gives them, and names. */
import assert from "node:assert/strict";
import { certificateProblem, certificateWords } from "../../../src/health/connect/certificate.ts";
import { checkWords, type FuzzSubject, sortOf } from "../../fuzz/fuzz.ts";
import type { Dice } from "../../support/dice.ts";

const NOW = new Date(Date.UTC(2026, 0, 1));
const DAY_MS = 86_400_000;
const DATES = [
  "Jan  1 00:00:00 2030 GMT",
  "Dec 31 23:59:59 9999 GMT",
  "Jan  1 00:00:00 0000 GMT",
  "Feb 30 24:00:00 2026 GMT",
  "Jan  1 00:00:00 2026 GMT",
  "Jan  1 00:00:00 2025 GMT",
  "",
];
const NAMES = [
  "DNS:a.example",
  "DNS:*.example, IP Address:192.0.2.1",
  "",
  'DNS:"a,\\u0000"',
  "DNS:\u202eelpmaxe.a",
  "URI:x",
];
const text = (value: string) => new TextEncoder().encode(value);

/** Certificates. */
export const CERTIFICATE_FUZZ: FuzzSubject = {
  name: "certificate",
  open: () => (dice) => {
    const [notBefore, notAfter] = [date(dice), date(dice)];
    const names = new TextDecoder().decode(dice.damaged(text(dice.pick(NAMES)), NAMES.map(text)));
    const minDaysLeft = dice.oneIn(2) ? 0 : dice.below(400);
    const name = dice.oneIn(3) ? undefined : "a.example";
    const distrust = dice.oneIn(3) ? undefined : dice.pick(["chain", "name"] as const);
    return {
      shown: JSON.stringify({ notBefore, notAfter, names, minDaysLeft, name, distrust }),
      judge() {
        const certificate = { notBeforeMs: Date.parse(notBefore), notAfterMs: Date.parse(notAfter), names };
        const session = {
          stream,
          distrust,
          certificate,
          version: undefined,
          protocol: undefined,
          root: undefined,
        };
        checkWords(certificateWords(certificate, NOW));
        const problem = certificateProblem(session, { name, minDaysLeft }, NOW);
        if (problem !== undefined) {
          checkWords(problem.message);
          return { verdict: "fail", sort: sortOf(problem.message).replace(/it is for .*/s, "it is for …") };
        }
        assert.ok(name === undefined || distrust !== "name");
        assert.ok(minDaysLeft === 0 || certificate.notAfterMs >= NOW.getTime() + minDaysLeft * DAY_MS);
        return { verdict: "pass", sort: sortOf(certificateWords(certificate, NOW)) };
      },
    };
  },
};

const stream = {
  local: undefined,
  remote: undefined,
  read: () => assert.fail(),
  write: () => assert.fail(),
  end: () => assert.fail(),
  [Symbol.dispose]() {},
};

function date(dice: Dice): string {
  const damaged = new TextDecoder().decode(dice.damaged(text(dice.pick(DATES))));
  return dice.oneIn(2) ? dice.pick(DATES) : damaged;
}
