/** Whose connection it is. */
import assert from "node:assert/strict";
import { admit, peersAt } from "../../../src/bgp/transport/admission.ts";
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

Deno.test("admit() compares the device: two peers of one address in two VRFs, and one beside them in none (CONTRACT interface)", () => {
  const [red, blue, none, onLink, local] = [
    peerConfig({ name: "red", address: address("192.0.2.1"), device: "red" }),
    peerConfig({ name: "blue", address: address("192.0.2.1"), device: "blue" }),
    peerConfig({ name: "none", address: address("192.0.2.2") }),
    peerConfig({ name: "on-eth0", address: address("192.0.2.3"), device: "eth0" }),
    peerConfig({ name: "local", address: address("fe80::1"), zone: "eth0" }),
  ];
  const peers = [red, blue, none, onLink, local];
  const vrf = (device: string) => ({ device, isVrf: true });
  const link = (device: string) => ({ device, isVrf: false });
  const nowhere = { device: undefined, isVrf: false };
  const rows: readonly (readonly [string, string | undefined, Parameters<typeof admit>[2], string])[] = [
    ["192.0.2.1", undefined, vrf("red"), "red"],
    ["192.0.2.1", undefined, vrf("blue"), "blue"],
    ["192.0.2.1", undefined, nowhere, "other-device red"],
    ["192.0.2.1", undefined, link("eth0"), "other-device red"],
    ["192.0.2.2", undefined, nowhere, "none"],
    // By eth0 it comes to the socket of eth0; in a VRF the address is somebody else's.
    ["192.0.2.2", undefined, link("eth0"), "none"],
    ["192.0.2.2", undefined, vrf("red"), "other-device undefined"],
    ["192.0.2.3", undefined, link("eth0"), "on-eth0"],
    ["192.0.2.3", undefined, nowhere, "other-device eth0"],
    ["192.0.2.4", undefined, vrf("red"), "no-peer"],
    ["fe80::1", "eth0", link("eth0"), "local"],
    ["fe80::1", "eth0", nowhere, "local"],
    ["fe80::1", "eth1", link("eth1"), "no-peer"],
  ];
  for (const [text, zone, place, expected] of rows) {
    const admission = admit(peers, { address: address(text), zone, port: 50_000 }, place);
    const found = "peer" in admission
      ? admission.peer.name
      : admission.refusal.type === "other-device"
      ? `other-device ${admission.refusal.device}`
      : admission.refusal.type;
    assert.equal(found, expected, `${text} at ${place?.device}`);
  }
});

Deno.test("peersAt() leaves a peer of none out where one of the device has its address, as a key is kept by address (tcp(7))", () => {
  const bound = peerConfig({ name: "bound", address: address("192.0.2.1"), device: "eth0", password: "a" });
  const free = peerConfig({ name: "free", address: address("192.0.2.1"), password: "b" });
  assert.deepEqual(peersAt([free, bound], { device: "eth0", isVrf: false }), [bound]);
  assert.deepEqual(peersAt([free, bound], { device: undefined, isVrf: false }), [free]);
});
