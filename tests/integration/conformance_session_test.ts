/**
 * The speaker's sessions under a probe of bare octets over real TCP: timers, lost connections, collisions, damping,
 * strangers, pieces, and peers that stop reading.
 */
import assert from "node:assert/strict";
import type { Route } from "../../src/bgp/routes/route.ts";
import type { Clock } from "../../src/time/clock.ts";
import { route } from "../support/bgp.ts";
import {
  capability,
  connectRaw,
  header,
  KEEPALIVE,
  keepalive,
  multiprotocol,
  NOTIFICATION,
  notification,
  type Octets,
  OPEN,
  open,
  type RawPeer,
  routeRefresh,
  UPDATE,
  update,
  withCapabilities,
} from "../support/raw_peer.ts";
import { alive, RawScene, SPEAKER } from "../support/raw_scene.ts";
import { PatientClock } from "../support/patient_clock.ts";
import { until } from "../support/until.ts";

/** Below and above 10.0.0.1. */
const LOWER: Octets = [9, 0, 0, 1];
const HIGHER: Octets = [11, 0, 0, 1];

/** The codes of the NOTIFICATION that a connection ended with. */
async function verdict(peer: RawPeer): Promise<string> {
  await peer.end();
  const last = peer.heard.at(-1);
  return last?.type === NOTIFICATION ? `${last.body[0]}/${last.body[1]}` : "silence";
}

/** The longest time between messages, in milliseconds. */
function longestGap(times: readonly number[]): number {
  return times.slice(1).reduce((longest, at, index) => Math.max(longest, at - (times[index] ?? at)), 0);
}

Deno.test("Speaker keeps and expires a hold time of 3 s over TCP (RFC 4271 4.4, 6.5, 8.2.2)", async () => {
  await using clock = new PatientClock(4);
  await using scene = await RawScene.at(51, { peers: new Array(5).fill({}), clock });
  scene.speaker.start();
  const since = clock.now();
  const silent = async () => {
    const peer = await scene.established(0, open({ holdTime: 3 }));
    assert.equal(await verdict(peer), "4/0");
    const lasted = clock.now() - since;
    assert.ok(lasted > 2990 && lasted < 3700, `${lasted} ms`);
    const gap = longestGap(peer.heard.filter(({ type }) => type === KEEPALIVE).map(({ at }) => at));
    assert.ok(gap < 1300, `${gap} ms between KEEPALIVEs`);
    assert.match(scene.status(0).lastError?.text ?? "", /hold timer expired/);
  };
  const unconfirmed = async () => {
    const peer = await scene.connect(1);
    await peer.confirm(open({ holdTime: 3 }));
    assert.equal(await verdict(peer), "4/0");
  };
  const kept = async (index: number, word: Octets) => {
    const peer = await scene.established(index, open({ holdTime: 3 }));
    for (let turn = 0; turn < 4; turn++) {
      await clock.wait(1000);
      peer.send(word);
    }
    await alive(peer);
  };
  const eternal = async () => {
    const peer = await scene.established(4, open({ holdTime: 0 }));
    await clock.wait(3500);
    await alive(peer);
    assert.equal(peer.count(KEEPALIVE), 1, "the one that confirms the OPEN");
  };
  await Promise.all([silent(), unconfirmed(), kept(2, keepalive()), kept(3, update({})), eternal()]);
});

Deno.test("Speaker gives up on a peer that never says OPEN after four minutes (RFC 4271 8.2.2)", async () => {
  await using clock = new PatientClock(200);
  await using scene = await RawScene.at(52, { peers: [{}], clock });
  scene.speaker.start();
  const since = clock.now();
  const peer = await scene.connect();
  assert.equal(await verdict(peer), "4/0");
  const lasted = clock.now() - since;
  assert.ok(lasted >= 240_000 && lasted < 300_000, `${lasted} ms`);
});

