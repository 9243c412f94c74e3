// What to do where roles do not fit (RFC 9234): both roles are named, whoever refused whom.
import assert from "node:assert/strict";
import type { NotificationRecord, PeerStatus } from "../../src/bgp/peer_status.ts";
import { sessionCure } from "../../src/status/session_cure.ts";
import { peerStatus, status } from "../support/status.ts";

const TEXT = "OPEN Message Error/Role Mismatch";
const at = new Date(0);
const record: NotificationRecord = {
  at,
  code: 2,
  subcode: 11,
  reason: undefined,
  text: TEXT,
  communication: undefined,
};

function cure(
  localRole: PeerStatus["localRole"],
  way: "lastNotificationReceived" | "lastNotificationSent",
): string {
  const peer: PeerStatus = {
    ...peerStatus,
    name: "tor-1",
    state: "Idle",
    localRole,
    lastError: {
      at,
      noted: way === "lastNotificationReceived" ? "received" : "sent",
      text: way === "lastNotificationReceived"
        ? `peer sent ${TEXT}`
        : "role mismatch: this host is customer, the peer says it is peer, it must be provider (RFC 9234)",
    },
    lastNotificationReceived: undefined,
    lastNotificationSent: undefined,
    [way]: record,
  };
  return sessionCure(peer, status([]));
}

Deno.test("sessionCure() of a role mismatch names our role, what theirs must be, and where both are set (RFC 9234)", () => {
  const words =
    "this host is customer to tor-1: set its role for us to provider, or localRole of tor-1 here to what this host is";
  assert.equal(cure("customer", "lastNotificationReceived"), words);
  assert.equal(cure("customer", "lastNotificationSent"), words);
  assert.equal(
    cure(undefined, "lastNotificationReceived"),
    "tor-1 wants a role (RFC 9234): set localRole of tor-1 to what this host is to it",
  );
});
