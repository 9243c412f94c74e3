/**
 * SIGKILL at every netlink send of a start, a reload and a stop, on a host in memory: whatever it leaves, the next start,
 * with the same configuration, another one or hardly any, adopts or removes, and ends where a start on a fresh host ends
 * (faults K3). tests/contract/killed_kernel_test.ts does so on a real kernel, at some of them.
 */
import assert from "node:assert/strict";
import { FakeHand } from "../support/fake_hand.ts";
import { FakeHost } from "../support/fake_host.ts";
import { FakeNetlink } from "../support/fake_netlink.ts";
import {
  type ConfigName,
  CONFIGS,
  FOREIGN,
  type Ground,
  Host,
  type Network,
} from "../support/killed_life.ts";
import { Mortal } from "../support/mortal.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const NETWORKS: readonly Network[] = [
  { setup: true, ipvs: true },
  { setup: false, ipvs: true },
  { setup: true, ipvs: false },
];
const NAMES: readonly ConfigName[] = ["full", "other", "bare"];

interface Memory extends Ground {
  readonly memory: FakeHost;
}

async function ground(): Promise<Memory> {
  const clock = new VirtualClock();
  const memory = new FakeHost();
  const netlink = new FakeNetlink(memory);
  const hand = new FakeHand(memory);
  await hand.addLink(FOREIGN.link, "dummy");
  await hand.addLink("br0", "bridge", "bgp-lb:web");
  await hand.ipvsadm(...FOREIGN.service);
  const until: Ground["until"] = async (condition) => {
    for (let steps = 0; steps < 200; steps++) {
      await clock.advance(steps === 0 ? 0 : 100);
      if (await condition()) return;
    }
  };
  return { clock, memory, netlink, reactor: netlink, sysctls: memory.sysctls, hand, until };
}

for (const network of NETWORKS) {
  const words = `setup: ${network.setup}, ipvs: ${network.ipvs}`;
  Deno.test(`a start after SIGKILL with the same configuration sends no change (${words}; faults K3)`, async () => {
    const { memory, ...place } = await ground();
    const host = new Host(place, network);
    await host.kill(await host.start("full"));
    const identities = () => [
      ...memory.interfaces.map(({ name, index }) => `${name} ${index}`),
      ...memory.services.map(({ birth }) => birth),
    ];
    const before = [await host.state(), identities()];
    const second = new Mortal();
    const process = await host.start("full", { mortal: second });
    assert.equal(second.changes, 0);
    assert.ok(second.sent > 5, "it has looked");
    assert.deepEqual(
      [await host.state(), identities()],
      before,
      "counters and connections are those of before",
    );
    await host.kill(process);
    const other = new Mortal();
    await host.kill(await host.start("other", { mortal: other }));
    assert.ok(other.changes > 3, "changes would be seen");
  });

  Deno.test(`killed at any send, a process leaves nothing that the next start does not adopt or remove (${words}; faults K3)`, async () => {
    const expected = new Map<ConfigName, string>();
    for (const name of NAMES) {
      const host = new Host(await ground(), network);
      await host.start(name);
      expected.set(name, await host.state());
    }
    const whole = new Mortal();
    const first = new Host(await ground(), network);
    const untouched = await first.state();
    await first.live(whole);
    assert.equal(await first.state(), untouched, "a whole life leaves nothing");
    assert.ok(whole.sent > 20, `${whole.sent}`);
    const seen = new Set<string>();
    for (let last = 0; last < whole.sent; last++) {
      for (const name of NAMES) {
        const host = new Host(await ground(), network);
        await host.live(new Mortal(last));
        const left = `${await host.state()}\n${[...host.files.files].join()}`;
        // Sends that only ask leave what the one before left.
        if (name === NAMES[0] && seen.has(left)) break;
        seen.add(left);
        const at = `killed after ${last} of ${whole.sent} sends, then ${name}`;
        const process = await host.start(name, { expected: expected.get(name) ?? "" });
        assert.equal(await host.state(), expected.get(name), at);
        assert.deepEqual(await host.stop(process), [], at);
        assert.equal(await host.state(), untouched, `${at}, then a stop`);
      }
    }
    assert.ok(seen.size > 10, `${seen.size} different remains`);
  });
}

Deno.test("the configurations differ in what the kernel has for them", () => {
  assert.equal(
    new Set(Object.values(CONFIGS).map((services) => JSON.stringify(services))).size,
    NAMES.length,
  );
});