const STATES = ["OpenSent", "OpenConfirm", "Established"] as const;
const ENDS = {
  FIN: (peer: RawPeer) => peer.halfClose(),
  "FIN behind half a message": (peer: RawPeer) => {
    peer.send(header(UPDATE, 100));
    peer.halfClose();
  },
  RST: (peer: RawPeer) => peer.reset(),
  "RST behind half a header": (peer: RawPeer) => {
    peer.send(header(UPDATE, 100).slice(0, 17));
    peer.reset();
  },
  "NOTIFICATION and RST": (peer: RawPeer) => {
    peer.send(notification(6, 4));
    peer.reset();
  },
} as const;

Deno.test("Speaker takes the loss of a connection in every state, from either side, and the peer's next one (RFC 4271 8.2.2)", async () => {
  const rows = [true, false].flatMap((passive) =>
    STATES.flatMap((state) => Object.entries(ENDS).map(([name, end]) => ({ passive, state, name, end })))
  );
  await using scene = await RawScene.at(53, {
    peers: rows.map(({ passive }) => ({ passive, connectRetryTimeMs: 60_000 })),
  });
  const listeners = await Promise.all(rows.map((_, index) => scene.listen(index)));
  scene.speaker.start();
  const play = async ({ passive, state, name, end }: typeof rows[number], index: number) => {
    const peer = passive ? await scene.connect(index) : await listeners[index]?.accepted();
    assert.ok(peer !== undefined);
    await peer.hear(OPEN);
    if (state !== "OpenSent") await peer.confirm();
    if (state === "Established") {
      peer.send(keepalive());
      await peer.hear(UPDATE);
    }
    end(peer);
    const lost = () => scene.status(index).lastError !== undefined;
    await until(lost, () => `${name} in ${state}: ${scene.status(index).state}`);
    if (name.startsWith("FIN")) assert.equal(await verdict(peer), "silence", `${name} in ${state}`);
    if (name === "NOTIFICATION and RST") {
      assert.match(scene.status(index).lastError?.text ?? "", /Administrative Reset/, state);
    }
    await alive(await scene.established(index));
  };
  await Promise.all(rows.map(play));
});

/** Who opened the connection that stays, by the identifier of the probe's. */
const COLLISIONS = [
  { name: "the lower identifier", octets: open({ identifier: LOWER }), stays: "outgoing" },
  { name: "the higher identifier", octets: open({ identifier: HIGHER }), stays: "incoming" },
  // RFC 6286 section 2.3: the higher AS, which is the probe's.
  { name: "the same identifier", octets: open({ identifier: [10, 0, 0, 1] }), stays: "incoming" },
] as const;

Deno.test("Speaker settles a collision on the right connection whatever the order (RFC 4271 6.8, RFC 6286 2.3)", async () => {
  const rows = COLLISIONS.flatMap((row) =>
    (["outgoing", "incoming", "both"] as const).map((first) => ({ ...row, first }))
  );
  await using scene = await RawScene.at(54, { peers: rows.map(() => ({ passive: false })) });
  const listeners = await Promise.all(rows.map((_, index) => scene.listen(index)));
  scene.speaker.start();
  const play = async ({ name, octets, stays, first }: typeof rows[number], index: number) => {
    const outgoing = await listeners[index]?.accepted();
    assert.ok(outgoing !== undefined);
    await outgoing.hear(OPEN);
    const incoming = await scene.connect(index);
    await incoming.hear(OPEN);
    const order = first === "incoming" ? [incoming, outgoing] : [outgoing, incoming];
    for (const peer of order) {
      peer.send(octets);
      if (first !== "both") await until(() => peer.count(KEEPALIVE) > 0 || peer.ended !== undefined);
    }
    const [winner, loser] = stays === "incoming" ? [incoming, outgoing] : [outgoing, incoming];
    const words = `${name}, OPEN first on ${first}`;
    assert.equal(await verdict(loser), "6/7", words);
    assert.equal(winner.ended, undefined, words);
    winner.send(keepalive());
    await winner.hear(UPDATE);
    assert.equal(winner.count(NOTIFICATION), 0, words);
    assert.equal(listeners[index]?.peers.length, 1, `${words}: no further attempt`);
  };
  await Promise.all(rows.map(play));
});

