// A little of every subject, so that each is known to work, and what the fuzzer says where one does not.
import assert from "node:assert/strict";
import { checkWords, fuzz, FuzzFailure, type FuzzSubject, sortOf } from "./fuzz.ts";
import { SUBJECTS } from "./subjects.ts";

for (const subject of SUBJECTS) {
  Deno.test(`fuzz() of ${subject.name}: 300 answers, of which some are right and some are wrong`, async () => {
    const { answers, verdicts } = await fuzz(subject, { seed: 1, answers: 300 });
    assert.equal(answers, 300);
    const wrong = (verdicts.get("fail") ?? 0) + (verdicts.get("unknown") ?? 0);
    assert.ok(wrong > 20, `${wrong} are wrong`);
    assert.ok(subject.name === "failure" || (verdicts.get("pass") ?? 0) > 10, JSON.stringify([...verdicts]));
  });
}

Deno.test("every subject has a name of its own", () => {
  assert.ok(SUBJECTS.length > 15);
  assert.equal(new Set(SUBJECTS.map(({ name }) => name)).size, SUBJECTS.length);
});

/** One that fails at every octet 7. */
const SEVEN: FuzzSubject = {
  name: "seven",
  open: () => (dice) => {
    const shown = Uint8Array.of(dice.below(256), dice.below(256));
    return {
      shown,
      judge() {
        assert.notEqual(shown[0], 7);
        return { verdict: "pass", sort: shown.toHex() };
      },
    };
  },
};

Deno.test("fuzz() names the answer that fails, and judges it again without those before it", async () => {
  const failed = await fuzz(SEVEN, { seed: 3, answers: 10_000 }).then(() => assert.fail(), (error) => error);
  assert.ok(failed instanceof FuzzFailure);
  assert.match(failed.message, /^seven: answer \d+ of seed 3: .*\n07[0-9a-f]{2}$/s);
  const alone = fuzz(SEVEN, { seed: 3, first: failed.number, answers: 1 });
  await assert.rejects(alone, (error) => error instanceof FuzzFailure && error.message === failed.message);
});

Deno.test("fuzz() makes the same answers of the same seed, and others of another", async () => {
  const sorts = async (
    seed: number,
    first = 0,
  ) => [...(await fuzz(SEVEN, { seed, first, answers: 20 })).sorts.keys()];
  assert.deepEqual(await sorts(1), await sorts(1));
  assert.deepEqual((await sorts(1)).slice(10), (await sorts(1, 10)).slice(0, 10));
  assert.notDeepEqual(await sorts(1), await sorts(2));
});

Deno.test("fuzz() tells an answer that takes long, and none that the machine was busy at once", async () => {
  let [times, ms] = [0, 0];
  const judge = (number: number) => {
    ms += number === 2 || (number === 4 && times++ === 0) ? 60 : 1;
    return { verdict: "pass", sort: "" } as const;
  };
  let number = 0;
  const subject: FuzzSubject = {
    name: "slow",
    open: () => () => {
      const own = number++;
      return { shown: "", judge: () => judge(own) };
    },
  };
  const { slow } = await fuzz(subject, { seed: 1, answers: 6, now: () => ms });
  assert.deepEqual(slow, [{ number: 2, ms: 60 }]);
});

Deno.test("checkWords() refuses what people cannot read", () => {
  for (const words of ["", "a\nb", "\u001b[2J", "\u202e", "\ud800", "x".repeat(401)]) {
    assert.throws(() => checkWords(words), JSON.stringify(words));
  }
  for (const words of ["well", "x".repeat(400), "é 日本 \ufffd", "😀".repeat(400)]) checkWords(words);
});

Deno.test("sortOf() leaves out what differs from one answer to the next", () => {
  assert.equal(sortOf('status 503, the body has "a\\"b": 0123abcdef'), 'status N, the body has "…": …');
});
