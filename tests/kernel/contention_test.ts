/** Objects that somebody else changes again and again, and changes that fail for long: neither is in another one's way (K1, K7, K11). */
import assert from "node:assert/strict";
import { addressObject, objectText } from "../../src/kernel/kernel_object.ts";
import type { KernelReport } from "../../src/kernel/reconciler.ts";
import { Suspects } from "../../src/kernel/suspects.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { address } from "../support/bgp.ts";
import { type Bench, bench, VIP, web } from "../support/reconciler_bench.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const OTHER = address("10.99.0.2");
const both: DesiredKernel = {
  ...web,
  interfaces: [{ name: "web", service: "web", addresses: [VIP, OTHER] }],
  ownedAddresses: [VIP, OTHER],
};

/** Takes the address away, and the kernel tells who asked for it. */
async function take(at: Bench, of = VIP, port = 4242): Promise<void> {
  const { index } = at.kernel.link("web");
  at.kernel.deleteAddress(index, of, 32);
  at.kernel.notify({ index, address: of.text, port });
  await Promise.resolve();
}

function has(at: Bench, of = VIP): boolean {
  return at.kernel.link("web").addresses.some((each) => each.address.text === of.text);
}

function last(at: Bench): KernelReport {
  const report = at.reports.at(-1);
  assert.ok(report);
  return report;
}

function contested(at: Bench): readonly string[] {
  return last(at).contested.map(({ object }) => object);
}

const at10 = { contention: () => ({ limit: 3, windowMs: 60_000, holdMs: 30_000 }) };

Deno.test("more repairs of one object than the limit within the window: it is contested, until it was let alone for the hold (K1)", async () => {
  await using at = bench(at10);
  await at.reconciler.want(both);
  for (let repairs = 1; repairs <= 4; repairs++) {
    await take(at);
    await at.clock.advance(10);
    assert.deepEqual(last(at).repairs.map(({ kind, name }) => [kind, name]), [
      ["address", "10.99.0.1 on web"],
    ]);
    assert.deepEqual(contested(at), repairs <= 3 ? [] : ["address 10.99.0.1 on web"], `after ${repairs}`);
  }
  const [is] = last(at).contested;
  assert.deepEqual([is?.kind, is?.interface, is?.address, is?.repairs, is?.sinceMs], [
    "address",
    "web",
    VIP,
    4,
    40,
  ]);
  assert.equal(has(at), true, "it is repaired all the same");
  await at.clock.advance(29_999);
  assert.deepEqual(contested(at), ["address 10.99.0.1 on web"]);
  await at.clock.advance(1);
  assert.deepEqual(contested(at), [], "the end of it is reported when it comes");
});

Deno.test("repairs that are further apart than the window are none of a fight (K1)", async () => {
  await using at = bench(at10);
  await at.reconciler.want(both);
  for (let repairs = 1; repairs <= 10; repairs++) {
    await take(at);
    await at.clock.advance(20_000);
    assert.equal(has(at), true);
    assert.deepEqual(contested(at), [], `after ${repairs}`);
  }
});

Deno.test("virtual services and destinations are contested, too, though nobody tells (K1)", async () => {
  await using at = bench(at10);
  await at.reconciler.want(web);
  for (let times = 1; times <= 4; times++) {
    await at.hand.ipvsadm("-D", "-t", "10.99.0.1:80");
    await at.clock.advance(5000);
  }
  assert.deepEqual(contested(at), ["virtual service tcp 10.99.0.1:80"], "its destinations went with it");
  await at.clock.advance(30_000);
  assert.deepEqual(contested(at), []);
  for (let times = 1; times <= 4; times++) {
    await at.hand.ipvsadm("-d", "-t", "10.99.0.1:80", "-r", "10.0.0.1:8080");
    await at.clock.advance(5000);
  }
  assert.deepEqual(contested(at), ["destination 10.0.0.1:8080 of tcp 10.99.0.1:80"]);
  assert.equal(last(at).contested[0]?.virtualService?.port, 80);
});

Deno.test("an interface that is deleted again and again is contested, and not each of its addresses (K1)", async () => {
  await using at = bench(at10);
  await at.reconciler.want(both);
  for (let times = 1; times <= 5; times++) {
    const { index } = at.kernel.link("web");
    at.kernel.deleteLink(index);
    at.kernel.notify({ index, address: undefined, port: 7 });
    await at.clock.advance(1000);
  }
  assert.deepEqual(contested(at), ["interface web"]);
  assert.equal(has(at) && has(at, OTHER), true);
});

