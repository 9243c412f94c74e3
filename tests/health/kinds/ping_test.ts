/** The ping check's rule over a port that answers as the test says; the real sockets are in tests/integration. */
import assert from "node:assert/strict";
import type { PingCheckConfig } from "../../../src/config/checks/ping.ts";
import type { Icmp } from "../../../src/health/kinds/icmp.ts";
import { pingProbe } from "../../../src/health/kinds/ping.ts";
import { parseAddress } from "../../../src/net/address.ts";
import { PLAIN_CHECK } from "../../support/config.ts";

const addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::3"].map(parseAddress).filter((address) =>
  address !== undefined
);
const CONFIG: PingCheckConfig = {
  type: "ping",
  name: "ping-1",
  addresses,
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 800,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
};

/** Echoes that wait until the test settles them; like the real ones they fail when aborted. */
function echoes() {
  const asked = new Map<
    string,
    { answer(rttMs: number): void; fail(text: string): void; signal: AbortSignal }
  >();
  const icmp: Icmp = {
    echo: (address, { timeoutMs, signal }) =>
      new Promise((resolve, reject) => {
        assert.equal(timeoutMs, 800);
        signal.addEventListener("abort", () => reject(signal.reason));
        asked.set(address.text, {
          answer: (rttMs) => resolve({ rttMs }),
          fail: (text) => reject(new Error(text)),
          signal,
        });
      }),
  };
  return { icmp, asked };
}

Deno.test("pingProbe() asks all addresses at once and passes with the first answer, aborting the others", async () => {
  const { icmp, asked } = echoes();
  const outcome = pingProbe(CONFIG, icmp).run(new AbortController().signal, () => {});
  assert.deepEqual([...asked.keys()], ["192.0.2.1", "192.0.2.2", "2001:db8::3"]);
  asked.get("192.0.2.1")?.fail("destination unreachable");
  asked.get("2001:db8::3")?.answer(1.25);
  assert.deepEqual(await outcome, { kind: "pass", detail: "answer from 2001:db8::3 in 1.3 ms" });
  assert.equal(asked.get("192.0.2.2")?.signal.aborted, true);
});

Deno.test("pingProbe() fails when all have failed, and says how each did", async () => {
  const { icmp, asked } = echoes();
  const outcome = pingProbe(CONFIG, icmp).run(new AbortController().signal, () => {});
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
    const outcome = pingProbe(CONFIG, icmp).run(controller.signal, () => {});
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
    const outcome = await pingProbe(CONFIG, icmp).run(new AbortController().signal, () => {});
    assert.equal(outcome.kind, kind, outcome.detail);
  }
});

Deno.test("pingProbe() where FFI is not allowed says nothing of the service and names the cure", async () => {
  const { kind, detail } = await pingProbe(CONFIG, undefined).run(new AbortController().signal, () => {});
  assert.equal(kind, "unknown");
  assert.match(detail, /--allow-ffi/);
});
