/**
 * Checks of destinations before real servers: one dies and gets nothing new, below quorum the service is withdrawn while a
 * sorry server answers whoever comes still, and a server that is back gets its share by and by.
 */
import { equal, ok } from "node:assert/strict";
import type { Host } from "../host.ts";
import { PATIENCE_MS } from "../lab_world.ts";
import type { RealServer } from "../real_server.ts";
import type { Scenario } from "../scenario.ts";
import { addressesOf, bracketed, hostRoute } from "../topology.ts";
import { describe, since, type Target } from "../traffic.ts";
import type { World } from "../world.ts";
import { waitFor } from "../../support/until.ts";
import { planeServes } from "./data_plane.ts";
import { planeLaunch, untilIpvs } from "./kept.ts";

const CHECK = { type: "http", path: "/healthz", interval: "400ms", timeout: "300ms", rise: 2, fall: 2 };
const FALL_MS = 2 * 400;
const SLOW_START_MS = 4_000;
const WEIGHT = 100;

/** Dies, quorum, sorry, recovers. */
export const destinationsChecked: Scenario<World> = {
  name:
    "a real server dies: weight 0 and no request fails after; below quorum withdrawn, sorry serves; slow start",
  async run(world, { figure, say }) {
    await planeServes(world);
    const [host] = world.hosts;
    const [first, second, third] = world.servers;
    if (host === undefined || first === undefined || second === undefined || third === undefined) {
      throw new Error("a host and three servers");
    }
    const { service, client } = world;
    const sorry = addressesOf(host.node).map((address) => ({ address, port: host.node.applicationPort }));
    const port = {
      checks: [CHECK],
      ...{ quorum: 2 * WEIGHT, hysteresis: 0, slowStart: `${SLOW_START_MS}ms`, sorry },
    };
    host.rewrite(planeLaunch(host, { weights: [WEIGHT, WEIGHT, WEIGHT], port }));
    host.signalAgent("SIGHUP");
    await untilIpvs(
      host,
      "the new weights",
      (lines) => weightsOf(lines, first, service.port).every((each) => each === WEIGHT),
    );
    const targets: readonly Target[] = addressesOf(service).map((address) => ({
      address,
      port: service.port,
    }));

    // A download from a server that lives goes on all along; one whose server hangs is quiesced and not cut.
    await client.download(targets[0] ?? { address: "", port: 0 }, second.name, 12_000_000);
    await client.start(25, 3_000, targets);
    const diedMs = await third.application.kill();
    await untilIpvs(
      host,
      `${third.name} has weight 0`,
      (lines) => weightsOf(lines, third, service.port).every((each) => each === 0),
    );
    const failed = await host.log.until(
      "the destination fails",
      diedMs,
      PATIENCE_MS,
      (entry) => entry.event === "destination" && entry.level === "warning",
    );
    // What the kernel had begun to send to it may fail, and what begins later may not.
    const quietMs = Date.now();
    figure("a server dies to its weight is 0", failed.atMs - diedMs, "ms");
    ok(failed.atMs - diedMs >= 0, "it was told before it died");
    await host.whileAgentRuns(client.progress());
    const more = await client.burst(24, targets);
    equal(more.failures.length, 0, describe(more));
    equal(more.byHost.get(third.name), undefined, describe(more));
    const after = since(await client.stop(), quietMs);
    equal(after.failures.length, 0, `after it has weight 0: ${describe(after)}`);
    say(`${failed.message}; fall × interval ${FALL_MS} ms`);

    // Below quorum: one is left. No new client comes from the router; whoever has a route still is served.
    const belowMs = await first.application.kill();
    const gone = await host.whileAgentRuns(world.routes.until(hostRoute(service.address), [], PATIENCE_MS));
    figure("below quorum to withdrawn", gone.atMs - belowMs, "ms");
    equal((await client.downloaded(false)).broken, undefined, "the download from the server that lives");

    // None is left: the sorry server, here the host itself, takes what comes.
    await second.application.kill();
    await untilIpvs(
      host,
      "the sorry server",
      (lines) => lines.some((line) => line.includes(` -r ${host.node.address}:`) && !/ -w 0\b/.test(line)),
    );

    await Promise.all([first, second, third].map((server) => server.application.start()));
    const startedMs = Date.now();
    await world.routes.until(hostRoute(service.address), [host.node.address], PATIENCE_MS);
    const grows = await growth(host, first, service.port);
    ok(grows.some((weight) => weight > 0 && weight < WEIGHT), `no weight between: ${grows}`);
    ok(
      grows.every((weight, index) => index === 0 || weight >= (grows[index - 1] ?? 0)),
      `it shrank: ${grows}`,
    );
    figure("servers back to full weight", Date.now() - startedMs, "ms");
    const all = await client.burst(36, targets);
    equal(all.failures.length, 0, describe(all));
    equal(all.byHost.size, world.servers.length, describe(all));
    host.rewrite(host.launch);
    host.signalAgent("SIGHUP");
    await untilIpvs(
      host,
      "the old weights",
      (lines) => weightsOf(lines, first, service.port).every((each) => each === 1),
    );
    await planeServes(world);
    return `weights while it came back: ${grows.join(" ")}; ${describe(all)}`;
  },
};

/** The weights that a server gets until it has all of it, each different one once. */
async function growth(host: Host, server: RealServer, port: number): Promise<number[]> {
  const seen: number[] = [];
  await waitFor("its full weight", PATIENCE_MS, async () => {
    const { ipvs } = await host.kernel();
    const [weight = 0] = weightsOf(ipvs, server, port);
    if (weight !== seen.at(-1)) seen.push(weight);
    return weight === WEIGHT;
  }, 50);
  return seen;
}

/** The weights that `ipvsadm -Sn` has of a server for TCP at that port, of each family. */
function weightsOf(lines: readonly string[], server: RealServer, port: number): number[] {
  return lines.filter((line) => line.startsWith("-a -t ") && line.includes(`:${port} -r `))
    .filter((line) => addressesOf(server.node).some((address) => line.includes(` -r ${bracketed(address)}:`)))
    .map((line) => Number(/ -w (\d+)/.exec(line)?.[1] ?? NaN));
}
