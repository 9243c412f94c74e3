// announce.whenUnhealthy: an unhealthy service goes on being announced, but worse.
import assert from "node:assert/strict";
import type { AnnounceConfig } from "../../src/config/config.ts";
import { EVERYTHING, type Managed } from "../../src/kernel/kernel.ts";
import type { Verdict } from "../../src/health/threshold.ts";
import { desiredKernel, desiredRoutes } from "../../src/service/desired.ts";
import {
  initialState,
  reconfigured,
  type ServiceEvent,
  type ServiceTransition,
  step,
} from "../../src/service/controller.ts";
import type { ServiceState } from "../../src/service/state.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { madeKernel } from "../support/made_kernel.ts";

const NO_KERNEL: Managed = { interfaces: false, ipvs: false };
const VIP = "10.99.0.1";
const GRACEFUL_SHUTDOWN = 0xffff0000;

const OWN = { ...serviceConfig().announce, med: 100, communities: [1] };
const WORSE = { ...OWN, med: 1000, localPreference: 50, communities: [6] };

/** A service whose unhealthy routes have `whenUnhealthy`. */
function web(whenUnhealthy: AnnounceConfig["whenUnhealthy"] = WORSE, more = {}) {
  return serviceConfig({ ports: [], announce: { ...OWN, whenUnhealthy, ...more } });
}

function saying(verdict: Verdict, check = "c"): ServiceEvent {
  return { type: "verdict", check, verdict, cause: `is ${verdict}` };
}

/** A service that is fed one event after the other. */
class Fed {
  state: ServiceState;
  #now = 0;
  last: readonly ServiceTransition[] = [];

  constructor(config = web(), { checks = ["c"], managed = NO_KERNEL } = {}) {
    this.state = initialState({ config, checks }, managed, 0);
  }

