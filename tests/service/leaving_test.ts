// What is wanted no more goes in order, whoever wanted it: the pieces of one change, each on its way.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { ServiceConfig } from "../../src/config/config.ts";
import { EVERYTHING, type Managed } from "../../src/kernel/kernel.ts";
import { isEmpty, merge, NOTHING, without } from "../../src/kernel/merge.ts";
import { type ActualKernel, virtualServiceText } from "../../src/kernel/state.ts";
import { initialState } from "../../src/service/controller.ts";
import { desiredKernel } from "../../src/service/desired.ts";
import { ServiceDriver } from "../../src/service/driver.ts";
import { type Leaving, leavings, stillLeaving, whatLeaves } from "../../src/service/leaving.ts";
import type { Address } from "../../src/net/address.ts";
import { atOnce } from "../../src/time/steps.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { PLAIN } from "../support/kernel_objects.ts";

const terms = {
  reason: "removed",
  limits: () => ({ shiftMs: 9, convergeMs: 1000, quiesceMs: 5000 }),
  told: () => ({ by: "told", untilMs: 5000 } as const),
} as const;

function kernelOf(services: readonly ServiceConfig[]) {
  return desiredKernel(services.map((config) => initialState({ config, checks: [] }, EVERYTHING, 0)));
}

function going(
  before: readonly ServiceConfig[],
  after: readonly ServiceConfig[],
  managed: Managed = EVERYTHING,
  isWithdrawn?: (address: Address) => boolean,
) {
  return leavings(kernelOf(before), kernelOf(after), { ...terms, managed, isWithdrawn }, 0);
}

function words(all: readonly Leaving[]) {
  return all.map((each) => `${each.service} ${each.phase.name}: ${whatLeaves(each).join(", ")}`);
}

const WEB = serviceConfig({ addresses: [address("10.99.0.1"), address("2001:db8::1")] });
const OTHER = serviceConfig({ name: "other", interface: "other", addresses: [address("10.99.0.2")] });

Deno.test("leavings() withdraws before it takes addresses, and quiesces ports of addresses that stay", () => {
  const [v4] = WEB.addresses;
  assert.ok(v4 !== undefined);
  assert.deepEqual(words(going([WEB], [{ ...WEB, addresses: [v4] }])), [
    "web withdrawn: address 2001:db8::1",
  ]);
  assert.deepEqual(words(going([WEB, OTHER], [{ ...WEB, ports: [] }, OTHER])), [
    "web quiescing: destination 10.0.0.1:8080 of tcp 10.99.0.1:80",
  ]);
  assert.deepEqual(words(going([WEB, OTHER], [WEB])), ["other withdrawn: address 10.99.0.2"]);
  assert.deepEqual(going([WEB, OTHER], [OTHER, WEB]), []);
});

Deno.test("leavings() has a mark go with its service's addresses where those go, and quiesces it alone where they stay", () => {
  const [port] = WEB.ports;
  assert.ok(port !== undefined);
  const marked = { ...WEB, ports: [{ ...port, port: 0, fwmark: 7, families: [4, 6] as const }] };
  const shape = (all: readonly Leaving[]) =>
    all.map(({ service, phase, objects }) => [
      service,
      phase.name,
      objects.virtualServices.map(virtualServiceText),
    ]);
  const marks = ["fwmark 7 IPv4", "fwmark 7 IPv6"];
  assert.deepEqual(shape(going([marked, OTHER], [OTHER])), [["web", "withdrawn", marks]]);
  assert.deepEqual(shape(going([marked, OTHER], [{ ...marked, ports: [] }, OTHER])), [
    ["web", "quiescing", marks],
  ]);
  const withdrawn = going(
    [marked, OTHER],
    [{ ...marked, ports: [] }, OTHER],
    EVERYTHING,
    ({ family }) => family === 6,
  );
  assert.deepEqual(shape(withdrawn), [
    ["web", "withdrawn", marks],
  ], "where routes of either family go");
});

