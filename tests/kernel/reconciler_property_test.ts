/**
 * Whatever somebody else does, and whatever the kernel refuses meanwhile: when it has been calm for a while everything
 * is as desired, and nothing that is not ours was touched at any time.
 */
import assert from "node:assert/strict";
import { noFault } from "../support/events.ts";
import fc from "fast-check";
import { diff } from "../../src/kernel/diff.ts";
import { interestIn } from "../../src/kernel/kernel.ts";
import { type KernelReport, Reconciler } from "../../src/kernel/reconciler.ts";
import {
  type DesiredKernel,
  fwmarkId,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { address } from "../support/bgp.ts";
import { FakeHand } from "../support/fake_hand.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { ADDRESS_BY_HAND, type FakeAddress, type FakeInterface } from "../support/fake_links.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { BY_ADDRESS, PLAIN } from "../support/kernel_objects.ts";

const V4 = ["10.99.0.1", "10.99.0.2"].map(address);
const V6 = ["2001:db8:99::1", "2001:db8:99::2"].map(address);

/** Of both families for web, of one for api. */
const MARKS = { web: [fwmarkId(7, 4), fwmarkId(7, 6)], api: [fwmarkId(8, 4)] } as const;
/** What the destinations of marks have that those of addresses have not. */
const TUNNELLED = {
  ...PLAIN,
  forwarding: "tunnel",
  tunnel: { type: "gre", port: 0, checksum: true },
  upperThreshold: 100,
  lowerThreshold: 80,
} as const;

/** Services web and api, with more or less of everything. */
const wants: readonly DesiredKernel[] = [
  desired(["web", "api"], 2),
  desired(["web"], 1),
  desired(["api"], 3),
  desired(["web", "api"], 0),
  desired([], 0),
];

type Step =
  | { readonly do: "want"; readonly which: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "break"; readonly which: number }
  | { readonly do: "meanwhile"; readonly which: number }
  | { readonly do: "refuse"; readonly errno: number | undefined }
  | { readonly do: "blind"; readonly is: boolean };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("want" as const), which: fc.nat(wants.length - 1) }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 10, 100, 5000, 31_000) }),
    fc.record({ do: fc.constant("break" as const), which: fc.nat(99) }),
    fc.record({ do: fc.constant("meanwhile" as const), which: fc.nat(99) }),
    fc.record({
      do: fc.constant("refuse" as const),
      errno: fc.constantFrom(undefined, undefined, ERRNO.ENOBUFS, ERRNO.EBUSY),
    }),
    fc.record({ do: fc.constant("blind" as const), is: fc.boolean() }),
  ),
  { maxLength: 25 },
);

Deno.test("the reconciler always gets there, and never touches what is not ours", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const clock = new VirtualClock();
      const kernel = new FakeKernel();
      const hand = new FakeHand(kernel);
      const reports: KernelReport[] = [];
      await plantForeign(kernel, hand);
      const foreign = structuredClone(foreignOf(kernel));
      const reconciler = new Reconciler({
        kernel,
        clock,
        onReport: (report) => reports.push(report),
        onFault: noFault,
      });
      let last = wants[0] ?? desired([], 0);
      for (const step of script) {
        switch (step.do) {
          case "want":
            last = wants[step.which] ?? last;
            void reconciler.want(last);
            break;
          case "wait":
            await clock.advance(step.ms);
            break;
          case "break":
            breakSomething(kernel, step.which);
            break;
          case "meanwhile":
            kernel.beforeChange = () => {
              kernel.beforeChange = () => {};
              breakSomething(kernel, step.which);
            };
            break;
          case "refuse":
            kernel.refuse = () => step.errno;
            break;
          case "blind":
            kernel.readError = step.is
              ? new KernelError("list", { errno: ERRNO.ENOBUFS, extendedAck: undefined })
              : undefined;
            break;
        }
        assert.deepEqual(structuredClone(foreignOf(kernel)), foreign);
      }
      kernel.refuse = () => undefined;
      kernel.readError = undefined;
      kernel.beforeChange = () => {};
      void reconciler.want(last);
      await clock.advance(70_000);
      assert.equal(reports.at(-1)?.converged, true, `${reports.at(-1)?.errors}`);
      assert.deepEqual(diff(last, await kernel.read(interestIn(last))), { changes: [], conflicts: [] });
      await reconciler.removeAll();
      assert.deepEqual(structuredClone(foreignOf(kernel)), foreign);
      assert.equal(kernel.interfaces.length, foreign.interfaces.length, "nothing of ours is left");
      assert.equal(kernel.services.length, foreign.services.length, "no virtual service of ours is left");
      await reconciler.dispose();
      assert.equal(clock.pending, 0);
    }),
    { seed: 20260120, numRuns: 300 },
  );
});

async function plantForeign(kernel: FakeKernel, hand: FakeHand): Promise<void> {
  kernel.addLink("eth0", undefined).addresses.push({
    address: address("192.0.2.1"),
    prefixLength: 24,
    ...ADDRESS_BY_HAND,
  });
  await hand.addLink("stranger", "dummy", "bgp-lb");
  await hand.addAddress("stranger", "10.99.0.9/32");
  await hand.addLink("bare", "dummy");
  await hand.ipvsadm("-A", "-t", "10.99.0.9:80", "-s", "rr");
  await hand.ipvsadm("-A", "-t", "192.0.2.1:80", "-s", "lc");
  await hand.ipvsadm("-A", "-f", "9", "-s", "rr");
  await hand.ipvsadm("-A", "-f", "8", "-6", "-s", "rr");
}

