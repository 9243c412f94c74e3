/** An agent, as a process, that is killed while it starts, and while it stops, at moments that are seen on its host. */
import { equal } from "node:assert/strict";
import { foreign, type Host, ours } from "../host.ts";
import type { KernelView } from "../kernel_view.ts";
import { pair, PATIENCE_MS, untilAll } from "../lab_world.ts";
import { same, type Scenario } from "../scenario.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";
import { waitFor } from "../../support/until.ts";

/** What is seen of the host just before the process is killed. */
const MOMENTS: readonly { readonly words: string; readonly reached: (view: KernelView) => boolean }[] = [
  { words: "the first interface is there", reached: ({ links }) => links.length > 0 },
  {
    words: "an address is there",
    reached: ({ links }) => links.some(({ addresses }) => addresses.length > 0),
  },
  { words: "a virtual service is there", reached: ({ ipvs }) => ipvs.length > 0 },
];

/** Whatever a start had made when it was killed, the next one ends with the same. */
export const agentKilledWhileItStarts: Scenario<World> = {
  name:
    "an agent killed while it starts, again and again: its successor ends with the same objects, and no others",
  async run(world, { say }) {
    await world.steady();
    const [host, other] = pair(world);
    const look = async () => ours(world.topology, await host.kernel());
    const whole = plain(await look());
    const others = foreign(world.topology, await host.kernel());
    equal(await host.stopAgent(), 0);
    await world.untilVia([other.name]);
    for (const { words, reached } of MOMENTS) {
      say(`killed once ${words}`);
      host.startAgent();
      await host.whileAgentRuns(waitFor(words, PATIENCE_MS, async () => reached(await look()), 5));
      await host.killAgent();
      same(unmarked(await look()), [], `unmarked, killed once ${words}`);
    }
    host.startAgent();
    await untilAll(world);
    await world.steady();
    same(plain(await look()), whole, "interfaces, addresses and virtual services");
    same(foreign(world.topology, await host.kernel()), others, "what belongs to others");
    const traffic = await world.client.burst(40);
    equal(traffic.failures.length, 0, describe(traffic));
    return `${MOMENTS.length} kills; ${describe(traffic)}`;
  },
};

/** Without what is another one each time. */
function plain({ links, ipvs }: Awaited<ReturnType<Host["kernel"]>>) {
  return { links: links.map(({ index: _, ...link }) => link), ipvs: ipvs.toSorted() };
}

/** Interfaces that nobody would know for ours: without alias, and up. */
function unmarked({ links }: KernelView): readonly string[] {
  return links.filter(({ alias, up }) => alias === undefined && up).map(({ name }) => name);
}
