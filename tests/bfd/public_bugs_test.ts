// What public implementations of BFD got wrong, by the number that the report has there: each as a row that holds here.
import assert from "node:assert/strict";
import { detectionTimeMs, jitteredMs, transmitIntervalUs } from "../../src/bfd/timers.ts";
import { isFinished } from "../../src/bfd/session.ts";
import { seeded } from "../support/random.ts";
import { FAST, Machine, sentOf, upMachine } from "./support.ts";

interface Row {
  readonly id: string;
  readonly rule: string;
  check(): void;
}

const ROWS: readonly Row[] = [
  {
    id: "gobgp#3562",
    rule:
      "each interval has its own jitter: 75 to 100 % of it, to 90 % where the multiplier is 1 (RFC 5880 6.8.7)",
    check() {
      const random = seeded(3562);
      for (const [detectMult, most] of [[3, 1000], [1, 900]] as const) {
        const waits = Array.from({ length: 2000 }, () => jitteredMs(1_000_000, detectMult, random));
        assert.ok(waits.every((wait) => wait >= 750 && wait <= most));
        assert.ok(Math.min(...waits) < 755 && Math.max(...waits) > most - 5 && new Set(waits).size > 1900);
      }
    },
  },
  {
    id: "gobgp#3563",
    rule:
      "the peer's Required Min RX is kept to, also where it changes, and 0 means that it wants nothing (RFC 5880 6.8.7)",
    check() {
      const machine = upMachine({}, { requiredMinRxUs: 300_000 });
      assert.equal(transmitIntervalUs(machine.state), 300_000);
      const before = machine.state.sentMs;
      machine.hear({ state: "Up", requiredMinRxUs: 900_000 }, 2010);
      assert.ok(machine.state.transmitAtMs - before >= 675, "it counts for the packet that is due next");
      machine.hear({ state: "Up", requiredMinRxUs: 0 }, 2020);
      assert.equal(machine.state.transmitAtMs, Infinity);
      machine.hear({ state: "Up", requiredMinRxUs: 1 }, 2030);
      assert.ok(machine.state.transmitAtMs <= 2080);
    },
  },
  {
    id: "gobgp#3564",
    rule: "not Up: at least a second is told and kept to (RFC 5880 6.8.3)",
    check() {
      const machine = new Machine();
      assert.equal(transmitIntervalUs(machine.state), 1_000_000);
      assert.equal(sentOf(machine.time(1000))[0]?.desiredMinTxUs, 1_000_000);
      const up = upMachine();
      up.time(2150);
      assert.deepEqual([up.state.name, transmitIntervalUs(up.state)], ["Down", 1_000_000]);
    },
  },
  {
    id: "maghemite#798",
    rule:
      "intervals are negotiated: a peer that is slower than we are is waited for as long as it says (RFC 5880 6.8.4)",
    check() {
      const machine = upMachine({}, { desiredMinTxUs: 2_000_000, requiredMinRxUs: 2_000_000 });
      assert.equal(detectionTimeMs(machine.state), 6000);
      assert.equal(transmitIntervalUs(machine.state), 2_000_000);
      machine.hear({ state: "Up", desiredMinTxUs: 300_000, requiredMinRxUs: 300_000, poll: true }, 3000);
      assert.deepEqual([detectionTimeMs(machine.state), transmitIntervalUs(machine.state)], [900, 300_000]);
    },
  },
  {
    id: "FRR#18593",
    rule: "what is known of the peer is kept for a detection time, also in Down (RFC 5880 6.8.18)",
    check() {
      const machine = upMachine();
      machine.hear({ state: "Down", diagnostic: 1 }, 2010);
      assert.deepEqual([machine.state.name, machine.state.remote.discr], ["Down", 7]);
      machine.time(2159);
      assert.equal(machine.state.remote.discr, 7);
      machine.time(2160);
      assert.equal(machine.state.remote.discr, 0);
    },
  },
  {
    id: "FRR#20172",
    rule: "a higher interval comes to be used when its poll has ended (RFC 5880 6.8.3)",
    check() {
      const machine = upMachine();
      machine.on({ type: "configure", config: { ...FAST, desiredMinTxUs: 600_000 } }, 2001);
      machine.time(machine.state.transmitAtMs);
      assert.equal(transmitIntervalUs(machine.state), 50_000);
      machine.hear({ state: "Up", final: true }, 2060);
      assert.equal(transmitIntervalUs(machine.state), 600_000);
      assert.ok(machine.state.transmitAtMs - machine.state.sentMs > 400);
    },
  },
  {
    id: "FRR#22097",
    rule:
      "after Down the next attempt follows within a second, whatever was before, and no longer time is waited for",
    check() {
      const machine = upMachine({}, { requiredMinRxUs: 30_000_000, desiredMinTxUs: 30_000_000 });
      machine.time(machine.state.detectAtMs);
      assert.equal(machine.state.name, "Down");
      assert.ok(machine.state.transmitAtMs - machine.state.sentMs <= 1000);
    },
  },
  {
    id: "FRR#22643",
    rule: "AdminDown is told more than once, as a single packet may be lost (RFC 5880 6.8.16)",
    check() {
      const machine = upMachine();
      machine.on({ type: "admin-down", farewells: 4 }, 2001);
      while (!isFinished(machine.state)) machine.time(machine.state.transmitAtMs);
      assert.equal(sentOf(machine.log).length, 4);
      assert.ok(machine.state.sentMs - 2001 >= 112, "for as long as the peer's detection time at least");
    },
  },
  {
    id: "FRR#23062",
    rule: "a peer that says Down or AdminDown is heard, and its discriminator is kept (RFC 5880 6.8.1)",
    check() {
      for (const state of ["Down", "AdminDown"] as const) {
        const machine = upMachine();
        machine.hear({ state }, 2010);
        assert.equal(machine.state.remote.discr, 7);
      }
    },
  },
  {
    id: "FRR#10120",
    rule:
      "another multiplier of the peer counts with the packet that brings it, without a poll (RFC 5880 6.8.12)",
    check() {
      const machine = upMachine();
      machine.hear({ state: "Up", detectMult: 10 }, 2010);
      assert.equal(machine.state.detectAtMs, 2510);
    },
  },
];

for (const { id, rule, check } of ROWS) Deno.test(`${id}: ${rule}`, check);
