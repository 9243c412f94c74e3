// The session machine (RFC 5880 section 6.8): states, intervals and polls, detection, AdminDown, Demand of the peer.
import assert from "node:assert/strict";
import { type BfdStateName, STATES } from "../../src/bfd/packet.ts";
import { isFinished, nextDeadlineMs, step } from "../../src/bfd/session.ts";
import { detectionTimeMs, transmitIntervalUs } from "../../src/bfd/timers.ts";
import { FAST, Machine, packetOf, sentOf, upMachine } from "./support.ts";

/** RFC 5880 section 6.8.6: our state, the peer's, and ours afterwards with its diagnostic. */
const TABLE: readonly [BfdStateName, BfdStateName, BfdStateName, number][] = [
  ["Down", "AdminDown", "Down", 0],
  ["Down", "Down", "Init", 0],
  ["Down", "Init", "Up", 0],
  ["Down", "Up", "Down", 0],
  ["Init", "AdminDown", "Down", 3],
  ["Init", "Down", "Init", 0],
  ["Init", "Init", "Up", 0],
  ["Init", "Up", "Up", 0],
  ["Up", "AdminDown", "Down", 3],
  ["Up", "Down", "Down", 3],
  ["Up", "Init", "Up", 0],
  ["Up", "Up", "Up", 0],
  ["AdminDown", "AdminDown", "AdminDown", 7],
  ["AdminDown", "Down", "AdminDown", 7],
  ["AdminDown", "Init", "AdminDown", 7],
  ["AdminDown", "Up", "AdminDown", 7],
];

Deno.test("the table has every state with every state", () => {
  assert.equal(new Set(TABLE.map(([ours, theirs]) => ours + theirs)).size, STATES.length ** 2);
});

for (const [ours, theirs, after, diagnostic] of TABLE) {
  Deno.test(`step() in ${ours} on a packet that says ${theirs}: ${after}, diagnostic ${diagnostic} (RFC 5880 6.8.6)`, () => {
    const machine = machineIn(ours);
    const actions = machine.hear({ state: theirs }, 100);
    assert.deepEqual([machine.state.name, machine.state.localDiag], [after, diagnostic]);
    const changed = actions.filter(({ type }) => type === "changed");
    assert.deepEqual(changed, ours === after ? [] : [{ type: "changed", from: ours, to: after }]);
    assert.equal(sentOf(actions).length, ours === after ? 0 : 1, "a new state is told at once");
  });
}

function machineIn(name: BfdStateName): Machine {
  const machine = new Machine();
  if (name === "AdminDown") machine.on({ type: "admin-down", farewells: 3 }, 0);
  if (name === "Init" || name === "Up") machine.hear({ state: "Down" }, 0);
  if (name === "Up") machine.hear({ state: "Init" }, 0);
  assert.equal(machine.state.name, name);
  return machine;
}

Deno.test("a session that came Up polls for its own interval, in one packet at once, and never with F (RFC 5880 6.5)", () => {
  const machine = machineIn("Init");
  const [packet] = sentOf(machine.hear({ state: "Init" }, 0));
  assert.deepEqual([packet?.state, packet?.poll, packet?.final, packet?.desiredMinTxUs], [
    "Up",
    true,
    false,
    50_000,
  ]);
});

Deno.test("a poll is answered at once with F, which postpones no other packet, nor ends our own poll (RFC 5880 6.5)", () => {
  const machine = machineIn("Up");
  const next = machine.state.transmitAtMs;
  for (let now = 10; now < next; now += 5) {
    const [answer, ...more] = sentOf(machine.hear({ state: "Up", poll: true }, now));
    assert.deepEqual([answer?.final, answer?.poll, more.length], [true, false, 0]);
  }
  assert.equal(machine.state.transmitAtMs, next);
  assert.equal(sentOf(machine.time(next))[0]?.poll, true, "ours goes on until it is answered");
  machine.hear({ state: "Up", final: true }, next + 1);
  assert.equal(sentOf(machine.time(machine.state.transmitAtMs))[0]?.poll, false);
});

