/** A successor that wants less than its predecessor: what it no longer wants goes in order, and nobody is cut off (K4, K5). */
import { equal, ok } from "node:assert/strict";
import { run } from "../../support/process.ts";
import { type Host, ours } from "../host.ts";
import { ipvsEntries, type IpvsEntry } from "../kernel_view.ts";
import { launchVariant, ownDestinations, serviceTo } from "../load_configs.ts";
import { pair, PATIENCE_MS, untilAll } from "../lab_world.ts";
import { underLoad } from "../load.ts";
import type { RoutingDaemon } from "../router.ts";
import { same, type Scenario } from "../scenario.ts";
import { addressesOf, hostRoute, hostServiceConfig, type LabService } from "../topology.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";
import { waitFor } from "../../support/until.ts";
import { isOf, untilGone } from "./load_orders.ts";
import { untilBack, untilKept } from "./load_restart.ts";

type AnyWorld = World<RoutingDaemon>;

/** The router goes on sending flows to a service that the successor does not have, until it is told. */
export const startedWithoutService: Scenario<AnyWorld> = {
  name:
    "under load: handover, then a start without a service: End-of-RIB, converge, quiesce, and then it goes",
  async run(world, narrator) {
    await world.steady();
    const [host, other] = pair(world);
    const [web, shop] = world.topology.services;
    if (web === undefined || shop === undefined) throw new Error("two services");
    const services = [hostServiceConfig(web, host.node)];
    const targets = [web, shop].flatMap((service) =>
      addressesOf(service).map((address) => ({ address, port: service.port }))
    );
    const event = `${host.name}: handover, then a start without ${shop.name}`;
    const load = { event, costsNothing: true, through: host, targets };
    const { value, traffic } = await underLoad(world, narrator, load, async () => {
      equal(await host.handOver(), 0, "exit status");
      await untilKept(world, host);
      const startedMs = Date.now();
      host.startAgent(launchVariant(world.topology, host, { services }));
      const gone = await host.whileAgentRuns(Promise.all(
        addressesOf(shop).map((address, family) =>
          world.routes.until(hostRoute(address), [addressesOf(other.node)[family] ?? ""], PATIENCE_MS)
        ),
      ));
      const routesGoneMs = Math.max(...gone.map(({ atMs }) => atMs));
      await untilGone(host, shop);
      const removed = host.log.entries.filter(({ atMs, message }) =>
        atMs >= startedMs && /^changed: (remove|delete)/.test(message)
      );
      ok(removed.length > 0, "no line of the log says that anything was removed");
      const earliestMs = Math.min(...removed.map(({ atMs }) => atMs));
      ok(
        earliestMs >= routesGoneMs + shop.stop.convergeMs - CLOCKS_MS,
        `removed ${earliestMs - routesGoneMs} ms after the routes: ${JSON.stringify(removed[0])}`,
      );
      return earliestMs - routesGoneMs;
    });
    narrator.figure("route of a service that the successor lacks gone to its objects gone", value, "ms");
    host.rewrite(host.launch);
    await host.ask("reload");
    await Promise.all(
      addressesOf(shop).map((address, family) =>
        world.routes.until(
          hostRoute(address),
          world.hosts.map(({ node }) => addressesOf(node)[family] ?? ""),
          PATIENCE_MS,
        )
      ),
    );
    await world.steady();
    return `removed ${Math.round(value)} ms after the router's last route; ${describe(traffic)}`;
  },
};

/** How far apart two readings of one clock may be. */
const CLOCKS_MS = 20;
/** Nobody listens there: that datagrams lead to a destination is all that counts. */
const UDP_PORT = 5353;

/** A connection to a destination that the successor does not have goes on until it ends. */
export const startedWithoutDestination: Scenario<AnyWorld> = {
  name: "under load: handover, then a start without a destination: its connection goes on, UDP goes at once",
  async run(world, narrator) {
    await world.steady();
    const [host] = pair(world);
    const { service } = world;
    const others = world.topology.services.filter((each) => each !== service)
      .map((each) => hostServiceConfig(each, host.node));
    const extra = host.node.foreign?.address.address.split("/")[0] ?? "";
    const second = `${extra}:${host.node.applicationPort}`;
    const own = ownDestinations(host);
    const more = [...own, { address: extra, port: host.node.applicationPort, weight: 1 }];
    const variant = (destinations: typeof own) =>
      launchVariant(world.topology, host, {
        services: [serviceTo(host, service, destinations, UDP_PORT), ...others],
      });
    host.rewrite(variant(more));
    await host.ask("reload");
    const open = ({ protocol, state, destination }: IpvsEntry) =>
      protocol === "TCP" && state === "ESTABLISHED" && destination === second;
    const connected = async () => (await ipvsEntries(host.name)).some(open);
    const lines = async () =>
      ours(world.topology, await host.kernel()).ipvs.filter((line) => isOf(service, line));
    const of = (protocol: "t" | "u", all: readonly string[]) =>
      all.filter((line) => line.startsWith(`-a -${protocol} `) && line.includes(` -r ${second} `));
    await waitFor("two destinations", PATIENCE_MS, async () => of("u", await lines()).length === 1, 100);
    await datagrams(world, host, service, second);
    const event = `${host.name}: handover, then a start without a destination that is in use`;
    const load = { event, costsNothing: true, through: host, downloadSeconds: 12, accept: connected };
    const { value, traffic } = await underLoad(world, narrator, load, async () => {
      equal(await host.handOver(), 0, "exit status");
      await untilKept(world, host);
      host.startAgent(variant(own));
      await untilBack(world, host);
      const quiesced = await waitFor("the destination takes no new connections", PATIENCE_MS, async () => {
        const now = await lines();
        return of("t", now).some((line) => line.endsWith("-w 0")) && now;
      }, 50);
      same(of("u", quiesced), [], "destinations for UDP that should have gone at once");
      ok(await connected(), "the download's connection has gone");
      return Date.now();
    });
    const endedMs = Date.now();
    await waitFor("the destination goes", PATIENCE_MS, async () => of("t", await lines()).length === 0, 100);
    const goneMs = Date.now();
    ok(goneMs - value < service.stop.quiesceMs, "it went only at the limit");
    host.rewrite(host.launch);
    await host.ask("reload");
    await untilAll(world);
    return `weight 0 until the download had ended, gone ${goneMs - endedMs} ms later; ${describe(traffic)}`;
  },
};

/** Sends datagrams until one of them is a connection to that destination. */
async function datagrams(world: AnyWorld, host: Host, service: LabService, to: string): Promise<void> {
  const client = world.topology.nodes.find(({ kind }) => kind === "client")?.name ?? "";
  const script = `for each in 1 2 3 4 5 6 7 8; do echo >/dev/udp/${service.address}/${UDP_PORT}; done`;
  await waitFor("a datagram reaches the second destination", PATIENCE_MS, async () => {
    await run("ip", ["netns", "exec", client, "bash", "-c", script]);
    const entries = await ipvsEntries(host.name);
    return entries.some(({ protocol, destination }) => protocol === "UDP" && destination === to);
  }, 100);
}
