// What people are told of BFD: beside a session that stands, as the reason of one that does not, and what helps.
import assert from "node:assert/strict";
import { sessionCure } from "../../src/status/session_cure.ts";
import type { BfdEntry, PeerEntry } from "../../src/status/status.ts";
import { VIEWS } from "../../src/status/views.ts";
import { BFD_UP } from "../support/bfd_entry.ts";
import { peerStatus, status } from "../support/status.ts";

const NOW = new Date(60_000);
const SILENT: BfdEntry = {
  ...BFD_UP,
  state: "Down",
  cause: "nothing was heard from the peer yet",
  remoteState: "Down",
  transmitIntervalMs: 1000,
  receiveIntervalMs: undefined,
  detectionTimeMs: undefined,
  received: 0,
};
const HELD = { state: "Idle", heldBack: "waits for BFD to be up (bfd.strict)" } as const;

function shown(view: "status" | "peers", changed: Partial<PeerEntry>): string {
  return VIEWS[view].text({ ...status(["r1"]), peers: [{ ...peerStatus, ...changed }] }, NOW);
}

Deno.test("peers shows intervals, counters, and what BFD was lost by last", () => {
  const lastLost = { at: new Date(30_000).toISOString(), cause: "nothing came from the peer for 150ms" };
  const text = shown("peers", { bfd: { ...BFD_UP, flaps: 2, lastLost, drops: { ttl: 3 } } });
  assert.match(text, /BFD {12}Up for 1m: both ends hear each other/);
  assert.match(
    text,
    /every 50 ms out, 60 ms in, lost after 180 ms; 1000 packets received, 1001 sent/,
  );
  assert.match(text, /lost 2 times, 30s ago the last time: nothing came from the peer for 150ms/);
  assert.match(text, /dropped: 3 ttl/);
});

Deno.test("status tells where BFD does not answer though the session stands, and is silent where it is up", () => {
  assert.match(shown("status", { bfd: SILENT }), /BFD is Down: nothing was heard from the peer yet/);
  assert.doesNotMatch(shown("status", { bfd: BFD_UP }), /BFD/);
});

Deno.test("a session that waits for BFD says so, with what BFD sees, and not what ended the one before", () => {
  const lastError = { at: new Date(0), text: "peer sent Cease/Administrative Reset" };
  for (const view of ["status", "peers"] as const) {
    const text = shown(view, { ...HELD, bfd: SILENT, lastError });
    assert.match(text, /waits for BFD to be up \(bfd\.strict\); BFD is Down: nothing was heard/);
  }
});

const LOST_AT = { at: new Date(30_000).toISOString(), cause: "nothing came from the peer for 150ms" };
/** Attempts came after it. */
const LOST: Partial<PeerEntry> = {
  state: "Idle",
  lastError: { at: new Date(0), text: "cannot connect to r1: connect: timed out" },
};

Deno.test("a session that BFD has ended says so for as long as BFD is down, whatever attempts say", () => {
  const bfd = { ...SILENT, cause: LOST_AT.cause, lastLost: LOST_AT };
  assert.match(
    shown("peers", { ...LOST, bfd }),
    /timed out; BFD is Down: nothing came from the peer for 150ms/,
  );
  assert.doesNotMatch(shown("status", { ...LOST, bfd: SILENT }), /BFD/, "it never was up");
});

const CURES: readonly [Partial<PeerEntry>, RegExp][] = [
  [
    { ...HELD, bfd: SILENT },
    /^turn BFD on for this host, as 10\.0\.0\.9, at r1, and let UDP port 3784 through both ways$/,
  ],
  [{ ...HELD, bfd: { ...SILENT, localAddress: undefined } }, /^turn BFD on for this host at r1/],
  [
    { ...HELD, bfd: SILENT, neighbour: "found on eth0" },
    /both ways; where it is on: .* needs bfd\.strict: false here$/,
  ],
  [{ ...HELD, bfd: { ...SILENT, multihop: true } }, /UDP port 4784/],
  [{ ...HELD, bfd: { ...SILENT, received: 9, remoteState: "AdminDown" } }, /^turn BFD on again at r1/],
  [{ ...HELD, bfd: { ...SILENT, fault: "the port is in use" } }, /on this host: the port is in use$/],
  [{ ...HELD, bfd: { ...SILENT, drops: { ttl: 9 } } }, /^look at the link and the way to r1/],
  [{ ...LOST, bfd: { ...SILENT, received: 9, lastLost: LOST_AT } }, /^look at the link and the way to r1/],
  [{ ...LOST, bfd: { ...BFD_UP, lastLost: LOST_AT } }, /TCP port of BGP/],
  [{ ...LOST, bfd: SILENT }, /TCP port of BGP/],
];

Deno.test("sessionCure() of a session that waits for BFD, or was ended by it, tells what brings BFD up", () => {
  for (const [changed, expected] of CURES) {
    assert.match(sessionCure({ ...peerStatus, ...changed }, status([])), expected);
  }
});
