// The first announcement of a service is told, once, whatever it waited for.
import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { CONTENTION } from "../support/config.ts";

class Quiet extends World {
  /** An announce-only agent, where `announceOnly`. */
  announceOnly = false;

  override config(...service: Parameters<World["config"]>): Config {
    const config = super.config(...service);
    return this.announceOnly
      ? { ...config, network: { setup: false, ipvs: false, contention: CONTENTION } }
      : config;
  }
}

Deno.test("a service without checks: its first announcement is an event, at the start and after a reload, managed or not", async () => {
  for (const announceOnly of [true, false]) {
    const world = new Quiet();
    world.announceOnly = announceOnly;
    const agent = world.agent({ checks: [] }, announceOnly ? { kernel: undefined } : {});
    agent.start();
    await world.stage.clock.advance(3500);
    const told = (name: string) => world.events.of("route").filter(({ service }) => service === name);
    assert.deepEqual(told("web").map(({ to, address }) => [to, address]), [["announced", "10.99.0.1"]]);
    assert.notEqual(told("web")[0]?.cause, "");
    const added = serviceConfig({ name: "new", interface: "new", addresses: [address("10.99.5.1")] });
    const config = world.config({ checks: [] });
    world.file = { ok: true, config: { ...config, services: [...config.services, added] }, warnings: [] };
    await Promise.all([agent.orders.reload(undefined), world.stage.clock.advance(3000)]);
    assert.deepEqual(told("new").map(({ to }) => to), ["announced"], `announce only: ${announceOnly}`);
    assert.equal(told("web").length, 1);
    assert.ok(world.events.of("route").every(({ cause }) => cause !== ""));
    await world.close();
  }
});
