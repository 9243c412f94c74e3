/** Whether a peer's kernel acknowledges what is sent to it. */
import assert from "node:assert/strict";
import { follow, owed, stuckWords } from "../../src/bgp/progress.ts";
import type { Transmission } from "../../src/net/sockets.ts";

const LOST: Transmission = {
  acknowledgedOctets: 130,
  inFlightOctets: 2000,
  waitingOctets: 500,
  retransmissions: 4,
  backoff: 4,
  segmentOctets: 1448,
  stalledMs: 3000,
  roundTripMs: 1,
  silentMs: 200,
};

const at = (nowMs: number, holdTimeMs = 90_000) => ({ nowMs, holdTimeMs });
const stands = { acknowledgedOctets: 130, movedMs: 0 };

Deno.test("follow() notes when more was acknowledged, or nothing was left to be (issue: B6)", () => {
  const first = follow(undefined, LOST, 1000);
  assert.deepEqual(first, { acknowledgedOctets: 130, movedMs: 1000 });
  assert.equal(follow(first, LOST, 5000).movedMs, 1000);
  assert.equal(follow(first, { ...LOST, acknowledgedOctets: 131 }, 5000).movedMs, 5000);
  const idle = { ...LOST, inFlightOctets: 0, waitingOctets: 0 };
  assert.equal(follow(first, idle, 5000).movedMs, 5000);
  assert.deepEqual([owed(LOST), owed(idle)], [2500, 0]);
});

Deno.test("stuckWords() says nothing as long as it may be chance, or nothing waits (issue: B6)", () => {
  const rows: readonly (readonly [string, Transmission, number, number])[] = [
    ["not for long", LOST, 9_999, 90_000],
    ["not for a third of a short hold time", { ...LOST, stalledMs: 0 }, 2_999, 9_000],
    ["sent again once", { ...LOST, backoff: 1 }, 60_000, 90_000],
    ["not sent again: the peer does not read", { ...LOST, backoff: 0 }, 60_000, 90_000],
    ["nothing waits", { ...LOST, inFlightOctets: 0, waitingOctets: 0 }, 60_000, 90_000],
  ];
  for (const [sentence, seen, nowMs, holdTimeMs] of rows) {
    assert.equal(stuckWords(stands, seen, at(nowMs, holdTimeMs)), undefined, sentence);
  }
});

Deno.test("stuckWords() names how far it got, the length of segments, and the cure where the peer is heard (issue: B6)", () => {
  const words = stuckWords(stands, LOST, at(30_000));
  assert.match(
    words ?? "",
    /nothing beyond the first 130 octets was acknowledged for 30 s, though sent 5 times/,
  );
  assert.match(words ?? "", /2500 octets wait.*segments of 1448 octets.*set tcpMSS: 1220/);
  // Before the hold time ends, whatever it is; without one, too; and by what the kernel knows between two looks.
  assert.notEqual(stuckWords(stands, LOST, at(10_000)), undefined);
  assert.notEqual(stuckWords(stands, LOST, at(3_000, 9_000)), undefined);
  assert.notEqual(stuckWords(stands, LOST, at(10_000, 0)), undefined);
  assert.notEqual(
    stuckWords({ ...stands, movedMs: 30_000 }, { ...LOST, stalledMs: 11_000 }, at(30_000)),
    undefined,
  );
});

Deno.test("stuckWords() blames no MTU where the peer is silent, too, or segments are short already (issue: B6)", () => {
  for (const seen of [{ ...LOST, silentMs: 30_000 }, { ...LOST, segmentOctets: 536 }]) {
    const words = stuckWords(stands, seen, at(30_000));
    assert.match(words ?? "", /look at the path to the peer$/);
    assert.doesNotMatch(words ?? "", /tcpMSS/);
  }
  assert.match(stuckWords(stands, { ...LOST, segmentOctets: 1208 }, at(30_000)) ?? "", /tcpMSS: 1168/);
});

Deno.test("stuckWords() blames no MTU where all that waits fits in a short segment, as where the peer alone has GTSM (issue: B6, B7)", () => {
  const short = { ...LOST, inFlightOctets: 500, waitingOctets: 36 };
  const words = stuckWords(stands, short, at(30_000)) ?? "";
  assert.match(
    words,
    /536 octets wait\. .* short segments are lost, too: turn GTSM \(ttlSecurity\) on at both/,
  );
  assert.doesNotMatch(words, /tcpMSS/);
  assert.match(stuckWords(stands, { ...short, waitingOctets: 37 }, at(30_000)) ?? "", /tcpMSS/);
});

Deno.test("stuckWords() tells a peer that does not read, heard or not, from a path that loses segments (issue: B6)", () => {
  for (const silentMs of [200, 60_000]) {
    const words = stuckWords(stands, { ...LOST, inFlightOctets: 0, silentMs }, at(30_000));
    assert.match(
      words ?? "",
      /^nothing beyond the first 130 octets was taken for 30 s; 500 octets wait: .* does not read/,
    );
    assert.doesNotMatch(words ?? "", /tcpMSS|path/);
  }
});
