/** Restarts under client load: what an operator does costs nobody anything, and what nobody wanted is told. */
import { equal, ok } from "node:assert/strict";
import { type Host, ours } from "../host.ts";
import { pair, PATIENCE_MS, untilAll } from "../lab_world.ts";
import { launchVariant } from "../load_configs.ts";
import { underLoad } from "../load.ts";
import type { RoutingDaemon } from "../router.ts";
import { type Narrator, same, type Scenario } from "../scenario.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";
import { waitFor } from "../../support/until.ts";

type AnyWorld = World<RoutingDaemon>;

/** Each host in turn is handed over and comes back. */
export const rollingRestart: Scenario<AnyWorld> = {
  name: "under load: a rolling restart of both hosts by handover (SIGUSR2)",
  async run(world, narrator) {
    await world.steady();
    const told: string[] = [];
    for (const host of world.hosts) {
      told.push(
        await awayUnderLoad(world, narrator, host, "handover and start", async () => {
          equal(await host.handOver(), 0, "exit status");
        }),
      );
    }
    return told.join("; ");
  },
};

/** Nobody wanted it, and the router keeps the routes all the same. */
export const killedWithGracefulRestart: Scenario<AnyWorld> = {
  name: "under load: an agent is killed and started again, with graceful restart",
  async run(world, narrator) {
    await world.steady();
    const [host] = pair(world);
    return await awayUnderLoad(world, narrator, host, "SIGKILL and start", () => host.killAgent());
  },
};

/** The routes go and come back; what is open goes on through the kernel. */
export const killedWithoutGracefulRestart: Scenario<AnyWorld> = {
  name: "under load: an agent is killed and started again, without graceful restart",
  async run(world, narrator) {
    await world.steady();
    const [host, other] = pair(world);
    const plain = launchVariant(world.topology, host, { gracefulRestart: "off" });
    equal(await host.stopAgent(), 0, "exit status");
    host.startAgent(plain);
    await untilAll(world);
    const event = `${host.name}: SIGKILL and start without graceful restart (${world.router.program})`;
    const { traffic, download } = await underLoad(
      world,
      narrator,
      { event, costsNothing: false, through: host },
      async () => {
        await host.killAgent();
        await world.untilVia([other.name]);
        host.startAgent(plain);
        await untilAll(world);
      },
    );
    ok(download.broken === undefined, `the download broke, though the kernel went on: ${download.broken}`);
    equal(await host.stopAgent(), 0, "exit status");
    await world.steady();
    return describe(traffic);
  },
};

/** Takes the agent of `host` away by `leave` and starts it again, under load; neither clients nor routes may notice. */
async function awayUnderLoad(
  world: AnyWorld,
  narrator: Narrator,
  host: Host,
  how: string,
  leave: () => Promise<void>,
): Promise<string> {
  const before = ours(world.topology, await host.kernel());
  const event = `${host.name}: ${how} (${world.router.program})`;
  const sinceMs = Date.now();
  const { traffic } = await underLoad(
    world,
    narrator,
    { event, costsNothing: true, through: host },
    async () => {
      await leave();
      await untilKept(world, host);
      host.startAgent();
      await untilBack(world, host);
    },
  );
  ok((traffic.byHost.get(host.name) ?? 0) > 0, `${host.name} answered nothing: ${describe(traffic)}`);
  same(world.routes.changes(world.prefixes, sinceMs), [], "routes that changed on the router");
  same(ours(world.topology, await host.kernel()), before, `${host.name}: the kernel's objects`);
  return describe(traffic);
}

/** The session has ended, and the router keeps the host's routes. */
export async function untilKept(world: AnyWorld, host: Host): Promise<void> {
  await waitFor(`the router keeps the routes of ${host.name}`, PATIENCE_MS, async () => {
    return await world.router.established(host.name) === undefined && await world.router.keeps(host.name);
  }, 50);
}

/** The session is there again, and the router has its End-of-RIB of every family. */
export async function untilBack(world: AnyWorld, host: Host): Promise<void> {
  const back = waitFor(`${host.name} has come back`, PATIENCE_MS, async () => {
    return await world.router.established(host.name) !== undefined && !await world.router.keeps(host.name);
  }, 50);
  await host.whileAgentRuns(back);
}
