/** Whose connection it is. */
import assert from "node:assert/strict";
import { admit } from "../../../src/bgp/transport/admission.ts";
import { address, peerConfig } from "../../support/bgp.ts";

const PEERS = [
  peerConfig({ name: "four", address: address("192.0.2.1") }),
  peerConfig({ name: "six", address: address("2001:db8::1") }),
  peerConfig({ name: "on-eth0", address: address("fe80::1"), zone: "eth0" }),
  peerConfig({ name: "on-eth1", address: address("fe80::1"), zone: "eth1" }),
  peerConfig({ name: "alone", address: address("fe80::2"), zone: "eth0" }),
];

Deno.test("admit() finds the peer by its address, and a link-local one by its zone, too (RFC 4007)", () => {
  const rows: readonly (readonly [string, string | undefined, string])[] = [
    ["192.0.2.1", undefined, "four"],
    ["192.0.2.2", undefined, "no-peer"],
    ["2001:db8::1", undefined, "six"],
    ["fe80::1", "eth0", "on-eth0"],
    ["fe80::1", "eth1", "on-eth1"],
    ["fe80::1", "eth2", "no-peer"],
    ["fe80::1", undefined, "unknown-zone"],
    ["fe80::2", undefined, "alone"],
    ["fe80::2", "eth1", "no-peer"],
    ["fe80::3", undefined, "no-peer"],
  ];
  for (const [text, zone, expected] of rows) {
    const admission = admit(PEERS, { address: address(text), zone, port: 50_000 });
    const found = "peer" in admission ? admission.peer.name : admission.refusal.type;
    assert.equal(found, expected, `${text}%${zone}`);
  }
});