Deno.test("a poll is answered in every state that takes packets (RFC 5880 6.8.6)", () => {
  const answers = (["Down", "Init", "Up"] as const).map((state) => {
    const machine = machineIn(state);
    const sent = sentOf(machine.hear({ state: state === "Down" ? "Up" : state, poll: true }, 10));
    return sent.map(({ final, poll, state }) => [final, poll, state].join());
  });
  // In Init it comes with what the packet changed.
  assert.deepEqual(answers, [["true,false,Down"], ["true,false,Up"], ["true,false,Up"]]);
});

Deno.test("packets that change no interval draw the jitter of the next one of ours not anew", () => {
  const machine = new Machine();
  machine.hear({ state: "Down" }, 0);
  machine.hear({ state: "Up", final: true }, 1);
  machine.time(machine.state.transmitAtMs);
  const next = machine.state.transmitAtMs;
  const { state } = step(machine.state, { type: "packet", packet: packetOf({ state: "Up" }) }, {
    now: machine.state.sentMs + 1,
    random: () => 0,
  });
  assert.equal(state.transmitAtMs, next);
});

Deno.test("F ends no poll of which nothing was sent yet", () => {
  const machine = upMachine();
  machine.on({ type: "configure", config: { ...FAST, desiredMinTxUs: 500_000 } }, 2001);
  machine.hear({ state: "Up", final: true }, 2002);
  assert.equal(transmitIntervalUs(machine.state), 50_000);
  assert.equal(sentOf(machine.time(machine.state.transmitAtMs))[0]?.poll, true);
});

Deno.test("a higher transmit interval is told by a poll and gone by when that has ended (RFC 5880 6.8.3)", () => {
  const machine = upMachine();
  machine.on({ type: "configure", config: { ...FAST, desiredMinTxUs: 500_000 } }, 2001);
  const [packet] = sentOf(machine.time(machine.state.transmitAtMs));
  assert.deepEqual([packet?.poll, packet?.desiredMinTxUs], [true, 500_000]);
  assert.equal(transmitIntervalUs(machine.state), 50_000);
  machine.hear({ state: "Up", final: true }, 2060);
  assert.equal(transmitIntervalUs(machine.state), 500_000);
});

Deno.test("a lower transmit interval is gone by at once (RFC 5880 6.8.3)", () => {
  const machine = upMachine({ desiredMinTxUs: 800_000 });
  machine.on({ type: "configure", config: FAST }, 2001);
  assert.equal(transmitIntervalUs(machine.state), 50_000);
  assert.ok(machine.state.transmitAtMs <= 2051);
});

Deno.test("a lower required interval shortens the detection time when the poll has ended, a higher one lengthens it at once (RFC 5880 6.8.3)", () => {
  const machine = upMachine({ requiredMinRxUs: 200_000 });
  assert.equal(detectionTimeMs(machine.state), 600);
  machine.on({ type: "configure", config: { ...FAST, requiredMinRxUs: 100_000 } }, 2001);
  assert.equal(detectionTimeMs(machine.state), 600);
  machine.time(machine.state.transmitAtMs);
  machine.hear({ state: "Up", final: true }, 2300);
  assert.equal(detectionTimeMs(machine.state), 300);
  machine.on({ type: "configure", config: { ...FAST, requiredMinRxUs: 400_000 } }, 4000);
  assert.deepEqual([detectionTimeMs(machine.state), machine.state.detectAtMs], [1200, 3500]);
});

Deno.test("a second change during a poll waits for its end, and for answers to what it sent too often (RFC 5880 6.5)", () => {
  const machine = upMachine();
  machine.on({ type: "configure", config: { ...FAST, desiredMinTxUs: 200_000 } }, 2001);
  machine.time(2050);
  machine.on({ type: "configure", config: { ...FAST, desiredMinTxUs: 400_000 } }, 2051);
  assert.equal(sentOf(machine.time(2100))[0]?.desiredMinTxUs, 200_000);
  machine.hear({ state: "Up", final: true }, 2110);
  assert.equal(transmitIntervalUs(machine.state), 200_000);
  const sent: (number | boolean | undefined)[][] = [];
  while (sent.length < 2) {
    machine.hear({ state: "Up" }, machine.state.transmitAtMs);
    const [packet] = sentOf(machine.time(machine.state.transmitAtMs));
    sent.push([packet?.desiredMinTxUs, packet?.poll]);
  }
  assert.deepEqual(sent, [[400_000, true], [400_000, true]]);
  assert.equal(transmitIntervalUs(machine.state), 200_000);
  machine.hear({ state: "Up", final: true }, machine.state.sentMs + 1);
  assert.equal(transmitIntervalUs(machine.state), 400_000);
});

