/**
 * Routers that refuse what is offered to them, as probes of bare octets over real TCP: each sees the next OPEN without it,
 * and takes that (faults B5); peers get the AS that is meant for them.
 */
import assert from "node:assert/strict";
import { NOTIFICATION, notification, type Octets, OPEN, open, type RawPeer } from "../support/raw_peer.ts";
import { RawScene } from "../support/raw_scene.ts";
import { decodeOpen } from "../../src/bgp/wire/open.ts";

/** What the OPEN of a connection offers, by code. */
async function offered(peer: RawPeer): Promise<readonly string[]> {
  const { body } = await peer.hear(OPEN);
  return decodeOpen(body).capabilities.map(({ type }) => type);
}

/** A router that answers every OPEN with this, until one offers nothing of `refused`; what the last one offered. */
async function stubborn(scene: RawScene, index: number, answer: Octets, refused: readonly string[]) {
  for (let attempt = 0; attempt < 6; attempt++) {
    using peer = await scene.connect(index);
    const types = await offered(peer);
    if (!types.some((type) => refused.includes(type))) {
      await peer.establish(open({ holdTime: 90 }));
      await scene.reaches("Established", index);
      return types;
    }
    peer.send(answer);
    await peer.end();
  }
  return assert.fail("it never gave in");
}

Deno.test("Speaker leaves out what an old router refuses, and comes up with it (RFC 5492, faults B5)", async () => {
  const peers = new Array(4).fill({ gracefulRestart: { restartTimeSeconds: 60 } });
  await using scene = await RawScene.at(58, { peers });
  scene.speaker.start();
  const all = [
    "extended-message",
    "enhanced-route-refresh",
    "route-refresh",
    "graceful-restart",
    "four-octet-as",
  ];
  const rows: readonly (readonly [Octets, readonly string[], readonly string[]])[] = [
    [notification(2, 7, [6, 0]), ["extended-message"], [
      "multiprotocol",
      "route-refresh",
      "graceful-restart",
      "four-octet-as",
      "enhanced-route-refresh",
    ]],
    [notification(2, 7), ["graceful-restart"], ["multiprotocol", "four-octet-as"]],
    [notification(2, 0), all, ["multiprotocol"]],
    [notification(2, 4), ["multiprotocol", ...all], []],
  ];
  await Promise.all(rows.map(async ([answer, refused, expected], index) => {
    assert.deepEqual(await stubborn(scene, index, answer, refused), expected);
    const { refusedCapabilities } = scene.status(index);
    assert.ok(refusedCapabilities === "all" || refusedCapabilities.length > 0);
    // What was learned holds for the next session.
    using peer = await scene.connect(index);
    assert.deepEqual(await offered(peer), expected);
  }));
});

Deno.test("Speaker rejects a router for a while whose sessions end in silence again and again (faults B6)", async () => {
  await using scene = await RawScene.at(59, { peers: [{ connectRetryTimeMs: 3_600_000 }] });
  scene.speaker.start();
  for (let flap = 0; flap < 2; flap++) {
    using peer = await scene.established(0, open({ holdTime: 90 }));
    peer.send(notification(4, 0));
    await peer.end();
  }
  assert.match(
    scene.status().lastError?.text ?? "",
    /so ended 2 sessions in a row: the next one waits \d+ s$/,
  );
  using rejected = await scene.connect();
  const { body } = await rejected.hear(NOTIFICATION);
  assert.deepEqual([...body.subarray(0, 2)], [6, 5]);
  // An operator who asks for it has it at once.
  scene.speaker.reset(scene.status().name, { type: "administrative", communication: "" });
  using again = await scene.connect();
  await again.hear(OPEN);
});

Deno.test("Speaker shows each peer the AS that is meant for it, in OPEN and AS_PATH (CONTRACT localAS)", async () => {
  await using scene = await RawScene.at(60, { peers: [{}, { localAs: 65_077 }] });
  scene.speaker.start();
  const [first, second] = await Promise.all([scene.connect(0), scene.connect(1)]);
  const asOf = async (peer: RawPeer) => decodeOpen((await peer.hear(OPEN)).body).myAs;
  assert.equal(await asOf(second), 65_077);
  assert.notEqual(await asOf(first), 65_077);
  for (const peer of [first, second]) peer[Symbol.dispose]();
  assert.equal(scene.status(1).localAs, 65_077);
});
