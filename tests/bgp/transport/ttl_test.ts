import assert from "node:assert/strict";
import { listenerTtlPolicy, ttlPolicy } from "../../../src/bgp/transport/ttl.ts";
import type { PeerConfig } from "../../../src/config/config.ts";
import { peerAt } from "../../contract/transport_contract.ts";

const LOCAL_AS = 65000;
const peer = (rest: Partial<PeerConfig>) => peerAt("192.0.2.1", 179, { as: 65001, ...rest });

Deno.test("ttlPolicy() is 1 outside, 64 inside, 255 with a bar under GTSM (RFC 4271, 5082 section 3)", () => {
  const rows: readonly (readonly [Partial<PeerConfig>, number, number])[] = [
    [{}, 1, 0],
    [{ as: LOCAL_AS }, 64, 0],
    [{ multihop: 1 }, 1, 0],
    [{ multihop: 255 }, 255, 0],
    [{ multihop: 5, as: LOCAL_AS }, 5, 0],
    [{ ttlSecurity: 1 }, 255, 255],
    [{ ttlSecurity: 2 }, 255, 254],
    [{ ttlSecurity: 254 }, 255, 2],
    [{ ttlSecurity: 255 }, 255, 1],
    [{ ttlSecurity: 1, as: LOCAL_AS }, 255, 255],
  ];
  for (const [rest, ttl, minimum] of rows) {
    assert.deepEqual(ttlPolicy(peer(rest), LOCAL_AS), { ttl, minimum }, JSON.stringify(rest));
  }
});

Deno.test("listenerTtlPolicy() reaches every peer and drops none of them (RFC 5082 section 3)", () => {
  const rows: readonly (readonly [readonly Partial<PeerConfig>[], number, number])[] = [
    [[], 64, 0],
    [[{}], 1, 0],
    [[{}, { as: LOCAL_AS }], 64, 0],
    [[{ ttlSecurity: 1 }, { ttlSecurity: 3 }], 255, 253],
    [[{ ttlSecurity: 1 }, {}], 255, 0],
    [[{ multihop: 7 }, {}], 7, 0],
  ];
  for (const [peers, ttl, minimum] of rows) {
    assert.deepEqual(listenerTtlPolicy(peers.map(peer), LOCAL_AS), { ttl, minimum }, JSON.stringify(peers));
  }
});
