/** Dialling on the virtual clock: the order of addresses, the head start, what is told, and what is left open of those that lost. */
import assert from "node:assert/strict";
import { dial } from "../../../src/health/connect/dial.ts";
import { answeredBy } from "../../../src/health/connect/each_address.ts";
import { OwnShortage } from "../../../src/health/connect/failure.ts";
import { parseAddress } from "../../../src/net/address.ts";
import type { StreamAddress, StreamSocket, StreamSource } from "../../../src/net/sockets.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

interface Attempt {
  readonly text: string;
  readonly source: string | undefined;
  readonly atMs: number;
  readonly signal: AbortSignal;
  connect(): void;
  fail(message: string, code?: string, operation?: string): void;
}

interface Scene {
  readonly host?: string;
  readonly timeoutMs?: number;
  readonly source?: string;
  readonly leftOut?: number;
  readonly lookUpMs?: number;
}

/** A host with these addresses, whose connections end as the test says. */
function rig(texts: readonly string[], scene: Scene = {}) {
  const { host = "a.example", timeoutMs = 2000, leftOut = 0, lookUpMs } = scene;
  const clock = new VirtualClock();
  const attempts: Attempt[] = [];
  const open = new Set<string>();
  const steps: string[] = [];
  const controller = new AbortController();
  const found = {
    addresses: texts.flatMap((text) => parseAddress(text) ?? []),
    leftOut,
  };
  const connect = (to: StreamAddress, signal: AbortSignal, from?: StreamSource) =>
    new Promise<StreamSocket>((resolve, reject) => {
      const text = "address" in to ? `${to.address.text} ${to.port}` : to.path;
      signal.addEventListener("abort", () => reject(new Error("aborted")));
      const socket: StreamSocket = {
        local: undefined,
        remote: undefined,
        read: () => Promise.resolve(undefined),
        write: () => Promise.resolve(),
        end: () => Promise.resolve(),
        [Symbol.dispose]: () => void open.delete(text),
      };
      const connected = () => (open.add(text), resolve(socket));
      const fail = (message: string, code?: string, operation?: string) =>
        reject(Object.assign(new Error(message), { code, operation }));
      const source = from?.address?.text;
      attempts.push({ text, source, atMs: clock.now(), signal, connect: connected, fail });
    });
  const addressesOf = () =>
    new Promise<typeof found>((resolve) =>
      lookUpMs === undefined ? resolve(found) : void clock.at(lookUpMs, () => resolve(found))
    );
  const ports = { clock, streams: { connect }, names: { addressesOf } };
  const source = scene.source === undefined ? undefined : parseAddress(scene.source);
  const dialled = dial(host, 80, ports, controller.signal, (step) => steps.push(step), { timeoutMs, source })
    .then(
      () => "connected",
      (error) => `${error instanceof OwnShortage ? "unknown: " : ""}${error.message}`,
    );
  return { clock, attempts, open, steps, controller, dialled };
}

Deno.test("dial() connects to an address that is given itself, and says what it does", async () => {
  const { attempts, dialled, open, steps, clock } = rig(["192.0.2.1"], { host: "192.0.2.1" });
  await settle();
  attempts[0]?.connect();
  assert.equal(await dialled, "connected");
  assert.deepEqual([...open], ["192.0.2.1 80"]);
  assert.deepEqual(steps, ["connecting"]);
  assert.equal(clock.pending, 0);
});

Deno.test("dial() of an address that is given itself fails in the words of the connection alone", async () => {
  const { attempts, dialled } = rig(["192.0.2.1"], { host: "192.0.2.1" });
  await settle();
  attempts[0]?.fail("connection refused");
  assert.equal(await dialled, "connection refused");
});