Deno.test("what is changed because something else is wanted, made for the first time, or tried again is no repair (K1)", async () => {
  await using at = bench({ contention: () => ({ limit: 1, windowMs: 60_000, holdMs: 60_000 }) });
  for (let times = 0; times < 5; times++) {
    await at.reconciler.want(web);
    await at.reconciler.want(both);
    await at.reconciler.removeAll();
  }
  at.kernel.refuse = ({ type }) => type === "create-destination" ? ERRNO.EBUSY : undefined;
  await at.reconciler.want(both);
  await at.clock.advance(60_000);
  at.kernel.refuse = () => undefined;
  await at.clock.advance(30_000);
  assert.equal(last(at).converged, true);
  assert.deepEqual(at.reports.flatMap(({ repairs }) => repairs), []);
  assert.deepEqual(contested(at), []);
});

Deno.test("what somebody undoes before it was read back counts as well (K1)", async () => {
  await using at = bench(at10);
  await at.reconciler.want(both);
  at.kernel.beforeChange = ({ type }) => {
    // In the moment after it was made.
    if (type === "add-address") {
      queueMicrotask(() => at.kernel.deleteAddress(at.kernel.link("web").index, VIP, 32));
    }
  };
  await take(at);
  await at.clock.advance(1000);
  assert.deepEqual(contested(at), ["address 10.99.0.1 on web"]);
  assert.equal(last(at).converged, false);
  assert.ok(at.reports.length < 20, `${at.reports.length} runs in a second`);
});

Deno.test("what somebody adds to ours again and again is told of, and is no object of ours (K1)", async () => {
  await using at = bench(at10);
  await at.reconciler.want(both);
  for (let times = 1; times <= 4; times++) {
    await at.hand.addAddress("web", "10.66.0.1/32");
    await at.clock.advance(100);
  }
  assert.deepEqual(contested(at), ["address 10.66.0.1 on web"]);
});

Deno.test("a fight over one address does not keep another one from its repair within 50 ms, nor burns time (K1)", async () => {
  await using at = bench(at10);
  await at.reconciler.want(both);
  let worstMs = 0;
  for (let second = 0; second < 20; second++) {
    await take(at, OTHER, 1);
    const since = at.clock.now();
    for (let ms = 0; ms < 1000; ms++) {
      if (has(at)) await take(at);
      await at.clock.advance(1);
      if (!has(at, OTHER)) worstMs = Math.max(worstMs, at.clock.now() - since);
    }
    if (second === 9) at.kernel.reads = 0;
    // It is let alone for a while, so that it is no fight of its own.
    await at.clock.advance(11_000);
  }
  assert.ok(worstMs < 50, `${worstMs} ms`);
  // Each second with a fight has one repair of each; the rest is the period.
  assert.ok(at.kernel.reads < 10 * 30, `${at.kernel.reads} reads`);
});

Deno.test("a storm of notifications that lead to nothing costs 25 looks a second at most (K11)", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  at.kernel.reads = 0;
  for (let ms = 0; ms < 10_000; ms++) {
    at.kernel.notify();
    await at.clock.advance(1);
  }
  assert.ok(at.kernel.reads <= 260, `${at.kernel.reads} reads in 10 s`);
  at.kernel.deleteAddress(at.kernel.link("web").index, VIP, 32);
  at.kernel.notify();
  await at.clock.advance(50);
  assert.equal(has(at), true, "and what is then hurt is repaired in time");
});

Deno.test("a change costs two reads, and a look that finds everything well one (K11)", async () => {
  await using at = bench();
  at.kernel.beforeChange = () => {};
  await at.reconciler.want(web);
  assert.equal(at.kernel.reads, 2);
  await at.clock.advance(5000);
  assert.equal(at.kernel.reads, 3);
  await take(at);
  await at.clock.advance(4000);
  assert.equal(at.kernel.reads, 5);
});

Deno.test("an error that lasts slows nobody else's repair: IPVS within 5 s, what is told of in 10 ms (K7)", async () => {
  await using at = bench();
  at.kernel.refuse = (change) =>
    change.type === "add-address" && change.address === OTHER ? ERRNO.EBUSY : undefined;
  await at.reconciler.want(both);
  await at.clock.advance(120_000);
  for (let times = 0; times < 5; times++) {
    await at.hand.ipvsadm("-D", "-t", "10.99.0.1:80");
    await at.clock.advance(5000);
    assert.equal(at.kernel.services.length, 1, "virtual service");
    await take(at);
    await at.clock.advance(10);
    assert.equal(has(at), true, "address");
    await at.clock.advance(20_000);
  }
  assert.match(last(at).errors.join(), /10\.99\.0\.2/);
});

