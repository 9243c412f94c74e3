/** The ping check's rule over a port that answers as the test says; the real sockets are in tests/integration. */
import assert from "node:assert/strict";
import type { PingCheckConfig } from "../../../src/config/checks/ping.ts";
import type { Icmp } from "../../../src/health/kinds/icmp.ts";
import { pingProbe } from "../../../src/health/kinds/ping.ts";
import { parseAddress } from "../../../src/net/address.ts";
import { PLAIN_CHECK } from "../../support/config.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::3"];
const NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["both.example", ["192.0.2.7", "2001:db8::7"]],
  ["four.example", ["192.0.2.8"]],
]);
const names = {
  addressesOf: (host: string) =>
    Promise.resolve({
      addresses: (NAMES.get(host) ?? []).flatMap((text) => parseAddress(text) ?? []),
      leftOut: 0,
    }),
};
const CONFIG: PingCheckConfig = {
  type: "ping",
  name: "ping-1",
  addresses,
  need: "any",
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 800,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
};

const clock = new VirtualClock();
const ports = { names, clock };

/** Echoes that wait until the test settles them; like the real ones they fail when aborted. */
function echoes() {
  const asked = new Map<
    string,
    {
      answer(rttMs: number): void;
      fail(text: string): void;
      source: string | undefined;
      signal: AbortSignal;
    }
  >();
  const icmp: Icmp = {
    echo: (address, { timeoutMs, source, signal }) =>
      new Promise((resolve, reject) => {
        assert.equal(timeoutMs, 800);
        signal.addEventListener("abort", () => reject(signal.reason));
        asked.set(address.text, {
          answer: (rttMs) => resolve({ rttMs }),
          fail: (text) => reject(new Error(text)),
          source: source?.text,
          signal,
        });
      }),
  };
  return { icmp, asked };
}

Deno.test("pingProbe() asks all addresses at once and passes with the first answer, aborting the others", async () => {
  const { icmp, asked } = echoes();
  const outcome = pingProbe(CONFIG, { icmp, ...ports }).run(new AbortController().signal, () => {});
  assert.deepEqual([...asked.keys()], ["192.0.2.1", "192.0.2.2", "2001:db8::3"]);
  asked.get("192.0.2.1")?.fail("destination unreachable");
  asked.get("2001:db8::3")?.answer(1.25);
  assert.deepEqual(await outcome, { kind: "pass", detail: "answer from 2001:db8::3 in 1.3 ms" });
  assert.equal(asked.get("192.0.2.2")?.signal.aborted, true);
});

Deno.test("pingProbe() fails when all have failed, and says how each did", async () => {
  const { icmp, asked } = echoes();
  const outcome = pingProbe(CONFIG, { icmp, ...ports }).run(new AbortController().signal, () => {});
  asked.get("192.0.2.2")?.fail("no echo reply within 800 ms");
  asked.get("2001:db8::3")?.fail("network is unreachable");
  asked.get("192.0.2.1")?.fail("host unreachable");
  assert.deepEqual(await outcome, {
    kind: "fail",
    detail:
      "192.0.2.1: host unreachable; 192.0.2.2: no echo reply within 800 ms; 2001:db8::3: network is unreachable",
  });
});

Deno.test("pingProbe() fails when it is aborted, before or after it began", async () => {
  for (const before of [true, false]) {
    const { icmp, asked } = echoes();
    const controller = new AbortController();
    if (before) controller.abort();
    const outcome = pingProbe(CONFIG, { icmp, ...ports }).run(controller.signal, () => {});
    if (!before) controller.abort();
    if (before) { for (const echo of asked.values()) echo.fail("aborted"); }
    assert.equal((await outcome).kind, "fail");
    assert.ok([...asked.values()].every(({ signal }) => signal.aborted));
  }
});

Deno.test("pingProbe() says nothing of the service where this host allows no echo, be it to one of several", async () => {
  const refused = new Error("no ICMP socket: raw: EPERM, needs CAP_NET_RAW");
  const noWay = Object.assign(new Error("sendto: cannot assign requested address"), {
    code: "EADDRNOTAVAIL",
  });
  const rows = [
    { errors: [refused, refused, refused], kind: "unknown" },
    { errors: [new Error("no echo reply within 800 ms"), refused, refused], kind: "unknown" },
    // A host without IPv6 has no address to send from; that is no shortage.
    {
      errors: [
        new Error("no echo reply within 800 ms"),
        new Error("no echo reply within 800 ms"),
        noWay,
      ],
      kind: "fail",
    },
  ] as const;
  for (const { errors, kind } of rows) {
    const rest = [...errors];
    const icmp: Icmp = {
      echo() {
        throw rest.shift();
      },
    };
    const outcome = await pingProbe(CONFIG, { icmp, ...ports }).run(new AbortController().signal, () => {});
    assert.equal(outcome.kind, kind, outcome.detail);
  }
});

Deno.test("pingProbe() where FFI is not allowed says nothing of the service and names the cure", async () => {
  const { kind, detail } = await pingProbe(CONFIG, { icmp: undefined, ...ports }).run(
    new AbortController().signal,
    () => {},
  );
  assert.equal(kind, "unknown");
  assert.match(detail, /--allow-ffi/);
});

const ALL: PingCheckConfig = { ...CONFIG, need: "all" };

