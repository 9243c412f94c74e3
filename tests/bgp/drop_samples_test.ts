// What the kernel drops while a passive peer is waited for.
import assert from "node:assert/strict";
import { droppedSince, type DropSample, DropSamples } from "../../src/bgp/drop_samples.ts";
import { NO_DROPS, type SegmentDrops } from "../../src/bgp/transport/segment_drops.ts";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import { CeaseSubcode } from "../../src/bgp/wire/constants.ts";
import { cease } from "../../src/bgp/wire/notification.ts";
import { failedAttemptWords, waitingWords } from "../../src/status/attempt_words.ts";
import { sessionCure } from "../../src/status/session_cure.ts";
import { A, B, Stage } from "../support/speakers.ts";
import { status } from "../support/status.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const drops = (change: Partial<SegmentDrops>): SegmentDrops => ({ ...NO_DROPS, ...change });

/** Ten of each, and these besides. */
function counts(
  { mismatched = 0, unsigned = 0, unexpected = 0, lowTtl = 0 }: Partial<SegmentDrops>,
): SegmentDrops {
  return {
    mismatched: 10 + mismatched,
    unsigned: 10 + unsigned,
    unexpected: 10 + unexpected,
    lowTtl: 10 + lowTtl,
  };
}

Deno.test("DropSamples reads the counters once in a second, however many ask, and again where they could not be read", async () => {
  const clock = new VirtualClock();
  let reads = 0;
  const samples = new DropSamples(clock, () => ++reads === 2 ? undefined : drops({ lowTtl: reads }));
  for (let asked = 0; asked < 1000; asked++) assert.equal(samples.sample()?.drops.lowTtl, 1);
  await clock.advance(999);
  assert.equal(samples.sample()?.atMs, 0);
  await clock.advance(1);
  assert.equal(samples.sample(), undefined);
  await clock.advance(1000);
  assert.deepEqual(samples.sample(), { atMs: 2000, drops: drops({ lowTtl: 3 }) });
  assert.equal(reads, 3);
});

Deno.test("droppedSince() is what came between, since the first sample, and nothing where nothing did or nobody can know", () => {
  const at = (atMs: number, change: Partial<SegmentDrops>): DropSample => ({ atMs, drops: drops(change) });
  const before = at(7, { unsigned: 2, lowTtl: 1 });
  assert.deepEqual(droppedSince(before, at(9, { unsigned: 5, lowTtl: 1 })), at(7, { unsigned: 3 }));
  assert.equal(droppedSince(before, before), undefined);
  assert.equal(droppedSince(undefined, before), undefined);
  assert.equal(droppedSince(before, undefined), undefined);
});

Deno.test("a passive peer that is waited for tells what the kernel drops meanwhile, by its settings, honest that it may be of others (B7)", async () => {
  const rows = [
    [
      { password: "x" },
      { mismatched: 3 },
      /^the kernel dropped 3 segments whose TCP-MD5 signature did not match since 2026-\S+, while b is waited for; they may be of somebody else's connections$/,
      /^give both sides the same password \(b\)$/,
    ],
    [
      { password: "x" },
      { unsigned: 1 },
      /^the kernel dropped 1 segment without the TCP-MD5 signature/,
      /^configure the password for us at b/,
    ],
    [
      {},
      { unexpected: 2 },
      /with a signature that no key is configured for since/,
      /^set password of b to what the router has/,
    ],
    [
      { ttlSecurity: 1 },
      { lowTtl: 2 },
      /whose TTL was below 255 \(GTSM, RFC 5082\) since/,
      /^turn GTSM on at b/,
    ],
    // What cannot be of this peer's is not told of it.
    [{}, { mismatched: 2, unsigned: 2, lowTtl: 2 }, undefined, /^b must connect to us|^b is passive/],
  ] as const;
  for (const [peer, change, sentence, cure] of rows) {
    const stage = new Stage();
    let counted = counts({});
    const transport: Transport = { ...stage.network.transport(A), drops: () => counted };
    const end = stage.end(A, { peer: { passive: true, ...peer }, options: { transport } });
    end.speaker.start();
    await stage.clock.advance(5000);
    assert.equal(end.status.dropped, undefined, "what was dropped before is none of it");
    assert.equal(waitingWords(end.status), undefined);
    counted = counts(change);
    await stage.clock.advance(1000);
    assert.equal(failedAttemptWords(end.status), undefined);
    const words = waitingWords(end.status);
    if (sentence === undefined) assert.equal(words, undefined);
    else assert.match(words?.sentence ?? "", sentence);
    assert.match(sessionCure(end.status, status([])), cure);
    await stage.close();
  }
});

Deno.test("what was dropped counts from when the peer is waited for again, and what the peer has said last counts more (B7)", async () => {
  const stage = new Stage();
  const probe = stage.probe(B);
  let counted = counts({});
  const transport: Transport = { ...stage.network.transport(A), drops: () => counted };
  const end = stage.end(A, { peer: { passive: true }, options: { transport } });
  end.speaker.start();
  await stage.clock.advance(2000);
  counted = counts({ unexpected: 5 });
  const connecting = probe.connect(A);
  await stage.clock.advance(10);
  const session = await connecting;
  session.establish();
  await stage.clock.advance(2000);
  assert.deepEqual([end.status.state, end.status.dropped], ["Established", undefined]);
  session.say(cease(CeaseSubcode.ADMINISTRATIVE_SHUTDOWN));
  while (end.status.state !== "Active") await stage.clock.advance(1000);
  assert.equal(end.status.dropped, undefined);
  counted = counts({ unexpected: 6 });
  await stage.clock.advance(1000);
  assert.match(waitingWords(end.status)?.sentence ?? "", /^the kernel dropped 1 segment with a signature/);
  assert.match(sessionCure(end.status, status([])), /^b was shut down by its operator/);
  await stage.close();
});
