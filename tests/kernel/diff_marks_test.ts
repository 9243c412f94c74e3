/** Firewall marks: whose they are is written on their service's interface, for those who come after. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { describeChange } from "../../src/kernel/change.ts";
import { diff } from "../../src/kernel/diff.ts";
import { interestIn } from "../../src/kernel/kernel.ts";
import { Reconciler } from "../../src/kernel/reconciler.ts";
import { NOTHING, ours } from "../../src/kernel/merge.ts";
import {
  type ActualKernel,
  type DesiredKernel,
  fwmarkId,
  INTERFACE_AS_MADE,
  interfaceMark,
  markedFwmarks,
  serviceOf,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
  virtualServiceText,
} from "../../src/kernel/state.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { address } from "../support/bgp.ts";
import { noFault } from "../support/events.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { BY_ADDRESS } from "../support/kernel_objects.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const MARK7 = [fwmarkId(7, 4), fwmarkId(7, 6)];

const aliases: readonly (readonly [readonly VirtualServiceId[], string])[] = [
  [[], "bgp-lb:web"],
  [[fwmarkId(7, 4)], "bgp-lb:web fwmark 7/4"],
  [MARK7, "bgp-lb:web fwmark 7"],
  [[fwmarkId(9, 6), ...MARK7, fwmarkId(0xffff_ffff, 4)], "bgp-lb:web fwmark 7 9/6 4294967295/4"],
];
for (const [fwmarks, alias] of aliases) {
  Deno.test(`interfaceMark() and its readers: ${alias}`, () => {
    assert.equal(interfaceMark("web", fwmarks), alias);
    assert.equal(serviceOf({ alias }), "web");
    const keys = (ids: readonly VirtualServiceId[]) => ids.map(virtualServiceKey).sort();
    assert.deepEqual(keys(markedFwmarks({ kind: "dummy", group: 0, alias })), keys(fwmarks));
    assert.deepEqual(
      markedFwmarks({ kind: "bridge", group: 0, alias }),
      [],
      "of another kind it is not ours",
    );
  });
}

Deno.test("interfaceMark() fits an alias of Linux with as many whole marks as there is room for, seventeen at least", () => {
  const many = Array.from({ length: 60 }, (_, index) => fwmarkId(0xffff_ffff - index, 4));
  const alias = interfaceMark("fifteen-letters", many);
  assert.ok(alias.length <= 255, `${alias.length} octets`);
  const read = markedFwmarks({ kind: "dummy", group: 0, alias });
  assert.equal(read.length, 17);
  assert.ok(read.every(({ fwmark }) => many.some((each) => each.fwmark === fwmark)));
  const wide = interfaceMark("é".repeat(7), many);
  assert.ok(new TextEncoder().encode(wide).byteLength <= 255, "octets are counted, and not letters");
  const both = many.flatMap(({ fwmark }) => [fwmarkId(fwmark, 4), fwmarkId(fwmark, 6)]);
  assert.equal(markedFwmarks({ kind: "dummy", group: 0, alias: interfaceMark("web", both) }).length, 42);
});

Deno.test("markedFwmarks() passes over what is no mark", () => {
  for (const words of ["", "0", "x", "7/5", "07", "4294967296", "7/4/6"]) {
    assert.deepEqual(
      markedFwmarks({ kind: "dummy", group: 0, alias: `bgp-lb:web fwmark ${words}` }),
      [],
      words,
    );
  }
});

function marked(id: VirtualServiceId): VirtualService {
  const scheduling = {
    scheduler: "rr",
    flags: 0,
    timeoutSeconds: 0,
    netmask: id.address.bytes.byteLength * 8,
  };
  return { ...BY_ADDRESS, ...id, ...scheduling, destinations: [] };
}

/** What a configuration wants in which services have these marks; some of their virtual services are wanted, too, as they leave. */
function wants(
  services: Readonly<Record<string, readonly VirtualServiceId[]>>,
  leaving: readonly VirtualServiceId[] = [],
): DesiredKernel {
  const marks = Object.values(services).flat();
  return {
    interfaces: Object.entries(services).map(([service, fwmarks], index) => ({
      name: service,
      service,
      addresses: [address(`10.99.0.${index + 1}`)],
      fwmarks,
    })),
    virtualServices: [...marks, ...leaving].map(marked),
    ownedAddresses: [],
    ownedFwmarks: marks,
  };
}

