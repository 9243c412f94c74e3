// A way from this host to others is lost: which checks are probed for it, when, and how often at most.
import assert from "node:assert/strict";
import { leavesHost } from "../../src/agent/leaves_host.ts";
import { Spaced } from "../../src/agent/spaced.ts";
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import {
  dnsCheckConfig,
  grpcCheckConfig,
  httpCheckConfig,
  PLAIN_CHECK,
  tcpCheckConfig,
  tlsCheckConfig,
  udpCheckConfig,
} from "../support/config.ts";
import { checkedPort } from "../support/ports.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** An interval that no test lasts. */
const SELDOM = { intervalMs: 600_000, fastIntervalMs: 600_000 };

const BASE = { ...PLAIN_CHECK, ...SELDOM, name: "check", timeoutMs: 1000, rise: 1, fall: 1 } as const;
const EXEC: CheckConfig = {
  ...BASE,
  type: "exec",
  command: ["/bin/true"],
  environment: {},
  user: undefined,
  destination: undefined,
  alone: true,
};

/** A loss as the kernel tells it, and whether anybody listens. */
class Losses {
  readonly listeners = new Set<() => void>();

  readonly watch = (onLoss: () => void): Disposable => {
    this.listeners.add(onLoss);
    return { [Symbol.dispose]: () => void this.listeners.delete(onLoss) };
  };

  tell(): void {
    assert.equal(this.listeners.size, 1);
    for (const listener of this.listeners) listener();
  }
}

Deno.test("leavesHost() of each kind of check: what opens connections to anything but loopback", () => {
  const through = [{ address: address("10.99.0.1"), source: undefined, mark: undefined }];
  const rows: readonly (readonly [CheckConfig, boolean])[] = [
    ...[httpCheckConfig, tcpCheckConfig, tlsCheckConfig, udpCheckConfig, grpcCheckConfig, dnsCheckConfig]
      .flatMap(
        (make): readonly (readonly [CheckConfig, boolean])[] => [
          [make({ address: "127.0.0.1" }), false],
          [make({ address: "127.9.9.9" }), false],
          [make({ address: "::1" }), false],
          [make({ address: "localhost" }), false],
          [make({ address: "192.0.2.7" }), true],
          [make({ address: "2001:db8::7" }), true],
          [make({ address: "app.example" }), true],
          [make({ address: "127.0.0.1", through }), true],
        ],
      ),
    [httpCheckConfig({ address: "app.example", unixSocket: "/run/app.sock" }), false],
    [{ ...BASE, type: "ping", need: "any", addresses: ["127.0.0.1", "::1"] }, false],
    [{ ...BASE, type: "ping", need: "any", addresses: ["127.0.0.1", "192.0.2.1"] }, true],
    [EXEC, false],
    [{ ...BASE, type: "file", path: "/run/a", absent: false, contains: undefined }, false],
    [{ ...BASE, type: "process", pidFile: "/run/a.pid", unit: undefined }, false],
  ];
  for (const [check, leaves] of rows) assert.equal(leavesHost(check), leaves, JSON.stringify(check));
});

Deno.test("Agent probes in the turn of a loss what leaves this host and nothing else, and withdraws where that fails", async () => {
  const world = new World();
  const losses = new Losses();
  const probed: string[] = [];
  const far = httpCheckConfig({ name: "far", address: "192.0.2.7", rise: 1, fall: 1, ...SELDOM });
  const near = httpCheckConfig({ name: "near", rise: 1, fall: 1, ...SELDOM });
  const [destination] = checkedPort().destinations;
  assert.ok(destination);
  const backend = { ...near, name: "backend", address: destination.address.text };
  const port = { ...checkedPort(), destinations: [{ ...destination, checks: [backend] }] };
  const agent = world.agent({ checks: [near, far], ports: [port] }, {
    watchLosses: losses.watch,
    probe: (check) => ({
      run() {
        probed.push(check.name);
        return Promise.resolve(check.name === "far" ? world.outcome : { kind: "pass", detail: "well" });
      },
    }),
  });
  void agent.start();
  await world.stage.clock.advance(3000);
  assert.equal(world.router.status.prefixes.received, 1);
  probed.length = 0;
  world.outcome = { kind: "fail", detail: "network is unreachable" };
  losses.tell();
  assert.deepEqual(probed, ["far", "backend"], "before anything else is done");
  await world.stage.clock.advance(0);
  const route = world.events.of("route").at(-1);
  assert.deepEqual([route?.to, route?.at], ["withdrawn", world.stage.clock.now()]);
  assert.match(route?.cause ?? "", /network is unreachable/);
  await world.close();
  assert.equal(losses.listeners.size, 0);
});

Deno.test("Agent that hears of losses without end probes for them every five seconds in the long run, and after the last", async () => {
  const world = new World();
  const losses = new Losses();
  let probes = 0;
  const far = httpCheckConfig({ address: "192.0.2.7", rise: 1, fall: 1, ...SELDOM });
  const agent = world.agent({ checks: [far] }, {
    watchLosses: losses.watch,
    probe: () => ({
      run() {
        probes++;
        return Promise.resolve(world.outcome);
      },
    }),
  });
  void agent.start();
  await world.stage.clock.advance(3000);
  const before = probes;
  for (let times = 0; times < 6000; times++) {
    losses.tell();
    await world.stage.clock.advance(10);
  }
  // After 0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3 s and then every 5 s.
  assert.equal(probes - before, 7 + 10);
  const during = probes;
  await world.stage.clock.advance(5000);
  assert.equal(probes - during, 1);
  losses.tell();
  await agent.abort();
  await world.close();
});

Deno.test("Agent watches for losses while any check leaves this host, and no longer, over reloads", async () => {
  const world = new World();
  const losses = new Losses();
  const near = httpCheckConfig({ name: "near", ...SELDOM });
  const far = httpCheckConfig({ name: "far", address: "app.example", ...SELDOM });
  const agent = world.agent({ checks: [near] }, { watchLosses: losses.watch });
  void agent.start();
  await world.stage.clock.advance(3000);
  assert.equal(losses.listeners.size, 0);
  for (const [checks, watches] of [[[near, far], 1], [[far], 1], [[near], 0], [[far], 1]] as const) {
    world.file = { ok: true, config: world.config({ checks }), warnings: [] };
    const answer = agent.orders.reload(undefined);
    await world.stage.clock.advance(1000);
    assert.equal((await answer).result, "applied");
    assert.equal(losses.listeners.size, watches);
  }
  await world.close();
  assert.equal(losses.listeners.size, 0);
});

Deno.test("Spaced does at once what comes after a quiet time, whatever there was before", async () => {
  const clock = new VirtualClock();
  let done = 0;
  const spaced = new Spaced(clock, () => void done++);
  for (let times = 0; times < 10; times++) {
    spaced.call();
    await clock.advance(5000);
  }
  await clock.advance(30_000);
  const before = done;
  spaced.call();
  assert.equal(done, before + 1);
  await clock.advance(100);
  spaced.call();
  assert.equal(done, before + 2);
  spaced.call();
  spaced.cancel();
  await clock.advance(60_000);
  assert.equal(done, before + 2);
});
