/**
 * Random and broken messages over real TCP with a fixed seed, hand-built: 1,000 connections from 25 peers in one process.
 * Nothing throws, no connection hears more than one NOTIFICATION, nothing is left behind, and every peer is served at the end.
 */
import assert from "node:assert/strict";
import {
  attribute,
  capability,
  header,
  keepalive,
  NOTIFICATION,
  notification,
  type Octets,
  OPEN,
  open,
  type RawPeer,
  routeRefresh,
  u32,
  update,
  withCapabilities,
} from "../support/raw_peer.ts";
import { withoutLeak } from "../support/descriptors.ts";
import { seeded } from "../support/random.ts";
import { alive, RawScene } from "../support/raw_scene.ts";
import { until } from "../support/until.ts";

const PEERS = 25;
const RUNS = 40;
const SEED = 4271;

const BASE: Octets = [
  ...attribute(0x40, 1, [0]),
  ...attribute(0x40, 2, [2, 1, ...u32(65_002)]),
  ...attribute(0x40, 3, [10, 0, 0, 2]),
];
const SEEDS: readonly Octets[] = [
  open(),
  open({ parameters: [255, 255, 0, 9, 2, 0, 6, ...capability(65, u32(65_002))] }),
  open({ parameters: withCapabilities([...capability(64, [0x40, 9, 0, 1, 1, 0]), ...capability(6)]) }),
  keepalive(),
  update({ attributes: BASE, nlri: [24, 10, 1, 2, 9, 10, 128] }),
  update({ withdrawn: [24, 10, 1, 2], attributes: [...BASE, ...attribute(0xc0, 8, u32(1))], nlri: [0] }),
  update({ attributes: attribute(0x80, 15, [0, 2, 1, 32, 0x20, 1, 0xd, 0xb8]) }),
  notification(6, 2, [3, 98, 121, 101]),
  routeRefresh(),
];

/** A message that may be broken in some way. */
function hostile(below: (limit: number) => number): Octets {
  let octets = [...SEEDS[below(SEEDS.length)] ?? keepalive()];
  for (let mutation = below(4); mutation > 0; mutation--) {
    switch (below(6)) {
      case 0:
        octets[below(octets.length)] = below(256);
        break;
      case 1:
        octets[19 + below(Math.max(1, octets.length - 19))] = below(256);
        break;
      case 2:
        octets = octets.slice(0, below(octets.length + 1));
        break;
      case 3:
        octets = [...octets, ...octets.slice(below(octets.length))];
        break;
      case 4:
        octets = [
          ...header(below(7), 19 + below(60)),
          ...Array.from({ length: below(60) }, () => below(256)),
        ];
        break;
      default:
        octets[17] = below(256);
    }
  }
  return octets.map((octet) => octet ?? 0);
}

/** One connection of hostile octets, ended in some way. */
async function attack(peer: RawPeer, below: (limit: number) => number): Promise<void> {
  const progress = below(3);
  if (progress > 0) peer.send(open());
  if (progress > 1) peer.send(keepalive());
  for (let words = 1 + below(5); words > 0; words--) {
    if (below(4) === 0) await peer.pour(Uint8Array.from(hostile(below)));
    else peer.send(hostile(below));
  }
  switch (below(4)) {
    case 0:
      return peer.reset();
    case 1:
      return peer[Symbol.dispose]();
    default:
      // Its end comes by the speaker's fault handling or by ours.
      peer.halfClose();
      await peer.end();
  }
}

Deno.test(`Speaker survives ${PEERS * RUNS} seeded connections of hostile octets over TCP (RFC 4271 6, RFC 7606)`, () =>
  withoutLeak(async () => {
    await using scene = await RawScene.at(81, {
      peers: Array.from({ length: PEERS }, () => ({
        connectRetryTimeMs: 200,
        families: ["ipv4-unicast", "ipv6-unicast"] as const,
      })),
    });
    scene.speaker.start();
    let faults = 0;
    const play = async (index: number) => {
      const random = seeded(SEED + index);
      const below = (limit: number) => Math.floor(random() * limit);
      for (let run = 0; run < RUNS; run++) {
        const peer = await scene.connect(index);
        await attack(peer, below);
        const notes = peer.count(NOTIFICATION);
        assert.ok(notes <= 1, `peer ${index}, run ${run}: ${peer.words}`);
        if (notes === 1) assert.equal(peer.heard.at(-1)?.type, NOTIFICATION, peer.words);
        faults += notes;
      }
      let good = await scene.connect(index);
      // What it left behind may still be in the way for a moment.
      await until(() => good.count(OPEN) > 0 || good.ended !== undefined);
      for (let attempt = 0; good.ended !== undefined && attempt < 20; attempt++) {
        good = await scene.connect(index);
        await until(() => good.count(OPEN) > 0 || good.ended !== undefined);
      }
      await good.establish();
      await scene.reaches("Established", index);
      await alive(good);
    };
    await Promise.all(Array.from({ length: PEERS }, (_, index) => play(index)));
    assert.ok(faults > PEERS * RUNS / 10, `${faults} NOTIFICATIONs`);
    const internal = scene.events.filter((event) =>
      event.type === "session-ended" && event.cause.startsWith("internal error")
    );
    assert.deepEqual(internal, []);
  }));
