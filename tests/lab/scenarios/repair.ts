/** Repair: what somebody deletes behind the agent's back comes back, and what belongs to somebody else is left alone. */
import { deepEqual, equal } from "node:assert/strict";
import { runOrThrow, waitFor } from "../../support/process.ts";
import { foreign, type Host, ours } from "../host.ts";
import type { KernelView } from "../kernel_view.ts";
import type { Scenario } from "../scenario.ts";
import { describe } from "../traffic.ts";
import { PATIENCE_MS, type World } from "../world.ts";

/** The scenarios of repair. */
export const repairScenarios: readonly Scenario<World>[] = [
  {
    name: "the address is deleted behind the agent's back and comes back",
    run: (world, figure) =>
      repaired(world, "address", figure, async (host) => {
        await runOrThrow("ip", ["-n", host.name, "addr", "del", world.prefix, "dev", world.service.name]);
      }),
  },
  {
    name: "the virtual service is deleted behind the agent's back and comes back",
    run: (world, figure) =>
      repaired(world, "virtual service", figure, async (host) => {
        const { address, port } = world.service;
        await runOrThrow("ip", ["netns", "exec", host.name, "ipvsadm", "-D", "-t", `${address}:${port}`]);
      }),
  },
  {
    name: "the interface is deleted behind the agent's back and comes back",
    run: (world, figure) =>
      repaired(world, "interface", figure, async (host) => {
        await runOrThrow("ip", ["-n", host.name, "link", "del", world.service.name]);
      }),
  },
  {
    name: "interfaces, addresses and virtual services of others survived all of it",
    async run(world) {
      for (const host of world.hosts) {
        deepEqual(
          foreign(world.topology, await host.kernel()),
          foreign(world.topology, host.before),
          host.name,
        );
      }
      const [host] = world.hosts;
      const { links, ipvs } = foreign(world.topology, host?.before ?? { links: [], ipvs: [] });
      return `${links.map(({ name }) => name).join(", ")}; ${ipvs.length} lines of IPVS`;
    },
  },
];

/** Breaks the first host by `damage` and waits until its kernel is as before, but for the index of what was deleted. */
async function repaired(
  world: World,
  what: string,
  figure: (name: string, value: number, unit: string) => void,
  damage: (host: Host) => Promise<void>,
): Promise<string> {
  await world.steady();
  const [host] = world.hosts;
  if (host === undefined) throw new Error("a host needed");
  const before = withoutIndex(ours(world.topology, await host.kernel()));
  const begin = Date.now();
  await damage(host);
  // The log says exactly when it was repaired; looking at the kernel takes long here, and shows that it is true.
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
  await world.untilVia(world.hosts.map(({ name }) => name));
  const traffic = await world.burst(30);
  equal(traffic.failures.length, 0, describe(traffic));
  equal(traffic.byHost.size, world.hosts.length, describe(traffic));
  return `repaired after ${entry.atMs - begin} ms (${entry.message})`;
}

function withoutIndex(view: KernelView): unknown {
  return { links: view.links.map(({ index: _, ...link }) => link), ipvs: view.ipvs };
}