/** One pass makes everything but the alias of what it removed: that is written once it is seen to be gone. */
async function make(kernel: FakeKernel, desired: DesiredKernel): Promise<readonly string[]> {
  const made: string[] = [];
  for (const isLast of [false, false, true]) {
    const { changes } = diff(desired, await kernel.read(interestIn(desired)));
    if (isLast) assert.deepEqual(changes.map(describeChange), [], "two passes are enough");
    assert.deepEqual((await kernel.apply(changes)).filter((error) => error !== undefined), []);
    made.push(...changes.map(describeChange));
  }
  return made;
}

const aliasOf = (kernel: FakeKernel, name = "web") => kernel.link(name).alias;
const marksOf = (kernel: FakeKernel) => kernel.services.map(virtualServiceText);

Deno.test("a mark that a restart's configuration has no more is removed, and one of somebody else is not", async () => {
  const kernel = new FakeKernel();
  await make(kernel, wants({ web: [...MARK7, fwmarkId(8, 4)] }));
  kernel.addService(marked(fwmarkId(99, 4)));
  // A new process: what it knows of the old one is in the kernel alone.
  const now = wants({ web: [fwmarkId(8, 4)] });
  const earlier = ours(await kernel.read(interestIn(now)), now);
  assert.deepEqual(earlier.virtualServices.map(virtualServiceText), [
    "fwmark 7 IPv4",
    "fwmark 7 IPv6",
    "fwmark 8 IPv4",
  ]);
  assert.deepEqual(await make(kernel, now), [
    "delete virtual service fwmark 7 IPv4",
    "delete virtual service fwmark 7 IPv6",
    "repair interface web (alias was bgp-lb:web fwmark 7 8/4)",
  ]);
  assert.equal(aliasOf(kernel), "bgp-lb:web fwmark 8/4");
  assert.deepEqual(marksOf(kernel), ["fwmark 8 IPv4", "fwmark 99 IPv4"]);
});

Deno.test("a mark stays on the interface for as long as its virtual service leaves", async () => {
  const kernel = new FakeKernel();
  await make(kernel, wants({ web: MARK7 }));
  assert.deepEqual(await make(kernel, wants({ web: [] }, MARK7)), []);
  assert.equal(
    aliasOf(kernel),
    "bgp-lb:web fwmark 7",
    "a process that is killed now leaves it for the next one",
  );
  await make(kernel, wants({ web: [] }));
  assert.equal(aliasOf(kernel), "bgp-lb:web");
  assert.deepEqual(marksOf(kernel), []);
});

Deno.test("a mark is written down before its virtual service is made, and stays known until that is gone", async () => {
  const kernel = new FakeKernel();
  const desired = wants({ web: MARK7 });
  const seen: string[] = [];
  kernel.beforeChange = ({ type }) => {
    if (type.endsWith("-service")) seen.push(`${type} ${kernel.interfaces[0]?.alias}`);
  };
  await make(kernel, desired);
  await make(kernel, NOTHING);
  assert.deepEqual(seen, [
    "create-service bgp-lb:web fwmark 7",
    "create-service bgp-lb:web fwmark 7",
    "delete-service bgp-lb:web fwmark 7",
    "delete-service bgp-lb:web fwmark 7",
  ]);
  assert.deepEqual([kernel.interfaces, kernel.services], [[], []]);
});

Deno.test("a mark stays on the interface while its virtual service cannot be removed", async () => {
  const kernel = new FakeKernel();
  await make(kernel, wants({ web: MARK7 }));
  kernel.refuse = ({ type }) => type === "delete-service" ? ERRNO.EBUSY : undefined;
  const desired = wants({ web: [] });
  for (let pass = 0; pass < 3; pass++) {
    await kernel.apply(diff(desired, await kernel.read(interestIn(desired))).changes);
    assert.equal(aliasOf(kernel), "bgp-lb:web fwmark 7");
  }
  kernel.refuse = () => undefined;
  await make(kernel, desired);
  assert.deepEqual([aliasOf(kernel), marksOf(kernel)], ["bgp-lb:web", []]);
});

