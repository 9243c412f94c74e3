/** The speaker while a peer floods it over real TCP: the session, other peers and memory stay as they are (issue: flood). */
import assert from "node:assert/strict";
import { route } from "../support/bgp.ts";
import { KEEPALIVE, NOTIFICATION, open, UPDATE } from "../support/raw_peer.ts";
import { liveOctets } from "../support/live_memory.ts";
import { flood } from "../support/raw_flood.ts";
import { alive, RawScene } from "../support/raw_scene.ts";

const PREFIXES = 100_000;
/** The peer hangs up where it hears nothing for so long; a KEEPALIVE is due in a third of that. */
const HOLD_SECONDS = 4;
const KEEPALIVES = 5;
const CHANGES = 5;
/** What may be read between a change and its UPDATE, in prefixes: a twentieth of a second on a quick machine takes 300,000. */
const MAX_BETWEEN = 3_000_000;
/** An octet kept for each prefix would be some 30 million. */
const MAX_GROWTH = 8 * 1024 * 1024;

Deno.test("Speaker says KEEPALIVE and UPDATE on time while a peer floods it beyond the hold time, in flat memory (issue: flood)", async () => {
  await using scene = await RawScene.at(71, { peers: [{}, {}] });
  scene.speaker.start();
  const peer = await scene.established(0, open({ holdTime: HOLD_SECONDS }));
  const other = await scene.established(1);
  const octets = flood(PREFIXES);
  await peer.pour(octets);
  await alive(peer);
  const before = liveOctets();

  const since = performance.now();
  let [tables, flooding] = [1, true];
  const flooded = (async () => {
    for (; flooding; tables++) await peer.pour(octets);
  })();
  // An UPDATE of ours stands for a KEEPALIVE, so the routes change once enough of those were counted.
  const first = peer.count(KEEPALIVE) + 1;
  for (let nth = first; nth < first + KEEPALIVES; nth++) await peer.hear(KEEPALIVE, nth);
  const keepalives = peer.heard.filter(({ type }) => type === KEEPALIVE).slice(-KEEPALIVES).map(({ at }) =>
    at
  );
  const gaps = keepalives.slice(1).map((at, index) => at - (keepalives[index] ?? at));
  const between: number[] = [];
  for (let change = 1; change <= CHANGES; change++) {
    const read = scene.status().prefixes.received;
    const [heard, heardBeside] = [peer.count(UPDATE), other.count(UPDATE)];
    scene.speaker.announce([route("10.99.0.1/32"), route("10.98.0.1/32", { med: change })]);
    await peer.hear(UPDATE, heard + 1);
    await other.hear(UPDATE, heardBeside + 1);
    between.push(scene.status().prefixes.received - read);
  }
  flooding = false;
  await flooded;
  await alive(peer);
  const lasted = performance.now() - since;
  const growth = liveOctets() - before;

  assert.equal(peer.count(NOTIFICATION) + other.count(NOTIFICATION), 0);
  assert.equal(scene.status().prefixes.received, tables * PREFIXES);
  assert.equal(scene.status().prefixes.malformedUpdates, 0);
  assert.ok(lasted > HOLD_SECONDS * 1000, `${lasted} ms`);
  assert.ok(Math.max(...gaps) < HOLD_SECONDS * 1000, `${gaps} ms`);
  assert.ok(Math.max(...between) < MAX_BETWEEN, `${between} prefixes`);
  assert.ok(growth < MAX_GROWTH, `${growth} octets more after ${tables} tables`);
  console.log(
    `${tables * PREFIXES} prefixes in ${Math.round(lasted)} ms; KEEPALIVEs at most ${
      Math.round(Math.max(...gaps))
    } ms apart, changes heard after at most ${Math.max(...between)} prefixes, ${
      Math.round(growth / 1024)
    } KiB more in use`,
  );
});
