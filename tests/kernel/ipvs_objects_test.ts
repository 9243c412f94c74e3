/** What is read of a destination that somebody else has set up otherwise than we can. */
import assert from "node:assert/strict";
import { actualDestination, ipvsDestination } from "../../src/kernel/ipvs_objects.ts";
import { address } from "../support/bgp.ts";
import { PLAIN } from "../support/kernel_objects.ts";

const PLAIN_SERVER = {
  ...ipvsDestination({ address: address("10.0.0.1"), port: 80, weight: 1, forwarding: "masq", ...PLAIN }),
  activeConnections: 3,
  inactiveConnections: 4,
  persistentConnections: 5,
  lacks: undefined,
};

const rows = [
  [{}, undefined],
  [{ forwarding: 1 }, "forwarding localnode"],
  [{ forwarding: 4 }, "forwarding bypass"],
  [{ forwarding: 7 }, "forwarding 7"],
  [{ tunnelType: 3 }, "tunnel type 3"],
  [{ forwarding: 2, tunnelType: 1, tunnelFlags: 1 }, undefined],
  [{ forwarding: 2, tunnelType: 1, tunnelFlags: 2 }, "remote checksum"],
  [{ forwarding: 2, tunnelType: 1, tunnelFlags: 0x13 }, "remote checksum, tunnel flags 16"],
] as const;
for (const [settings, foreign] of rows) {
  Deno.test(`actualDestination() of ${JSON.stringify(settings)} has ${foreign ?? "nothing"} that is foreign`, () => {
    assert.equal(actualDestination({ ...PLAIN_SERVER, ...settings }).foreign, foreign);
  });
}

Deno.test("actualDestination() has no tunnel without forwarding by one, unless somebody set it up", () => {
  assert.equal(actualDestination(PLAIN_SERVER).tunnel, undefined);
  assert.deepEqual(actualDestination({ ...PLAIN_SERVER, forwarding: 2 }).tunnel, {
    type: "ipip",
    port: 0,
    checksum: false,
  });
  assert.deepEqual(actualDestination({ ...PLAIN_SERVER, tunnelType: 1, tunnelPort: 6080 }).tunnel, {
    type: "gue",
    port: 6080,
    checksum: false,
  });
});
