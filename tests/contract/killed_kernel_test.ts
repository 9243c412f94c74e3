/**
 * SIGKILL at sends of a start, a reload and a stop on the kernel of this host, as tests/agent/killed_test.ts does in memory:
 * every one of them that changes something there, a sample of them here. Only inside the lab (BGP_LB_LAB=1).
 */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { systemClock } from "../../src/time/clock.ts";
import { type ConfigName, FOREIGN, Host, type Network } from "../support/killed_life.ts";
import { Mortal } from "../support/mortal.ts";
import { ToolHand } from "../support/tool_hand.ts";
import { eventually } from "../support/until.ts";

const { state } = Deno.permissions.querySync({ name: "env", variable: "BGP_LB_LAB" });
const ignore = !(state === "granted" && Deno.env.get("BGP_LB_LAB") === "1");
const NAMES: readonly ConfigName[] = ["full", "other", "bare"];
/** So many of the sends are the last ones. */
const SAMPLE = 12;

async function openHost(network: Network) {
  const stack = new AsyncDisposableStack();
  const hand = new ToolHand();
  await hand.clear();
  stack.defer(() => hand.clear());
  const libc = stack.use(openLibc());
  const netlink = stack.use(openLibnl(libc));
  const reactor = stack.use(new Reactor(libc));
  await hand.addLink(FOREIGN.link, "dummy");
  await hand.ipvsadm(...FOREIGN.service);
  const until = async (condition: () => boolean | Promise<boolean>) => {
    // What it should be and is not, the test says better.
    await eventually(condition, (holds) => holds, "settled").catch(() => {});
  };
  const sysctls = new Sysctls(libc);
  const host = new Host({ clock: systemClock, netlink, reactor, sysctls, hand, until }, network);
  return { host, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

for (const network of [{ setup: true, ipvs: true }, { setup: false, ipvs: true }]) {
  const words = `setup: ${network.setup}`;
  Deno.test({
    name:
      `on a real kernel a start after SIGKILL with the same configuration sends no change (${words}; faults K3)`,
    ignore,
    async fn() {
      await using place = await openHost(network);
      const { host } = place;
      await host.kill(await host.start("full"));
      const before = await host.state();
      const second = new Mortal();
      const process = await host.start("full", { mortal: second });
      assert.equal(second.changes, 0);
      assert.equal(await host.state(), before);
      assert.deepEqual(await host.stop(process), []);
    },
  });

  Deno.test({
    name:
      `on a real kernel what a process leaves that is killed at a send, the next start adopts or removes (${words}; faults K3)`,
    ignore,
    async fn() {
      await using place = await openHost(network);
      const { host } = place;
      const untouched = await host.state();
      const expected = new Map<ConfigName, string>();
      for (const name of NAMES) {
        const process = await host.start(name);
        expected.set(name, await host.state());
        assert.deepEqual(await host.stop(process), []);
        assert.equal(await host.state(), untouched);
      }
      const whole = new Mortal();
      await host.live(whole);
      assert.equal(await host.state(), untouched);
      for (let index = 0; index < SAMPLE; index++) {
        const last = Math.floor((index + 0.5) * whole.sent / SAMPLE);
        const name = NAMES[index % NAMES.length] ?? "bare";
        const at = `killed after ${last} of ${whole.sent} sends, then ${name}`;
        await host.live(new Mortal(last));
        const process = await host.start(name, { expected: expected.get(name) ?? "" });
        assert.equal(await host.state(), expected.get(name), at);
        assert.deepEqual(await host.stop(process), [], at);
        assert.equal(await host.state(), untouched, `${at}, then a stop`);
      }
    },
  });
}
