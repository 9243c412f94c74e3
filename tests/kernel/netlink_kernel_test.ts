/** The netlink kernel port on a kernel's end in memory: the contract, and what only this end can do to it. */
import assert from "node:assert/strict";
import { Writer } from "../../src/bytes/writer.ts";
import { diff } from "../../src/kernel/diff.ts";
import { EVERYTHING, interestIn, type Notice } from "../../src/kernel/kernel.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import {
  type ActualKernel,
  type DesiredKernel,
  INTERFACE_AS_MADE,
  type VirtualService,
} from "../../src/kernel/state.ts";
import type { Address } from "../../src/net/address.ts";
import { HOST_ORDER, writeAttribute, writeU32 } from "../../src/netlink/attribute.ts";
import { AF, IPVS_CMD, NLMSG, RT_TABLE, RTA, RTM } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { decodeMessages } from "../../src/netlink/message.ts";
import { decodeAddress } from "../../src/netlink/rtnetlink.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import type { Clock } from "../../src/time/clock.ts";
import { fromHex } from "../bgp/wire/support.ts";
import { kernelContract } from "../contract/kernel_contract.ts";
import { ADDRESS_GONE, LINK_GONE, LINK_LOCAL_NEW } from "../golden/netlink_messages.ts";
import { address } from "../support/bgp.ts";
import { FakeLinkHand } from "../support/fake_link_hand.ts";
import { ALL_SCHEDULERS, FakeHost } from "../support/fake_host.ts";
import { FakeNetlink } from "../support/fake_netlink.ts";
import { apply, bench } from "../support/netlink_bench.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { plainDestination, plainService } from "../support/kernel_objects.ts";

const VIP = address("10.99.0.1");

kernelContract("the netlink kernel port", () => {
  const { kernel, host, hand, [Symbol.dispose]: dispose } = bench();
  host.schedulers = ALL_SCHEDULERS;
  const links = new FakeLinkHand(host);
  return Promise.resolve({ kernel, hand, links, [Symbol.asyncDispose]: () => Promise.resolve(dispose()) });
});

Deno.test("read() and apply() without CAP_NET_ADMIN: reading works, changing says what is needed", async () => {
  using at = bench();
  at.host.privileged = false;
  const outcomes = await apply(at.kernel, desired(1));
  assert.equal(outcomes.length, 4);
  for (const error of outcomes) {
    assert.equal(error?.errno, ERRNO.EPERM);
    assert.match(error?.message ?? "", /operation not permitted \(EPERM\) \(needs CAP_NET_ADMIN\)/);
  }
  const [problem, ...others] = await at.kernel.probe(EVERYTHING);
  assert.match(problem?.message ?? "", /change interfaces: .*CAP_NET_ADMIN/);
  assert.deepEqual(others, []);
});

Deno.test("probe() names the missing modules with their cure, and makes nothing", async () => {
  using at = bench();
  at.host.modules = { dummy: false, ipvs: false };
  const problems = (await at.kernel.probe(EVERYTHING)).map(({ message }) => message);
  assert.equal(problems.length, 2);
  assert.match(
    problems[0] ?? "",
    /create dummy interfaces: .*EOPNOTSUPP.*Unknown device type.*modprobe dummy/,
  );
  assert.match(problems[1] ?? "", /program IPVS: .*modprobe ip_vs/);
  assert.equal((await at.kernel.probe({ interfaces: true, ipvs: false })).length, 1);
  assert.deepEqual(at.host.interfaces, []);
});

Deno.test("without IPVS there are no virtual services, no error, and one question in four seconds", async () => {
  using at = bench();
  at.host.modules = { dummy: true, ipvs: false };
  for (let read = 0; read < 3; read++) {
    assert.deepEqual((await at.kernel.read(interestIn(desired(1)))).virtualServices, []);
  }
  assert.equal(at.netlink.resolved, 1);
  const outcomes = await apply(at.kernel, desired(1));
  assert.equal(outcomes[0], undefined, "interfaces need no IPVS");
  assert.match(
    outcomes[2]?.message ?? "",
    /create virtual service tcp 10\.99\.0\.1:80 rr: .*modprobe ip_vs\)/,
  );
  assert.equal(outcomes[3], outcomes[2]);
  at.host.modules = { dummy: true, ipvs: true };
  await at.clock.advance(4000);
  assert.deepEqual(await apply(at.kernel, desired(1)), [undefined, undefined]);
});

