/** Errors of the kernel, of Deno and of TLS by chance, seeded, with whatever text and causes. */
import assert from "node:assert/strict";
import { failureOf } from "../../../src/health/connect/failure.ts";
import { checkWords, type FuzzSubject } from "../../fuzz/fuzz.ts";
import type { Dice } from "../../support/dice.ts";

const TEXTS = [
  "Connection refused (os error 111)",
  "received fatal alert: UnknownCA",
  "EMFILE",
  "x",
  "",
  "\u001b[2J\u202e",
]
  .map((text) => new TextEncoder().encode(text));

/** What the words of an outcome begin with. */
const KNOWN = ["connection ", "the server refuses", "this process has", "unexpected: ", "unknown error"];

/** Errors of connections. */
export const FAILURE_FUZZ: FuzzSubject = {
  name: "failure",
  open: () => (dice) => {
    const error = errorOf(dice, dice.below(dice.oneIn(50) ? 60 : 4));
    return {
      shown: String(error),
      judge() {
        const { kind, detail } = failureOf(error);
        assert.ok(kind === "fail" || kind === "unknown");
        checkWords(detail);
        const known = KNOWN.find((words) => detail.startsWith(words));
        return { verdict: kind, sort: known ?? "in its own words" };
      },
    };
  },
};

function errorOf(dice: Dice, depth: number): unknown {
  const text = new TextDecoder().decode(dice.damaged(dice.pick(TEXTS), TEXTS));
  if (dice.oneIn(20)) {
    return dice.pick([undefined, null, 7, text, {}, Symbol("x")].map((value) => [value]))[0];
  }
  const made = dice.pick([Error, TypeError, RangeError]);
  const error = new made(text, depth > 0 ? { cause: errorOf(dice, depth - 1) } : {});
  if (dice.oneIn(3)) Object.assign(error, { code: dice.pick(["ECONNRESET", "EMFILE", "EX", 7, text]) });
  if (dice.oneIn(30)) Object.assign(error, { cause: error });
  return error;
}
