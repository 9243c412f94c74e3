/** The reconciler on the fake kernel and the virtual clock. */
import assert from "node:assert/strict";
import { noFault } from "../support/events.ts";
import { type HostFitness, Reconciler } from "../../src/kernel/reconciler.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { address } from "../support/bgp.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { ADDRESS_BY_HAND } from "../support/fake_links.ts";
import { bench, made, VIP, web } from "../support/reconciler_bench.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

Deno.test("want() makes everything at once, reads it back and reports it", async () => {
  await using at = bench();
  const report = await at.reconciler.want(web);
  assert.deepEqual(report.changes, made);
  assert.equal(report.converged, true);
  assert.deepEqual(report.errors, []);
  assert.equal(report.actual?.interfaces[0]?.addresses[0]?.address.text, "10.99.0.1");
  assert.equal(report.actual?.virtualServices[0]?.destinations[0]?.weight, 1);
  assert.deepEqual(at.reports, [report]);
});

Deno.test("want() of what is there already adopts it and changes nothing", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  const before = await at.hand.view();
  const births = at.kernel.services.map(({ birth }) => birth);
  const again = new Reconciler({ kernel: at.kernel, clock: at.clock, onReport: () => {}, onFault: noFault });
  const report = await again.want(web);
  assert.deepEqual([report.changes, report.converged], [[], true]);
  assert.deepEqual(await at.hand.view(), before);
  assert.deepEqual(at.kernel.services.map(({ birth }) => birth), births);
  await again.dispose();
});

Deno.test("want() several times during a run makes one more run, for the last one wanted", async () => {
  await using at = bench();
  const first = at.reconciler.want(web);
  await Promise.resolve();
  await Promise.resolve();
  const quiesced: DesiredKernel = {
    ...web,
    virtualServices: web.virtualServices.map((service) => ({
      ...service,
      destinations: service.destinations.map((destination) => ({ ...destination, weight: 0 })),
    })),
  };
  const second = at.reconciler.want({ ...web, virtualServices: [] });
  const third = at.reconciler.want(quiesced);
  assert.equal(await second, await third);
  await first;
  assert.equal(at.reports.length, 2);
  assert.deepEqual(at.reports[1]?.changes, [
    "set destination 10.0.0.1:8080 of tcp 10.99.0.1:80 (weight 0, was 1)",
  ]);
});

Deno.test("a deleted address is repaired 10 ms after the kernel told, and notifications meanwhile are one", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  await at.hand.deleteAddress("web", "10.99.0.1/32");
  at.kernel.notify();
  await at.clock.advance(9);
  assert.equal(at.reports.length, 1);
  await at.clock.advance(1);
  assert.equal(at.reports.length, 2);
  assert.deepEqual(at.reports[1]?.changes, ["add address 10.99.0.1/32 to web"]);
});

Deno.test("notifications that do not end do not put the repair off", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  await at.hand.deleteAddress("web", "10.99.0.1/32");
  for (let ms = 0; ms < 10; ms++) {
    at.kernel.notify();
    await at.clock.advance(1);
  }
  assert.equal(at.reports.length, 2);
});

Deno.test("somebody who undoes every repair is answered ever more slowly, once a second in the end", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  const repairs: number[] = [];
  for (let second = 0; second < 10; second++) {
    const before = at.reports.length;
    for (let step = 0; step < 1000; step++) {
      if (at.kernel.link("web").addresses.length > 0) await at.hand.deleteAddress("web", "10.99.0.1/32");
      await at.clock.advance(1);
    }
    repairs.push(at.reports.length - before);
  }
  assert.ok((repairs[0] ?? 0) > 5, `quick at first: ${repairs}`);
  assert.ok((repairs.at(-1) ?? 9) <= 2, `slow in the end: ${repairs}`);
  assert.ok((repairs.at(-1) ?? 0) >= 1, `never given up: ${repairs}`);
  await at.clock.advance(20_000);
  const calm = at.reports.length;
  await at.hand.deleteAddress("web", "10.99.0.1/32");
  await at.clock.advance(10);
  assert.equal(at.reports.length, calm + 1, "prompt again after a calm time");
});