const FOREIGN_SERVICES = ["tcp 10.99.0.9 80", "tcp 192.0.2.1 80", "fwmark 9 4", "fwmark 8 6"];

function foreignOf(kernel: FakeKernel) {
  return {
    interfaces: kernel.interfaces.filter(({ name }) => ["eth0", "stranger", "bare"].includes(name)),
    services: kernel.services.filter((service) => FOREIGN_SERVICES.includes(virtualServiceKey(service))),
  };
}

/** Every address of a link as it is not any more; of IPv6 there are neither scopes nor broadcast addresses. */
function alter(link: FakeInterface, overrides: Partial<FakeAddress>): void {
  link.addresses = link.addresses.map((each) =>
    each.address.family === 6 && overrides.broadcast === true ? each : { ...each, ...overrides }
  );
}

/** Somebody hurts something of ours, where there is something. */
function breakSomething(kernel: FakeKernel, which: number): void {
  const ours = kernel.interfaces.filter(({ name }) => name === "web" || name === "api");
  const link = ours[which % Math.max(1, ours.length)];
  const services = kernel.services.filter((each) => !foreignOf(kernel).services.includes(each));
  const service = services[which % Math.max(1, services.length)];
  const [destination] = service?.destinations ?? [];
  const tools: readonly (() => void)[] = [
    () => link && kernel.deleteLink(link.index),
    () => link && Object.assign(link, { up: false }),
    () => link && Object.assign(link, { addresses: link.addresses.slice(1) }),
    () => link && alter(link, { deprecated: false }),
    () => link && Object.assign(link, { alias: "bgp-lb:another" }),
    () => link && Object.assign(link, { master: "vrf9" }),
    () => link && Object.assign(link, { alias: undefined, carrier: false }),
    () => link && kernel.setLink(link.index, { mtu: 1000 }),
    () => link && kernel.setIpv6(link, false),
    () => link && alter(link, { localRoute: false }),
    () => link && alter(link, { hostScope: false, broadcast: true }),
    () => link && alter(link, { nodad: false, duplicateDetection: "failed" }),
    () => link && Object.assign(link, { alias: "bgp-lb:web fwmark 7" }),
    () => service && kernel.delService(service),
    () => service && kernel.setService({ ...service, persistenceEngine: "sip", flags: 5, netmask: 8 }),
    () =>
      service && destination &&
      kernel.setDest(service, { ...destination, upperThreshold: 9, lowerThreshold: 3 }),
    () =>
      service && destination &&
      kernel.setDest(service, { ...destination, forwarding: "tunnel", tunnel: FOREIGN_TUNNEL }),
    () =>
      service && destination &&
      kernel.setDest(service, Object.assign({ foreign: "remote checksum" }, destination)),
    () => service && kernel.setService({ ...service, scheduler: "lc", flags: 1, timeoutSeconds: 9 }),
    () => service && destination && kernel.delDest(service, destination),
    () => service && destination && kernel.setDest(service, { ...destination, weight: 77 }),
    () =>
      service &&
      kernel.newDest(service, {
        address: address("10.66.6.6"),
        port: 6,
        weight: 6,
        forwarding: "tunnel",
        ...PLAIN,
      }),
  ];
  tools[which % tools.length]?.();
  // IPVS tells nobody, and what is told of links may get lost.
  if (which % 3 !== 0) kernel.notify();
}

const FOREIGN_TUNNEL = { type: "gue", port: 6081, checksum: true } as const;
function desired(names: readonly ("web" | "api")[], destinations: number): DesiredKernel {
  const addressesOf = (name: string) => name === "web" ? [V4[0], V6[0]] : [V4[1], V6[1]];
  const interfaces = names.map((name) => ({
    name,
    service: name,
    addresses: addressesOf(name).filter((each) => each !== undefined),
    fwmarks: MARKS[name],
  }));
  const ownedAddresses = interfaces.flatMap(({ addresses }) => addresses);
  const ownedFwmarks = interfaces.flatMap(({ fwmarks }): readonly VirtualServiceId[] => fwmarks);
  const byAddress = ownedAddresses.map((of) =>
    ({ protocol: "tcp", address: of, port: 80, fwmark: 0 }) as const
  );
  const virtualServices = [...byAddress, ...ownedFwmarks].map((id): VirtualService => ({
    ...BY_ADDRESS,
    ...id,
    scheduler: "rr",
    flags: 0,
    timeoutSeconds: 0,
    netmask: id.address.bytes.byteLength * 8,
    destinations: Array.from({ length: destinations }, (_, index) => ({
      address: address(id.address.family === 4 ? "10.0.0.1" : "2001:db8::1"),
      port: 8080 + index,
      weight: 1,
      ...id.fwmark > 0 ? TUNNELLED : { ...PLAIN, forwarding: "masq" },
    })),
  }));
  return { interfaces, virtualServices, ownedAddresses, ownedFwmarks };
}
