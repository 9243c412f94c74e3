/** The orderly stop: withdraw before break, and nothing of ours is left. */
import { equal, ok } from "node:assert/strict";
import { foreign, type Host, ours } from "../host.ts";
import { type Converged, type LabWorld, pair } from "../lab_world.ts";
import { type Narrator, same, type Scenario } from "../scenario.ts";
import { describe, since, type Traffic } from "../traffic.ts";
import type { World } from "../world.ts";
import { unexplained } from "./restart.ts";

/** One host leaves, and nobody notices. */
export const agentStops: Scenario<World> = {
  name: "SIGTERM withdraws first, no client notices, and nothing of ours is left on the host",
  async run(world, narrator) {
    const { host, asked, gone, traffic } = await stopUnderTraffic(world, narrator, pair(world));
    const removed = host.log.find(asked, ({ message }) => /^changed: .*(remove|delete)/.test(message));
    ok(removed === undefined || removed.atMs > gone.atMs, "kernel objects went before the route");
    await nothingLeft(world, host);
    return `withdrawn after ${Math.round(gone.atMs - asked)} ms; ${describe(traffic)}; nothing of ours left`;
  },
};

/** The same where there is no kernel to look at. */
export const agentStopsAnnounceOnly: Scenario<LabWorld> = {
  name: "SIGTERM withdraws and no client notices",
  async run(world, narrator) {
    const { asked, gone, traffic } = await stopUnderTraffic(world, narrator, pair(world));
    return `withdrawn after ${Math.round(gone.atMs - asked)} ms; ${describe(traffic)}`;
  },
};

/** The last one leaves, too. */
export const allStop: Scenario<World> = {
  name: "with the last agent stopped the router has no route, and only things of others are left anywhere",
  async run(world, { say }) {
    say("stopping what still runs");
    const statuses = await Promise.all(world.hosts.map((host) => host.stopAgent()));
    same(statuses, world.hosts.map(() => 0), "exit statuses");
    await world.untilVia([]);
    for (const prefix of world.prefixes) same(await world.router.routes(prefix), [], prefix);
    for (const host of world.hosts) await nothingLeft(world, host);
    return "no route, no interface, no virtual service of ours; what belongs to others is as it was";
  },
};

/** The same where there is no kernel to look at. */
export const allStopAnnounceOnly: Scenario<LabWorld> = {
  name: "with the last agent stopped the router has no route",
  async run(world) {
    const statuses = await Promise.all(world.hosts.map((host) => host.stopAgent()));
    same(statuses, world.hosts.map(() => 0), "exit statuses");
    await world.untilVia([]);
    return "no route";
  },
};

/** How a host left. */
export interface Stopped {
  readonly host: Host;
  readonly asked: number;
  readonly gone: Converged;
  readonly traffic: Traffic;
}

/** Stops the agent of `host` under a stream of requests. @throws where a client noticed */
export async function stopUnderTraffic(
  world: LabWorld,
  { say, figure }: Narrator,
  [host, other]: readonly [Host, Host],
): Promise<Stopped> {
  await world.steady();
  await world.client.start(25);
  say(`asking the agent on ${host.name} to stop (SIGTERM), under a stream of requests`);
  const asked = Date.now();
  const stopped = host.stopAgent();
  const gone = await world.untilVia([other.name]);
  say(
    `${host.name}'s ${world.prefixes.length === 1 ? "route is" : "routes are"} gone after ${
      Math.round(gone.atMs - asked)
    } ms`,
  );
  equal(await stopped, 0, "exit status");
  figure(`SIGTERM on ${host.name} to route gone from the router`, gone.atMs - asked, "ms");
  figure(`SIGTERM on ${host.name} to the agent's end`, Date.now() - asked, "ms");
  const rest = await world.client.burst(30);
  const traffic = since(await world.client.stop(), asked);
  const lost = unexplained(traffic, world.routes.changes(world.prefixes, asked));
  equal(lost.length, 0, `${describe(traffic)}: ${JSON.stringify(lost)}`);
  equal(since(traffic, gone.atMs).failures.length, 0, describe(traffic));
  equal(rest.byHost.get(other.name), 30, describe(rest));
  return { host, asked, gone, traffic };
}

/** @throws where something of ours is left, or something of others is not as it was */
export async function nothingLeft(world: World, host: Host): Promise<void> {
  const kernel = await host.kernel();
  same(ours(world.topology, kernel), { links: [], ipvs: [] }, `${host.name}: left behind`);
  same(
    foreign(world.topology, kernel),
    foreign(world.topology, host.before),
    `${host.name}: somebody else's`,
  );
}
