/** The reference's own example configuration, unchanged and with its flags, on the network that it is for. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { foreign, type Host, ours } from "../host.ts";
import { PATIENCE_MS } from "../lab_world.ts";
import { same, type Scenario } from "../scenario.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";
import { waitFor } from "../../support/until.ts";

/** The scenarios, which follow on each other. */
export const referenceScenarios: readonly Scenario<World>[] = [
  {
    name:
      "the reference's example configuration: both iBGP routers get the route, with LOCAL_PREF and next hop",
    essential: true,
    async run(world) {
      await world.steady();
      const [host] = hosts(world);
      for (const router of world.routers) {
        const routes = await waitFor(`${router.name} has the route`, PATIENCE_MS, async () => {
          const found = await router.routes(only(world.prefixes));
          return found.length > 0 && found;
        }, 100);
        equal(routes.length, 1);
        const { nextHop, attributes } = routes[0] ?? {};
        same(
          [nextHop, attributes?.["BGP.as_path"], attributes?.["BGP.local_pref"], attributes?.["BGP.origin"]],
          [host.node.address, "", "100", "IGP"],
          router.name,
        );
      }
      return `${only(world.prefixes)} via ${host.node.address} on ${
        world.routers.map(({ name }) => name).join(" and ")
      }`;
    },
  },
  {
    name:
      "the reference's example configuration: interface, address and both virtual services, and they serve",
    async run(world) {
      await world.steady();
      const [host] = hosts(world);
      const { links, ipvs } = ours(world.topology, await host.kernel());
      deepEqual(links.map(({ name, kind, addresses }) => [name, kind, addresses]), [
        ["matchbox", "dummy", ["10.88.2.1/32"]],
      ]);
      deepEqual(ipvs, [
        "-A -t 10.88.2.1:80 -s rr",
        "-a -t 10.88.2.1:80 -r 10.88.0.200:8080 -m -w 1",
        "-A -t 10.88.2.1:443 -s rr",
        "-a -t 10.88.2.1:443 -r 10.88.0.200:8081 -m -w 1",
      ]);
      const traffic = await world.client.burst(20);
      equal(traffic.byHost.get(host.name), 20, describe(traffic));
      // The example sends port 443 to 8081, where the agent itself listens for metrics, as the reference does.
      equal(await advertisement(world, "10.88.2.1", 443), "1");
      return `port 80: ${describe(traffic)}; port 443 leads to port 8081`;
    },
  },
  {
    name:
      "the reference's example configuration: one failed check withdraws, one good one announces, the metric says so",
    async run(world, { figure }) {
      await world.steady();
      const [host] = hosts(world);
      equal(await advertisement(world, host.node.address, 8081), "1");
      const diedMs = await host.killApplication();
      const gone = await world.untilVia([]);
      figure("reference example: application died to route gone", gone.atMs - diedMs, "ms");
      await untilAdvertisement(world, host, "0");
      await host.startApplication();
      await world.untilVia([host.name]);
      await untilAdvertisement(world, host, "1");
      return `gone after ${Math.round(gone.atMs - diedMs)} ms, and back`;
    },
  },
  {
    name: "the reference's example configuration: SIGTERM withdraws from both routers and leaves nothing",
    async run(world) {
      await world.steady();
      const [host] = hosts(world);
      equal(await host.stopAgent(), 0, "exit status");
      await world.untilVia([]);
      for (const router of world.routers) same(await router.routes(only(world.prefixes)), [], router.name);
      const kernel = await host.kernel();
      deepEqual(ours(world.topology, kernel), { links: [], ipvs: [] });
      deepEqual(foreign(world.topology, kernel), foreign(world.topology, host.before));
      return "no route, no interface, no virtual service of ours";
    },
  },
];

function hosts(world: World): readonly [Host] {
  return [only(world.hosts)];
}

function only<T>(values: readonly T[]): T {
  const [value] = values;
  if (value === undefined || values.length > 1) throw new Error(`one needed, there are ${values.length}`);
  return value;
}

/** The value of the reference's metric for the service's prefix. */
async function advertisement(world: World, address: string, port: number): Promise<string | undefined> {
  const body = await world.client.get(address, port, "/metrics");
  ok(body !== "", `${address}:${port}/metrics does not answer`);
  const line = body.split("\n").find((each) => each.startsWith("bgp_lb_path_advertisement{"));
  match(line ?? "", /prefix="10\.88\.2\.1"/);
  match(line ?? "", /prefix_length="32"/);
  match(line ?? "", /next_hop="10\.88\.0\.200"/);
  return line?.split(" ").at(-1);
}

async function untilAdvertisement(world: World, host: Host, value: string): Promise<void> {
  await waitFor(`bgp_lb_path_advertisement is ${value}`, PATIENCE_MS, async () => {
    return await advertisement(world, host.node.address, 8081) === value;
  }, 100);
}
