/** Restarts: of the router, and of an agent that is killed and finds its own things again. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { waitFor } from "../../support/process.ts";
import { ours } from "../host.ts";
import type { RouteChange } from "../route_watch.ts";
import type { Scenario } from "../scenario.ts";
import { describe, type Traffic } from "../traffic.ts";
import { PATIENCE_MS, type World } from "../world.ts";

/** How far apart the client's clock reading and the router's may be for one moment. */
const SIMULTANEOUS_MS = 20;

/** The scenarios of restarting. */
export const restartScenarios: readonly Scenario<World>[] = [
  {
    name: "the router restarts: both sessions and both routes come back",
    async run(world, figure) {
      await world.steady();
      await world.stopRouter("SIGKILL");
      await world.startRouter();
      const upMs = Date.now();
      await waitFor("both sessions Established", PATIENCE_MS, async () => {
        const protocols = await world.router.protocols();
        return protocols.length > 0 && protocols.every(({ state }) => state === "Established");
      }, 100);
      figure("router answers again to both sessions Established", Date.now() - upMs, "ms");
      await world.untilVia(world.hosts.map((host) => host.name));
      equal((await world.router.routes(world.prefix)).length, world.hosts.length);
      const traffic = await world.burst(40);
      equal(traffic.failures.length, 0, describe(traffic));
      equal(traffic.byHost.size, world.hosts.length, describe(traffic));
      return `Established again after ${Date.now() - upMs} ms; ${describe(traffic)}`;
    },
  },
  {
    name: "an agent killed and started again adopts its kernel objects and announces again; traffic flows on",
    async run(world, figure) {
      await world.steady();
      await world.burst(40);
      const [host, other] = world.hosts;
      if (host === undefined || other === undefined) throw new Error("two hosts needed");
      const before = ours(world.topology, await host.kernel());
      const countedBefore = await host.connections(world.service);
      ok(countedBefore > 0, "no connection was counted before, so nothing could be seen to be reset");
      await world.client.start(world.service, 40);
      const killedMs = Date.now();
      await host.killAgent();
      await world.untilVia([other.name]);
      deepEqual(ours(world.topology, await host.kernel()), before, "the killed agent's objects stay");
      const startedMs = Date.now();
      host.startAgent();
      const both = await world.untilVia(world.hosts.map(({ name }) => name));
      figure(
        "killed agent started again to both next hops in the router's kernel",
        both.atMs - startedMs,
        "ms",
      );
      await world.burst(40);
      const traffic = await world.client.stop();
      deepEqual(
        ours(world.topology, await host.kernel()),
        before,
        "the same interface index, address, virtual service",
      );
      const countedAfter = await host.connections(world.service);
      ok(
        countedAfter >= countedBefore,
        `IPVS counters were reset: ${countedBefore} before, ${countedAfter} after`,
      );
      const lost = unexplained(traffic, world.routes.changes(world.prefix, killedMs));
      equal(lost.length, 0, `${describe(traffic)}; not at a change of route: ${JSON.stringify(lost)}`);
      return `interface index ${
        before.links[0]?.index
      } kept, ${countedBefore} → ${countedAfter} connections counted; ` +
        `announced again ${Math.round(both.atMs - startedMs)} ms after the start; ${describe(traffic)}`;
    },
  },
];

/** Failures that are not of a flow which the router moved to the other host while it was open. */
export function unexplained(traffic: Traffic, changes: readonly RouteChange[]): Traffic["failures"] {
  return traffic.failures.filter(({ atMs, ms }) =>
    !changes.some((change) =>
      change.atMs >= atMs - SIMULTANEOUS_MS && change.atMs <= atMs + ms + SIMULTANEOUS_MS
    )
  );
}
