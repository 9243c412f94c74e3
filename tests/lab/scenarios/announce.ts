/** Announcing: both hosts in the router's table, flows spread, and exactly the right objects in the hosts' kernels. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { ours } from "../host.ts";
import { type LabWorld, untilAll } from "../lab_world.ts";
import type { Scenario } from "../scenario.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";

const REQUESTS = 60;

/** Both hosts announce. */
export const bothAnnounce: Scenario<LabWorld> = {
  name: "both hosts announce and the router has two next hops",
  essential: true,
  async run(world, { say, figure }) {
    const begin = Date.now();
    say(`starting an agent on ${world.hosts.map(({ name }) => name).join(" and ")}`);
    await world.steady();
    const { nextHops, atMs } = await untilAll(world);
    figure("agents started to two next hops on the router", atMs - begin, "ms");
    return `the router has ${world.prefix} via ${nextHops.join(" and ")}`;
  },
};

/** Flows go to both. */
export const requestsSpread: Scenario<LabWorld> = {
  name: "client requests are spread over both hosts and none fails",
  async run(world, { say }) {
    await world.steady();
    say(`${REQUESTS} requests to the service address, each over a connection of its own`);
    const traffic = await world.client.burst(REQUESTS);
    equal(traffic.failures.length, 0, describe(traffic));
    for (const { name } of world.hosts) {
      const share = traffic.byHost.get(name) ?? 0;
      ok(share >= REQUESTS / 6, `${name} answered ${share} of ${REQUESTS}: ${describe(traffic)}`);
    }
    return `${REQUESTS} requests: ${describe(traffic)}`;
  },
};

/** What the router and the hosts' kernels have, to the letter. */
export const kernelObjects: readonly Scenario<World>[] = [
  {
    name: "BIRD has one route from each host, with its next hop and AS path",
    async run(world) {
      await world.steady();
      const routes = await world.router.routes(world.prefix);
      const hops = routes.map(({ nextHop, attributes }) => `${nextHop} ${attributes["BGP.as_path"]}`);
      deepEqual(hops.sort(), world.hosts.map(({ node }) => `${node.address} ${node.as}`).sort());
      return hops.map((hop) => hop.replace(" ", " AS")).join(", ");
    },
  },
  {
    name: "each host has the marked interface, the address that is never a source, and the virtual service",
    async run(world) {
      await world.steady();
      const { name, address, port } = world.service;
      for (const host of world.hosts) {
        const { links, ipvs } = ours(world.topology, await host.kernel());
        deepEqual(links.map(({ index: _, ...link }) => link), [{
          name,
          kind: "dummy",
          alias: `bgp-lb:${name}`,
          up: true,
          addresses: [`${address}/32`],
          deprecated: [`${address}/32`],
        }]);
        const { address: own, applicationPort } = host.node;
        deepEqual(ipvs, [
          `-A -t ${address}:${port} -s rr`,
          `-a -t ${address}:${port} -r ${own}:${applicationPort} -m -w 1`,
        ]);
      }
      return `interface ${name} with ${address}/32, TCP ${address}:${port} → the host's own application`;
    },
  },
];