Deno.test("a virtual service that was deleted is repaired within 5 s, though nobody tells", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  await at.hand.ipvsadm("-D", "-t", "10.99.0.1:80");
  await at.clock.advance(4999);
  assert.equal(at.reports.length, 1);
  await at.clock.advance(1);
  assert.deepEqual(at.reports[1]?.changes, made.slice(2));
});

Deno.test("without virtual services the kernel is looked at every 30 s", async () => {
  await using at = bench();
  await at.reconciler.want({ ...web, virtualServices: [] });
  await at.clock.advance(29_999);
  assert.equal(at.reports.length, 1);
  await at.clock.advance(1);
  assert.equal(at.reports.length, 2);
});

Deno.test("a change that the kernel refuses is reported, and tried again with back-off until it works", async () => {
  await using at = bench();
  at.kernel.modules = { dummy: true, ipvs: false };
  const report = await at.reconciler.want(web);
  assert.equal(report.converged, false);
  assert.equal(report.errors.length, 1);
  assert.match(report.errors[0]?.message ?? "", /create virtual service tcp 10\.99\.0\.1:80.*modprobe ip_vs/);
  assert.deepEqual(report.changes, made.slice(0, 2), "the rest is made");
  const times: number[] = [];
  at.kernel.beforeChange = ({ type }) => type === "create-service" && times.push(at.clock.now());
  await at.clock.advance(130_000);
  const waits = times.map((time, index) => time - (times[index - 1] ?? 0));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  assert.ok(at.reports.every(({ errors }) => errors.length === 1), "it stays in every report meanwhile");
  at.kernel.modules = { dummy: true, ipvs: true };
  await at.clock.advance(30_000);
  assert.deepEqual(at.reports.findLast(({ changes }) => changes.length > 0)?.changes, made.slice(2));
  assert.equal(at.reports.at(-1)?.converged, true);
});

Deno.test("a read that fails is reported with what was read last, and tried again", async () => {
  await using at = bench();
  const first = await at.reconciler.want(web);
  at.kernel.readError = new KernelError("list interfaces", { errno: ERRNO.ENOBUFS, extendedAck: undefined });
  await at.clock.advance(5000);
  const failed = at.reports.at(-1);
  assert.deepEqual([failed?.converged, failed?.errors], [false, [at.kernel.readError]]);
  assert.equal(failed?.actual, first.actual);
  at.kernel.readError = undefined;
  await at.clock.advance(500);
  assert.equal(at.reports.at(-1)?.converged, true);
});

Deno.test("a read that fails at first reports no actual state at all", async () => {
  await using at = bench();
  at.kernel.readError = new KernelError("list interfaces", {
    errno: ERRNO.EPERM,
    words: "no (EPERM)",
    extendedAck: undefined,
  });
  const report = await at.reconciler.want(web);
  assert.deepEqual([report.actual, report.converged], [undefined, false]);
  assert.match(report.errors[0]?.message ?? "", /no \(EPERM\) \(needs CAP_NET_ADMIN\)/);
});

Deno.test("an exception that is no kernel error is a reported state as well", async () => {
  await using at = bench();
  at.kernel.beforeChange = () => {
    throw new TypeError("a fault of ours");
  };
  const report = await at.reconciler.want(web);
  assert.deepEqual(report.errors.map(({ message }) => message), ["reconcile: a fault of ours"]);
  at.kernel.beforeChange = () => {};
  await at.clock.advance(500);
  assert.equal(at.reports.at(-1)?.converged, true);
});

Deno.test("a taken name is a conflict, not an error, and is over when the name is free", async () => {
  await using at = bench();
  at.kernel.addLink("web", "bridge");
  const report = await at.reconciler.want(web);
  assert.deepEqual(report.errors, []);
  assert.deepEqual(report.conflicts.map((each) => each.interface), ["web"]);
  assert.equal(report.converged, false);
  assert.deepEqual(report.changes, [], "nobody would know whose its virtual services are");
  await at.hand.deleteLink("web");
  await at.clock.advance(10);
  assert.deepEqual(at.reports.at(-1)?.changes, made);
  assert.equal(at.reports.at(-1)?.converged, true);
});

