/** Host names on the virtual clock: who asks, what is kept, what is done where the resolver is silent. */
import assert from "node:assert/strict";
import { OwnShortage, ProbeFailure } from "../../../src/health/connect/failure.ts";
import { NAME_LIMITS, type NameLimits, Names } from "../../../src/health/connect/names.ts";
import { type Address, parseAddress } from "../../../src/net/address.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

type Answer = readonly string[] | Error | "silence";

function addresses(texts: readonly string[]): readonly Address[] {
  return texts.flatMap((text) => parseAddress(text) ?? []);
}

/** A resolver that answers `NAME FAMILY` as the test says. */
function rig(answers: Record<string, Answer>, limits: Partial<NameLimits> = {}) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const aborted: string[] = [];
  const names = new Names({
    clock,
    lookUp: (name, family, signal) => {
      const question = `${name} ${family}`;
      asked.push(question);
      signal.addEventListener("abort", () => aborted.push(question));
      const answer = answers[question] ?? [];
      if (answer === "silence") return new Promise(() => {});
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(addresses(answer));
    },
  }, { ...NAME_LIMITS, ...limits });
  return { clock, names, asked, aborted, answers };
}

/** The addresses and how many were left out, or the error's words. */
async function ask(names: Names, host: string): Promise<string> {
  try {
    const { addresses, leftOut } = await names.addressesOf(host);
    return [...addresses.map(({ text }) => text), ...leftOut > 0 ? [`+${leftOut}`] : []].join(" ");
  } catch (error) {
    const kind = error instanceof ProbeFailure ? "fail" : error instanceof OwnShortage ? "unknown" : "?";
    return `${kind}: ${error instanceof Error ? error.message : error}`;
  }
}

for (
  const [host, shown] of [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
    ["localhost", "127.0.0.1 ::1"],
    ["a.LOCALHOST.", "127.0.0.1 ::1"],
  ] as const
) {
  Deno.test(`Names.addressesOf(${host}) asks nobody`, async () => {
    const { names, asked } = rig({});
    assert.equal(await ask(names, host), shown);
    assert.deepEqual(asked, []);
  });
}

for (
  const [sentence, four, six, shown, waitMs] of [
    ["both families, IPv4 first", ["192.0.2.1"], ["2001:db8::1"], "192.0.2.1 2001:db8::1", 0],
    [
      "several of each",
      ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"],
      ["2001:db8::1", "2001:db8::2"],
      "192.0.2.1 2001:db8::1 192.0.2.2 2001:db8::2 192.0.2.3",
      0,
    ],
    ["IPv6 alone", [], ["2001:db8::1"], "2001:db8::1", 0],
    ["one family where the other fails", new Error("SERVFAIL"), ["2001:db8::1"], "2001:db8::1", 0],
    ["one family where the other is silent", ["192.0.2.1"], "silence", "192.0.2.1", 100],
    ["no address", [], [], "fail: host name not found", 0],
    [
      "an error",
      new Error("SERVFAIL"),
      new Error("SERVFAIL"),
      "unknown: host name not looked up: SERVFAIL",
      0,
    ],
    ["silence", "silence", "silence", "unknown: host name not looked up: the resolver does not answer", 5000],
    [
      "no descriptor",
      Object.assign(new Error("x"), { code: "EMFILE" }),
      "silence",
      "unknown: host name not looked up: this process has too many open files",
      5000,
    ],
  ] as const
) {
  Deno.test(`Names.addressesOf() of a name that has ${sentence} is "${shown}" after ${waitMs} ms`, async () => {
    const { names, clock } = rig({ "a.example 4": four, "a.example 6": six });
    let known: string | undefined;
    const asking = ask(names, "a.example").then((text) => known = text);
    await clock.advance(Math.max(0, waitMs - 1));
    if (waitMs > 0) assert.equal(known, undefined);
    await clock.advance(1);
    assert.equal(await asking, shown);
    assert.equal(clock.pending, 0);
  });
}

Deno.test("Names asks once for a name, whoever waits, and in whatever case it is written", async () => {
  const { names, asked } = rig({ "a.example 4": ["192.0.2.1"] });
  const all = await Promise.all(["a.example", "A.example", "a.EXAMPLE"].map((name) => ask(names, name)));
  assert.deepEqual(all, ["192.0.2.1", "192.0.2.1", "192.0.2.1"]);
  assert.deepEqual(asked, ["a.example 4", "a.example 6"]);
});

Deno.test("Names keeps what it knows for a while, asks again meanwhile, and lets nobody wait for that (S3)", async () => {
  const { names, clock, asked, answers } = rig({ "a.example 4": ["192.0.2.1"] });
  assert.equal(await ask(names, "a.example"), "192.0.2.1");
  await clock.advance(4000);
  assert.equal(await ask(names, "a.example"), "192.0.2.1");
  assert.equal(asked.length, 2, "fresh enough");
  answers["a.example 4"] = answers["a.example 6"] = "silence";
  for (let second = 0; second < 295; second++) {
    await clock.advance(1000);
    assert.equal(await ask(names, "a.example"), "192.0.2.1", `after ${second} s`);
  }
  assert.ok(asked.length < 130, `${asked.length} questions: one at a time`);
  await clock.advance(10_000);
  let late = "";
  const asking = ask(names, "a.example").then((text) => late = text);
  await clock.advance(5000);
  await asking;
  assert.equal(late, "unknown: host name not looked up: the resolver does not answer", "too old");
});