Deno.test("IPVS that was unloaded and loaded again under another number is found again", async () => {
  using at = bench();
  await apply(at.kernel, desired(1));
  at.netlink.family = 31;
  const { virtualServices } = await at.kernel.read(interestIn(desired(1)));
  assert.equal(virtualServices.length, 1);
  at.netlink.family = 32;
  const refused = await apply(at.kernel, desired(2));
  assert.deepEqual(refused.map((error) => error?.errno), [undefined], "the read had found it already");
});

Deno.test("destinations go in batches of 64, with one acknowledgement each", async () => {
  using at = bench();
  await apply(at.kernel, desired(0));
  at.netlink.sent.length = 0;
  let acknowledged = 0;
  at.netlink.beforeRequest = ({ flags }) => void (acknowledged += (flags & 0x4) === 0 ? 0 : 1);
  const outcomes = await apply(at.kernel, desired(1000));
  assert.equal(outcomes.length, 1000);
  assert.deepEqual(at.netlink.sent.filter((count) => count > 1), [...Array(15).fill(64), 40]);
  assert.equal(acknowledged, 16);
  assert.equal(at.host.services[0]?.destinations.length, 1000);
});

Deno.test("the event loop gets to run between slices of a long row of changes", async () => {
  let now = 0;
  let yields = 0;
  const slow: Clock = {
    now: () => now++,
    wallTime: () => new Date(0),
    at(_, callback) {
      yields++;
      queueMicrotask(callback);
      return { [Symbol.dispose]() {} };
    },
  };
  using at = bench(slow);
  await apply(at.kernel, desired(1000));
  assert.ok(yields >= 2, `${yields}`);
});

Deno.test("a dump that a change interrupted is taken again", async () => {
  using at = bench();
  await apply(at.kernel, desired(1));
  at.netlink.interruptDumps = 2;
  assert.equal((await at.kernel.read(interestIn(desired(1)))).interfaces.length, 1);
  assert.equal(at.netlink.interruptDumps, 0);
});

Deno.test("a read that changes keep interrupting is tried for a while, and others run meanwhile (faults K2)", async () => {
  using at = bench();
  await apply(at.kernel, desired(1));
  at.netlink.interruptDumps = 20;
  let read: ActualKernel | undefined;
  void at.kernel.read(interestIn(desired(1))).then((actual) => read = actual);
  await at.clock.advance(1000);
  assert.equal(read?.interfaces.length, 1);
  at.netlink.interruptDumps = Infinity;
  const refused = assert.rejects(
    at.kernel.read(interestIn(desired(1))),
    /list interfaces: .*EINTR.*changes interrupted/,
  );
  await at.clock.advance(3000);
  await refused;
});

Deno.test("reads and changes that are asked for at once take turns", async () => {
  using at = bench();
  await apply(at.kernel, desired(1));
  const order: string[] = [];
  const { changes } = diff(desired(2), await at.kernel.read(interestIn(desired(2))));
  at.netlink.interruptDumps = 6;
  void at.kernel.read(interestIn(desired(1))).then(() => order.push("read"));
  void at.kernel.apply(changes).then(() => order.push("changed"));
  void at.kernel.read(interestIn(desired(2))).then(({ virtualServices }) =>
    order.push(`${virtualServices[0]?.destinations.length} destinations`)
  );
  await at.clock.advance(1000);
  assert.deepEqual(order, ["read", "changed", "2 destinations"]);
});

Deno.test("a virtual service that is deleted while it is read is not there, and no error (faults K13)", async () => {
  using at = bench();
  const want = { ...desired(1), virtualServices: [80, 81].map((port) => ({ ...service(1), port })) };
  await apply(at.kernel, want);
  at.netlink.beforeRequest = ({ payload }) => {
    if (payload[0] === IPVS_CMD.GET_DEST) {
      at.host.services = at.host.services.filter(({ port }) => port === 81);
    }
  };
  const { virtualServices } = await at.kernel.read(interestIn(want));
  assert.deepEqual(virtualServices.map(({ port }) => port), [81]);
});

