// What an event of one service costs among a thousand: which services are looked at, and not how long it takes.
import assert from "node:assert/strict";
import { EVERYTHING } from "../../src/kernel/kernel.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { ServiceDriver } from "../../src/service/driver.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { madeKernel } from "../support/made_kernel.ts";
import { checkedPort } from "../support/ports.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const COUNT = 1000;

class Scene implements Disposable {
  readonly clock = new VirtualClock();
  /** Names of services whose names somebody asked for. */
  readonly looked = new Set<string>();
  readonly announced: string[] = [];
  readonly driver: ServiceDriver;

  constructor() {
    const services = Array.from({ length: COUNT }, (_, index) => {
      const name = `s${index}`;
      const { looked } = this;
      const config = {
        ...serviceConfig({
          addresses: [address(`10.${index >> 8}.${index & 255}.1`)],
          ports: [],
        }),
        get name() {
          looked.add(name);
          return name;
        },
      };
      return { config, checks: ["c"] };
    });
    this.driver = new ServiceDriver({
      services,
      managed: { interfaces: false, ipvs: false },
      clock: this.clock,
      announce: (routes) => void this.announced.push(...routes.keys()),
      program: () => assert.fail("there is no kernel"),
      told: () => Promise.resolve(),
      onTransition: () => {},
      onFault: (cause) => assert.fail(cause),
    });
    for (let index = 0; index < COUNT; index++) this.verdict(`s${index}`, "healthy");
    this.looked.clear();
    this.announced.length = 0;
  }

  verdict(service: string, verdict: "healthy" | "unhealthy"): void {
    this.driver.verdict(service, { type: "verdict", check: "c", verdict, cause: "seen" });
  }

  [Symbol.dispose](): void {
    this.driver[Symbol.dispose]();
  }
}

Deno.test("ServiceDriver looks at no other service when one has a verdict, and announces nobody else's routes", () => {
  using at = new Scene();
  at.verdict("s500", "unhealthy");
  assert.deepEqual([...at.looked], ["s500"]);
  assert.deepEqual(at.announced, ["s500"]);
});

Deno.test("ServiceDriver looks at no other service when one is drained, due and told", async () => {
  using at = new Scene();
  for (const [name, shiftMs] of [["s7", 1000], ["s9", 2000]] as const) {
    const limits = { shiftMs, convergeMs: 0, quiesceMs: 0 };
    at.driver.drain("moved", { names: new Set([name]), limits });
  }
  assert.deepEqual([...at.looked], ["s7", "s9"]);
  at.looked.clear();
  await at.clock.advance(1999);
  assert.deepEqual([...at.looked], ["s7"]);
  at.looked.clear();
  await at.clock.advance(1);
  assert.deepEqual([...at.looked], ["s9"]);
  const phases = at.driver.states.map(({ phase }) => phase.name);
  assert.deepEqual(phases.flatMap((name, index) => name === "serving" ? [] : [index, name]), [
    7,
    "down",
    9,
    "down",
  ]);
});

Deno.test("ServiceDriver.reconfigure() looks into no service that is the same, and wants the very same objects for it", async () => {
  const looked = new Set<string>();
  const entryOf = (index: number) => {
    const name = `s${index}`;
    const plain = serviceConfig({
      name,
      interface: name,
      addresses: [address(`10.${index >> 8}.${index & 255}.1`)],
      ports: [checkedPort()],
    });
    const ports = plain.ports.map((port) => ({
      ...port,
      get destinations() {
        looked.add(name);
        return port.destinations;
      },
    }));
    return { config: { ...plain, ports }, checks: [] };
  };
  const services = Array.from({ length: COUNT }, (_, index) => entryOf(index));
  const programmed: DesiredKernel[] = [];
  const clock = new VirtualClock();
  using driver = new ServiceDriver({
    services,
    managed: EVERYTHING,
    clock,
    announce: () => {},
    program: (desired) => void programmed.push(desired),
    told: () => Promise.resolve(),
    onTransition: () => {},
    onFault: (cause) => assert.fail(cause),
  });
  driver.kernel(madeKernel(driver.desiredKernel, 0));
  await clock.advance(1);
  const before = driver.desiredKernel;
  assert.equal(driver.desiredKernel, before);
  const next = services.map((entry, index) => index === 500 ? entryOf(500) : entry);
  looked.clear();
  driver.prepare(next);
  driver.reconfigure(next);
  assert.deepEqual([...looked], ["s500"]);
  const after = programmed.at(-1);
  for (const key of ["interfaces", "virtualServices"] as const) {
    const same = after?.[key].filter((each, index) => each === before[key][index]);
    assert.equal(same?.length, COUNT - 1, key);
  }
});
