/** The data plane: clients reach real servers behind the host by every way to forward, and the servers say which way it was. */
import { equal, ok } from "node:assert/strict";
import { eventually } from "../../support/until.ts";
import { carrierOf, planeServices } from "../data_plane.ts";
import { PATIENCE_MS } from "../lab_world.ts";
import type { Scenario } from "../scenario.ts";
import { addressesOf, bare, familyOf, hostRoute, neighboursOf } from "../topology.ts";
import { describe, type Target } from "../traffic.ts";
import type { World } from "../world.ts";

/** Requests of each protocol to each address. */
const REQUESTS = 12;

/** The agent runs, and the router sends every service's packets to its host. */
export async function planeServes(world: World): Promise<void> {
  await world.steady();
  const [host] = world.hosts;
  if (host === undefined) throw new Error("no host");
  await host.whileAgentRuns(Promise.all(
    planeServices.flatMap(addressesOf).map((address) => {
      const nextHop = addressesOf(host.node).find((each) => familyOf(each) === familyOf(address)) ?? "";
      return world.routes.until(hostRoute(address), [nextHop], PATIENCE_MS);
    }),
  ));
}

/** Every way, both families, both protocols. */
export const everyWay: Scenario<World> = {
  name: `real servers get TCP and UDP of both families by ${
    planeServices.map(({ name }) => name).join(", ")
  }`,
  essential: true,
  async run(world) {
    await planeServes(world);
    const { client } = world;
    const own = neighboursOf(world.topology, "c1").flatMap(({ own }) => own.addresses.map(bare));
    const before = await counted(world);
    const words: string[] = [];
    for (const service of planeServices) {
      for (const address of addressesOf(service)) {
        const seen = await client.get(address, service.port, "/");
        const name = own.find((each) => familyOf(each) === familyOf(address));
        equal(
          seen.split("\n")[1]?.replace(/^::ffff:/, ""),
          name,
          `${service.name} ${address}: whom the server sees`,
        );
        for (const protocol of ["tcp", "udp"] as const) {
          const target: Target = { address, port: service.port, protocol };
          const traffic = await client.burst(REQUESTS, [target]);
          equal(traffic.failures.length, 0, `${service.name} ${protocol} ${address}: ${describe(traffic)}`);
          equal(
            traffic.byHost.size,
            world.servers.length,
            `${service.name} ${address}: ${describe(traffic)}`,
          );
        }
      }
    }
    await countsAll(world);
    const after = await counted(world);
    for (const service of planeServices) {
      for (const family of addressesOf(service).map(familyOf)) {
        const arrived = `${service.name}-${family}`;
        const carrier = carrierOf(service.way, family);
        for (const name of [arrived, ...(carrier === undefined ? [] : [carrier])]) {
          const packets = (after.get(name) ?? 0) - (before.get(name) ?? 0);
          // A datagram each, and a connection of several packets each.
          ok(packets >= REQUESTS * 4, `${name}: ${packets} packets: ${JSON.stringify([...after])}`);
          words.push(`${name} ${packets}`);
        }
      }
    }
    return `packets at the servers: ${words.join(", ")}`;
  },
};

/** The host's metrics come to have the kernel's counts of all that, which it sums up every two seconds. */
async function countsAll({ hosts: [host] }: World): Promise<void> {
  const look = async () => miscounted(await host?.scrape() ?? "");
  await eventually(look, ({ length }) => length === 0, "IPVS counts what went through it", PATIENCE_MS, 500);
}

/** What of these metrics cannot be; answers come back through the host by masq alone. */
function miscounted(text: string): readonly string[] {
  return planeServices.flatMap(({ name, way }) => {
    const sum = (figure: string, direction: string) => {
      const series = `^bgp_lb_virtual_service_${figure}_total\\{service="${name}",.*${direction}\\} (\\d+)$`;
      const found = text.matchAll(new RegExp(series, "gm"));
      return [...found].reduce((total, [, value]) => total + Number(value), 0);
    };
    const [connections, packets, octets] = [
      sum("connections", ""),
      sum("packets", '"in"'),
      sum("bytes", '"in"'),
    ];
    const back = [sum("packets", '"out"'), sum("bytes", '"out"')];
    const fits = connections >= 2 * REQUESTS && packets >= REQUESTS * 4 && octets >= 28 * packets &&
      octets < 1500 * packets && back.every((count) => count > 0 === (way === "masq"));
    const words = `${name}: ${connections} connections, ${packets} packets, ${octets} octets, back ${back}`;
    return fits ? [] : [words];
  });
}

/** Packets by counter, of all servers together. */
async function counted(world: World): Promise<ReadonlyMap<string, number>> {
  const sums = new Map<string, number>();
  for (const counters of await Promise.all(world.servers.map((server) => server.counters()))) {
    for (const [name, packets] of counters) sums.set(name, packets + (sums.get(name) ?? 0));
  }
  return sums;
}
