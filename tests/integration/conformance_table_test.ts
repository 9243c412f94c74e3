/**
 * The speaker under a probe of bare octets over real TCP: each row of the tables in a session of its own, once where the
 * probe connects and once where the speaker does. All sessions run side by side in one speaker.
 */
import assert from "node:assert/strict";
import { Speaker } from "../../src/bgp/speaker.ts";
import { denoTransport } from "../support/deno_transport.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import {
  connectRaw,
  freePort,
  KEEPALIVE,
  keepalive,
  NOTIFICATION,
  OPEN,
  RawListener,
  type RawPeer,
  routeRefresh,
  UPDATE,
} from "../support/raw_peer.ts";
import { withoutLeak } from "../support/descriptors.ts";
import { until } from "../support/until.ts";
import { type Row, ROWS } from "./conformance_rows.ts";
import { UPDATE_ROWS } from "./conformance_update_rows.ts";

const TABLE: readonly Row[] = [...ROWS, ...UPDATE_ROWS];
const SPEAKER = "127.0.0.1";

/** Goes to the state of a row, says what it says and looks at what comes of it. */
async function play(
  row: Row,
  peer: RawPeer,
  status: () => ReturnType<Speaker["status"]>[number],
): Promise<void> {
  await peer.hear(OPEN);
  if (row.state !== "OpenSent") await peer.confirm(row.open);
  if (row.state === "Established") {
    peer.send(keepalive());
    await peer.hear(UPDATE);
  }
  const before = peer.heard.length;
  peer.send(...row.send);
  const { expected } = row;
  if (expected === "establishes") {
    await peer.hear(KEEPALIVE);
    peer.send(keepalive());
    await until(() => status().state === "Established", () => `${status().state}: ${status().cause}`);
    assert.equal(peer.count(NOTIFICATION), 0);
  } else if (expected === "silent close") {
    await peer.end();
    assert.equal(peer.ended, "closed");
    assert.equal(peer.count(NOTIFICATION), 0, peer.words);
  } else if ("code" in expected) {
    await peer.end();
    assert.equal(peer.ended, "closed", peer.words);
    const last = peer.heard.at(-1);
    assert.equal(last?.type, NOTIFICATION, `heard ${peer.words}; ${status().cause}`);
    assert.deepEqual([...last.body], [expected.code, expected.subcode, ...expected.data]);
    assert.equal(peer.count(NOTIFICATION), 1);
    assert.equal(status().lastNotificationSent?.code, expected.code);
  } else {
    await peer.hear(UPDATE);
    const updates = peer.count(UPDATE);
    peer.send(routeRefresh());
    await peer.hear(UPDATE, updates + 1);
    assert.equal(status().state, "Established");
    assert.equal(status().prefixes.malformedUpdates, expected.malformed);
    assert.equal(peer.heard.slice(before).some(({ type }) => type === NOTIFICATION), false);
  }
}

/** The row's address within 127/8. */
function hostOf(index: number, net: number): string {
  return `127.${net}.${index >>> 7}.${1 + index % 128}`;
}

for (const connects of ["probe", "speaker"] as const) {
  Deno.test(`Speaker answers ${TABLE.length} rows of right and wrong octets over TCP where the ${connects} connects (RFC 4271 6, RFC 7606)`, () =>
    withoutLeak(async () => {
      assert.ok(TABLE.length > 300);
      const port = await freePort();
      const net = connects === "probe" ? 41 : 42;
      const listeners = new Map<number, RawListener>();
      if (connects === "speaker") {
        await Promise.all(TABLE.map(async (_, index) => {
          listeners.set(index, await RawListener.at(hostOf(index, net), port));
        }));
      }
      const causes: string[] = [];
      const speaker = new Speaker({
        local: localBgp({
          listenPort: connects === "probe" ? port : -1,
          listenAddresses: [address(SPEAKER)],
        }),
        peers: TABLE.map((row, index) =>
          peerConfig({
            name: `${index}`,
            address: address(hostOf(index, net)),
            port,
            passive: connects === "probe",
            families: ["ipv4-unicast", "ipv6-unicast"],
            connectRetryTimeMs: 120_000,
            ...row.peer,
          })
        ),
        transport: denoTransport(),
        clock: systemClock,
        random: Math.random,
        onEvent: (event) => {
          if (event.type === "session-ended") causes.push(event.cause);
        },
      });
      const failures: string[] = [];
      try {
        speaker.announce([route("10.99.0.1/32")]);
        speaker.start();
        await Promise.all(TABLE.map(async (row, index) => {
          const status = () => {
            const found = speaker.status()[index];
            assert.ok(found !== undefined);
            return found;
          };
          try {
            using peer = connects === "probe"
              ? await connectRaw(hostOf(index, net), SPEAKER, port)
              : await listeners.get(index)?.accepted();
            assert.ok(peer !== undefined);
            await play(row, peer, status);
          } catch (error) {
            failures.push(
              `${row.name} in ${row.state} (RFC ${row.rfc}): ${
                error instanceof Error ? error.message : error
              }`,
            );
          }
        }));
      } finally {
        speaker.abort();
        for (const listener of listeners.values()) await listener[Symbol.asyncDispose]();
      }
      assert.deepEqual(failures, []);
      assert.deepEqual(causes.filter((cause) => cause.startsWith("internal error")), []);
    }));
}
