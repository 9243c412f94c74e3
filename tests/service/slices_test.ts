/** Every service gets what concerns it of the kernel's state, and nothing else. */
import assert from "node:assert/strict";
import { INTERFACE_AS_MADE } from "../../src/kernel/state.ts";
import { desiredKernel } from "../../src/service/desired.ts";
import { EVERYTHING } from "../../src/kernel/kernel.ts";
import { initialState } from "../../src/service/controller.ts";
import { slicesOf } from "../../src/service/slices.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";

Deno.test("slicesOf() gives a service its interface and the virtual services on its addresses (DESIGN Gate chain)", () => {
  const services = [
    serviceConfig({ name: "a", interface: "if-a", addresses: [address("10.9.0.1"), address("10.9.0.2")] }),
    serviceConfig({ name: "b", interface: "if-b", addresses: [address("10.9.0.3")] }),
    serviceConfig({ name: "c", interface: "if-c", addresses: [address("10.9.0.4")] }),
  ];
  const { interfaces, virtualServices } = desiredKernel(
    services.slice(0, 2).map((service) => initialState({ config: service, checks: [] }, EVERYTHING, 0)),
  );
  const sliceOf = slicesOf({
    interfaces: interfaces.map(({ name }, index) => {
      return { index, name, ...INTERFACE_AS_MADE, alias: undefined, addresses: [] };
    }),
    virtualServices: virtualServices.map((each) => ({ ...each, destinations: [] })),
  });
  const brief = services.map(sliceOf).map((slice) => [
    slice.interfaces.map(({ name }) => name),
    [...new Set(slice.virtualServices.map(({ address }) => address.text))],
  ]);
  assert.deepEqual(brief, [[["if-a"], ["10.9.0.1", "10.9.0.2"]], [["if-b"], ["10.9.0.3"]], [[], []]]);
});