Deno.test("what is the same as at the last read is the same object, and else it is not (faults K13)", async () => {
  using at = bench();
  const want = { ...desired(1), virtualServices: [80, 81].map((port) => ({ ...service(2), port })) };
  await apply(at.kernel, want);
  const first = await at.kernel.read(interestIn(want));
  assert.equal(await at.kernel.read(interestIn(want)), first, "all of it");
  const changed = first.virtualServices[0]?.destinations[1] ?? assert.fail();
  at.host.setDest(first.virtualServices[0] ?? assert.fail(), { ...changed, weight: 7 });
  const second = await at.kernel.read(interestIn(want));
  assert.notEqual(second.virtualServices[0], first.virtualServices[0]);
  assert.deepEqual(second.virtualServices[0]?.destinations.map(({ weight }) => weight), [1, 7]);
  assert.equal(second.virtualServices[1], first.virtualServices[1]);
  assert.equal(second.interfaces[0], first.interfaces[0]);
  at.host.setLink(at.host.link("web").index, { alias: "bgp-lb:other" });
  const third = await at.kernel.read(interestIn(want));
  assert.equal(third.interfaces[0]?.alias, "bgp-lb:other");
  assert.equal(third.virtualServices[0], second.virtualServices[0]);
});

Deno.test("what is read back is what was changed: other destinations, and links, are as they were read (faults K13)", async () => {
  using at = bench();
  const want = { ...desired(1), virtualServices: [80, 81, 82].map((port) => ({ ...service(2), port })) };
  await apply(at.kernel, want);
  const interest = interestIn(want);
  const before = await at.kernel.read(interest);
  const [one, other] = before.virtualServices;
  const [first, last] = [one?.destinations[0] ?? assert.fail(), other?.destinations[0] ?? assert.fail()];
  const changes = [
    { type: "set-destination", service: one ?? assert.fail(), destination: { ...first, weight: 7 } },
  ] as const;
  let asked = 0;
  at.netlink.beforeRequest = () => void asked++;
  await at.kernel.apply(changes);
  at.host.setDest(other ?? assert.fail(), { ...last, weight: 9 });
  at.host.services = at.host.services.filter(({ port }) => port !== 82);
  asked = 0;
  const back = await at.kernel.read(interest, changes);
  assert.equal(asked, 2, "virtual services, and the destinations of one");
  assert.deepEqual(back.virtualServices.map(({ port }) => port), [80, 81]);
  const weights = ({ virtualServices }: ActualKernel) =>
    virtualServices.map(({ destinations }) => destinations.map(({ weight }) => weight).toSorted());
  assert.deepEqual(weights(back), [[1, 7], [1, 1]]);
  assert.equal(back.virtualServices[1], other);
  assert.equal(back.interfaces, before.interfaces);
  const whole = await at.kernel.read(interest);
  assert.deepEqual(weights(whole), [[1, 7], [1, 9]], "the next read sees everything");
  const links = await at.kernel.read(interest, [{ type: "delete-interface", name: "x", index: 9 }]);
  assert.deepEqual(links, whole);
  asked = 0;
  await at.kernel.read({ ...interest }, changes);
  assert.ok(asked > 2, "what was read for somebody else's interest does not do");
});

Deno.test("an answer that got lost is an error, and the next exchange works", async () => {
  using at = bench();
  await apply(at.kernel, desired(1));
  at.netlink.loseAnswers = 1;
  await assert.rejects(at.kernel.read(interestIn(desired(1))), (error) => {
    assert.ok(error instanceof KernelError);
    assert.equal(error.errno, ERRNO.ENOBUFS);
    assert.match(
      error.message,
      /list interfaces: no buffer space \(ENOBUFS\): the kernel's answer was lost/,
    );
    return true;
  });
  assert.equal((await at.kernel.read(interestIn(desired(1)))).interfaces.length, 1);
});

Deno.test("a lost acknowledgement fails the whole batch: nothing is known of it", async () => {
  using at = bench();
  await apply(at.kernel, desired(0));
  const { changes } = diff(desired(3), await at.kernel.read(interestIn(desired(3))));
  at.netlink.loseAnswers = 3;
  const outcomes = await at.kernel.apply(changes);
  assert.deepEqual(outcomes.map((error) => error?.errno), [ERRNO.ENOBUFS, ERRNO.ENOBUFS, ERRNO.ENOBUFS]);
  assert.deepEqual(diff(desired(3), await at.kernel.read(interestIn(desired(3)))).changes, []);
});