Deno.test("what failed is tried at once where something else is wanted of it, or the kernel tells of a change (K7)", async () => {
  await using at = bench();
  const tried: number[] = [];
  at.kernel.refuse = ({ type }) => {
    if (type !== "create-destination" && type !== "set-interface") return undefined;
    tried.push(at.clock.now());
    return ERRNO.EBUSY;
  };
  await at.reconciler.want(web);
  await at.clock.advance(20_000);
  const before = tried.length;
  await at.reconciler.want(web);
  assert.equal(tried.length, before, "the same");
  await at.reconciler.want({
    ...web,
    virtualServices: web.virtualServices.map((service) => ({
      ...service,
      destinations: service.destinations.map((each) => ({ ...each, weight: 7 })),
    })),
  });
  assert.equal(tried.length, before + 1, "another one");
  const link = at.kernel.link("web");
  link.up = false;
  at.kernel.notify({ index: link.index, address: undefined, port: 1 });
  await at.clock.advance(20_000);
  const again = tried.length;
  at.kernel.notify({ index: link.index, address: undefined, port: 0 });
  await at.clock.advance(10);
  assert.equal(tried.length, again + 1, "the kernel told of its interface");
  for (let ms = 0; ms < 400; ms++) {
    at.kernel.notify({ index: link.index, address: undefined, port: 0 });
    await at.clock.advance(1);
  }
  assert.equal(tried.length, again + 1, "but not with every notification");
});

Deno.test("look() repairs IPVS at once, and tries again what failed", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  at.kernel.refuse = ({ type }) => type === "create-service" ? ERRNO.EBUSY : undefined;
  await at.hand.ipvsadm("-D", "-t", "10.99.0.1:80");
  await at.clock.advance(60_000);
  at.kernel.refuse = () => undefined;
  const report = await at.reconciler.look();
  assert.equal(at.kernel.services.length, 1);
  assert.deepEqual([report.converged, report.repairs.map(({ name }) => name)], [true, ["tcp 10.99.0.1:80"]]);
});

Deno.test("who fights is named: by netlink port for links and addresses, by what runs for IPVS (K1)", async () => {
  const clock = new VirtualClock();
  const names = new Map([[1, "systemd"], [88, "keepalived"], [4242, "systemd-networkd"]]);
  const suspects = new Suspects({
    clock,
    pid: 5,
    processes: { name: (pid) => names.get(pid), pids: () => [...names.keys()] },
  });
  await using at = bench({ ...at10, clock, suspects });
  await at.reconciler.want(web);
  for (let times = 1; times <= 4; times++) {
    await take(at);
    await at.hand.ipvsadm("-D", "-t", "10.99.0.1:80");
    await clock.advance(5000);
  }
  assert.deepEqual(last(at).contested.map(({ object, suspect }) => [object, suspect]), [
    ["address 10.99.0.1 on web", "systemd-networkd (process 4242)"],
    ["virtual service tcp 10.99.0.1:80", "keepalived (process 88), which runs on this host"],
  ]);
});

Deno.test("a local route that is deleted again and again is answered for itself alone, and names who did it (K8)", async () => {
  const clock = new VirtualClock();
  const suspects = new Suspects({
    clock,
    pid: 5,
    processes: { name: (pid) => pid === 4242 ? "ip" : undefined, pids: () => [] },
  });
  await using at = bench({ ...at10, clock, suspects });
  let tries = 0;
  at.kernel.refuse = (change) => {
    if (!("address" in change) || change.address.text !== OTHER.text) return undefined;
    tries++;
    return ERRNO.EACCES;
  };
  await at.reconciler.want(both);
  const { index } = at.kernel.link("web");
  await clock.advance(20_000);
  const before = tries;
  for (let times = 1; times <= 4; times++) {
    at.kernel.setLocalRoute(index, VIP, false);
    at.kernel.notify({ index, address: VIP.text, port: 4242 });
    await clock.advance(50);
    assert.ok(at.kernel.delivers(VIP), "it is back");
  }
  assert.equal(tries, before, "what fails beside it waits");
  assert.deepEqual(last(at).contested.map(({ object, suspect }) => [object, suspect]), [
    ["local route 10.99.0.1 on web", "ip (process 4242)"],
  ]);
});

