// The driver of all services on a virtual clock, between a speaker and a reconciler that keep what they are given.
import assert from "node:assert/strict";
import { EVERYTHING } from "../../src/kernel/kernel.ts";
import type { ActualKernel, DesiredKernel } from "../../src/kernel/state.ts";
import type { ServiceTransition } from "../../src/service/controller.ts";
import { ServiceDriver } from "../../src/service/driver.ts";
import type { ServiceDriverOptions } from "../../src/service/driver_options.ts";
import { Announced } from "../support/announced.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { madeKernel } from "../support/made_kernel.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const stop = { shiftMs: 0, convergeMs: 1000, quiesceMs: 5000 };
/** Two services of one check each, the second one of the other family. */
const SERVICES = [
  { config: serviceConfig({ name: "a", interface: "a", stop }), checks: ["c"] },
  {
    config: serviceConfig({
      name: "b",
      interface: "b",
      addresses: [address("2001:db8::b")],
      ports: [],
      stop: { shiftMs: 0, convergeMs: 3000, quiesceMs: 0 },
    }),
    checks: ["c"],
  },
];

class Scene implements Disposable {
  readonly clock = new VirtualClock();
  readonly #speaker = new Announced();
  /** All that is to be announced, each time that something of it is another. */
  readonly announced: string[][] = [];
  readonly programmed: DesiredKernel[] = [];
  readonly told: string[] = [];
  readonly faults: string[] = [];
  routersTold = Promise.resolve();
  activeConnections = 0;
  readonly driver: ServiceDriver;