Deno.test("a transport that fails to open is a kernel error with its number", async () => {
  const host = new FakeHost();
  const transport = {
    open: () => {
      throw Object.assign(new Error("nl_connect: too many open files (EMFILE)"), { errno: 24 });
    },
    resolveFamily: () => undefined,
  };
  using kernel = openNetlinkKernel({
    transport,
    reactor: new FakeNetlink(host),
    clock: new VirtualClock(),
    sysctls: host.sysctls,
  });
  await assert.rejects(
    kernel.read(interestIn(desired(1))),
    /open a netlink socket: nl_connect: too many open files \(EMFILE\)$/,
  );
  assert.throws(() => kernel.watch(() => {}), KernelError);
});

Deno.test("watch() tells what concerns us and nothing else", async () => {
  using at = bench();
  let told = 0;
  using _watch = at.kernel.watch(() => void told++);
  const message = (hex: string) => decodeMessages(fromHex(hex))[0] ?? assert.fail();
  const tell = (...messages: Parameters<FakeNetlink["tell"]>[0][]) => {
    told = 0;
    for (const each of messages) at.netlink.tell(each);
    at.netlink.react();
    return told;
  };
  const foreign = {
    ...INTERFACE_AS_MADE,
    index: 9,
    name: "veth0",
    kind: "veth",
    alias: undefined,
    group: 0,
    addresses: [],
  };
  const link = (
    overrides: Partial<typeof foreign>,
    type: number = RTM.NEWLINK,
  ) => {
    told = 0;
    at.netlink.tellLink({ ...foreign, ...overrides }, type);
    at.netlink.react();
    return told;
  };
  assert.equal(tell(message(ADDRESS_GONE)), 1, "before the first read everything does");
  // `web` becomes number 2, which the golden messages are about.
  await apply(at.kernel, desired(1));
  await at.kernel.read(interestIn(desired(1)));
  assert.equal(tell(message(ADDRESS_GONE)), 1, "our address");
  assert.equal(tell(message(LINK_GONE)), 1, "our interface");
  assert.equal(tell(message(LINK_LOCAL_NEW)), 0, "the kernel's own address");
  assert.equal(link({}), 0, "somebody else's interface");
  assert.equal(link({ name: "web" }), 1, "a wanted name");
  assert.equal(link({ index: 2, name: "renamed" }), 1, "our interface's index");
  assert.equal(
    tell(message(LINK_LOCAL_NEW), message(ADDRESS_GONE), message(ADDRESS_GONE)),
    1,
    "many at once",
  );
  assert.equal(tell(message(ADDRESS_GONE), message(LINK_LOCAL_NEW)), 1, "the first one alone");
  assert.equal(tell(ERRNO.ENOBUFS), 1, "some got lost");
  assert.equal(tell(ERRNO.EMSGSIZE), 1, "one was too long for the buffer, and what it said is lost");
  assert.equal(tell(ERRNO.EMSGSIZE, message(LINK_LOCAL_NEW)), 1, "and what came after it says nothing");
  assert.equal(tell({ type: NLMSG.OVERRUN, flags: 0, payload: new Uint8Array(0) }), 1, "some got lost");
  const route = (texts: string, overrides: { readonly index?: number; readonly type?: number }) => {
    const [destination = "", length = "128"] = texts.split("/");
    const { index = 0, type = RTM.DELROUTE } = overrides;
    return tell({ type, flags: 0, payload: routePayload(address(destination), Number(length), index) });
  };
  assert.equal(route("10.99.0.1/32", { index: 2 }), 1, "the local route of our address");
  assert.equal(route("10.99.0.1/32", { type: RTM.NEWROUTE }), 1, "another one to our address");
  assert.equal(route("10.99.0.2/32", { index: 9 }), 0, "somebody else's local route");
  assert.equal(route("ff00::/8", { index: 2, type: RTM.NEWROUTE }), 1, "IPv6 was switched on");
  assert.equal(route("ff00::/8", { index: 9, type: RTM.NEWROUTE }), 0, "somebody else's");
  assert.equal(route("fe80::1", { index: 2, type: RTM.NEWROUTE }), 0, "the kernel's own");
  assert.equal(tell(), 0, "nothing");
});