Deno.test("Speaker keeps an Established session when the peer connects again, unless it has graceful restart (RFC 4271 6.8, RFC 4724 4.2)", async () => {
  const gracefulRestart = { restartTimeSeconds: 60 };
  await using scene = await RawScene.at(55, { peers: [{}, { passive: false }, { gracefulRestart }, {}] });
  const listener = await scene.listen(1);
  scene.speaker.start();

  const first = await scene.established(0);
  const again = await scene.connect(0);
  await again.hear(OPEN);
  await alive(first);
  again.send(open({ identifier: HIGHER }));
  assert.equal(await verdict(again), "6/7");
  await alive(first);

  const outgoing = await listener.accepted();
  await outgoing.establish();
  await outgoing.hear(UPDATE);
  const beside = await scene.connect(1);
  await beside.hear(OPEN);
  beside.send(header(0, 19));
  assert.equal(await verdict(beside), "1/3");
  await alive(outgoing);

  const graceful = open({
    parameters: withCapabilities([...multiprotocol(1), ...capability(64, [0xc0, 60, 0, 1, 1, 0x80])]),
  });
  const old = await scene.established(2, graceful);
  const fresh = await scene.established(2, graceful);
  assert.equal(await verdict(old), "silence");
  await alive(fresh);

  const silent = await scene.connect(3);
  const other = await scene.established(3);
  assert.equal(await verdict(silent), "6/7", "the connection that says nothing gives way");
  await alive(other);
});

Deno.test("Speaker hangs up on strangers at once and says nothing (issue: dropped at accept)", async () => {
  await using scene = await RawScene.at(56, { peers: [{}] });
  scene.speaker.start();
  const strangers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => connectRaw(`127.56.9.${index + 1}`, SPEAKER, scene.port)),
  );
  try {
    await Promise.all(strangers.map((stranger) => stranger.end()));
    assert.equal(strangers.reduce((sum, { octets }) => sum + octets, 0), 0);
    await alive(await scene.established());
  } finally {
    for (const stranger of strangers) stranger[Symbol.dispose]();
  }
});

Deno.test("Speaker bounds the half-open connections of a peer, and still takes a good one (issue: a cap on half-open ones)", async () => {
  await using scene = await RawScene.at(57, { peers: [{}, {}] });
  scene.speaker.start();
  const many = await Promise.all(Array.from({ length: 60 }, () => scene.connect(0)));
  const open = () => many.filter(({ ended }) => ended === undefined);
  await until(() => open().length <= 2, () => `${open().length} are open`);
  const verdicts = await Promise.all(
    many.filter((peer) => !open().includes(peer)).map((peer) => verdict(peer)),
  );
  assert.ok(verdicts.every((each) => ["6/5", "6/7", "silence"].includes(each)), verdicts.join());
  await alive(await scene.established(0));
  await alive(await scene.established(1));
});

Deno.test("Speaker spaces its attempts at a peer that refuses it, and takes the good OPEN at once (RFC 4271 8.1.1)", async () => {
  await using clock = new PatientClock(1);
  await using scene = await RawScene.at(58, {
    peers: [{ passive: false, connectRetryTimeMs: 600 }],
    clock,
  });
  const listener = await scene.listen();
  scene.speaker.start();
  for (let nth = 1; nth <= 6; nth++) {
    const peer = await listener.accepted(nth);
    await peer.hear(OPEN);
    peer.send(open({ as: 65_099 }));
    assert.equal(await verdict(peer), "2/2");
  }
  const gaps = listener.times.slice(1).map((at, index) => at - (listener.times[index] ?? at));
  const [first = 0] = gaps;
  const last = gaps.at(-1) ?? 0;
  assert.ok(first > 15, gaps.join());
  assert.ok(last > 3 * first && last > 250, gaps.join());
  const attempts = listener.peers.length;
  await alive(await scene.established());
  assert.equal(listener.peers.length, attempts, "the peer's own connection waits for no attempt of ours");
});