Deno.test("dial() tries the next address when one fails, takes the first that works, and tells each step", async () => {
  const { attempts, dialled, open, steps, clock } = rig(["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
  await settle();
  attempts[0]?.fail("connection refused");
  await settle();
  attempts[1]?.connect();
  assert.equal(await dialled, "connected");
  assert.deepEqual(attempts.map(({ text }) => text), ["192.0.2.1 80", "192.0.2.2 80"]);
  assert.deepEqual([...open], ["192.0.2.2 80"]);
  assert.equal(clock.pending, 0);
  assert.deepEqual(steps, [
    "looking up the host name",
    "connecting (192.0.2.1)",
    "connecting (192.0.2.2); before that connection refused (192.0.2.1)",
  ]);
});

Deno.test("dial() gives an address that is silent a head start only, and closes the one that comes too late", async () => {
  const { attempts, dialled, open, steps, clock } = rig(["192.0.2.1", "2001:db8::1"]);
  await clock.advance(1000);
  assert.deepEqual(attempts.map(({ atMs }) => atMs), [0, 250]);
  assert.equal(steps.at(-1), "connecting (192.0.2.1, 2001:db8::1)");
  attempts[1]?.connect();
  attempts[0]?.connect();
  assert.equal(await dialled, "connected");
  await settle();
  assert.deepEqual([...open], ["2001:db8::1 80"]);
});

const EIGHT = Array.from({ length: 8 }, (_, index) => `192.0.2.${index + 1}`);

for (
  const [sentence, scene, atMs] of [
    ["1 s", { timeoutMs: 1000 }, [0, 125, 250, 375, 500, 625, 750, 875]],
    ["10 ms", { timeoutMs: 10 }, [0, 1.25, 2.5, 3.75, 5, 6.25, 7.5, 8.75]],
    ["10 s", { timeoutMs: 10_000 }, [0, 250, 500, 750, 1000, 1250, 1500, 1750]],
    ["1 s of which the look-up took 600 ms", { timeoutMs: 1000, lookUpMs: 600 }, [
      ...[600, 650, 700, 750, 800, 850, 900, 950],
    ]],
  ] as const
) {
  Deno.test(`dial() gives each of 8 silent addresses its turn within ${sentence}`, async () => {
    const { attempts, dialled, controller, clock } = rig(EIGHT, scene);
    await clock.advance(scene.timeoutMs);
    assert.deepEqual(attempts.map(({ atMs }) => atMs), atMs);
    controller.abort(new Error("cut off"));
    assert.equal(await dialled, "cut off");
    assert.equal(clock.pending, 0);
  });
}

Deno.test("dial() aborts what has not connected when another has, and not that one", async () => {
  const { attempts, dialled, clock } = rig(["192.0.2.1", "2001:db8::1"]);
  await clock.advance(300);
  attempts[1]?.connect();
  assert.equal(await dialled, "connected");
  assert.deepEqual(attempts.map(({ signal }) => signal.aborted), [true, false]);
});

/** A code of the kernel, or the words of a failure, of each address in turn. */
async function failing(texts: readonly string[], errors: readonly string[], scene?: Scene): Promise<string> {
  const { attempts, dialled, clock } = rig(texts, scene);
  for (const [index, error] of errors.entries()) {
    await settle();
    attempts[index]?.fail(error, /^E[A-Z]+$/.test(error) ? error : undefined);
  }
  const words = await dialled;
  assert.equal(clock.pending, 0);
  return words;
}

for (
  const [sentence, texts, errors, words] of [
    ["its only address", ["192.0.2.1"], ["ECONNREFUSED"], "connection refused (192.0.2.1)"],
    [
      "what each address said",
      ["192.0.2.1", "2001:db8::1"],
      ["ECONNREFUSED", "ENETUNREACH"],
      "connection refused (192.0.2.1); network is unreachable (2001:db8::1)",
    ],
    [
      "once what several said",
      ["192.0.2.1", "2001:db8::1", "192.0.2.2"],
      ["ECONNREFUSED", "EHOSTUNREACH", "ECONNREFUSED"],
      "connection refused (192.0.2.1, 192.0.2.2); no route to host (2001:db8::1)",
    ],
    [
      "few of many addresses",
      EIGHT,
      EIGHT.map(() => "ECONNREFUSED"),
      "connection refused (192.0.2.1, 192.0.2.2, 192.0.2.3 and 5 more)",
    ],
    [
      "few of many words",
      EIGHT,
      EIGHT.map((_, index) => `went wrong ${index}`),
      "went wrong 0 (192.0.2.1); went wrong 1 (192.0.2.2); went wrong 2 (192.0.2.3); 5 more failed",
    ],
    [
      "our own shortage as such, whatever the others said",
      ["192.0.2.1", "192.0.2.2"],
      ["ECONNREFUSED", "EMFILE"],
      "unknown: connection refused (192.0.2.1); this process has too many open files (192.0.2.2)",
    ],
    [
      "no shortage where this host lacks the other family alone",
      ["127.0.0.1", "::1"],
      ["ECONNREFUSED", "EADDRNOTAVAIL"],
      "connection refused (127.0.0.1); no local address or port to connect from (::1)",
    ],
    [
      "a shortage where there is no local address for any",
      ["192.0.2.1", "192.0.2.2"],
      ["EADDRNOTAVAIL", "EADDRNOTAVAIL"],
      "unknown: no local address or port to connect from (192.0.2.1, 192.0.2.2)",
    ],
  ] as const
) {
  Deno.test(`dial() of a name tells ${sentence}`, async () => {
    assert.equal(await failing(texts, errors), words);
  });
}

Deno.test("dial() of a name says how many of its addresses were not tried", async () => {
  assert.equal(
    await failing(EIGHT, EIGHT.map(() => "ECONNREFUSED"), { leftOut: 92 }),
    "connection refused (192.0.2.1, 192.0.2.2, 192.0.2.3 and 5 more); 92 more addresses not tried",
  );
});

Deno.test("dial() connects from its source, to addresses of that family alone", async () => {
  const texts = ["192.0.2.1", "2001:db8::1", "192.0.2.2"];
  const { attempts, dialled } = rig(texts, { source: "2001:db8::9" });
  await settle();
  assert.deepEqual(attempts.map(({ text, source }) => [text, source]), [["2001:db8::1 80", "2001:db8::9"]]);
  attempts[0]?.connect();
  assert.equal(await dialled, "connected");
});

Deno.test("dial() of a name without an address of the source's family says so", async () => {
  const { attempts, dialled } = rig(["192.0.2.1"], { source: "2001:db8::9" });
  assert.equal(await dialled, "a.example has no IPv6 address, and source 2001:db8::9 is one");
  assert.equal(attempts.length, 0);
});

for (
  const [host, address, shown] of [
    ["a.example", "192.0.2.1", " (192.0.2.1)"],
    ["localhost", "::1", " (::1)"],
    ["192.0.2.1", "192.0.2.1", ""],
    ["2001:DB8::1", "2001:db8::1", ""],
    ["a.example", "", ""],
  ] as const
) {
  Deno.test(`answeredBy(${host}, ${address}) is "${shown}"`, () => {
    assert.equal(answeredBy(host, parseAddress(address)), shown);
  });
}

for (const count of [1, 2]) {
  Deno.test(`dial() ends when it is aborted with ${count} addresses, and leaves nothing`, async () => {
    const { attempts, dialled, controller, open, clock } = rig(
      ["192.0.2.1", "2001:db8::1"].slice(0, count),
    );
    await clock.advance(300);
    controller.abort(new Error("cut off"));
    assert.match(await dialled, /aborted|cut off/);
    assert.ok(attempts.every(({ signal }) => signal.aborted));
    assert.deepEqual([open.size, clock.pending], [0, 0]);
  });
}

for (const texts of [["192.0.2.1"], ["192.0.2.1", "192.0.2.2"]]) {
  for (
    const [operation, words] of [["bind", "is no address of this host"], ["connect", "has no port left"]]
  ) {
    Deno.test(`dial() from a source that ${words}, to ${texts.length}: our own shortage`, async () => {
      const { attempts, dialled } = rig(texts, { source: "192.0.2.9" });
      for (const at of texts.keys()) {
        await settle();
        attempts[at]?.fail("cannot assign requested address", "EADDRNOTAVAIL", operation);
      }
      assert.equal(await dialled, `unknown: source 192.0.2.9 ${words} (${texts.join(", ")})`);
    });
  }
}

Deno.test("dial() of a name that is not answered within the timeout says nothing of the service, and before its end", async () => {
  const { clock, attempts, dialled } = rig(["192.0.2.1"], { lookUpMs: 5000, timeoutMs: 1000 });
  let told: string | undefined;
  dialled.then((words) => told = words);
  await clock.advance(899);
  assert.equal(told, undefined);
  await clock.advance(1);
  assert.equal(told, "unknown: host name not looked up: the resolver does not answer");
  await clock.advance(5000);
  assert.deepEqual([attempts.length, clock.pending], [0, 0]);
});