Deno.test("watch() tells what was changed, and the netlink port of who changed it", async () => {
  using at = bench();
  const told: (readonly Notice[])[] = [];
  using _watch = at.kernel.watch((notices) => void told.push(notices));
  await apply(at.kernel, desired(1));
  await at.kernel.read(interestIn(desired(1)));
  const [gone, link] = [ADDRESS_GONE, LINK_GONE].map((hex) => decodeMessages(fromHex(hex))[0]);
  if (gone === undefined || link === undefined) assert.fail();
  at.netlink.tell(gone, 4242);
  at.netlink.tell(link);
  at.netlink.react();
  at.netlink.tell(ERRNO.ENOBUFS);
  at.netlink.react();
  at.netlink.tell(gone, gone.port);
  at.netlink.react();
  const vip = decodeAddress(gone)?.address.text;
  assert.deepEqual(told, [
    [{ index: 2, address: vip, port: 4242 }, { index: 2, address: undefined, port: 0 }],
    [],
    [{ index: 2, address: vip, port: gone.port }],
  ]);
  told.length = 0;
  const route = (payload: Uint8Array) => {
    at.netlink.tell({ type: RTM.DELROUTE, flags: 0, payload }, 4243);
    at.netlink.react();
  };
  route(routePayload(VIP, 32, 2));
  route(routePayload(address("ff00::"), 8, 2));
  assert.deepEqual(told, [[{ index: 2, address: VIP.text, port: 4243 }], []], "a route is its address's");
});

Deno.test("what is told while a read goes on concerns us by what that read finds", async () => {
  using at = bench();
  let told = 0;
  using _watch = at.kernel.watch(() => void told++);
  await at.kernel.read(interestIn(desired(1)));
  await apply(at.kernel, desired(1));
  const gone = decodeMessages(fromHex(ADDRESS_GONE))[0] ?? assert.fail();
  const during = async (message: Parameters<FakeNetlink["tell"]>[0], fails = false) => {
    told = 0;
    at.netlink.beforeRequest = ({ type }) => {
      if (type !== RTM.GETADDR) return;
      at.netlink.beforeRequest = () => {};
      at.netlink.tell(message);
      at.netlink.react();
      if (fails) at.netlink.loseAnswers = 1;
    };
    await at.kernel.read(interestIn(desired(1))).catch(() => assert.ok(fails));
    at.netlink.react();
    return told;
  };
  assert.equal(await during(gone), 1, "of an interface that nobody knew when it began");
  assert.equal(await during({ ...gone, payload: gone.payload.with(4, 9) }), 0, "somebody else's");
  assert.equal(await during(gone, true), 1, "of what was known before a read that failed");
  assert.equal(await during(ERRNO.ENOBUFS), 1, "some got lost");
});

Deno.test("a read covers what was told before it", async () => {
  using at = bench();
  let told = 0;
  using _watch = at.kernel.watch(() => void told++);
  await apply(at.kernel, desired(1));
  for (const link of at.host.interfaces) at.netlink.tellLink(link);
  await at.kernel.read(interestIn(desired(1)));
  at.netlink.react();
  assert.equal(told, 0);
});

/** A route in table `local`. */
function routePayload(destination: Address, prefixLength: number, index: number): Uint8Array {
  const family = destination.family === 4 ? AF.INET : AF.INET6;
  const writer = new Writer(HOST_ORDER).u8(family).u8(prefixLength).u16(0).u8(RT_TABLE.LOCAL).u8(2).u8(0).u8(
    2,
  )
    .u32(0);
  writeAttribute(writer, RTA.DST, destination.bytes);
  if (index !== 0) writeU32(writer, RTA.OIF, index);
  return writer.finish();
}

/** Service `web` with so many destinations. */
function desired(destinations: number): DesiredKernel {
  return {
    interfaces: [{ name: "web", service: "web", addresses: [VIP] }],
    virtualServices: [service(destinations)],
    ownedAddresses: [VIP],
    ownedFwmarks: [],
  };
}

/** `tcp 10.99.0.1:80` with so many destinations. */
function service(destinations: number): VirtualService {
  return plainService({
    destinations: Array.from(
      { length: destinations },
      (_, index) => plainDestination({ port: 1000 + index }),
    ),
  });
}
