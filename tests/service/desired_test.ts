import assert from "node:assert/strict";
import type { IpvsConfig, ServiceConfig } from "../../src/config/config.ts";
import { EVERYTHING } from "../../src/kernel/kernel.ts";
import { fwmarkId, virtualServiceText } from "../../src/kernel/state.ts";
import { IP_VS_SVC_F } from "../../src/netlink/constants.ts";
import { initialState, step } from "../../src/service/controller.ts";
import { desiredKernel, desiredRoutes } from "../../src/service/desired.ts";
import type { ServiceState } from "../../src/service/state.ts";
import { address } from "../support/bgp.ts";
import { PLAIN_PORT, scheduledBy, serviceConfig } from "../support/config.ts";
import { PLAIN } from "../support/kernel_objects.ts";

const stateOf = (config: Partial<ServiceConfig>): ServiceState =>
  initialState({ config: serviceConfig(config), checks: [] }, EVERYTHING, 0);

Deno.test("desiredKernel() gives virtual services the scheduler's flags by their words in ipvsadm(8)", () => {
  const rows = [
    [[], 0],
    [["ops"], IP_VS_SVC_F.ONEPACKET],
    [["sh-fallback"], IP_VS_SVC_F.SCHED1],
    [["sh-port"], IP_VS_SVC_F.SCHED2],
    [["mh-fallback", "mh-port"], IP_VS_SVC_F.SCHED1 | IP_VS_SVC_F.SCHED2],
  ] as const;
  for (const [flags, expected] of rows) {
    const ipvs = { scheduler: "sh", flags: [...flags], persistence: undefined } as const;
    const { virtualServices } = desiredKernel([stateOf(scheduledBy(serviceConfig(), ipvs))]);
    assert.deepEqual(virtualServices.map((service) => service.flags), [expected], flags.join());
  }
});

Deno.test("desiredKernel() has a client stay with its destination by the prefix length of each family, and without that each alone", () => {
  const addresses = [address("10.99.0.1"), address("2001:db8::1")];
  const seen = (persistence: IpvsConfig["persistence"]) =>
    desiredKernel([
      stateOf(scheduledBy(serviceConfig({ addresses }), { scheduler: "rr", flags: [], persistence })),
    ])
      .virtualServices.map(({ flags, timeoutSeconds, netmask }) => [flags, timeoutSeconds, netmask]);
  assert.deepEqual(seen(undefined), [[0, 0, 32], [0, 0, 128]]);
  assert.deepEqual(seen({ timeoutSeconds: 300, netmask: 24, netmask6: 56 }), [
    [IP_VS_SVC_F.PERSISTENT, 300, 24],
    [IP_VS_SVC_F.PERSISTENT, 300, 56],
  ]);
});

Deno.test("desiredKernel() leads an address to the destinations of its own family, and owns every address of the service", () => {
  const addresses = [address("10.99.0.1"), address("2001:db8::1")];
  const destinations = ["10.0.0.1", "2001:db8::a", "10.0.0.2"].map((text) =>
    ({ address: address(text), port: 8080, weight: 1, forwarding: "masq", ...PLAIN, checks: [] }) as const
  );
  const desired = desiredKernel([
    stateOf({ addresses, ports: [{ ...PLAIN_PORT, port: 80, protocol: "tcp", destinations }] }),
  ]);
  assert.deepEqual(
    desired.virtualServices.map((service) => service.destinations.map((each) => each.address.text)),
    [["10.0.0.1", "10.0.0.2"], ["2001:db8::a"]],
  );
  assert.deepEqual(desired.ownedAddresses, addresses);
});

Deno.test("desiredKernel() has the interface carry the marks of its service, and owns them", () => {
  const plain = { ...PLAIN_PORT, port: 80, protocol: "tcp", destinations: [] } as const;
  const { interfaces, virtualServices, ownedFwmarks } = desiredKernel([
    stateOf({
      addresses: [address("10.99.0.1")],
      ports: [{ ...plain, port: 0, fwmark: 7, families: [4, 6] }, plain],
    }),
  ]);
  const marks = [fwmarkId(7, 4), fwmarkId(7, 6)];
  assert.deepEqual(interfaces.map(({ fwmarks }) => fwmarks), [marks]);
  assert.deepEqual(ownedFwmarks, marks);
  assert.deepEqual(virtualServices.map(virtualServiceText), [
    "fwmark 7 IPv4",
    "fwmark 7 IPv6",
    "tcp 10.99.0.1:80",
  ]);
});

Deno.test("desiredRoutes() are those whose gates are all open", () => {
  const managed = { interfaces: false, ipvs: false };
  const open =
    step(initialState({ config: serviceConfig(), checks: [] }, managed, 0), { type: "time" }, { now: 1 })
      .state;
  const shut = initialState(
    { config: serviceConfig({ name: "off", enabled: false }), checks: [] },
    managed,
    0,
  );
  assert.deepEqual(desiredRoutes([shut, open]).map(({ prefix }) => prefix.text), ["10.99.0.1/32"]);
});