Deno.test("Names follows a name that moves, and a name that goes is known for a while only", async () => {
  const { names, clock, answers } = rig({ "a.example 4": ["192.0.2.1"] });
  await ask(names, "a.example");
  answers["a.example 4"] = ["192.0.2.2"];
  await clock.advance(6000);
  assert.equal(await ask(names, "a.example"), "192.0.2.1");
  await settle();
  assert.equal(await ask(names, "a.example"), "192.0.2.2");
  answers["a.example 4"] = [];
  await clock.advance(6000);
  assert.equal(await ask(names, "a.example"), "192.0.2.2");
  await clock.advance(300_000);
  assert.equal(await ask(names, "a.example"), "fail: host name not found");
  answers["a.example 4"] = ["192.0.2.3"];
  assert.equal(await ask(names, "a.example"), "192.0.2.3", "a failure is not kept");
});

Deno.test("Names asks for so many at once and no more, aborts what it gives up, and goes on afterwards", async () => {
  const { names, clock, aborted, answers } = rig(
    { "a 4": "silence", "a 6": "silence", "b 4": "silence", "b 6": "silence" },
    { inFlight: 2 },
  );
  const waiting = Promise.all([ask(names, "a"), ask(names, "b")]);
  assert.equal(
    await ask(names, "c"),
    "unknown: host name not looked up: too many others are being looked up",
  );
  await clock.advance(5000);
  assert.deepEqual(
    await waiting,
    Array(2).fill("unknown: host name not looked up: the resolver does not answer"),
  );
  assert.deepEqual(aborted.sort(), ["a 4", "a 6", "b 4", "b 6"]);
  answers["c 4"] = ["192.0.2.9"];
  assert.equal(await ask(names, "c"), "192.0.2.9");
});

Deno.test("Names leaves room for others beside names that are never answered", async () => {
  const silent = ["a", "b", "c", "d"];
  const answers: Record<string, Answer> = { "good 4": ["192.0.2.9"] };
  for (const name of silent) answers[`${name} 4`] = answers[`${name} 6`] = "silence";
  const { names, clock, asked } = rig(answers, { inFlight: 4 });
  const busy = "unknown: host name not looked up: too many others are being looked up";
  const first = silent.map((name) => ask(names, name));
  assert.equal(await ask(names, "good"), busy, "nobody knows yet which of them will never be answered");
  await clock.advance(5000);
  assert.deepEqual(
    await Promise.all(first),
    Array(4).fill("unknown: host name not looked up: the resolver does not answer"),
  );
  asked.length = 0;
  const again = silent.map((name) => ask(names, name));
  assert.equal(await ask(names, "good"), "192.0.2.9");
  assert.deepEqual(asked, ["a 4", "a 6", "b 4", "b 6", "good 4", "good 6"]);
  // One that is answered again is a name like others.
  answers["a 4"] = ["192.0.2.1"];
  await clock.advance(5000);
  assert.deepEqual(await Promise.all(again), [
    ...Array(2).fill("unknown: host name not looked up: the resolver does not answer"),
    busy,
    busy,
  ]);
  const third = ["c", "d"].map((name) => ask(names, name));
  assert.equal(await ask(names, "a"), busy);
  await clock.advance(5000);
  await Promise.all(third);
  const late = ask(names, "a");
  await clock.advance(100);
  assert.equal(await late, "192.0.2.1");
  await clock.advance(6000);
  const others = ["b", "c", "d"].map((name) => ask(names, name));
  assert.equal(await ask(names, "a"), "192.0.2.1");
  assert.deepEqual(asked.slice(-2), ["a 4", "a 6"], "asked beside two that are slow");
  await clock.advance(5000);
  await Promise.all(others);
});

Deno.test("Names forgets the names that were used longest ago, and keeps few addresses of one", async () => {
  const many = Array.from({ length: 300 }, (_, index) => `192.0.2.${index % 250 + 1}`);
  const { names, asked } = rig({ "a 4": many, "b 4": ["192.0.2.2"], "c 4": ["192.0.2.3"] }, { names: 2 });
  const eight = "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8";
  assert.equal(await ask(names, "a"), `${eight} +242`);
  await ask(names, "b");
  await ask(names, "a");
  await ask(names, "c");
  asked.length = 0;
  await ask(names, "a");
  await ask(names, "c");
  assert.deepEqual(asked, []);
  await ask(names, "b");
  assert.deepEqual(asked, ["b 4", "b 6"]);
});
