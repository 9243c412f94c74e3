/** The speaker while a peer floods it over real TCP: the session, other peers and memory stay as they are (issue: flood). */
import assert from "node:assert/strict";
import { route } from "../support/bgp.ts";
import { KEEPALIVE, NOTIFICATION, open, UPDATE } from "../support/raw_peer.ts";
import { flood } from "../support/raw_flood.ts";
import { alive, RawScene } from "../support/raw_scene.ts";

const PREFIXES = 100_000;
const FLOOD_MS = 4500;
/** An UPDATE of ours stands for a KEEPALIVE, so the routes change once enough of those were counted. */
const CHANGES_FROM_MS = 3500;
const MAX_GROWTH = 40 * 1024 * 1024;

Deno.test("Speaker says KEEPALIVE and UPDATE on time while a peer floods it beyond the hold time, in flat memory (issue: flood)", async () => {
  await using scene = await RawScene.at(71, { peers: [{}, {}] });
  scene.speaker.start();
  const hold = open({ holdTime: 3 });
  const peer = await scene.established(0, hold);
  const other = await scene.established(1);
  const octets = flood(PREFIXES);
  await peer.pour(octets);
  await alive(peer);
  const before = Deno.memoryUsage().rss;

  const since = performance.now();
  let [tables, changes, latest] = [1, 0, 0];
  const late: number[] = [];
  while (performance.now() - since < FLOOD_MS) {
    const pouring = peer.pour(octets);
    tables++;
    if (performance.now() - since > CHANGES_FROM_MS + 200 * changes) {
      const at = performance.now();
      const [heard, heardBeside] = [peer.count(UPDATE), other.count(UPDATE)];
      scene.speaker.announce([route("10.99.0.1/32"), route("10.98.0.1/32", { med: ++changes })]);
      const change = await peer.hear(UPDATE, heard + 1);
      const beside = await other.hear(UPDATE, heardBeside + 1);
      late.push(change.at - at, beside.at - at);
    }
    await pouring;
    latest = performance.now();
  }
  await alive(peer);
  const keepalives = peer.heard.filter(({ type, at }) => type === KEEPALIVE && at - since < CHANGES_FROM_MS)
    .map(({ at }) => at);
  const gaps = keepalives.slice(1).map((at, index) => at - (keepalives[index] ?? at));
  const growth = Deno.memoryUsage().rss - before;

  assert.ok(changes >= 3 && gaps.length >= 2, `${changes} changes, ${gaps.length} gaps`);
  assert.equal(peer.count(NOTIFICATION) + other.count(NOTIFICATION), 0);
  assert.equal(scene.status().prefixes.received, tables * PREFIXES);
  assert.equal(scene.status().prefixes.malformedUpdates, 0);
  // With a hold time of 3 s one is due each second.
  assert.ok(Math.max(...gaps) < 1300, `${gaps} ms`);
  assert.ok(Math.max(...late) < 300, `${late} ms`);
  assert.ok(growth < MAX_GROWTH, `${growth} octets more after ${tables} tables`);
  console.log(
    `${tables * PREFIXES} prefixes in ${Math.round(latest - since)} ms; KEEPALIVEs at most ${
      Math.round(Math.max(...gaps))
    } ms apart, changes at most ${Math.round(Math.max(...late))} ms late, RSS ${
      Math.round(growth / 1048576)
    } MiB more`,
  );
});
