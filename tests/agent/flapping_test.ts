// A check that flaps, or whose watch ends, seen from outside: the route, its cause, events, the status; over a reload, too.
import assert from "node:assert/strict";
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import type { Tripped } from "../../src/health/kinds/probe.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { httpCheckConfig } from "../support/config.ts";
import { checkedPort } from "../support/ports.ts";

const FLAP = { limit: 2, windowMs: 10_000, holdMs: 20_000 };
const FLAPPING = httpCheckConfig({ rise: 1, fall: 1, flap: FLAP });

/** Outcomes of `web` change with each of these beats. */
async function change(world: World, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const isUp = world.outcome.kind === "pass";
    world.outcome = isUp ? { kind: "fail", detail: "status 503" } : { kind: "pass", detail: "status 200" };
    await world.stage.clock.advance(1000);
  }
}

Deno.test("Agent withdraws a service whose check flaps, once, says why and until when, and announces it after the hold", async () => {
  const world = new World();
  const agent = world.agent({ checks: [FLAPPING] });
  void agent.start();
  await world.stage.clock.advance(3000);
  await change(world, 4);
  const [check] = agent.status().services[0]?.checks ?? [];
  assert.equal(check?.verdict, "unhealthy");
  assert.equal(check?.flapping?.changes, 4);
  assert.match(check?.cause ?? "", /^flapping: 3 changes of outcome within 10s, held until 20s without more/);
  const heldMs = Date.parse(check?.flapping?.until ?? "") - Date.parse(check?.recent[0]?.at ?? "");
  assert.equal(heldMs, 20_000);
  assert.equal(check?.recent.length, Math.min(10, (check?.passes ?? 0) + (check?.failures ?? 0)));
  const gate = agent.status().services[0]?.routes[0]?.gates.find(({ open }) => !open);
  assert.match(gate?.reason ?? "", /^http-1: flapping: 3 changes/);
  // A pass brings nothing.
  await world.stage.clock.advance(15_000);
  const routes = () =>
    world.events.of("route").filter(({ service }) => service === "web").map(({ to }) => to);
  assert.deepEqual(routes(), ["announced", "withdrawn", "announced", "withdrawn"]);
  assert.match(world.events.of("route").at(-1)?.cause ?? "", /flapping/);
  const [flapping] = world.events.of("check-flapping");
  const verdict = world.events.of("verdict").at(-1);
  assert.deepEqual([flapping?.flapping, verdict?.because, verdict?.to], [true, flapping?.id, "unhealthy"]);
  await world.stage.clock.advance(10_000);
  assert.equal(routes().at(-1), "announced");
  assert.deepEqual(world.events.of("check-flapping").map((event) => event.flapping), [true, false]);
  assert.equal(agent.status().services[0]?.checks[0]?.flapping, undefined);
  await world.close();
});

Deno.test("Agent that is reloaded goes on holding what flaps, and one that is started anew does not know of it", async () => {
  const world = new World();
  const service = { checks: [FLAPPING] };
  const agent = world.agent(service);
  void agent.start();
  await world.stage.clock.advance(3000);
  await change(world, 4);
  const before = agent.status().services[0]?.checks[0]?.flapping;
  assert.ok(before);
  const [other = FLAPPING] = world.config().services[1]?.checks ?? [];
  const config = world.config({ checks: [{ ...other, name: "more" }, { ...FLAPPING }] });
  world.file = { ok: true, config, warnings: [] };
  const answer = agent.orders.reload(undefined);
  await world.stage.clock.advance(1000);
  assert.equal((await answer).result, "applied");
  const after = agent.status().services[0]?.checks.find(({ name }) => name === "http-1");
  assert.deepEqual(after?.flapping, before);
  await agent.abort();
  const next = world.agent(service);
  void next.start();
  await world.stage.clock.advance(3000);
  assert.equal(next.status().services[0]?.checks[0]?.verdict, "healthy");
  await world.close();
});

Deno.test("Agent takes the weight of a destination whose check flaps, until the hold is over", async () => {
  const world = new World();
  const [destination] = checkedPort().destinations;
  assert.ok(destination);
  const port = { ...checkedPort(), destinations: [{ ...destination, checks: [FLAPPING] }] };
  const agent = world.agent({ checks: [], ports: [port] });
  void agent.start();
  await world.stage.clock.advance(3000);
  await change(world, 4);
  const live = () => agent.status().services[0]?.virtualServices[0]?.destinations[0];
  assert.deepEqual([live()?.live, live()?.weight], [false, 0]);
  await world.stage.clock.advance(15_000);
  assert.deepEqual([live()?.live, live()?.weight], [false, 0]);
  assert.match(live()?.cause ?? "", /flapping/);
  await world.stage.clock.advance(10_000);
  assert.equal(live()?.live, true);
  await world.close();
});

Deno.test("Agent withdraws in the turn in which the watch of a check ends, far from the beat", async () => {
  const world = new World();
  const watches: Tripped[] = [];
  const probe = (_config: CheckConfig) => ({
    run: () => Promise.resolve(world.outcome),
    watch(tripped: Tripped) {
      watches.push(tripped);
      return { [Symbol.dispose]() {} };
    },
  });
  const tripwire = httpCheckConfig({ rise: 1, fall: 1, intervalMs: 60_000, tripwire: true });
  const agent = world.agent({ checks: [tripwire] }, { probe });
  void agent.start();
  await world.stage.clock.advance(3000);
  assert.equal(world.router.status.prefixes.received, 1);
  assert.equal(agent.status().services[0]?.checks[0]?.watch?.quiet, false);
  world.outcome = { kind: "fail", detail: "connection refused" };
  watches[0]?.("connection reset", "idle");
  await world.stage.clock.advance(0);
  const { at } = world.events.of("route").at(-1) ?? {};
  assert.deepEqual([at, world.events.of("route").at(-1)?.to], [world.stage.clock.now(), "withdrawn"]);
  await world.close();
});

Deno.test("Agent probes a service at once whose address somebody else has taken, and no other", async () => {
  const world = new World();
  const probed: string[] = [];
  const probe = () => ({
    run() {
      probed.push("web");
      return Promise.resolve(world.outcome);
    },
  });
  const agent = world.agent({ checks: [httpCheckConfig({ intervalMs: 600_000 })] }, { probe });
  void agent.start();
  await world.stage.clock.advance(3000);
  assert.equal(probed.length, 1);
  const { index } = world.kernel.link("web");
  world.kernel.deleteAddress(index, address("10.99.0.1"), 32);
  world.kernel.notify();
  await world.stage.clock.advance(1000);
  assert.equal(probed.length, 2);
  await world.close();
});