Deno.test("pingProbe() that needs all passes when all have answered, and not before", async () => {
  const { icmp, asked } = echoes();
  const steps: string[] = [];
  let ended = false;
  const outcome = pingProbe(ALL, { icmp, ...ports }).run(
    new AbortController().signal,
    (step) => steps.push(step),
  );
  outcome.then(() => ended = true);
  asked.get("192.0.2.2")?.answer(1);
  asked.get("192.0.2.1")?.answer(2);
  await settle();
  assert.equal(ended, false);
  asked.get("2001:db8::3")?.answer(3);
  assert.deepEqual(await outcome, {
    kind: "pass",
    detail:
      "answer from 192.0.2.1 in 2.0 ms, answer from 192.0.2.2 in 1.0 ms, answer from 2001:db8::3 in 3.0 ms",
  });
  assert.deepEqual(steps, [
    "waiting for an answer from 192.0.2.1, 192.0.2.2, 2001:db8::3",
    "waiting for an answer from 192.0.2.1, 2001:db8::3",
    "waiting for an answer from 2001:db8::3",
  ]);
});

Deno.test("pingProbe() that needs all fails with those that did not answer, each in its words", async () => {
  const { icmp, asked } = echoes();
  const outcome = pingProbe(ALL, { icmp, ...ports }).run(new AbortController().signal, () => {});
  asked.get("192.0.2.1")?.answer(1);
  asked.get("192.0.2.2")?.fail("host unreachable, says 192.0.2.254");
  asked.get("2001:db8::3")?.fail("no echo reply within 800 ms");
  assert.deepEqual(await outcome, {
    kind: "fail",
    detail:
      "192.0.2.2: host unreachable, says 192.0.2.254; 2001:db8::3: no echo reply within 800 ms (1 of 3 answered)",
  });
});

Deno.test("pingProbe() that needs all knows that it failed where one is silent, whatever was short for another", async () => {
  const shortage = "sendto: the send buffer is full";
  for (const [others, kind] of [["no echo reply within 800 ms", "fail"], [shortage, "unknown"]] as const) {
    const { icmp, asked } = echoes();
    const outcome = pingProbe(ALL, { icmp, ...ports }).run(new AbortController().signal, () => {});
    asked.get("192.0.2.1")?.fail(shortage);
    for (const text of ["192.0.2.2", "2001:db8::3"]) asked.get(text)?.fail(others);
    assert.equal((await outcome).kind, kind);
  }
});

Deno.test("pingProbe() asks from its source, and says nothing of the service where this host does not have it", async () => {
  const source = parseAddress("192.0.2.9");
  const { icmp, asked } = echoes();
  const config = { ...CONFIG, addresses: addresses.slice(0, 1), source };
  const outcome = pingProbe(config, { icmp, ...ports }).run(new AbortController().signal, () => {});
  assert.equal(asked.get("192.0.2.1")?.source, "192.0.2.9");
  asked.get("192.0.2.1")?.answer(1);
  assert.equal((await outcome).kind, "pass");
  const gone = Object.assign(new Error("bind: cannot assign requested address"), {
    code: "EADDRNOTAVAIL",
    operation: "bind",
  });
  const nowhere: Icmp = { echo: () => Promise.reject(gone) };
  assert.deepEqual(
    await pingProbe(config, { icmp: nowhere, ...ports }).run(new AbortController().signal, () => {}),
    {
      kind: "unknown",
      detail: "192.0.2.1: source 192.0.2.9 is no address of this host",
    },
  );
});

Deno.test("pingProbe() asks a host name by each of its addresses, and says which one answered", async () => {
  const { icmp, asked } = echoes();
  const config = { ...ALL, addresses: ["both.example", "192.0.2.1"] };
  const outcome = pingProbe(config, { icmp, ...ports }).run(new AbortController().signal, () => {});
  await settle();
  asked.get("192.0.2.7")?.fail("host unreachable");
  await settle();
  asked.get("2001:db8::7")?.answer(1);
  asked.get("192.0.2.1")?.answer(2);
  assert.deepEqual(await outcome, {
    kind: "pass",
    detail: "answer from both.example (2001:db8::7) in 1.0 ms, answer from 192.0.2.1 in 2.0 ms",
  });
  assert.equal(clock.pending, 0);
});

Deno.test("pingProbe() of a host name fails with each of its addresses, from a source with those of its family alone", async () => {
  for (
    const [source, asks, detail] of [
      [
        undefined,
        2,
        "both.example: host unreachable (192.0.2.7, 2001:db8::7); four.example: host unreachable (192.0.2.8)",
      ],
      [
        parseAddress("2001:db8::9"),
        1,
        "both.example: host unreachable (2001:db8::7); " +
        "four.example: four.example has no IPv6 address, and source 2001:db8::9 is one",
      ],
    ] as const
  ) {
    const { icmp, asked } = echoes();
    const config = { ...CONFIG, addresses: ["both.example", "four.example"], source };
    const outcome = pingProbe(config, { icmp, ...ports }).run(new AbortController().signal, () => {});
    for (const text of ["192.0.2.7", "192.0.2.8", "2001:db8::7"]) {
      await settle();
      asked.get(text)?.fail("host unreachable");
    }
    assert.deepEqual(await outcome, { kind: "fail", detail });
    assert.equal([...asked.keys()].filter((text) => text.endsWith("7")).length, asks);
    assert.equal(clock.pending, 0);
  }
});
