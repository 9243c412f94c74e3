/**
 * Hostile bytes through the whole driver: mutated, truncated, doubled and cut-up messages in every state. No connection
 * gets more than one NOTIFICATION, nothing throws, nothing is left behind, and a good peer is served afterwards.
 */
import assert from "node:assert/strict";
import { encodeMessage, keepalive, type Message } from "../../src/bgp/wire/message.ts";
import { nlriOf } from "../../src/bgp/wire/nlri.ts";
import { route } from "../support/bgp.ts";
import { PROBE_CONTEXT, type ProbeSession } from "../support/probe.ts";
import { seeded } from "../support/random.ts";
import { CAPABILITIES, openOf } from "../support/sessions.ts";
import { A, Stage } from "../support/speakers.ts";
import { parsePrefix } from "../../src/net/prefix.ts";
import { address } from "../support/bgp.ts";

const RUNS = 4000;
const SEED = 7606;

const prefix = parsePrefix("10.1.0.0/16");
assert.ok(prefix !== undefined);
const prefix6 = parsePrefix("2001:db8::/32");
assert.ok(prefix6 !== undefined);

/** Good messages to start from. */
const SEEDS: readonly Message[] = [
  openOf(),
  openOf({
    capabilities: [
      ...CAPABILITIES,
      { type: "multiprotocol", family: { afi: 2, safi: 1 } },
      { type: "graceful-restart", restarting: true, notification: true, restartTimeSeconds: 9, families: [] },
      { type: "extended-message" },
    ],
  }),
  { type: "KEEPALIVE" },
  {
    type: "UPDATE",
    attributes: {
      origin: 0,
      asPath: [{ type: 2, ases: [65_002, 65_100] }],
      nextHop: address("10.0.0.2"),
      med: 5,
      communities: [1, 2, 3],
      largeCommunities: [[1, 2, 3]],
      extendedCommunities: [new Uint8Array(8)],
    },
    reach: [{ family: { afi: 1, safi: 1 }, nextHops: [address("10.0.0.2")], nlri: nlriOf([prefix]) }],
    unreach: [{ family: { afi: 2, safi: 1 }, nlri: nlriOf([prefix6]) }],
    faults: [],
  },
  { type: "NOTIFICATION", code: 6, subcode: 2, data: Uint8Array.of(3, 98, 121, 101) },
  { type: "ROUTE-REFRESH", family: { afi: 1, safi: 1 }, subtype: 0 },
];

/** A message that may be broken in some way. */
function hostile(below: (limit: number) => number): Uint8Array {
  const seed = SEEDS[below(SEEDS.length)] ?? { type: "KEEPALIVE" };
  let bytes = encodeMessage(seed, PROBE_CONTEXT);
  for (let mutation = below(4); mutation > 0; mutation--) {
    switch (below(5)) {
      case 0:
        bytes[below(bytes.byteLength)] = below(256);
        break;
      case 1: // Past the header, where it gets further.
        bytes[19 + below(Math.max(1, bytes.byteLength - 19))] = below(256);
        break;
      case 2:
        bytes = bytes.slice(0, below(bytes.byteLength + 1));
        break;
      case 3:
        bytes = Uint8Array.from([...bytes, ...bytes.slice(below(bytes.byteLength))]);
        break;
      default: // The length that the header says.
        if (bytes.byteLength > 17) bytes[17] = below(256);
    }
  }
  return bytes;
}

function check(session: ProbeSession): void {
  const notes = session.words.filter((word) => word.startsWith("NOTIFICATION"));
  assert.ok(notes.length <= 1, notes.join());
  if (notes.length === 1) assert.ok(session.words.at(-1)?.startsWith("NOTIFICATION"), session.words.join());
  for (const note of notes) {
    assert.match(note, /^NOTIFICATION (1\/[123]|2\/[0-7]|3\/([0-9]|1[01])|5\/[0-3]|6\/[579]|7\/1)$/);
  }
}

Deno.test(`PeerDriver survives ${RUNS} seeded connections of hostile bytes (RFC 4271 6, RFC 7606)`, async () => {
  const random = seeded(SEED);
  const below = (limit: number) => Math.floor(random() * limit);
  const stage = new Stage({ pieceLength: () => below(2) === 0 ? Infinity : 1 + below(30) });
  const end = stage.end(A, { peer: { passive: true, families: ["ipv4-unicast", "ipv6-unicast"] } });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  const probe = stage.probe();
  let established = 0;
  for (let index = 0; index < RUNS; index++) {
    const connecting = probe.connect(A);
    await stage.clock.advance(1000);
    const session = await connecting;
    const progress = below(3);
    if (progress > 0) session.say(openOf());
    if (progress > 1) session.say(keepalive());
    for (let message = 1 + below(6); message > 0; message--) session.say(hostile(below));
    await stage.clock.advance(5);
    if (end.status.messages.received.UPDATE > 0) established++;
    session.close();
    await stage.clock.advance(5);
    check(session);
    probe.sessions.length = 0;
    assert.equal(stage.network.openPipes, 0, `run ${index} left a connection`);
  }
  assert.ok(established > RUNS / 10);
  assert.ok(!end.of("session-ended").some(({ cause }) => cause.startsWith("internal error")));
  const good = probe.connect(A);
  await stage.clock.advance(1000);
  (await good).establish();
  await stage.clock.advance(10);
  assert.equal(end.status.state, "Established");
  await stage.close();
});
