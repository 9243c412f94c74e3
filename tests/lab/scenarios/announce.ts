/** Announcing: both hosts in the router's table, flows spread, and exactly the right objects in the hosts' kernels. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { ours } from "../host.ts";
import type { Scenario } from "../scenario.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";

const REQUESTS = 60;

/** The scenarios of announcing. */
export const announceScenarios: readonly Scenario<World>[] = [
  {
    name: "both hosts announce and the router has two next hops",
    async run(world, figure) {
      const begin = Date.now();
      await world.steady();
      figure("agents started to both next hops in the router's kernel", Date.now() - begin, "ms");
      const routes = await world.router.routes(world.prefix);
      const hops = routes.map((route) => route.nextHop).sort();
      deepEqual(hops, world.hosts.map((host) => host.node.address).sort());
      for (const route of routes) equal(route.attributes["BGP.as_path"], `${world.hosts[0]?.node.as}`);
      return `${world.prefix} via ${hops.join(" and ")}`;
    },
  },
  {
    name: "client requests are spread over both hosts and none fails",
    async run(world) {
      await world.steady();
      const traffic = await world.burst(REQUESTS);
      equal(traffic.failures.length, 0, describe(traffic));
      for (const { name } of world.hosts) {
        const share = traffic.byHost.get(name) ?? 0;
        ok(share >= REQUESTS / 6, `${name} answered ${share} of ${REQUESTS}: ${describe(traffic)}`);
      }
      return `${REQUESTS} requests: ${describe(traffic)}`;
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