  constructor(options: Partial<ServiceDriverOptions> = {}) {
    this.driver = new ServiceDriver({
      services: SERVICES,
      managed: EVERYTHING,
      clock: this.clock,
      announce: (routes) => void this.announced.push(this.#speaker.set(routes)),
      program: (desired) => {
        this.programmed.push(desired);
        this.driver.kernel(this.kernel(desired));
      },
      told: () => this.routersTold,
      onTransition: (service, transition) => void this.told.push(`${service} ${wordsOf(transition)}`),
      onFault: (cause) => void this.faults.push(cause),
      ...options,
    });
  }

  /** What a kernel reads back that was given `desired`. */
  kernel(desired: DesiredKernel): ActualKernel {
    return madeKernel(desired, this.activeConnections);
  }

  /** The kernel has everything, and every check is healthy. */
  serve(): this {
    this.driver.kernel(this.kernel(this.driver.desiredKernel));
    for (const name of ["a", "b"]) this.verdict(name, "healthy");
    return this;
  }

  verdict(service: string, verdict: "healthy" | "unhealthy"): void {
    this.driver.verdict(service, { type: "verdict", check: "c", verdict, cause: "seen" });
  }

  get phases(): readonly string[] {
    return this.driver.states.map(({ phase }) => phase.name);
  }

  [Symbol.dispose](): void {
    this.driver[Symbol.dispose]();
    assert.equal(this.clock.pending, 0, "a timer is left");
  }
}

function wordsOf(transition: ServiceTransition): string {
  switch (transition.type) {
    case "route":
      return transition.announce ? "announced" : "withdrawn";
    case "phase":
      return transition.to;
    case "destination":
      return `${transition.destination} ${transition.live ? "live" : "not live"}`;
    case "fault":
      return "fault";
    default:
      return transition satisfies never;
  }
}

Deno.test("ServiceDriver announces in the turn of the verdict, and withdraws nobody else's route", () => {
  using at = new Scene();
  at.serve();
  assert.deepEqual(at.announced, [["10.99.0.1/32"], ["10.99.0.1/32", "2001:db8::b/128"]]);
  at.verdict("a", "unhealthy");
  assert.deepEqual(at.announced.at(-1), ["2001:db8::b/128"]);
  assert.deepEqual(at.told, ["a announced", "b announced", "a withdrawn"]);
  at.verdict("a", "unhealthy");
  assert.equal(at.announced.length, 3, "what does not change is not handed over again");
});

Deno.test("ServiceDriver drains each service within its own limits and tells when all are down (CONTRACT Drain)", async () => {
  using at = new Scene();
  at.serve().activeConnections = 2;
  let down = false;
  at.driver.drain("stopping");
  at.driver.down().then(() => down = true);
  assert.deepEqual(at.announced.at(-1), [], "in the turn of the drain");
  await at.clock.advance(999);
  assert.deepEqual(at.phases, ["converging", "converging"]);
  await at.clock.advance(2);
  assert.deepEqual(at.phases, ["quiescing", "converging"]);
  const weights = at.programmed.at(-1)?.virtualServices[0]?.destinations.map(({ weight }) => weight);
  assert.deepEqual(weights, [0]);
  await at.clock.advance(2000);
  assert.deepEqual(at.phases, ["quiescing", "down"]);
  at.activeConnections = 0;
  await at.clock.advance(200);
  assert.deepEqual(at.phases, ["down", "down"]);
  assert.equal(down, true);
  assert.equal(at.clock.pending, 0);
});

Deno.test("ServiceDriver lets a service that shifts wait for its own withdrawal, whatever another one's has come to (CONTRACT Drain)", async () => {
  using at = new Scene();
  at.serve();
  at.driver.drain("moved", { names: new Set(["a"]), limits: { ...stop, shiftMs: 2000 } });
  at.driver.drain("moved", { names: new Set(["b"]) });
  await at.clock.advance(1000);
  assert.deepEqual(at.phases, ["shifting", "converging"], "the routers know of b");
  at.routersTold = new Promise(() => {});
  await at.clock.advance(2000);
  assert.equal(at.phases[0], "withdrawn", "they do not know of a yet");
});

Deno.test("ServiceDriver does not ask what a kernel should have that is not ours to manage", async () => {
  using at = new Scene({ managed: { interfaces: false, ipvs: false } });
  for (const name of ["a", "b"]) at.verdict(name, "healthy");
  at.driver.drain("stopping");
  await at.clock.advance(4000);
  assert.deepEqual([at.phases, at.announced.at(-1), at.programmed], [["down", "down"], [], []]);
});

Deno.test("ServiceDriver reads the kernel every 200 ms while one service quiesces and another is done (faults K11)", async () => {
  using at = new Scene();
  at.serve().activeConnections = 1;
  at.driver.drain("stopping");
  await at.clock.advance(3500);
  assert.deepEqual(at.phases, ["quiescing", "down"]);
  const before = at.programmed.length;
  await at.clock.advance(2000);
  assert.equal(at.programmed.length - before, 10);
});

Deno.test("ServiceDriver waits for sockets that take withdrawals late, and not for ever", async () => {
  using at = new Scene();
  at.serve();
  at.routersTold = new Promise(() => {});
  at.driver.drain("stopping");
  await at.clock.advance(4900);
  assert.deepEqual(at.phases, ["withdrawn", "withdrawn"]);
  await at.clock.advance(200);
  assert.deepEqual(at.phases, ["converging", "converging"]);
});

Deno.test("ServiceDriver tells nothing after it is disposed, and lets whoever waits for the end go on", async () => {
  const at = new Scene();
  at.serve();
  at.driver.drain("stopping");
  const down = at.driver.down();
  const told = at.told.length;
  at[Symbol.dispose]();
  await down;
  at.verdict("a", "unhealthy");
  await at.clock.advance(60_000);
  assert.equal(at.told.length, told);
});

Deno.test("ServiceDriver survives whatever it calls throwing once: it is said, and made good in time (faults S17)", async () => {
  for (const part of ["announce", "program", "onTransition", "told"] as const) {
    let armed = false;
    const once = <A extends readonly unknown[]>(call: (...args: A) => void) => (...args: A) => {
      if (armed) {
        armed = false;
        throw new Error(`${part} threw`);
      }
      call(...args);
    };
    const sound = new Scene();
    const announced: string[][] = [];
    const speaker = new Announced();
    const programmed: DesiredKernel[] = [];
    const told: string[] = [];
    using at = new Scene({
      announce: part === "announce"
        ? once((routes) => void announced.push(speaker.set(routes)))
        : (routes) => void announced.push(speaker.set(routes)),
      program: part === "program"
        ? once((desired) => void programmed.push(desired))
        : (desired) => void programmed.push(desired),
      onTransition: part === "onTransition"
        ? once((service, transition) => void told.push(`${service} ${wordsOf(transition)}`))
        : (service, transition) => void told.push(`${service} ${wordsOf(transition)}`),
      told(limitMs) {
        if (part === "told") once<[number]>(() => {})(limitMs);
        return Promise.resolve();
      },
    });
    sound[Symbol.dispose]();
    at.serve();
    armed = true;
    at.driver.drain("stopping");
    await at.clock.advance(20_000);
    assert.deepEqual(announced.at(-1), [], part);
    assert.deepEqual(at.phases, ["down", "down"], part);
    assert.equal(armed, false, `${part} was called`);
    assert.deepEqual(at.faults, [`${part} threw`]);
    assert.ok(told.includes("b withdrawn"), part);
    assert.ok(programmed.length > 0, part);
  }
});

Deno.test("ServiceDriver tries again a second later what the kernel alone is owed", async () => {
  let refusing = true;
  const programmed: DesiredKernel[] = [];
  using at = new Scene({
    services: SERVICES.slice(1),
    program(desired) {
      if (refusing) throw new Error("no");
      programmed.push(desired);
    },
  });
  at.serve();
  at.driver.drain("stopping");
  await at.clock.advance(100);
  refusing = false;
  assert.deepEqual(at.phases, ["converging"]);
  assert.ok(at.faults.length > 0);
  await at.clock.advance(899);
  assert.equal(programmed.length, 0);
  await at.clock.advance(1);
  assert.equal(programmed.length, 1);
  assert.deepEqual(at.phases, ["converging"], "nothing else was due");
});

Deno.test("reconfigure() hands over what should be once, without what goes: no peer is told of it again", () => {
  using scene = new Scene();
  scene.serve();
  scene.announced.length = 0;
  scene.driver.reconfigure(SERVICES.slice(0, 1));
  assert.deepEqual(scene.announced, [["10.99.0.1/32"]]);
});

Deno.test("reconfigure() announces what comes by what the kernel has now, not by what it had when it could be read (found by simulation)", () => {
  using other = new Scene();
  const everything = other.kernel(other.driver.desiredKernel);
  let isBlind = false;
  using scene: Scene = new Scene({
    services: SERVICES.slice(0, 1),
    program: () => scene.driver.kernel(isBlind ? undefined : everything),
  });
  scene.driver.kernel(everything);
  scene.verdict("a", "healthy");
  isBlind = true;
  scene.driver.kernel(undefined);
  const comes = SERVICES.map((entry) => ({ ...entry, checks: [] }));
  scene.driver.prepare(comes);
  scene.driver.reconfigure(comes);
  assert.deepEqual(scene.announced.at(-1), ["10.99.0.1/32"]);
  scene.driver.kernel(everything);
  assert.deepEqual(scene.announced.at(-1), ["10.99.0.1/32", "2001:db8::b/128"]);
});