Deno.test("netlink port 0 accuses nobody, and leaves the word to who asked the kernel", () => {
  const clock = new VirtualClock();
  const suspects = new Suspects({ clock, pid: 5, processes: { name: () => "ip", pids: () => [] } });
  const object = addressObject("address", "web", VIP);
  const noted = (...ports: readonly number[]) => {
    suspects.forget();
    for (const port of ports) suspects.note(objectText(object), port);
    return suspects.of(object);
  };
  assert.equal(noted(0), undefined);
  assert.equal(noted(0, 4242), "ip (process 4242)");
  assert.equal(noted(4242, 0, 17), "ip (process 4242)");
  assert.equal(noted(5), undefined, "ourselves");
});

Deno.test("deadlines that have passed while the process stood still are met once, whatever fails or is fought over (K11)", async () => {
  await using at = bench(at10);
  at.kernel.refuse = ({ type }) => type === "create-destination" ? ERRNO.EBUSY : undefined;
  await at.reconciler.want(both);
  for (let times = 0; times < 8; times++) {
    await take(at);
    await at.clock.advance(100);
  }
  at.kernel.reads = 0;
  for (let times = 0; times < 5; times++) {
    at.clock.stall(100_000);
    await at.clock.advance(0);
  }
  assert.ok(at.kernel.reads <= 10, `${at.kernel.reads} reads of 5 looks`);
  at.kernel.readError = new KernelError("read", { errno: ERRNO.ENOBUFS, extendedAck: undefined });
  at.kernel.reads = 0;
  await at.clock.advance(60_000);
  // 0.5 s and twice as long with each, to the period of 5 s.
  assert.ok(at.kernel.reads <= 16, `${at.kernel.reads} reads in a minute of blindness`);
  at.kernel.readError = undefined;
});

Deno.test("a kernel that takes a change of IPVS and does not keep it is nobody's fight: tried again each 5 s, and never contested (K1)", async () => {
  await using at = bench(at10);
  await at.reconciler.want(web);
  const setService = at.kernel.setService.bind(at.kernel);
  at.kernel.setService = () => undefined;
  await at.hand.ipvsadm("-E", "-t", "10.99.0.1:80", "-s", "lc");
  at.kernel.reads = 0;
  await at.clock.advance(120_000);
  assert.deepEqual([contested(at), last(at).converged], [[], false]);
  assert.ok(at.kernel.reads < 100, `${at.kernel.reads} reads in two minutes`);
  at.kernel.setService = setService;
  await at.clock.advance(5000);
  assert.equal(at.kernel.services[0]?.scheduler, "rr");
});

Deno.test("virtual services that are cleared again and again are looked at every second, so that the fight is known in time (K1)", async () => {
  await using at = bench({ contention: () => ({ limit: 5, windowMs: 20_000, holdMs: 8_000 }) });
  await at.reconciler.want(web);
  let absentMs = 0;
  const clear = () => {
    const [service] = at.kernel.services;
    if (service !== undefined) at.kernel.delService(service);
  };
  for (let ms = 0; ms < 15_000 && contested(at).length === 0; ms += 100) {
    if (ms % 1_500 === 0) clear();
    if (at.kernel.services.length === 0) absentMs += 100;
    await at.clock.advance(100);
  }
  assert.deepEqual(contested(at), ["virtual service tcp 10.99.0.1:80"]);
  assert.ok(absentMs <= 10_000, `absent for ${absentMs} ms`);
});

Deno.test("one repair of IPVS makes a few looks more, and then the period is as it was (K13)", async () => {
  await using at = bench();
  await at.reconciler.want(web);
  const [service] = at.kernel.services;
  assert.ok(service);
  at.kernel.delService(service);
  await at.clock.advance(5_000);
  const repairedMs = last(at).at;
  assert.equal(last(at).repairs.length, 1);
  await at.clock.advance(30_000);
  const looks = at.reports.map(({ at }) => at - repairedMs).filter((ms) => ms > 0);
  assert.deepEqual(looks, [1_000, 2_000, 4_000, 8_000, 13_000, 18_000, 23_000, 28_000]);
});

Deno.test("netlink port 0 accuses nobody: the kernel says it of every link, whoever changed it (K1)", () => {
  const clock = new VirtualClock();
  const processes = { name: () => "ip", pids: () => [] };
  const suspects = new Suspects({ processes, clock, pid: 7 });
  const web = { kind: "interface", name: "web", interface: "web", address: undefined } as const;
  suspects.note("interface web", 0);
  assert.equal(suspects.of({ ...web, virtualService: undefined }), undefined);
  suspects.note("interface web", 12);
  assert.equal(suspects.of({ ...web, virtualService: undefined }), "ip (process 12)");
});