Deno.test("removeAll() removes in order all that is ours, and keeps it away", async () => {
  await using at = bench();
  at.kernel.addLink("eth0", undefined).addresses.push({
    address: VIP,
    prefixLength: 24,
    ...ADDRESS_BY_HAND,
  });
  await at.reconciler.want(web);
  const report = await at.reconciler.removeAll();
  assert.deepEqual(report.changes, ["delete virtual service tcp 10.99.0.1:80", "delete interface web"]);
  assert.equal(report.converged, true);
  assert.deepEqual((await at.hand.view()).links.map(({ name }) => name), ["eth0"]);
  await at.clock.advance(60_000);
  assert.equal(at.reports.at(-1)?.changes.length, 0);
});

Deno.test("an address that is not wanted any more takes its virtual services along, even where that fails at first", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  at.kernel.refuse = ({ type }) => type === "delete-service" ? ERRNO.EBUSY : undefined;
  const moved = address("10.99.0.2");
  const next: DesiredKernel = {
    interfaces: [{ name: "web", service: "web", addresses: [moved] }],
    virtualServices: [],
    ownedAddresses: [moved],
    ownedFwmarks: [],
  };
  await at.reconciler.want(next);
  assert.equal(at.kernel.services.length, 1);
  assert.deepEqual(at.kernel.link("web").addresses.map(({ address }) => address.text), ["10.99.0.2"]);
  at.kernel.refuse = () => undefined;
  await at.clock.advance(500);
  assert.equal(at.kernel.services.length, 0);
  // From now on the address is somebody else's.
  await at.hand.ipvsadm("-A", "-t", "10.99.0.1:80", "-s", "rr");
  await at.clock.advance(60_000);
  assert.equal(at.kernel.services.length, 1);
});

Deno.test("where interfaces are not managed IPVS alone is made, and marked interfaces stay as they are", async () => {
  await using at = bench({ managed: { interfaces: false, ipvs: true } });
  at.kernel.modules = { dummy: false, ipvs: true };
  at.kernel.addLink("left", "dummy", "bgp-lb:left");
  await at.reconciler.want(web);
  assert.equal(at.reports.at(-1)?.converged, true);
  assert.deepEqual(at.kernel.interfaces.map(({ name }) => name).includes("web"), false);
  assert.equal(at.kernel.services.length, web.virtualServices.length);
  await at.reconciler.removeAll();
  assert.equal(at.kernel.services.length, 0);
  assert.equal(at.kernel.link("left").alias, "bgp-lb:left");
});

Deno.test("with ipvs: false only interfaces and addresses are made, and IPVS is left alone", async () => {
  await using at = bench({ managed: { interfaces: true, ipvs: false } });
  at.kernel.modules = { dummy: true, ipvs: false };
  const report = await at.reconciler.want(web);
  assert.deepEqual([report.changes, report.converged], [made.slice(0, 2), true]);
  at.kernel.modules = { dummy: true, ipvs: true };
  await at.hand.ipvsadm("-A", "-t", "10.99.0.1:80", "-s", "rr");
  const removed = await at.reconciler.removeAll();
  assert.deepEqual(removed.changes, ["delete interface web"]);
  assert.equal(at.kernel.services.length, 1);
});

Deno.test("a change that somebody makes while ours are made is repaired right after", async () => {
  await using at = bench();
  at.kernel.beforeChange = ({ type }) => {
    if (type === "create-destination") at.kernel.link("web").addresses = [];
  };
  const report = await at.reconciler.want(web);
  assert.equal(report.converged, false, "the state that was read back counts");
  assert.deepEqual(report.actual?.interfaces[0]?.addresses, []);
  await at.clock.advance(500);
  assert.equal(at.reports.at(-1)?.converged, true);
});

Deno.test("what the kernel tells of our own changes is no reason for another look (K11)", async () => {
  await using at = bench();
  at.kernel.beforeChange = () => at.kernel.notify();
  await at.reconciler.want(web);
  await at.clock.advance(1000);
  assert.deepEqual([at.reports.length, at.kernel.reads], [1, 2]);
});

