/**
 * Graceful restart (RFC 4724) with the router as the helper: an agent that is away without a word costs nobody anything,
 * as the kernel goes on forwarding; one that says goodbye is gone at once; and one that comes back to a dead application
 * takes back what the router has kept for it.
 */
import { equal, ok } from "node:assert/strict";
import { type Host, ours } from "../host.ts";
import { PATIENCE_MS } from "../lab_world.ts";
import { type Narrator, same, type Scenario } from "../scenario.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";
import { untilCounted } from "./restart.ts";
import { nothingLeft, stopUnderTraffic } from "./stop.ts";
import { waitFor } from "../../support/until.ts";

/** The scenarios; each begins and ends with everything as it should be. */
export const gracefulScenarios: readonly Scenario<World>[] = [
  {
    name:
      "graceful restart: an agent is killed and comes back; the router keeps its routes, no request fails",
    async run(world, narrator) {
      return await awayUnderTraffic(world, narrator, "killed", (host) => host.killAgent());
    },
  },
  {
    name:
      "graceful restart: SIGUSR2 hands over without a word; the router keeps the routes, no request fails",
    async run(world, narrator) {
      return await awayUnderTraffic(world, narrator, "handed over", async (host) => {
        equal(await host.handOver(), 0, "exit status");
      });
    },
  },
  {
    name: "graceful restart: back to a dead application, End-of-RIB takes the kept routes away",
    async run(world, { figure }) {
      await world.steady();
      const [host, other] = gracefulPair(world);
      await host.killAgent();
      await untilKept(world, host);
      await host.killApplication();
      const startedMs = Date.now();
      host.startAgent();
      const gone = await host.whileAgentRuns(world.untilVia([other.name]));
      figure("agent back to a dead application: start to routes gone", gone.atMs - startedMs, "ms");
      await untilBack(world, host);
      const traffic = await world.client.burst(20);
      equal(traffic.byHost.get(other.name), 20, describe(traffic));
      return `gone ${Math.round(gone.atMs - startedMs)} ms after the start, of ${
        restartTime(host)
      } s allowed`;
    },
  },
  {
    name: "graceful restart: SIGTERM withdraws at once all the same, and the router keeps nothing",
    async run(world, narrator) {
      const logged = world.router.log.length;
      const { host, asked, gone, traffic } = await stopUnderTraffic(world, narrator, gracefulPair(world));
      await nothingLeft(world, host);
      equal(await world.router.keeps(host.name), false, "the router keeps routes for it");
      ok(notifications(world, host, logged).length > 0, "no NOTIFICATION, so the router waits for it");
      return `withdrawn after ${Math.round(gone.atMs - asked)} ms; ${
        describe(traffic)
      }; nothing of ours left`;
    },
  },
];

/** The host whose router keeps its routes, and the other one. */
function gracefulPair(world: World): readonly [Host, Host] {
  const isGraceful = ({ node }: Host) => node.restartTimeSeconds !== undefined;
  const graceful = world.hosts.find(isGraceful);
  const other = world.hosts.find((host) => !isGraceful(host));
  if (graceful === undefined || other === undefined) {
    throw new Error("a host with graceful restart, and one without");
  }
  return [graceful, other];
}

function restartTime({ node }: Host): number {
  return node.restartTimeSeconds ?? 0;
}

/** Takes the agent away by `leave` and starts it again, under a stream of requests of which none may notice. */
async function awayUnderTraffic(
  world: World,
  { say, figure }: Narrator,
  how: string,
  leave: (host: Host) => Promise<void>,
): Promise<string> {
  await world.steady();
  const [host] = gracefulPair(world);
  const before = ours(world.topology, await host.kernel());
  const logged = world.router.log.length;
  await world.client.start(25);
  const leftMs = Date.now();
  await leave(host);
  await untilKept(world, host);
  say(`the agent on ${host.name} is ${how}; the router keeps its routes and sends flows`);
  const meanwhile = await world.client.burst(40);
  same(ours(world.topology, await host.kernel()), before, "the kernel's objects while no agent runs");
  const startedMs = Date.now();
  host.startAgent();
  await untilBack(world, host);
  const backMs = Date.now();
  figure(`graceful restart, ${how}: start to End-of-RIB on the router`, backMs - startedMs, "ms");
  const after = await world.client.burst(40);
  const stream = await world.client.stop();
  for (const traffic of [meanwhile, after, stream]) {
    equal(
      traffic.failures.length,
      0,
      `${describe(traffic)}: ${JSON.stringify(traffic.failures.slice(0, 3))}`,
    );
    ok((traffic.byHost.get(host.name) ?? 0) > 0, `${host.name} answered nothing: ${describe(traffic)}`);
  }
  same(world.routes.changes(world.prefixes, leftMs), [], "routes that changed on the router");
  same(notifications(world, host, logged), [], "NOTIFICATIONs");
  same(ours(world.topology, await host.kernel()), before, "the kernel's objects after it came back");
  const counted = await untilCounted(world, host);
  return `${backMs - leftMs} ms away: no route changed; ${describe(stream)} in the stream, ` +
    `${describe(meanwhile)} with no agent there; interface index ${before.links[0]?.index} kept, ` +
    `IPVS counted ${counted} connections`;
}

/** The session has ended, and the router waits for it to come back. */
async function untilKept(world: World, host: Host): Promise<void> {
  await waitFor(
    `the router keeps the routes of ${host.name}`,
    PATIENCE_MS,
    () => world.router.keeps(host.name),
    20,
  );
}

/** The session is there again, and the router has its End-of-RIB of every family. */
async function untilBack(world: World, host: Host): Promise<void> {
  const back = waitFor(`${host.name} has come back`, PATIENCE_MS, async () => {
    const sessions = await world.router.protocols();
    const established = sessions.some(({ name, state }) => name === host.name && state === "Established");
    return established && !await world.router.keeps(host.name);
  }, 20);
  await host.whileAgentRuns(back);
}

/** What the router has logged of NOTIFICATIONs of that host's agent since its log had so many lines. */
function notifications(world: World, host: Host, logged: number): string[] {
  return world.router.log.slice(logged).filter((line) => line.includes(` ${host.name}: Received: `));
}
