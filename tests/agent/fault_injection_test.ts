// One throw in every port of the agent: it is said, everything is as it should be again in time, and a stop goes in order.
import assert from "node:assert/strict";
import type { AgentPorts } from "../../src/agent/ports.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";

/** Throws once where it stands, after it was armed. */
class Injection {
  armed = false;
  thrown = 0;

  constructor(readonly place: string) {}

  /** @throws {Error} once */
  pass(place: string): void {
    if (!this.armed || place !== this.place) return;
    this.armed = false;
    this.thrown++;
    throw new Error(`injected in ${place}`);
  }
}

/** What the agent calls of the world, and what the world calls of it. */
const PLACES = [
  "probe.run",
  "addresses.current",
  "random",
  "event reader",
  "timer",
  "kernel.read",
  "kernel.apply",
  "kernel.watch",
  "transport.connect",
  "connection.read",
  "connection.write",
  "connection.end",
] as const;

/** The ports of `world` with the injection in all of them. */
function portsOf(world: World, injection: Injection): Partial<AgentPorts> {
  const { kernel } = world;
  const network = world.stage.network.transport(address("10.0.0.1"));
  const { clock } = world.stage;
  world.events.stream.subscribe("injected", () => injection.pass("event reader"));
  return {
    clock: {
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      at(atMs, callback) {
        injection.pass("timer");
        return clock.at(atMs, callback);
      },
    },
    random() {
      injection.pass("random");
      return 0.5;
    },
    addresses: {
      current() {
        injection.pass("addresses.current");
        return undefined;
      },
      watch: () => ({ [Symbol.dispose]() {} }),
    },
    probe: () => ({
      run() {
        injection.pass("probe.run");
        return Promise.resolve(world.outcome);
      },
    }),
    kernel: {
      read(interest) {
        injection.pass("kernel.read");
        return kernel.read(interest);
      },
      apply(changes) {
        injection.pass("kernel.apply");
        return kernel.apply(changes);
      },
      watch(onChange) {
        injection.pass("kernel.watch");
        return kernel.watch(onChange);
      },
      traffic: () => kernel.traffic(),
      probe: (needs) => kernel.probe(needs),
      [Symbol.dispose]() {},
    },
    transport: {
      listen: (...args) => network.listen(...args),
      async connect(...args) {
        injection.pass("transport.connect");
        const connection = await network.connect(...args);
        return {
          local: connection.local,
          remote: connection.remote,
          read() {
            injection.pass("connection.read");
            return connection.read();
          },
          write(octets) {
            injection.pass("connection.write");
            return connection.write(octets);
          },
          end(limitMs) {
            injection.pass("connection.end");
            return connection.end(limitMs);
          },
          [Symbol.dispose]: () => connection[Symbol.dispose](),
        };
      },
    },
  };
}

/** Makes everything happen once: the network breaks, the kernel loses an address, the application fails and returns. */
async function disturb(world: World): Promise<void> {
  const { clock, network } = world.stage;
  network.resetAll();
  world.kernel.deleteAddress(world.kernel.link("web").index, address("10.99.0.1"), 32);
  world.kernel.notify();
  await clock.advance(500);
  world.outcome = { kind: "fail", detail: "refused" };
  await clock.advance(5000);
  world.outcome = { kind: "pass", detail: "status 200" };
  await clock.advance(60_000);
}

/** Who has what. */
function announced(status: ReturnType<ReturnType<World["agent"]>["status"]>): readonly string[] {
  return status.services.flatMap(({ name, routes }) =>
    routes.map(({ prefix, peers }) => `${name} ${prefix}: ${peers.map((peer) => peer.name).join(" ")}`)
  );
}

const WHOLE = [
  "web 10.99.0.1/32: r1 r2",
  "other 10.99.1.1/32: r2",
  "other 2001:db8:99::1/128: r2",
  "off 10.99.2.1/32: ",
];

for (const place of PLACES) {
  Deno.test(`the agent is whole again after one throw in ${place}, and stops in order (faults S17)`, async () => {
    const world = new World();
    const injection = new Injection(place);
    const agent = world.agent({}, portsOf(world, injection));
    agent.start();
    await world.stage.clock.advance(10_000);
    assert.deepEqual(announced(agent.status()), WHOLE);
    injection.armed = true;
    await disturb(world);
    assert.deepEqual(announced(agent.status()), WHOLE);
    const stopped = agent.stop("end of test");
    await world.stage.clock.advance(60_000);
    assert.deepEqual(await stopped, []);
    assert.deepEqual(world.kernel.interfaces.map(({ name }) => name), []);
    // Only what is called at a new start of its part may never be called again.
    if (place !== "kernel.watch") assert.equal(injection.thrown, 1, "the place was reached");
    await world.closeWithFaults();
  });
}