Deno.test("a late answer to the poll before does not end the next one", () => {
  const machine = upMachine();
  machine.on({ type: "configure", config: { ...FAST, desiredMinTxUs: 200_000 } }, 2001);
  machine.time(2050);
  machine.time(2100);
  machine.on({ type: "configure", config: { ...FAST, desiredMinTxUs: 400_000 } }, 2101);
  machine.hear({ state: "Up", final: true }, 2120);
  machine.hear({ state: "Up", final: true }, 2170);
  assert.equal(machine.state.desiredMinTxUs, 200_000, "nothing new is told before that may have come");
});

Deno.test("a changed multiplier needs no poll (RFC 5880 6.8.12)", () => {
  const machine = upMachine();
  machine.on({ type: "configure", config: { ...FAST, detectMult: 5 } }, 2001);
  const [packet] = sentOf(machine.time(machine.state.transmitAtMs));
  assert.deepEqual([packet?.detectMult, packet?.poll], [5, false]);
});

Deno.test("the detection time is the peer's multiplier by the greater of our required and its desired interval (RFC 5880 6.8.4)", () => {
  const machine = upMachine({ requiredMinRxUs: 60_000 }, { detectMult: 4, desiredMinTxUs: 50_000 });
  assert.equal(detectionTimeMs(machine.state), 240);
  machine.hear({ state: "Up", detectMult: 2, desiredMinTxUs: 90_000 }, 2010);
  assert.deepEqual([detectionTimeMs(machine.state), machine.state.detectAtMs], [180, 2190]);
});

Deno.test("a peer that is silent for the detection time is lost, with diagnostic 1, and nothing of it is remembered (RFC 5880 6.8.4)", () => {
  const machine = upMachine({}, { requiredMinRxUs: 0 });
  assert.equal(machine.state.detectAtMs, 2150);
  machine.time(2149.9);
  assert.equal(machine.state.name, "Up");
  const [packet] = sentOf(machine.time(2150));
  assert.deepEqual([machine.state.name, machine.state.localDiag, machine.state.remote.discr], ["Down", 1, 0]);
  assert.deepEqual(
    [packet?.state, packet?.diagnostic, packet?.yourDiscriminator, packet?.desiredMinTxUs, packet?.poll],
    ["Down", 1, 0, 1_000_000, false],
  );
  assert.match(machine.state.cause, /nothing came from the peer for 150ms/);
  assert.ok(machine.state.transmitAtMs < Infinity, "it asks again though the peer once wanted no packets");
});

Deno.test("a peer that comes back before its time is over is up at once, with nothing in between", () => {
  const machine = upMachine();
  machine.hear({ state: "Down", diagnostic: 1, yourDiscriminator: 0 }, 2010);
  assert.equal(machine.state.name, "Down");
  machine.hear({ state: "Down" }, 2011);
  machine.hear({ state: "Init" }, 2012);
  assert.equal(machine.state.name, "Up");
});

Deno.test("while this process was held for as long as an interval, silence is given one more detection time, once", () => {
  const machine = upMachine();
  assert.deepEqual(machine.time(2500, 350), [{ type: "extended", heldMs: 350 }]);
  assert.deepEqual([machine.state.name, machine.state.detectAtMs], ["Up", 2650]);
  assert.equal(machine.state.name, "Up");
  machine.time(2650, 350);
  assert.equal(machine.state.name, "Down", "that is not repeated however late we are");
});

Deno.test("a hold that is shorter than the interval of the peer excuses nothing", () => {
  const machine = upMachine();
  machine.time(2150, 49);
  assert.equal(machine.state.name, "Down");
});

Deno.test("a packet ends the extension, and the next silence may have one again", () => {
  const machine = upMachine();
  machine.time(2500, 350);
  machine.hear({ state: "Up" }, 2600);
  assert.equal(machine.state.detectAtMs, 2750);
  machine.time(2800, 100);
  assert.deepEqual([machine.state.name, machine.state.detectAtMs], ["Up", 2950]);
});

