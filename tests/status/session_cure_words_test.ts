// What brings a session up again that a NOTIFICATION ended: a row for each that says what to do (RFC 4271 section 6).
import assert from "node:assert/strict";
import type { PeerStatus } from "../../src/bgp/peer_status.ts";
import { describeCodes } from "../../src/bgp/wire/notification.ts";
import { sessionCure } from "../../src/status/session_cure.ts";
import { peerStatus, status } from "../support/status.ts";

const at = new Date(0);

interface Row {
  readonly codes: readonly [code: number, subcode: number];
  /** Ours, and not the router's. */
  readonly sent?: boolean;
  /** What the end of the session says beside it. */
  readonly words?: string;
  readonly peer?: Partial<PeerStatus>;
  readonly cure: RegExp;
}

/** Of an external peer. */
function settings(changed: Partial<PeerStatus["settings"]>): Partial<PeerStatus> {
  return { settings: { ...peerStatus.settings, external: true, ...changed } };
}

const NEXT_HOP =
  /refuses our next hop, or another attribute.*set nextHop or nextHop6 of r1.*extendedNextHop: false/;
const LEFT_OUT = /^nothing has to be done: the next OPEN leaves out what was refused$/;
const ROWS: readonly Row[] = [
  { codes: [2, 0], cure: /offer r1 only what it knows/ },
  { codes: [2, 0], peer: { refusedCapabilities: ["role"] }, cure: LEFT_OUT },
  { codes: [2, 4], peer: { refusedCapabilities: "all" }, cure: LEFT_OUT },
  { codes: [2, 7], peer: { refusedCapabilities: ["role"] }, cure: LEFT_OUT },
  {
    codes: [2, 7],
    words: "; it wants of us what is not offered: route-refresh (2)",
    cure: /offer r1 what it wants/,
  },
  {
    codes: [2, 7],
    words: "; nothing can be announced without multiprotocol ipv6-unicast (1)",
    cure: /turn on at r1 what it refuses, or set families/,
  },
  { codes: [3, 3], cure: /refuses our UPDATE.*look at its log for the attribute/ },
  { codes: [3, 8], cure: NEXT_HOP },
  { codes: [3, 9], cure: NEXT_HOP },
  {
    codes: [3, 9],
    peer: { linkLocalRefused: { at, text: "" } },
    cure: /^nothing has to be done: no link-local address/,
  },
  // It refuses the global one alone, too.
  { codes: [3, 9], peer: { linkLocalRefused: { at: new Date(-1), text: "" } }, cure: NEXT_HOP },
  { codes: [3, 10], cure: /refuses one of the prefixes/ },
  { codes: [3, 11], peer: { localAs: 65_077 }, cure: /let it expect 65077 as the first AS/ },
  { codes: [5, 3], cure: /another BGP behind the same address/ },
  { codes: [4, 0], peer: settings({}), cure: /set ttlSecurity here, too$/ },
  {
    codes: [4, 0],
    sent: true,
    peer: settings({ ttlSecurity: 2 }),
    cure: /ttlSecurity, which is 2 here, must be on there/,
  },
  { codes: [4, 0], sent: true, peer: settings({ multihop: 2 }), cure: /whether large packets pass$/ },
  { codes: [1, 1], sent: true, cure: /what comes from r1 is no BGP/ },
  { codes: [3, 1], sent: true, cure: /r1 sends UPDATEs that are malformed/ },
];

for (const { codes: [code, subcode], sent = false, words = "", peer = {}, cure } of ROWS) {
  const way = sent ? "sent" : "received";
  const text = describeCodes(code, subcode);
  Deno.test(`sessionCure() after ${code}/${subcode} was ${way}${words} tells ${cure.source} (RFC 4271 6)`, () => {
    const down: PeerStatus = {
      ...peerStatus,
      name: "r1",
      state: "Idle",
      lastError: {
        at,
        text: sent ? `in words of ours${words}` : `peer sent ${text}${words}`,
        noted: sent ? "sent" : "received",
      },
      lastNotificationReceived: undefined,
      lastNotificationSent: undefined,
      [sent ? "lastNotificationSent" : "lastNotificationReceived"]: {
        at,
        code,
        subcode,
        reason: undefined,
        text,
        communication: undefined,
      },
      ...peer,
    };
    assert.match(sessionCure(down, status([])), cure);
  });
}

Deno.test("sessionCure() goes by a newer end than a silence, and by what the router has said whatever came after (issue: B7)", () => {
  const unreachable: PeerStatus["failedAttempt"] = {
    operation: "connect",
    code: "ENETUNREACH",
    unanswered: false,
    icmp: undefined,
    drops: { unsigned: 0, mismatched: 0, unexpected: 0, lowTtl: 0 },
  };
  const after = (code: number, subcode: number, last: string, failedAttempt: PeerStatus["failedAttempt"]) => {
    const text = describeCodes(code, subcode);
    const peer: PeerStatus = {
      ...peerStatus,
      name: "r1",
      state: "Idle",
      lastError: { at, text: `${last}; before that, peer sent ${text}`, noted: "received" },
      failedAttempt,
      lastNotificationReceived: { at, code, subcode, reason: undefined, text, communication: undefined },
    };
    return sessionCure(peer, status([]));
  };
  assert.match(after(4, 0, "no route", unreachable), /^add a route to/);
  assert.match(after(4, 0, "connection refused", undefined), /^start BGP at/);
  assert.match(after(4, 0, "somehow", undefined), /^r1 heard no KEEPALIVE/);
  assert.match(after(6, 2, "no route", unreachable), /^r1 was shut down by its operator/);
});

Deno.test("sessionCure() of a session that stays between connected and Established names GTSM of one side alone (issue: B7)", () => {
  for (const state of ["OpenSent", "OpenConfirm"] as const) {
    const peer = { ...peerStatus, name: "r1", state, lastError: undefined, ...settings({ ttlSecurity: 1 }) };
    assert.match(
      sessionCure(peer, status([])),
      /^comes by itself in moments; where it does not, .*ttlSecurity, which is 1 here, must be on there/,
    );
  }
});

Deno.test("sessionCure() of a link-local peer whose interface is missing names it (issue: B7)", () => {
  for (
    const text of [
      "cannot connect to r1 (fe80::1%eth9 port 179): there is no interface eth9",
      "cannot connect to fe80::1%eth9 port 179: failed to lookup address information: Name or service not known",
    ]
  ) {
    const lastError = { at, text };
    const peer = { ...peerStatus, name: "r1", address: "fe80::1%eth9", state: "Idle", lastError } as const;
    assert.match(
      sessionCure(peer, status([])),
      /^create the interface of fe80::1%eth9, or correct the address/,
    );
  }
});