Deno.test("Speaker takes a session octet by octet, and one in a single write (RFC 4271 4.1)", async () => {
  await using scene = await RawScene.at(59, { peers: [{}, {}] });
  scene.speaker.start();
  const session = [
    ...open(),
    ...keepalive(),
    ...update({ withdrawn: [24, 10, 1, 2] }),
    ...keepalive(),
    ...update({ withdrawn: [24, 10, 1, 3] }),
    ...routeRefresh(),
  ];
  const slow = await scene.connect(0);
  const fast = await scene.connect(1);
  fast.send(session);
  await slow.trickle(session);
  for (const [index, peer] of [slow, fast].entries()) {
    await peer.hear(UPDATE, 2);
    assert.equal(peer.count(NOTIFICATION), 0);
    assert.equal(scene.status(index).prefixes.withdrawn, 2);
  }
});

Deno.test("Speaker offers no capabilities to a peer that refused them, and takes no extended message then (RFC 5492 3, RFC 8654 4)", async () => {
  await using scene = await RawScene.at(60, { peers: [{ passive: false, connectRetryTimeMs: 500 }] });
  const listener = await scene.listen();
  scene.speaker.start();
  const first = await listener.accepted(1);
  assert.notEqual((await first.hear(OPEN)).body[9], 0);
  first.send(notification(2, 4));
  const second = await listener.accepted(2);
  assert.equal((await second.hear(OPEN)).body.byteLength, 10, "no optional parameters");
  await second.establish(open({ parameters: [0] }));
  await second.hear(UPDATE);
  second.send(header(UPDATE, 4097));
  assert.equal(await verdict(second), "1/2");
});

/** Routes that take more octets than the system's buffers hold: every UPDATE is one route. */
function heavyRoutes(): Route[] {
  const largeCommunities = Array.from({ length: 200 }, (_, i) => [65_001, i, i] as const);
  return Array.from(
    { length: 2500 },
    (_, i) => route(`10.${i >>> 8}.${i & 0xff}.1/32`, { med: i, largeCommunities }),
  );
}

/** Sends a KEEPALIVE from each peer again and again. */
function beat(clock: Clock, everyMs: number, peers: readonly RawPeer[]): void {
  clock.at(clock.now() + everyMs, () => {
    for (const peer of peers) peer.send(keepalive());
    beat(clock, everyMs, peers);
  });
}

Deno.test("Speaker serves others beside a peer that stops reading, and ends that one (RFC 9687)", async () => {
  const routes = [route("10.99.0.1/32"), ...heavyRoutes().map((each) => ({ ...each, peers: ["0", "1"] }))];
  const peers = new Array(3).fill({ holdTimeSeconds: 240 });
  await using clock = new PatientClock(200);
  await using scene = await RawScene.at(61, { peers, clock, routes });
  scene.speaker.start();
  const hold = open({ holdTime: 240 });
  const stalled = await scene.connect(0);
  const broken = await scene.connect(1);
  for (const peer of [stalled, broken]) {
    await peer.confirm(hold);
    peer.stall();
    peer.send(keepalive());
  }
  const good = await scene.established(2, hold);
  beat(clock, 60_000, [stalled, broken, good]);
  await scene.reaches("Established", 0);
  await scene.reaches("Established", 1);
  const sent = () => [0, 1].map((index) => scene.status(index).messages.sent.UPDATE);
  await until(() => sent().every((count) => count >= 2500), () => `${sent()} UPDATEs`);

  scene.speaker.announce([...routes, route("10.98.0.1/32")]);
  await good.hear(UPDATE, 2);
  const states = [0, 1, 2].map((index) => scene.status(index).state);
  assert.deepEqual(states, ["Established", "Established", "Established"], "it waited for those to end");

  // It has a NOTIFICATION coming that it does not read: the session ends all the same, and the next one is taken.
  broken.send(header(0, 19));
  await until(() => scene.status(1).lastNotificationSent?.subcode === 3, () => scene.status(1).cause);
  broken.reset();
  await alive(await scene.established(1, hold));

  await until(
    () => scene.status(0).lastNotificationSent !== undefined,
    () => `${scene.status(0).state}: ${scene.status(0).cause}`,
    120_000,
  );
  assert.equal(scene.status(0).lastNotificationSent?.code, 8);
  await alive(good);
  stalled.resume();
  await stalled.end();
  await alive(await scene.established(0, hold));
});
