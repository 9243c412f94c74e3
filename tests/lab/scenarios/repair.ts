/** Repair: what somebody deletes behind the agent's back comes back, and what belongs to somebody else is left alone. */
import { equal } from "node:assert/strict";
import { runOrThrow } from "../../support/process.ts";
import { foreign, type Host, ours } from "../host.ts";
import type { KernelView } from "../kernel_view.ts";
import { pair, PATIENCE_MS, untilAll } from "../lab_world.ts";
import { same, type Scenario } from "../scenario.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";
import { waitFor } from "../../support/until.ts";

/** The address comes back. */
export const addressRepaired: Scenario<World> = repaired("address", (world, host) => {
  return deleteAddress(world, host, world.prefixes[0]);
});

/** The other things come back, too. */
export const repairScenarios: readonly Scenario<World>[] = [
  addressRepaired,
  repaired("IPv6 address", (world, host) => deleteAddress(world, host, world.prefixes[1])),
  repaired("virtual service", async ({ service }, host) => {
    const name = `${service.address}:${service.port}`;
    await runOrThrow("ip", ["netns", "exec", host.name, "ipvsadm", "-D", "-t", name]);
  }),
  repaired("interface", async (world, host) => {
    await runOrThrow("ip", ["-n", host.name, "link", "del", world.service.name]);
  }),
];

async function deleteAddress({ service }: World, host: Host, prefix = ""): Promise<void> {
  await runOrThrow("ip", ["-n", host.name, "addr", "del", prefix, "dev", service.name]);
}

/** Nothing of others was touched by whatever went before. */
export const foreignSurvives: Scenario<World> = {
  name: "interfaces, addresses and virtual services of others survived all of it",
  async run(world) {
    for (const host of world.hosts) {
      same(
        foreign(world.topology, await host.kernel()),
        foreign(world.topology, host.before),
        host.name,
      );
    }
    const [host] = pair(world);
    const { links, ipvs } = foreign(world.topology, host.before);
    return `${links.map(({ name }) => name).join(", ")}; ${ipvs.length} lines of IPVS`;
  },
};

/** Breaks the first host by `damage` and waits until its kernel is as before, but for the index of what was deleted. */
function repaired(what: string, damage: (world: World, host: Host) => Promise<void>): Scenario<World> {
  return {
    name: `the ${what} is deleted behind the agent's back and comes back`,
    async run(world, { say, figure }) {
      await world.steady();
      const [host] = pair(world);
      const before = withoutIndex(ours(world.topology, await host.kernel()));
      say(`deleting the ${what} on ${host.name}`);
      const begin = Date.now();
      await damage(world, host);
      // The log says when it was repaired; looking at the kernel takes long in some places, and shows that it is true.
      const entry = await host.log.until(
        `${what} repaired`,
        begin,
        PATIENCE_MS,
        ({ logger, message }) => logger.endsWith(".kernel") && message.startsWith("changed: "),
      );
      await waitFor(`${what} is back`, PATIENCE_MS, async () => {
        const now = withoutIndex(ours(world.topology, await host.kernel()));
        return JSON.stringify(now) === JSON.stringify(before);
      }, 100);
      figure(`${what} deleted to repaired`, entry.atMs - begin, "ms");
      await untilAll(world);
      const traffic = await world.client.burst(30);
      equal(traffic.failures.length, 0, describe(traffic));
      equal(traffic.byHost.size, world.hosts.length, describe(traffic));
      return `repaired after ${entry.atMs - begin} ms (${entry.message})`;
    },
  };
}

function withoutIndex(view: KernelView): unknown {
  return { links: view.links.map(({ index: _, ...link }) => link), ipvs: view.ipvs };
}