  feed(event: ServiceEvent): this {
    const { state, transitions } = step(this.state, event, { now: ++this.#now });
    this.state = state;
    this.last = transitions;
    return this;
  }

  reconfigure(config: ReturnType<typeof web>, checks = ["c"]): this {
    this.state = reconfigured(this.state, { config, checks }, { now: ++this.#now });
    return this;
  }

  /** What is announced: its MED; undefined: nothing is. */
  get med(): number | undefined {
    return desiredRoutes([this.state])[0]?.attributes.med;
  }

  /** The gates that are shut, and those that are open all the same. */
  get gates(): readonly string[] {
    return this.state.routes.get(VIP)?.gates.flatMap(({ name, open, degraded, sinceMs }) =>
      open && !degraded ? [] : [`${name} ${degraded ? "degraded" : "shut"} since ${sinceMs}`]
    ) ?? [];
  }

  get told(): readonly string[] {
    return this.last.flatMap((each) =>
      each.type === "route"
        ? [`${each.degraded ? "degraded" : each.announce ? "announced" : "withdrawn"}: ${each.cause}`]
        : []
    );
  }
}

Deno.test("step() announces an unhealthy service with announce.whenUnhealthy, and a healthy one with its own (CONTRACT services.announce)", () => {
  const at = new Fed();
  assert.equal(at.feed(saying("unhealthy")).med, 1000, "also where it never was healthy");
  assert.deepEqual(at.told, ["degraded: c: is unhealthy"]);
  assert.equal(at.feed(saying("healthy")).med, 100);
  assert.deepEqual(at.told, ["announced: c: is healthy"]);
  assert.deepEqual(at.gates, []);
  assert.equal(at.feed(saying("unhealthy")).med, 1000);
  assert.deepEqual(desiredRoutes([at.state])[0]?.attributes, WORSE);
  assert.deepEqual(at.gates, ["healthy degraded since 3"]);
  assert.equal(at.state.routes.get(VIP)?.sinceMs, 1, "it is announced all the time");
  const { route: before } = at.state.routes.get(VIP) ?? assert.fail();
  at.feed(saying("unhealthy"));
  assert.equal(at.state.routes.get(VIP)?.route, before, "what did not change is the same object");
  assert.deepEqual(at.told, []);
});

Deno.test("step() announces what is unknown neither way: unknown is not unhealthy", () => {
  const at = new Fed(web(), { checks: ["c", "d"] });
  assert.deepEqual(at.gates, ["healthy shut since 0"]);
  assert.equal(at.feed(saying("healthy", "d")).med, undefined);
  assert.equal(at.feed(saying("unhealthy")).med, 1000, "one that fails is enough, whatever the others say");
  assert.equal(at.feed(saying("healthy")).med, 100);
});

Deno.test("step() withdraws an unhealthy service for what is not its checks: the kernel, quorum, and whoever changes it", () => {
  const config = serviceConfig({
    announce: { ...OWN, whenUnhealthy: WORSE },
    ports: serviceConfig().ports.map((port) => ({ ...port, quorum: 2 })),
  });
  const at = new Fed(config, { managed: EVERYTHING });
  at.feed({ type: "kernel", actual: madeKernel(desiredKernel([at.state]), 0) }).feed(saying("unhealthy"));
  assert.equal(at.med, undefined, "one live weight is below a quorum of two");
  assert.deepEqual(at.gates, ["healthy degraded since 2", "quorum shut since 0"]);
  assert.deepEqual(at.told, []);
  const other = new Fed({ ...config, ports: serviceConfig().ports }, { managed: EVERYTHING });
  const actual = madeKernel(desiredKernel([other.state]), 0);
  other.feed({ type: "kernel", actual }).feed(saying("unhealthy"));
  assert.equal(other.med, 1000);
  const [first] = actual.interfaces;
  const gone = { ...actual, interfaces: first === undefined ? [] : [{ ...first, up: false }] };
  assert.equal(other.feed({ type: "kernel", actual: gone }).med, undefined);
  assert.deepEqual(other.told, ["withdrawn: interface web is down"]);
  assert.equal(other.feed({ type: "kernel", actual }).med, 1000);
  assert.deepEqual(other.told, ["degraded: c: is unhealthy"]);
  const contested = [
    {
      kind: "address" as const,
      object: "address 10.99.0.1 on web",
      repairs: 4,
      sinceMs: 0,
      suspect: undefined,
      interface: "web",
      address: address(VIP),
      virtualService: undefined,
    },
  ];
  assert.equal(other.feed({ type: "kernel", actual, contested }).med, undefined);
});

Deno.test("a drain goes its way from where an unhealthy service is, and back to there", () => {
  const at = new Fed().feed(saying("unhealthy"));
  const limits = { shiftMs: 1000, convergeMs: 0, quiesceMs: 0 };
  at.feed({ type: "drain", reason: "drained", limits });
  const attributes = desiredRoutes([at.state])[0]?.attributes;
  assert.deepEqual(
    attributes && [attributes.med, attributes.localPreference, attributes.communities],
    [0xffff_ffff, 0, [6, GRACEFUL_SHUTDOWN]],
    "what shifts is the worst choice, and says all the same that it is unhealthy",
  );
  at.feed(saying("healthy"));
  assert.equal(at.med, 0xffff_ffff, "healthy or not");
  assert.deepEqual(at.told, ["announced: c: is healthy"]);
  at.feed(saying("unhealthy"));
  assert.equal(at.feed({ type: "undrain" }).med, 1000);
  at.feed({ type: "drain", reason: "drained", limits: { ...limits, shiftMs: 0 } });
  assert.equal(at.med, undefined);
  assert.equal(at.feed(saying("healthy")).feed({ type: "undrain" }).med, 100);
});

Deno.test("reconfigured() switches an unhealthy service between withdrawn and worse at once, and to other attributes", () => {
  const at = new Fed(web("withdraw")).feed(saying("unhealthy"));
  assert.equal(at.med, undefined);
  assert.equal(at.reconfigure(web()).med, 1000);
  assert.equal(at.reconfigure(web({ ...WORSE, med: 2000 })).med, 2000);
  assert.equal(at.reconfigure(web("withdraw")).med, undefined);
  assert.deepEqual(at.gates, ["healthy shut since 4"]);
  at.reconfigure(web());
  const to = (peers: readonly string[]) => at.reconfigure(web(WORSE, { peers })).state.routes.get(VIP)?.route;
  assert.deepEqual(to(["a"])?.peers, ["a"]);
  assert.deepEqual(to(["b"])?.peers, ["b"], "also where the attributes are the very same ones");
});

Deno.test("reconfigured() takes a service for unhealthy until new checks have spoken in place of those that failed", () => {
  const at = new Fed().feed(saying("unhealthy"));
  assert.equal(at.reconfigure(web(), ["new"]).med, 1000, "nothing is known of it that is better");
  assert.equal(at.feed(saying("unknown", "new")).med, 1000);
  assert.equal(at.feed(saying("healthy", "new")).med, 100);
  assert.equal(at.reconfigure(web(), ["new", "more"]).med, 100, "in a healthy one it has no say");
  at.feed(saying("unhealthy", "new"));
  assert.equal(at.reconfigure(web(), []).med, 100, "without checks it is healthy");
});

Deno.test("step() tells of each address of an unhealthy service", () => {
  const second = address("10.99.0.2");
  const at = new Fed({ ...web(), addresses: [address(VIP), second] }).feed(saying("unhealthy"));
  assert.equal(at.told.length, 2);
  assert.deepEqual(desiredRoutes([at.state]).map(({ attributes }) => attributes.med), [1000, 1000]);
});