Deno.test("leavings() knows nothing of what is not ours to manage", () => {
  const before = [WEB, OTHER];
  const after = [{ ...WEB, ports: [] }];
  assert.deepEqual(words(going(before, after, { interfaces: true, ipvs: false })), [
    "other withdrawn: address 10.99.0.2",
  ]);
  const withoutLinks = going(before, after, { interfaces: false, ipvs: true });
  assert.deepEqual(withoutLinks.map(({ service, objects }) => [service, objects.interfaces.length]), [
    ["web", 0],
    ["other", 0],
  ]);
  assert.deepEqual(going(before, after, { interfaces: false, ipvs: false }), []);
});

Deno.test("an address that moves to another interface of ours is only taken off the old one", () => {
  const leaving = going([WEB], [{ ...WEB, interface: "web2" }]);
  assert.deepEqual(leaving, []);
});

Deno.test("stillLeaving() gives up what is wanted again, also where two services have the interface", () => {
  const [leaving] = going([WEB], []);
  assert.ok(leaving !== undefined);
  assert.equal(
    stillLeaving([leaving], kernelOf([{ ...OTHER, interface: "web" }]))[0]?.objects.virtualServices.length,
    2,
  );
  const both = kernelOf([WEB, { ...OTHER, interface: "web" }]);
  assert.deepEqual(stillLeaving([leaving], both), []);
});

Deno.test("merge() and without(): nothing is lost, and nothing stays that is in both", () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 5 });
  const services = fc.array(
    fc.record({ name: fc.constantFrom("a", "b", "c"), interface: fc.constantFrom("x", "y"), numbers }),
    { maxLength: 4 },
  ).map((rows) =>
    rows.map((row) =>
      serviceConfig({
        name: row.name,
        interface: row.interface,
        addresses: row.numbers.map((number) => address(`10.99.0.${number}`)),
      })
    )
  );
  fc.assert(
    fc.property(services, services, (one, other) => {
      const [a, b] = [kernelOf(one), kernelOf(other)];
      const both = merge([a, b]);
      assert.ok(isEmpty(without(a, both)) && isEmpty(without(b, both)));
      assert.deepEqual(merge([both, NOTHING]), both);
      assert.ok(isEmpty(without(without(a, b), a)));
      const names = both.interfaces.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, "an interface is there once");
      assert.equal(isEmpty(without(a, a)), true);
    }),
    { seed: 7 },
  );
});

Deno.test("a driver that took over keeps destinations that are no more until their connections end, also where interfaces are not ours (faults K5)", () => {
  const [port] = OTHER.ports;
  assert.ok(port !== undefined);
  const old = { address: address("10.0.0.9"), port: 8080, weight: 1, forwarding: "masq", ...PLAIN } as const;
  const [service] = kernelOf([OTHER]).virtualServices;
  assert.ok(service !== undefined);
  const destinations = [...service.destinations, old].map((each) => ({
    ...each,
    activeConnections: 1,
    inactiveConnections: 0,
  }));
  const actual: ActualKernel = { interfaces: [], virtualServices: [{ ...service, destinations }] };
  using driver = new ServiceDriver({
    services: [{ config: OTHER, checks: [] }],
    managed: { interfaces: false, ipvs: true },
    clock: new VirtualClock(),
    announce: () => {},
    program: () => {},
    told: () => Promise.resolve(),
    onTransition: () => {},
    onFault: (cause) => assert.fail(cause),
  });
  atOnce(driver.inherit(actual, 0));
  assert.deepEqual(words(driver.leaving), ["other quiescing: destination 10.0.0.9:8080 of tcp 10.99.0.2:80"]);
});

Deno.test("leavings() of thousands of services is linear", () => {
  const many = Array.from({ length: 4000 }, (_, index) =>
    serviceConfig({
      name: `s${index}`,
      interface: `s${index}`,
      addresses: [address(`10.${index >> 8}.${index & 255}.1`)],
    }));
  const all = kernelOf(many);
  let asked = 0;
  const counted = {
    ...all,
    virtualServices: all.virtualServices.map((service) => ({
      ...service,
      get address() {
        asked++;
        return service.address;
      },
    })),
  };
  assert.equal(leavings(counted, NOTHING, { ...terms, managed: EVERYTHING }, 0).length, 4000);
  assert.ok(asked < 4000 * 20, `addresses were looked at ${asked} times`);
});
