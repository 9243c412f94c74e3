/** The orderly stop: withdraw before break, and nothing of ours is left. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { foreign, ours } from "../host.ts";
import type { Scenario } from "../scenario.ts";
import { describe, since } from "../traffic.ts";
import type { World } from "../world.ts";
import { unexplained } from "./restart.ts";

/** The scenarios of stopping. */
export const stopScenarios: readonly Scenario<World>[] = [
  {
    name: "SIGTERM withdraws first, no client notices, and nothing of ours is left on the host",
    async run(world, figure) {
      await world.steady();
      const [host, other] = world.hosts;
      if (host === undefined || other === undefined) throw new Error("two hosts needed");
      await world.client.start(world.service, 25);
      const asked = Date.now();
      const stopped = host.stopAgent();
      const gone = await world.untilVia([other.name]);
      equal(await stopped, 0, "exit status");
      figure("SIGTERM to route gone from the router's kernel", gone.atMs - asked, "ms");
      figure("SIGTERM to the agent's end", Date.now() - asked, "ms");
      const rest = await world.burst(30);
      const traffic = since(await world.client.stop(), asked);
      const lost = unexplained(traffic, world.routes.changes(world.prefix, asked));
      equal(lost.length, 0, `${describe(traffic)}: ${JSON.stringify(lost)}`);
      equal(since(traffic, gone.atMs).failures.length, 0, describe(traffic));
      equal(rest.byHost.get(other.name), 30, describe(rest));
      const removed = host.log.find(asked, ({ message }) => /^changed: .*(remove|delete)/.test(message));
      ok(removed === undefined || removed.atMs > gone.atMs, "kernel objects went before the route");
      const kernel = await host.kernel();
      deepEqual(ours(world.topology, kernel), { links: [], ipvs: [] });
      deepEqual(foreign(world.topology, kernel), foreign(world.topology, host.before));
      return `withdrawn after ${Math.round(gone.atMs - asked)} ms; ${
        describe(traffic)
      }; nothing of ours left`;
    },
  },
  {
    name: "with the last agent stopped the router has no route, and only things of others are left anywhere",
    async run(world) {
      const statuses = await Promise.all(world.hosts.map((host) => host.stopAgent()));
      deepEqual(statuses, world.hosts.map(() => 0), "exit statuses");
      await world.untilVia([]);
      deepEqual(await world.router.routes(world.prefix), []);
      for (const host of world.hosts) {
        const kernel = await host.kernel();
        deepEqual(ours(world.topology, kernel), { links: [], ipvs: [] }, host.name);
        deepEqual(foreign(world.topology, kernel), foreign(world.topology, host.before), host.name);
      }
      return "no route, no interface, no virtual service of ours";
    },
  },
];
