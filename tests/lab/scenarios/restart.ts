/** Restarts: of the router, and of an agent that is killed and finds its own things again. */
import { equal, ok } from "node:assert/strict";
import { type AgentLaunch, type Host, ours } from "../host.ts";
import { type LabWorld, pair, PATIENCE_MS, untilAll } from "../lab_world.ts";
import type { RouteChange } from "../route_history.ts";
import { same, type Scenario } from "../scenario.ts";
import { describe, type Traffic } from "../traffic.ts";
import type { World } from "../world.ts";
import { waitFor } from "../../support/until.ts";

/** How far apart the client's clock reading and the router's may be for one moment. */
const SIMULTANEOUS_MS = 20;

/** A router that comes back finds everything announced again. */
export const routerRestarts: Scenario<World> = {
  name: "the router restarts: both sessions and both routes come back",
  async run(world, { figure }) {
    await world.steady();
    await world.router.stop("SIGKILL");
    await world.router.start();
    const upMs = Date.now();
    await waitFor("both sessions Established", PATIENCE_MS, async () => {
      const protocols = await world.router.protocols();
      return protocols.length > 0 && protocols.every(({ state }) => state === "Established");
    }, 100);
    const tookMs = Date.now() - upMs;
    figure("router answers again to both sessions Established", tookMs, "ms");
    await waitFor("both routes", PATIENCE_MS, async () => {
      const routes = await Promise.all(world.prefixes.map((prefix) => world.router.routes(prefix)));
      return routes.every(({ length }) => length === world.hosts.length);
    }, 100);
    await untilAll(world);
    const traffic = await world.client.burst(40);
    equal(traffic.failures.length, 0, describe(traffic));
    equal(traffic.byHost.size, world.hosts.length, describe(traffic));
    return `Established again after ${tookMs} ms; ${describe(traffic)}`;
  },
};

/** Two orders to stop: the second one is obeyed at once, and what stays is the successor's. */
export const agentStopsAtOnce: Scenario<World> = {
  name:
    "a second SIGTERM while a stop drains ends the agent with 1 and no crash; its successor adopts what stays",
  async run(world, { figure }) {
    await world.steady();
    const [host, other] = pair(world);
    await host.killAgent();
    await world.untilVia([other.name]);
    host.startAgent(slowToStop(host.launch));
    await untilAll(world);
    await world.steady();
    const links = ours(world.topology, await host.kernel()).links;
    const asked = Date.now();
    const ended = await host.stopAgentAtOnce(() => world.untilVia([other.name]));
    figure("first SIGTERM to the end at the second", Date.now() - asked, "ms");
    same(ended, { code: 1, signal: null }, "how the agent ended");
    same(ours(world.topology, await host.kernel()).links, links, "the interfaces stay");
    host.startAgent();
    await untilAll(world);
    await world.steady();
    const rest = await world.client.burst(40);
    equal(rest.failures.length, 0, describe(rest));
    equal(rest.byHost.size, world.hosts.length, describe(rest));
    return `status 1; ${describe(rest)}`;
  },
};

/** The same with so long a time to converge that on the slowest machine no stop is over before its second signal. */
function slowToStop(launch: AgentLaunch): AgentLaunch {
  const config = launch.config.replaceAll(/"converge": *"[^"]*"/g, `"converge": "${PATIENCE_MS}ms"`);
  ok(config !== launch.config, "no time to converge in the configuration");
  return { ...launch, config };
}

/** A killed agent's successor goes on where it was. */
export const agentKilled: Scenario<World> = {
  name: "an agent killed and started again adopts its kernel objects and announces again; traffic flows on",
  async run(world, { figure }) {
    await world.steady();
    const [host, other] = pair(world);
    await world.client.burst(40);
    const answeredBefore = world.client.answered(host.name);
    ok(answeredBefore > 0, "nothing was answered before, so nothing could be seen to be reset");
    const before = ours(world.topology, await host.kernel());
    await world.client.start(40);
    const killedMs = Date.now();
    await host.killAgent();
    await world.untilVia([other.name]);
    same(ours(world.topology, await host.kernel()), before, "the killed agent's objects stay");
    const startedMs = Date.now();
    host.startAgent();
    const both = await untilAll(world);
    figure("killed agent started again to two next hops on the router", both.atMs - startedMs, "ms");
    const rest = await world.client.burst(40);
    const traffic = await world.client.stop();
    equal(rest.failures.length, 0, describe(rest));
    same(
      ours(world.topology, await host.kernel()),
      before,
      "the same interface index, address, virtual service",
    );
    const lost = unexplained(traffic, world.routes.changes(world.prefixes, killedMs));
    equal(lost.length, 0, `${describe(traffic)}; not at a change of route: ${JSON.stringify(lost)}`);
    const counted = await untilCounted(world, host);
    return `interface index ${
      before.links[0]?.index
    } kept; IPVS counted ${counted} connections, ${answeredBefore} of ` +
      `them before; announced again ${Math.round(both.atMs - startedMs)} ms after the start; ${
        describe(traffic)
      }`;
  },
};

/**
 * Waits until the virtual service has counted at least every request that the host has ever answered, which it never does
 * where it was made anew. The kernel adds its counters up every two seconds.
 */
export async function untilCounted(world: World, host: Host): Promise<number> {
  const answered = world.client.answered(host.name);
  let counted = 0;
  try {
    return await waitFor("counters", 10_000, async () => {
      counted = await host.connections(world.service);
      return counted >= answered ? counted : undefined;
    }, 300);
  } catch {
    throw new Error(
      `IPVS counters were reset: ${answered} requests answered, ${counted} connections counted`,
    );
  }
}

/** Failures that are not of a flow which the router moved to the other host while it was open. */
export function unexplained(traffic: Traffic, changes: readonly RouteChange[]): Traffic["failures"] {
  return traffic.failures.filter(({ atMs, ms }) =>
    !changes.some((change) =>
      change.atMs >= atMs - SIMULTANEOUS_MS && change.atMs <= atMs + ms + SIMULTANEOUS_MS
    )
  );
}

/** The same where there is no kernel to look at: the route goes, the route comes back. */
export const agentKilledAnnounceOnly: Scenario<LabWorld> = {
  name: "an agent killed and started again announces again",
  async run(world, { figure }) {
    await world.steady();
    const [host, other] = pair(world);
    await host.killAgent();
    await world.untilVia([other.name]);
    const startedMs = Date.now();
    host.startAgent();
    const both = await untilAll(world);
    figure("killed agent started again to two next hops on the router", both.atMs - startedMs, "ms");
    return `announced again ${Math.round(both.atMs - startedMs)} ms after the start`;
  },
};