Deno.test("what the kernel tells while it is read is answered soon after", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  const read = at.kernel.read.bind(at.kernel);
  at.kernel.read = async (interest) => {
    at.kernel.read = read;
    const actual = await read(interest);
    at.kernel.notify();
    return actual;
  };
  await at.reconciler.look();
  await at.clock.advance(10);
  assert.equal(at.reports.length, 3);
});

Deno.test("dispose() ends timers, watch and reports, and leaves the kernel as it is", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  const before = await at.hand.view();
  await at.reconciler.dispose();
  await at.hand.deleteAddress("web", "10.99.0.1/32");
  await at.clock.advance(60_000);
  assert.equal(at.reports.length, 1);
  assert.notDeepEqual(await at.hand.view(), before);
  assert.equal((await at.reconciler.want(web)).converged, false, "nothing is done any more");
  await settle();
});

Deno.test("examine() of a fit host finds no problem and changes nothing", async () => {
  const kernel = new FakeKernel();
  assert.deepEqual(await looked(kernel), { problems: [], adopted: false });
  assert.deepEqual(kernel.made, []);
});

Deno.test("examine() finds what an earlier run left", async () => {
  const kernel = new FakeKernel();
  kernel.addLink("web", "dummy", "bgp-lb:web");
  assert.deepEqual(await looked(kernel), { problems: [], adopted: true });
});

Deno.test("examine() names every problem with its cure", async () => {
  const kernel = new FakeKernel();
  kernel.modules = { dummy: false, ipvs: false };
  kernel.addLink("web", "veth");
  const { problems } = await Reconciler.examine(kernel, web);
  assert.equal(problems.length, 3);
  assert.match(problems.join("\n"), /modprobe dummy[^]*modprobe ip_vs[^]*ip link delete dev web/);
  assert.equal(
    (await Reconciler.examine(kernel, web, { interfaces: true, ipvs: false })).problems.length,
    2,
    "IPVS is not needed",
  );
  kernel.privileged = false;
  assert.match((await Reconciler.examine(kernel, web)).problems[0] ?? "", /CAP_NET_ADMIN/);
});

Deno.test("examine() says why the host cannot be looked at", async () => {
  const kernel = new FakeKernel();
  kernel.readError = new KernelError("dump links", { errno: ERRNO.ENOBUFS, extendedAck: undefined });
  const { actual, problems, hopeless } = await Reconciler.examine(kernel, web);
  assert.deepEqual([actual, hopeless], [undefined, []]);
  assert.match(problems.join("\n"), /dump links/);
});

Deno.test("the reconciler goes on where whoever it reports to throws, and says so (faults S17)", async () => {
  const clock = new VirtualClock();
  const kernel = new FakeKernel();
  const faults: string[] = [];
  let reports = 0;
  const reconciler = new Reconciler({
    kernel,
    clock,
    onReport() {
      if (++reports === 1) throw new Error("no way");
    },
    onFault: (cause) => void faults.push(cause),
  });
  const report = await reconciler.want(web);
  assert.deepEqual([report.converged, faults], [true, ["no way"]]);
  kernel.deleteAddress(kernel.link("web").index, address("10.99.0.1"), 32);
  kernel.notify();
  await clock.advance(100);
  assert.equal(reports, 2);
  assert.equal(kernel.link("web").addresses.length, 1);
  await reconciler.dispose();
});

async function looked(kernel: FakeKernel): Promise<Pick<HostFitness, "problems" | "adopted">> {
  const { problems, adopted } = await Reconciler.examine(kernel, web);
  return { problems, adopted };
}

Deno.test("back-off grows with the time that it fails, not with what others change meanwhile", async () => {
  await using scene = bench();
  const { kernel, clock, reconciler } = scene;
  await reconciler.want(web);
  kernel.readError = new KernelError("read", { errno: ERRNO.ENOBUFS, extendedAck: undefined });
  for (let turn = 0; turn < 10; turn++) {
    kernel.notify();
    await clock.advance(100);
  }
  kernel.readError = undefined;
  const link = kernel.link("web");
  link.up = false;
  await clock.advance(2500);
  assert.equal(kernel.link("web").up, true);
});
