/** What is the same as at the last read is the same object. */
import assert from "node:assert/strict";
import { sharedService } from "../../src/kernel/sharing.ts";
import type { ActualDestination, ActualVirtualService } from "../../src/kernel/state.ts";
import { parseAddress } from "../../src/net/address.ts";
import { BY_ADDRESS, PLAIN } from "../support/kernel_objects.ts";

const address = parseAddress("10.0.0.1");
const other = parseAddress("10.0.0.2");
assert.ok(address !== undefined && other !== undefined);

const DESTINATION: Required<Omit<ActualDestination, "foreign">> = {
  ...PLAIN,
  address,
  port: 8080,
  weight: 1,
  forwarding: "tunnel",
  tunnel: { type: "gue", port: 6080, checksum: false },
  activeConnections: 0,
  inactiveConnections: 0,
};

const SERVICE: ActualVirtualService = {
  ...BY_ADDRESS,
  protocol: "tcp",
  address,
  port: 80,
  scheduler: "rr",
  flags: 0,
  timeoutSeconds: 0,
  netmask: 32,
  destinations: [DESTINATION, { ...DESTINATION, port: 8081 }],
};

/** Another value for each field: one that is compared by nobody would go unseen for ever. */
const OTHERS: { readonly [K in keyof Required<ActualDestination>]: Pick<Required<ActualDestination>, K> } = {
  address: { address: other },
  port: { port: 9090 },
  weight: { weight: 2 },
  forwarding: { forwarding: "masq" },
  tunnel: { tunnel: { type: "gue", port: 6080, checksum: true } },
  upperThreshold: { upperThreshold: 9 },
  lowerThreshold: { lowerThreshold: 9 },
  activeConnections: { activeConnections: 1 },
  inactiveConnections: { inactiveConnections: 1 },
  foreign: { foreign: "remote checksum" },
};

function again(destinations: readonly ActualDestination[]): readonly ActualDestination[] {
  return destinations.map((each) => ({ ...each, tunnel: each.tunnel && { ...each.tunnel } }));
}

Deno.test("sharedService() gives the object of the last read where nothing differs", () => {
  const now = { ...SERVICE, destinations: [] };
  assert.equal(sharedService(SERVICE, now, again(SERVICE.destinations)), SERVICE);
});

for (const [field, value] of Object.entries(OTHERS)) {
  Deno.test(`sharedService() sees that a destination has another ${field}, and keeps its neighbour`, () => {
    const [first, second] = again(SERVICE.destinations);
    assert.ok(first !== undefined && second !== undefined);
    const found = sharedService(SERVICE, SERVICE, [first, { ...second, ...value }]);
    assert.notEqual(found, SERVICE);
    assert.equal(found.destinations[0], SERVICE.destinations[0]);
    assert.deepEqual(found.destinations[1], { ...SERVICE.destinations[1], ...value });
  });
}

Deno.test("sharedService() sees a destination more, one fewer, and another scheduler", () => {
  const all = again(SERVICE.destinations);
  assert.equal(sharedService(SERVICE, SERVICE, [...all, { ...DESTINATION, port: 1 }]).destinations.length, 3);
  assert.equal(sharedService(SERVICE, SERVICE, all.slice(1)).destinations.length, 1);
  const found = sharedService(SERVICE, { ...SERVICE, scheduler: "wrr" }, all);
  assert.equal(found.scheduler, "wrr");
  assert.equal(found.destinations, SERVICE.destinations);
});