Deno.test("a mark that only an interface told of is removed in the end, even if the interface goes first", async () => {
  const kernel = new FakeKernel();
  await make(kernel, wants({ web: MARK7 }));
  const clock = new VirtualClock();
  const reconciler = new Reconciler({ kernel, clock, onReport: () => {}, onFault: noFault });
  // The new process reads what there is before it wants less.
  void reconciler.want({
    ...NOTHING,
    interfaces: wants({ web: MARK7 }).interfaces,
    virtualServices: MARK7.map(marked),
  });
  await clock.advance(1000);
  kernel.refuse = ({ type }) => type === "delete-service" ? ERRNO.EBUSY : undefined;
  void reconciler.want(NOTHING);
  await clock.advance(1000);
  assert.deepEqual([kernel.interfaces.length, marksOf(kernel).length], [0, 2]);
  kernel.refuse = () => undefined;
  await clock.advance(60_000);
  assert.deepEqual(marksOf(kernel), []);
  await reconciler.dispose();
});

Deno.test("a mark that moves to another service is on its interface, and not on the old one any more", async () => {
  const kernel = new FakeKernel();
  await make(kernel, wants({ web: MARK7, api: [] }));
  const births = kernel.services.map(({ birth }) => birth);
  await make(kernel, wants({ web: [], api: MARK7 }));
  assert.deepEqual([aliasOf(kernel), aliasOf(kernel, "api")], ["bgp-lb:web", "bgp-lb:api fwmark 7"]);
  assert.deepEqual(
    kernel.services.map(({ birth }) => birth),
    births,
    "its virtual services were not touched",
  );
});

Deno.test("marks are as wanted after one pass, whatever was on the interfaces, and nothing foreign is touched", async () => {
  const ids = [1, 2, 3, 4].flatMap((mark) => [fwmarkId(mark, 4), fwmarkId(mark, 6)]);
  const some = fc.subarray(ids);
  await fc.assert(
    fc.asyncProperty(some, some, some, some, some, async (first, second, third, fourth, foreign) => {
      const kernel = new FakeKernel();
      const own = (all: readonly VirtualServiceId[], others: readonly VirtualServiceId[] = []) =>
        all.filter((each) => !foreign.includes(each) && !others.includes(each));
      for (const id of foreign) kernel.addService(marked(id));
      await make(kernel, wants({ web: own(first), api: own(second, first) }));
      const leaving = own(first, [...third, ...fourth]);
      await make(kernel, wants({ web: own(third), api: own(fourth, third) }, leaving));
      assert.equal(
        aliasOf(kernel),
        interfaceMark("web", [...own(third), ...leaving]),
      );
      await make(kernel, wants({ api: own(fourth) }));
      assert.deepEqual(
        kernel.services.map(virtualServiceKey).sort(),
        [...foreign, ...own(fourth)].map(virtualServiceKey).sort(),
      );
    }),
    { seed: 20260111, numRuns: 300 },
  );
});

Deno.test("no virtual service is made where somebody else has the interface's name: nobody would know whose it is (found by simulation)", () => {
  const desired = wants({ a: [fwmarkId(7, 4)], b: [fwmarkId(9, 4)] });
  const stranger = {
    index: 1,
    name: "a",
    ...INTERFACE_AS_MADE,
    kind: "bridge",
    alias: "",
    group: 0,
    addresses: [],
  };
  const made = (actual: ActualKernel) =>
    diff(desired, actual).changes.map(describeChange).filter((change) => change.includes("fwmark"));
  assert.deepEqual(made({ interfaces: [stranger], virtualServices: [] }), [
    "create virtual service fwmark 9 IPv4 rr",
  ]);
  assert.deepEqual(made({ interfaces: [], virtualServices: [] }), [
    "create virtual service fwmark 7 IPv4 rr",
    "create virtual service fwmark 9 IPv4 rr",
  ]);
});