Deno.test("a peer in AdminDown is told apart from a way that failed (RFC 5882 3.2)", () => {
  const machine = upMachine();
  machine.hear({ state: "AdminDown", diagnostic: 7 }, 2010);
  assert.deepEqual([machine.state.name, machine.state.remote.name], ["Down", "AdminDown"]);
  assert.match(machine.state.cause, /turned off at the peer/);
});

Deno.test("AdminDown of ours is told as often as fits into a second, at the interval in use, and then nothing (RFC 5880 6.8.16)", () => {
  for (
    const [intervalUs, most, told] of [[50_000, 3, 3], [400_000, 3, 3], [600_000, 3, 2], [
      2_000_000,
      3,
      1,
    ]] as const
  ) {
    const machine = upMachine({ desiredMinTxUs: intervalUs }, { requiredMinRxUs: intervalUs });
    machine.on({ type: "admin-down", farewells: most }, 2010);
    machine.on({ type: "admin-down", farewells: most }, 2010);
    while (!isFinished(machine.state)) machine.time(nextDeadlineMs(machine.state));
    const packets = sentOf(machine.log);
    assert.equal(packets.length, told, `at ${intervalUs}`);
    assert.ok(packets.every(({ state, diagnostic }) => state === "AdminDown" && diagnostic === 7));
    assert.ok(machine.state.sentMs <= 3010);
    assert.equal(nextDeadlineMs(machine.state), Infinity);
  }
});

Deno.test("AdminDown of a session that is Down is told once, as the peer has nothing to lose", () => {
  const machine = new Machine();
  machine.on({ type: "admin-down", farewells: 5 }, 10);
  assert.equal(isFinished(machine.state), true);
  assert.deepEqual(sentOf(machine.log).map(({ state }) => state), ["AdminDown"]);
});

Deno.test("a passive session says nothing before it has heard the peer, nor when it ends (RFC 5880 6.1)", () => {
  const machine = new Machine({ passive: true });
  assert.equal(nextDeadlineMs(machine.state), Infinity);
  machine.hear({ state: "Down", yourDiscriminator: 0 }, 100);
  assert.equal(machine.state.name, "Init");
  assert.equal(sentOf(machine.log).length, 1);
  machine.time(machine.state.detectAtMs);
  assert.equal(machine.state.transmitAtMs, Infinity);
  machine.log.length = 0;
  machine.on({ type: "admin-down", farewells: 3 }, 5000);
  assert.deepEqual([sentOf(machine.log).length, isFinished(machine.state)], [0, true]);
});

Deno.test("a peer in Demand mode is sent polls and answers only; its packets are waited for as before (RFC 5880 6.6)", () => {
  const machine = upMachine();
  machine.hear({ state: "Up", demand: true }, 2010);
  assert.equal(machine.state.transmitAtMs, Infinity);
  assert.equal(machine.state.detectAtMs, 2160);
  assert.equal(sentOf(machine.hear({ state: "Up", demand: true, poll: true }, 2020))[0]?.final, true);
  machine.on({ type: "configure", config: { ...FAST, desiredMinTxUs: 70_000 } }, 2030);
  assert.equal(sentOf(machine.time(machine.state.transmitAtMs))[0]?.poll, true);
  machine.hear({ state: "Up", demand: true, final: true }, 2100);
  assert.equal(machine.state.transmitAtMs, Infinity);
  machine.hear({ state: "Up", demand: false }, 2110);
  assert.ok(machine.state.transmitAtMs <= 2180);
});

Deno.test("a session that comes Up tells its own interval at once, whatever poll of Down is still without an answer", () => {
  const machine = upMachine();
  assert.equal(sentOf(machine.hear({ state: "Down" }, 2010))[0]?.poll, true);
  machine.hear({ state: "Down" }, 2011);
  const [packet] = sentOf(machine.hear({ state: "Init" }, 2012));
  assert.deepEqual([packet?.state, packet?.poll, packet?.desiredMinTxUs], ["Up", true, 50_000]);
});

Deno.test("a peer that changes its intervals all the time keeps no packet from being sent", () => {
  const machine = upMachine({}, { requiredMinRxUs: 100_000 });
  let sent = 0;
  for (let now = 2000; now < 4000; now += 10) {
    machine.hear({ state: "Up", requiredMinRxUs: now % 20 === 0 ? 100_000 : 101_000 }, now);
    sent += sentOf(machine.time(now)).length;
  }
  assert.ok(sent >= 18, `${sent} packets in two seconds`);
});
