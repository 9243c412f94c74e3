/** What a resolver may answer, by chance and seeded: many addresses, the same ones, none, errors, late, never. */
import assert from "node:assert/strict";
import { eachAddress } from "../../../src/health/connect/each_address.ts";
import { failureOf, ProbeFailure } from "../../../src/health/connect/failure.ts";
import { type HostAddresses, NAME_LIMITS, Names } from "../../../src/health/connect/names.ts";
import { type Address, addressOf } from "../../../src/net/address.ts";
import { checkWords, type FuzzSubject, sortOf } from "../../fuzz/fuzz.ts";
import type { Dice } from "../../support/dice.ts";
import { kernelError } from "../../support/memory_streams.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

type Answer = readonly Address[] | Error | "never";
const CODES = ["ECONNREFUSED", "EMFILE", "EAGAIN", "EHOSTUNREACH", "ENETUNREACH", "ESERVFAIL"];

/** Answers to the question for a host name, and what the addresses in them do. */
export const NAMES_FUZZ: FuzzSubject = {
  name: "names",
  open: () => (dice) => {
    const answers: Readonly<Record<4 | 6, Answer>> = { 4: answer(dice, 4), 6: answer(dice, 6) };
    const lateMs = { 4: dice.pick([0, 0, 50, 150, 6000]), 6: dice.pick([0, 0, 50, 150, 6000]) };
    const words = Array.from({ length: 16 }, () => new TextDecoder().decode(dice.octets(dice.below(90))));
    const good = dice.below(12);
    return {
      shown: JSON.stringify(
        { answers, lateMs, good },
        (_, value) => value instanceof Error ? value.message : value,
      ),
      async judge() {
        const clock = new VirtualClock();
        const names = new Names({
          clock,
          async lookUp(_name, family, signal) {
            const given = answers[family];
            await new Promise<void>((resolve) => {
              const timer = given === "never" ? undefined : clock.at(lateMs[family], resolve);
              signal.addEventListener("abort", () => {
                timer?.[Symbol.dispose]();
                resolve();
              });
            });
            signal.throwIfAborted();
            if (given === "never" || given instanceof Error) throw given;
            return given;
          },
        });
        let tried = 0;
        const attempt = {
          run(): Promise<string> {
            if (tried++ === good) return Promise.resolve("well");
            return Promise.reject(new ProbeFailure(`said ${JSON.stringify(words[tried % 3])}`.slice(0, 90)));
          },
        };
        const signal = new AbortController().signal;
        const found = ended(names.addressesOf("a.example"));
        const tries = ended(eachAddress("a.example", attempt, { names, clock }, signal, () => {}));
        await clock.advance(20_000);
        assert.equal(clock.pending, 0);
        const known = found();
        if (!(known instanceof Error)) checkAddresses(known, answers);
        const outcome = tries();
        if (!(outcome instanceof Error)) return { verdict: "pass", sort: `address ${Math.min(tried, 9)}` };
        const { kind, detail } = failureOf(outcome);
        assert.ok([...detail].length <= 600, detail);
        assert.ok(tried <= NAME_LIMITS.addresses);
        if (known instanceof Error) checkWords(detail);
        return {
          verdict: kind,
          sort: known instanceof Error ? sortOf(detail) : `none of ${known.addresses.length}`,
        };
      },
    };
  },
};

/** That all are answers, in turn and none twice, and as few as may be. */
function checkAddresses(
  { addresses, leftOut }: HostAddresses,
  answers: Readonly<Record<4 | 6, Answer>>,
): void {
  const texts = addresses.map((address) => address.text);
  const given = [4, 6].flatMap((family) => {
    const answer = answers[family === 4 ? 4 : 6];
    return Array.isArray(answer) ? answer.map(({ text }: Address) => text) : [];
  });
  assert.ok(texts.length >= 1 && texts.length <= NAME_LIMITS.addresses, `${texts.length} addresses`);
  assert.equal(new Set(texts).size, texts.length);
  assert.ok(texts.every((text) => given.includes(text)));
  assert.ok(leftOut >= 0 && texts.length + leftOut <= new Set(given).size);
}

/** What a promise has come to, once it has. */
function ended<T>(promise: Promise<T>): () => T | Error {
  let result: T | Error = new Error("it never ends");
  promise.then((value) => result = value, (error) => result = error);
  return () => {
    assert.ok(!(result instanceof Error) || result.message !== "it never ends", "it never ends");
    return result;
  };
}

function answer(dice: Dice, family: 4 | 6): Answer {
  if (dice.oneIn(10)) return "never";
  if (dice.oneIn(6)) return kernelError(dice.pick(CODES));
  const count = dice.oneIn(30) ? 200 : dice.below(5);
  // Some of them more than once.
  return Array.from({ length: count }, () => {
    const octets = new Uint8Array(family === 4 ? 4 : 16).fill(1);
    octets[3] = dice.below(dice.oneIn(2) ? 256 : 3);
    return addressOf(octets);
  });
}
