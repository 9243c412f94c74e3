/**
 * Control packets by chance, seeded, to a session: what is a packet is read whole and written back, whatever a peer says the
 * machine answers with one packet at most and knows when it wants to be told the time.
 */
import assert from "node:assert/strict";
import { decodePacket, encodePacket, PACKET_OCTETS, STATES } from "../../src/bfd/packet.ts";
import { createSession, nextDeadlineMs, step } from "../../src/bfd/session.ts";
import type { SessionState, Step } from "../../src/bfd/session_state.ts";
import { detectionTimeMs } from "../../src/bfd/timers.ts";
import { concat } from "../../src/bytes/concat.ts";
import type { FuzzSubject } from "../fuzz/fuzz.ts";
import type { Dice } from "../support/dice.ts";
import { FAST, packetOf, sentOf } from "./support.ts";

const INTERVALS = [0, 1, 10_000, 50_000, 1_000_000, 0xffff_ffff];

/** Packets of a peer, one after the other. */
export const BFD_FUZZ: FuzzSubject = {
  name: "bfd",
  open: () => (dice) => {
    const packets = Array.from({ length: 1 + dice.below(6) }, () => packet(dice));
    const waitsMs = packets.map(() => dice.pick([0, 1, 40, 200, 5000]));
    const random = dice.random();
    return {
      shown: concat(packets),
      judge() {
        let nowMs = 0;
        const env = () => ({ now: nowMs, random: () => random });
        let state = createSession({ ...FAST, passive: random < 0.2 }, 1, env());
        const reasons = new Set<string>();
        for (const [index, octets] of packets.entries()) {
          nowMs += waitsMs[index] ?? 0;
          state = judged(state, step(state, { type: "time", heldMs: 0 }, env()), nowMs);
          const decoded = decodePacket(octets);
          if (typeof decoded === "string") {
            reasons.add(decoded);
            continue;
          }
          const again = new Uint8Array(PACKET_OCTETS);
          encodePacket(decoded, again);
          assert.deepEqual(decodePacket(again), { ...decoded, authenticated: false });
          state = judged(state, step(state, { type: "packet", packet: decoded }, env()), nowMs);
        }
        const [reason] = reasons;
        return reason === undefined
          ? { verdict: "pass", sort: state.name }
          : { verdict: "fail", sort: [...reasons].sort().join(" ") };
      },
    };
  },
};

/** What must hold after any event. */
function judged(before: SessionState, { state, actions }: Step, nowMs: number): SessionState {
  const sent = sentOf(actions);
  assert.ok(sent.length <= 1);
  for (const each of sent) {
    assert.ok(!(each.poll && each.final));
    assert.ok(each.state === "Up" || each.desiredMinTxUs >= 1_000_000);
    assert.deepEqual([each.myDiscriminator, each.demand, each.requiredMinEchoRxUs], [1, false, 0]);
  }
  assert.ok(STATES.includes(state.name));
  assert.equal(actions.some(({ type }) => type === "changed"), state.name !== before.name);
  const deadline = nextDeadlineMs(state);
  assert.ok(deadline > -Infinity && !Number.isNaN(deadline));
  // Known of a peer is what it said within its detection time, and nothing else.
  if (state.remote.discr !== 0) assert.ok(state.detectAtMs >= nowMs || detectionTimeMs(state) > 0);
  assert.ok(state.name === "Down" || state.name === "AdminDown" || state.remote.discr !== 0);
  return state;
}

function packet(dice: Dice): Uint8Array {
  const octets = new Uint8Array(PACKET_OCTETS);
  encodePacket(
    packetOf({
      state: dice.pick(STATES),
      diagnostic: dice.below(32),
      poll: dice.oneIn(4),
      final: dice.oneIn(4),
      demand: dice.oneIn(8),
      detectMult: 1 + dice.below(255),
      desiredMinTxUs: dice.pick(INTERVALS),
      requiredMinRxUs: dice.pick(INTERVALS),
    }),
    octets,
  );
  return dice.oneIn(3) ? dice.damaged(octets) : octets;
}
