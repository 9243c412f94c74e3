// All of BFD over a network in memory, on a virtual clock: the face, the driver, receivers and senders.
import assert from "node:assert/strict";
import { Bfd, type BfdEvent, type BfdOptions, type BfdPeer } from "../../src/bfd/bfd.ts";
import type { DropReason } from "../../src/bfd/drops.ts";
import { type ControlPacket, decodePacket, encodePacket } from "../../src/bfd/packet.ts";
import { parseAddress } from "../../src/net/address.ts";
import { seeded } from "../support/random.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { type Flight, type MemoryHost, MemoryNetwork } from "./memory_datagrams.ts";
import { packetOf } from "./support.ts";

function address(text: string) {
  const parsed = parseAddress(text);
  assert.ok(parsed !== undefined);
  return parsed;
}

function peerOf(to: string, changed: Partial<BfdPeer> = {}): BfdPeer {
  return {
    name: to,
    key: to,
    address: address(to),
    zone: undefined,
    local: undefined,
    device: undefined,
    multihop: false,
    minimumTtl: 255,
    transmitMs: 50,
    receiveMs: 50,
    multiplier: 3,
    passive: false,
    ...changed,
  };
}

/** A host with BFD. */
class Station {
  readonly events: BfdEvent[] = [];
  readonly bfd: Bfd;
  readonly services = new Set<string>();

  constructor(readonly host: MemoryHost, seed: number, options: Partial<BfdOptions> = {}) {
    this.bfd = new Bfd({
      datagrams: host,
      interfaceIndex: (name) => host.interfaces.get(name),
      clock: host.clock,
      random: seeded(seed),
      onEvent: (event) => this.events.push(event),
      isServiceAddress: ({ text }) => this.services.has(text),
      ...options,
    });
  }

  get states(): readonly string[] {
    return this.bfd.status().map(({ state }) => state);
  }

  get faults(): readonly string[] {
    return this.events.flatMap((event) => event.type === "bfd-fault" ? [event.cause] : []);
  }

  get changes(): readonly string[] {
    return this.events.flatMap((event) => event.type === "bfd-state" ? [`${event.from}>${event.to}`] : []);
  }
}

interface Scene {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly a: Station;
  readonly b: Station;
}

function scene(one: readonly string[] = ["10.0.0.1"], other: readonly string[] = ["10.0.0.2"]): Scene {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const [a, b] = [new Station(network.host(...one), 1), new Station(network.host(...other), 2)];
  return { clock, network, a, b };
}

async function upScene(toB: Partial<BfdPeer> = {}, toA: Partial<BfdPeer> = {}): Promise<Scene> {
  const made = scene();
  made.a.bfd.configure([peerOf("10.0.0.2", toB)]);
  made.b.bfd.configure([peerOf("10.0.0.1", toA)]);
  await made.clock.advance(5000);
  assert.deepEqual([made.a.states, made.b.states], [["Up"], ["Up"]]);
  return made;
}

async function end({ a, b, clock }: Scene): Promise<void> {
  a.bfd.abort();
  b.bfd.abort();
  // What is under way arrives.
  await clock.advance(1);
  assert.equal([...a.host.sockets, ...b.host.sockets].length, 0, "every socket is closed");
  assert.equal(clock.pending, 0, "no timer is left");
}

Deno.test("two ends come up, and send by what they agreed on: TTL 255, one constant source port each of the range (RFC 5881 4 and 5)", async () => {
  const made = await upScene({ transmitMs: 80 }, { receiveMs: 60 });
  const { a, b, network, clock } = made;
  const [ours] = a.bfd.status();
  assert.deepEqual([ours?.transmitIntervalMs, ours?.receiveIntervalMs, ours?.detectionTimeMs], [80, 50, 150]);
  assert.deepEqual([b.bfd.status()[0]?.detectionTimeMs, ours?.polling], [240, false]);
  assert.ok(network.sent.every(({ ttl, to }) => ttl === 255 && to.port === 3784));
  const [sender] = [...a.host.sockets].filter(({ options }) => options.remote !== undefined);
  assert.equal(sender?.options.trafficClass, 0xc0, "CS6");
  assert.equal(sender?.filters, 1, "nothing comes in by it");
  const ports = new Set(network.sent.map(({ from }) => from.port));
  assert.equal(ports.size, 2);
  assert.ok([...ports].every((port) => port >= 49_152 && port <= 65_535));
  network.sent.length = 0;
  await clock.advance(8000);
  const sent = network.sent.filter(({ from }) => from.port === ours?.localPort).length;
  assert.ok(sent >= 100 && sent <= 134, `${sent} packets in 8 s at 80 ms less 0 to 25 %`);
  await end(made);
});

Deno.test("a way that is cut is seen at both ends within the detection time", async () => {
  const made = await upScene();
  const { a, b, network, clock } = made;
  network.fate = () => undefined;
  await clock.advance(151);
  assert.deepEqual([a.states, b.states], [["Down"], ["Down"]]);
  const last = a.events.at(-1);
  assert.ok(
    last?.type === "bfd-state" && last.to === "Down" && last.diagnostic === 1 && !last.remoteAdminDown,
  );
  network.fate = () => 0.1;
  await clock.advance(2000);
  assert.deepEqual([a.states, b.states, a.bfd.status()[0]?.counters.flaps], [["Up"], ["Up"], 1]);
  await end(made);
});

/** What a peer would go on to send to `to`, however long it hears nothing. */
function steadyPackets(from: Station, to: Station): () => void {
  const [{ localDiscriminator = 0, remoteDiscriminator = 0, localPort = 0 } = {}] = from.bfd.status();
  return () =>
    sendFrom(from, to, localPort, {
      state: "Up",
      myDiscriminator: localDiscriminator,
      yourDiscriminator: remoteDiscriminator,
    });
}

function sendFrom(
  from: Station,
  to: Station,
  port: number,
  packet: Partial<ControlPacket>,
  flight: Partial<Flight> = {},
): void {
  const octets = new Uint8Array(24);
  encodePacket(packetOf(packet), octets);
  from.host.network.deliver({
    from: { address: address(from.host.addresses[0] ?? ""), port, scopeId: 0 },
    to: { address: address(to.host.addresses[0] ?? ""), port: 3784, scopeId: 0 },
    ttl: 255,
    octets,
    ...flight,
  });
}

Deno.test("packets that wait while this process is stopped are read before anybody is given up", async () => {
  const made = await upScene();
  const { a, b, clock } = made;
  const send = steadyPackets(b, a);
  a.host.stopped = true;
  b.host.stopped = true;
  for (let count = 0; count < 8; count++) {
    await clock.advance(40);
    send();
  }
  await clock.advance(1);
  a.host.resume();
  b.host.resume();
  await clock.advance(1000);
  assert.deepEqual([a.states, a.faults, a.bfd.status()[0]?.counters.flaps], [["Up"], [], 0]);
  assert.ok((a.bfd.status()[0]?.longestHeldMs ?? 0) > 250);
  await end(made);
});

Deno.test("a hold that lost nothing excuses no silence that comes later, whatever is looked at first", async () => {
  for (const first of ["timers", "sockets"] as const) {
    const made = await upScene();
    const { a, b, clock, network } = made;
    const send = steadyPackets(b, a);
    a.host.stopped = true;
    b.host.stopped = true;
    for (let count = 0; count < 8; count++) {
      await clock.advance(40);
      send();
    }
    await clock.advance(1);
    network.fate = () => undefined;
    a.host.resume(first);
    assert.deepEqual(a.states, ["Up"]);
    await clock.advance(151);
    assert.deepEqual([a.states, a.bfd.status()[0]?.counters.extensions], [["Down"], 0]);
    b.host.resume();
    await end(made);
  }
});

Deno.test("what was lost while a virtual machine was paused has one more detection time, and then the peer is lost all the same", async () => {
  for (const returns of [true, false]) {
    const made = await upScene();
    const { a, b, clock, network } = made;
    network.fate = () => undefined;
    a.host.stopped = true;
    b.host.stopped = true;
    await clock.advance(10_000);
    a.host.resume();
    b.host.resume();
    if (returns) network.fate = () => 0.1;
    await clock.advance(140);
    assert.deepEqual(a.states, ["Up"]);
    assert.match(
      a.faults.join(),
      /this process was held for \d+ ms, so 1 silent peer has one more detection time/,
    );
    await clock.advance(30);
    assert.deepEqual(a.states, [returns ? "Up" : "Down"]);
    await end(made);
  }
});

Deno.test("a peer that gave us up while this process was stopped is told with the reason, and others are not", async () => {
  const words = "the peer says down (control detection time expired: it does not hear us: " +
    "look at the way from here to there, and at what filters UDP on it)";
  for (
    const [holdMs, more] of [[10_000, "; this process had been held for 10s, and sent nothing"], [
      0,
      "",
    ]] as const
  ) {
    const made = await upScene();
    const { a, b, clock, network } = made;
    a.host.stopped = true;
    await clock.advance(holdMs);
    a.host.resume();
    await clock.advance(1);
    if (holdMs === 0) {
      network.fate = ({ to }) => to.address.bytes[3] === 2 ? undefined : 0.1;
      await clock.advance(1000);
    }
    const lost = a.bfd.status()[0]?.lastLost?.cause;
    assert.equal(lost?.replace(/held for 99\d\dms/, "held for 10s"), `${words}${more}`);
    assert.equal(b.bfd.status()[0]?.counters.flaps, 1);
    await end(made);
  }
});

Deno.test("a loop that is always late excuses a silent peer once, not for ever", async () => {
  const made = await upScene();
  const { a, clock, network } = made;
  network.fate = () => undefined;
  for (let count = 0; count < 5; count++) {
    a.host.stopped = true;
    await clock.advance(120);
    a.host.resume();
  }
  assert.deepEqual([a.states, a.bfd.status()[0]?.counters.extensions], [["Down"], 1]);
  await end(made);
});

/** What is sent to a session that is Up, and why it is dropped; it is none of the session's business. */
const DROPPED: readonly [reason: DropReason, packet: Partial<ControlPacket>, flight: Partial<Flight>][] = [
  ["ttl", { state: "Down", yourDiscriminator: 0 }, { ttl: 254 }],
  ["ttl", { state: "Down", yourDiscriminator: 0 }, { ttl: 1 }],
  ["ttl", { state: "Down", yourDiscriminator: 0 }, { ttl: undefined }],
  ["no-session", { state: "Down", yourDiscriminator: 99 }, {}],
  ["state", { state: "Up", yourDiscriminator: 0 }, {}],
  ["state", { state: "Init", yourDiscriminator: 0 }, {}],
  ["too-short", {}, { octets: new Uint8Array(23) }],
  ["version", {}, { octets: new Uint8Array(24) }],
  ["authentication", { state: "Down", yourDiscriminator: 0 }, { octets: authenticated() }],
];

function authenticated(): Uint8Array {
  const octets = new Uint8Array(28);
  encodePacket(packetOf({ yourDiscriminator: 0 }), octets);
  octets[1] = (octets[1] ?? 0) | 0x04;
  octets[3] = 28;
  return octets;
}

for (const [index, [reason, packet, flight]] of DROPPED.entries()) {
  Deno.test(`what comes from the peer's address and may not count is dropped as ${reason}, case ${index}`, async () => {
    const made = await upScene();
    const { a, b, clock } = made;
    const before = a.bfd.status()[0]?.counters.received ?? 0;
    for (let count = 0; count < 3; count++) sendFrom(b, a, 55_000, packet, flight);
    await clock.advance(1);
    const counters = a.bfd.status()[0]?.counters;
    assert.deepEqual(counters?.drops, { [reason]: 3 });
    assert.ok((counters?.received ?? 0) - before <= 1);
    assert.deepEqual(a.states, ["Up"]);
    await end(made);
  });
}

Deno.test("our discriminator from another address is nobody's packet, nor that of a stranger (RFC 5880 6.8.6)", async () => {
  const made = await upScene();
  const { a, b, clock } = made;
  const [{ localDiscriminator = 0 } = {}] = a.bfd.status();
  const from = { address: address("10.0.0.66"), port: 50_000, scopeId: 0 };
  sendFrom(b, a, 50_000, { state: "Down", yourDiscriminator: localDiscriminator }, { from });
  sendFrom(b, a, 50_000, { state: "Down", yourDiscriminator: 0 }, { from });
  await clock.advance(1);
  assert.deepEqual(a.bfd.status()[0]?.counters.drops, { source: 1 });
  assert.deepEqual(a.bfd.receivers().map(({ drops }) => drops), [{ "no-session": 1 }]);
  assert.deepEqual(a.states, ["Up"]);
  await end(made);
});

Deno.test("a flood of packets for nobody costs no session its packets", async () => {
  const made = await upScene();
  const { a, b, clock } = made;
  const from = { address: address("10.0.0.66"), port: 50_000, scopeId: 0 };
  for (let ms = 0; ms < 1000; ms += 10) {
    for (let count = 0; count < 200; count++) sendFrom(b, a, 50_000, { yourDiscriminator: 0 }, { from });
    await clock.advance(10);
  }
  assert.deepEqual([a.states, b.states, a.changes.length], [["Up"], ["Up"], 2]);
  assert.equal(a.bfd.receivers()[0]?.drops["no-session"], 20_000);
  await end(made);
});

Deno.test("a flood from a peer's own address is told once, and the kernel is asked to keep it away until it is over", async () => {
  const made = await upScene();
  const { a, b, clock } = made;
  const filters = () =>
    [...a.host.sockets].filter(({ options }) => options.remote === undefined).map((socket) => socket.filters)
      .reduce((one, other) => one + other, 0);
  const before = filters();
  for (let ms = 0; ms < 3000; ms += 10) {
    for (let count = 0; count < 20; count++) sendFrom(b, a, 50_000, { yourDiscriminator: 99 });
    await clock.advance(10);
  }
  assert.deepEqual([a.states, b.states, a.faults.length, filters() - before], [["Up"], ["Up"], 1, 1]);
  assert.deepEqual(a.faults, [
    "far more packets come from 10.0.0.2 than it was asked to send: most of those that do not name its session are dropped",
  ]);
  await clock.advance(9000);
  assert.equal(filters() - before, 1);
  await clock.advance(3000);
  assert.equal(filters() - before, 2);
  await end(made);
});

Deno.test("a flood that names a session is told as well, and is kept away though it names it", async () => {
  const made = await upScene();
  const { a, b, clock } = made;
  const yourDiscriminator = a.bfd.status()[0]?.localDiscriminator ?? 0;
  for (const named of [[99, yourDiscriminator], [99]]) {
    for (let count = 0; count < 400; count++) {
      for (const each of named) sendFrom(b, a, 50_000, { state: "Up", yourDiscriminator: each });
    }
    await clock.advance(1100);
  }
  assert.deepEqual(a.faults.map((fault) => fault.replace(/.*: /, "")), [
    "most of those that do not name its session are dropped",
    "most of them are dropped",
  ]);
  await end(made);
});

Deno.test("cause says what keeps a peer from being heard: TTL, authentication, nobody there", async () => {
  const made = scene();
  const { a, b, clock } = made;
  a.bfd.configure([peerOf("10.0.0.2")]);
  sendFrom(b, a, 55_000, { state: "Down", yourDiscriminator: 0 }, { ttl: 63 });
  await clock.advance(1);
  assert.match(a.bfd.status()[0]?.cause ?? "", /nothing was heard.*TTL.*multihop/);
  sendFrom(b, a, 55_000, {}, { octets: authenticated() });
  await clock.advance(1);
  assert.match(a.bfd.status()[0]?.cause ?? "", /authentication, which is not offered/);
  await end(made);
});

Deno.test("what ICMP says of an earlier packet costs none, and tells who is not heard why", async () => {
  const made = await upScene();
  const { a, b, clock, network } = made;
  const flaps = () => [a, b].map(({ bfd }) => bfd.status()[0]?.counters.flaps);
  for (let count = 0; count < 100; count++) {
    a.host.returned = "EHOSTUNREACH";
    await clock.advance(30);
  }
  assert.deepEqual([flaps(), a.faults], [[0, 0], []]);
  // What goes to b is refused on the way, what comes from there is not.
  network.fate = ({ to }) => {
    if (to.address.bytes[3] !== 2) return 0.1;
    a.host.returned = "EHOSTUNREACH";
    return undefined;
  };
  await clock.advance(5000);
  assert.equal(
    a.bfd.status()[0]?.cause,
    "the peer is heard, and has not heard us yet; what we send is refused there, or on the way (ICMP, EHOSTUNREACH): " +
      "look for a filter of UDP port 3784",
  );
  assert.deepEqual(a.faults, []);
  network.fate = () => undefined;
  await clock.advance(5000);
  a.host.returned = "ECONNREFUSED";
  await clock.advance(1000);
  assert.match(a.bfd.status()[0]?.cause ?? "", /nothing came.*the peer's host has UDP port 3784 closed/);
  await end(made);
});

Deno.test("AdminDown of the peer is told as such, and its end by stop() is no failure at this end (RFC 5882 3.2)", async () => {
  const made = await upScene();
  const { a, b, clock } = made;
  const stopped = b.bfd.stop();
  await clock.advance(1);
  const last = a.events.at(-1);
  assert.ok(last?.type === "bfd-state" && last.to === "Down" && last.remoteAdminDown);
  await clock.advance(2000);
  await stopped;
  assert.equal(b.host.sockets.size, 0);
  assert.equal(a.changes.filter((change) => change.endsWith("Down")).length, 1);
  await end(made);
});

Deno.test("stop() says goodbye more than once, and is over in little more than a second whatever the intervals", async () => {
  for (const [transmitMs, goodbyes] of [[50, 5], [300, 4], [5000, 1]] as const) {
    const made = await upScene({ transmitMs }, { receiveMs: 10 });
    const { a, clock, network } = made;
    network.sent.length = 0;
    let over = false;
    const stopped = a.bfd.stop().then(() => over = true);
    await clock.advance(1200);
    assert.ok(over);
    await stopped;
    const told = network.sent.map(({ octets }) => decodePacket(octets)).filter((packet) =>
      typeof packet === "object" && packet.state === "AdminDown"
    );
    assert.equal(told.length, goodbyes, `at ${transmitMs} ms`);
    await end(made);
  }
});

Deno.test("a peer that is removed is told as often, one that has a new session once", async () => {
  for (
    const [next, goodbyes] of [
      [[], 5],
      [[peerOf("10.0.0.2", { local: address("10.0.0.1") })], 1],
      [[peerOf("10.0.0.2", { key: "10.0.0.2@eth0", device: "eth0" })], 1],
    ] as const
  ) {
    const made = await upScene();
    const { a, clock, network } = made;
    network.sent.length = 0;
    a.bfd.configure(next);
    await clock.advance(2000);
    const told = network.sent.map(({ octets }) => decodePacket(octets)).filter((packet) =>
      typeof packet === "object" && packet.state === "AdminDown"
    );
    assert.equal(told.length, goodbyes);
    assert.ok(a.changes.every((change) => !change.includes("AdminDown")), "its end is what was wanted");
    await end(made);
  }
});

Deno.test("the next process has the ports while the one before still says goodbye", async () => {
  const made = await upScene();
  const { a, clock } = made;
  const stopped = a.bfd.stop();
  const next = new Station(a.host, 9);
  next.bfd.configure([peerOf("10.0.0.2")]);
  assert.deepEqual(next.faults, []);
  await clock.advance(2000);
  await stopped;
  await clock.advance(5000);
  assert.deepEqual(next.states, ["Up"]);
  next.bfd.abort();
  await end(made);
});

Deno.test("stop() twice, and after abort(), comes to an end", async () => {
  const made = await upScene();
  const both = Promise.all([made.a.bfd.stop(), made.a.bfd.stop()]);
  await made.clock.advance(1500);
  await both;
  made.b.bfd.abort();
  await made.b.bfd.stop();
  await end(made);
});

Deno.test("other intervals are negotiated without a loss of the session, in both directions", async () => {
  const made = await upScene();
  const { a, b, clock } = made;
  const since = a.bfd.status()[0]?.sinceMs;
  for (
    const [transmitMs, receiveMs, multiplier] of [[400, 300, 3], [20, 20, 5], [1500, 2000, 2], [
      50,
      50,
      3,
    ]] as const
  ) {
    a.bfd.configure([peerOf("10.0.0.2", { transmitMs, receiveMs, multiplier })]);
    await clock.advance(8000);
    const [ours, theirs] = [a.bfd.status()[0], b.bfd.status()[0]];
    assert.deepEqual([ours?.state, theirs?.state, ours?.sinceMs], ["Up", "Up", since]);
    assert.equal(ours?.transmitIntervalMs, Math.max(transmitMs, 50));
    assert.equal(theirs?.detectionTimeMs, multiplier * Math.max(transmitMs, 50));
    assert.equal(ours?.detectionTimeMs, 3 * Math.max(receiveMs, 50));
  }
  assert.deepEqual([a.bfd.status()[0]?.counters.flaps, b.bfd.status()[0]?.counters.flaps], [0, 0]);
  await end(made);
});

Deno.test("configure() leaves alone what is the same: sockets, discriminators, others' sessions", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const hub = new Station(network.host("10.0.0.1"), 1);
  const spokes = ["10.0.0.2", "10.0.0.3", "10.0.0.4"].map((each, index) =>
    new Station(network.host(each), index + 2)
  );
  for (const spoke of spokes) spoke.bfd.configure([peerOf("10.0.0.1")]);
  const all = spokes.map(({ host }) => peerOf(host.addresses[0] ?? ""));
  hub.bfd.configure(all);
  await clock.advance(5000);
  const [first, , third] = hub.bfd.status();
  hub.bfd.configure(all.filter((_, index) => index !== 1));
  await clock.advance(5000);
  const after = hub.bfd.status();
  assert.deepEqual(after.map(({ localDiscriminator }) => localDiscriminator), [
    first?.localDiscriminator,
    third?.localDiscriminator,
  ]);
  assert.deepEqual([after.map(({ state }) => state), after.map(({ counters }) => counters.flaps)], [[
    "Up",
    "Up",
  ], [0, 0]]);
  const removed = spokes[1]?.events.at(-1);
  assert.ok(removed?.type === "bfd-state" && removed.remoteAdminDown);
  hub.bfd.configure(all);
  await clock.advance(5000);
  assert.deepEqual(hub.states, ["Up", "Up", "Up"]);
  for (const { bfd } of [hub, ...spokes]) bfd.abort();
});

Deno.test("another source address is a new session, which comes up", async () => {
  const made = await upScene();
  const { a, b, clock } = made;
  const before = a.bfd.status()[0]?.localDiscriminator;
  a.bfd.configure([peerOf("10.0.0.2", { local: address("10.0.0.1") })]);
  await clock.advance(5000);
  assert.notEqual(a.bfd.status()[0]?.localDiscriminator, before);
  assert.deepEqual([a.states, b.states], [["Up"], ["Up"]]);
  await end(made);
});

Deno.test("packets come from the address that the peer sends to, whatever the kernel would choose, and keep to it when the session is lost", async () => {
  const made = scene(["10.0.0.9", "10.0.0.1"]);
  const { a, b, clock, network } = made;
  a.bfd.configure([peerOf("10.0.0.2")]);
  b.bfd.configure([peerOf("10.0.0.1")]);
  await clock.advance(5000);
  assert.deepEqual([a.states, b.states], [["Up"], ["Up"]]);
  // As router advertisements bring addresses at any time.
  a.host.addresses = ["10.0.0.8", ...a.host.addresses];
  const { fate } = network;
  for (const lost of [5000, 300]) {
    network.fate = () => undefined;
    await clock.advance(lost);
    assert.deepEqual([a.states, b.states], [["Down"], ["Down"]]);
    network.fate = fate;
    await clock.advance(3000);
    assert.deepEqual([a.states, b.states], [["Up"], ["Up"]]);
    assert.equal(a.bfd.status()[0]?.localAddress?.text, "10.0.0.1");
  }
  // Nobody moves a session that is up, nor to a service.
  a.services.add("10.0.0.9");
  const to = { address: address("10.0.0.8"), port: 3784, scopeId: 0 };
  const yourDiscriminator = a.bfd.status()[0]?.localDiscriminator ?? 0;
  sendFrom(b, a, 50_000, { state: "Up", yourDiscriminator }, { to });
  await clock.advance(0.2);
  assert.equal(a.bfd.status()[0]?.localAddress?.text, "10.0.0.1");
  await clock.advance(1000);
  for (let count = 0; count < 2; count++) {
    sendFrom(b, a, 50_000, { state: "Down", yourDiscriminator: 0 }, {
      to: { ...to, address: address("10.0.0.9") },
    });
  }
  await clock.advance(3000);
  assert.equal(a.bfd.status()[0]?.localAddress?.text, "10.0.0.1");
  assert.deepEqual(a.faults, []);
  // It is gone: the kernel's choice is better than nothing.
  a.host.addresses = ["10.0.0.8"];
  await clock.advance(5000);
  assert.deepEqual([a.states, a.bfd.status()[0]?.localAddress?.text], [["Down"], "10.0.0.8"]);
  await end(made);
});

Deno.test("a port that another daemon has is told with its cure, and taken when it is free", async () => {
  const made = scene();
  const { a, b, clock } = made;
  const daemon = a.host.open({
    family: 4,
    kind: "udp",
    local: { address: address("0.0.0.0"), port: 3784, scopeId: 0 },
  });
  a.bfd.configure([peerOf("10.0.0.2")]);
  b.bfd.configure([peerOf("10.0.0.1")]);
  await clock.advance(5000);
  assert.deepEqual([a.states, a.faults.length], [["Down"], 1]);
  assert.match(a.bfd.status()[0]?.fault ?? "", /UDP port 3784 over IPv4: the port is in use.*bfdd/);
  daemon[Symbol.dispose]();
  await clock.advance(5000);
  assert.deepEqual([a.states, a.bfd.status()[0]?.fault], [["Up"], undefined]);
  await end(made);
});

Deno.test("a service address is never the source: the session is not started, and says why", async () => {
  const made = scene();
  const { a, b, clock } = made;
  a.services.add("10.0.0.1");
  a.bfd.configure([peerOf("10.0.0.2")]);
  b.bfd.configure([peerOf("10.0.0.1")]);
  await clock.advance(5000);
  assert.match(a.bfd.status()[0]?.fault ?? "", /service address: set localAddress/);
  assert.deepEqual([a.states, b.states, a.faults.length], [["Init"], ["Down"], 1]);
  a.services.clear();
  await clock.advance(5000);
  assert.deepEqual(a.states, ["Up"]);
  a.services.add("10.0.0.1");
  a.bfd.reconsiderSources();
  await clock.advance(1000);
  assert.equal(b.states[0], "Down");
  await end(made);
});

Deno.test("an address of this host that goes and comes back takes the session along", async () => {
  const made = await upScene({ local: address("10.0.0.1") });
  const { a, b, clock } = made;
  a.host.addresses = [];
  await clock.advance(1000);
  assert.deepEqual([a.states, b.states], [["Down"], ["Down"]]);
  assert.match(a.bfd.status()[0]?.fault ?? "", /no address of this host, or not yet/);
  a.host.addresses = ["10.0.0.1"];
  await clock.advance(5000);
  assert.deepEqual([a.states, b.states, a.bfd.status()[0]?.fault], [["Up"], ["Up"], undefined]);
  await end(made);
});

Deno.test("a link-local peer is one of its interface, also where that comes back with another index", async () => {
  const made = scene(["fe80::1"], ["fe80::2"]);
  const { a, b, clock } = made;
  a.bfd.configure([peerOf("fe80::2", { zone: "eth0" })]);
  b.bfd.configure([peerOf("fe80::1", { zone: "eth0" })]);
  await clock.advance(5000);
  assert.deepEqual([a.states, b.states], [["Up"], ["Up"]]);
  a.host.arrival = 3;
  await clock.advance(1000);
  assert.equal(a.states[0], "Down", "what comes through another interface is not the peer's");
  a.host.arrival = 7;
  a.host.interfaces.set("eth0", 7);
  await clock.advance(5000);
  assert.deepEqual([a.states, b.states], [["Up"], ["Up"]]);
  await end(made);
});

Deno.test("a passive session hears a link-local peer by the interface that has the name by then", async () => {
  const made = scene(["fe80::1"], ["fe80::2"]);
  const { a, b, clock } = made;
  a.bfd.configure([peerOf("fe80::2", { zone: "eth0", passive: true })]);
  b.bfd.configure([peerOf("fe80::1", { zone: "eth0" })]);
  await clock.advance(5000);
  b.bfd.configure([]);
  await clock.advance(5000);
  assert.deepEqual(a.states, ["Down"]);
  a.host.arrival = 7;
  a.host.interfaces.set("eth0", 7);
  await clock.advance(2000);
  b.bfd.configure([peerOf("fe80::1", { zone: "eth0" })]);
  await clock.advance(5000);
  assert.deepEqual([a.states, b.states], [["Up"], ["Up"]]);
  await end(made);
});

Deno.test("sessions of a device and of none share a port, each with a socket of its own", async () => {
  const made = scene(["10.0.0.1"], ["10.0.0.2", "10.0.0.3"]);
  const { a, b, clock } = made;
  a.bfd.configure([peerOf("10.0.0.2"), peerOf("10.0.0.3", { device: "eth1" })]);
  b.bfd.configure([peerOf("10.0.0.1", { local: address("10.0.0.2") })]);
  await clock.advance(5000);
  assert.deepEqual(a.states, ["Up", "Down"]);
  assert.deepEqual(a.bfd.receivers().map(({ device, fault }) => [device, fault]), [[undefined, undefined], [
    "eth1",
    undefined,
  ]]);
  a.host.interfaces.delete("eth1");
  await clock.advance(2000);
  assert.match(a.bfd.receivers()[1]?.fault ?? "", /there is no interface eth1/);
  assert.deepEqual(a.states, ["Up", "Down"]);
  await end(made);
});

Deno.test("what a device's socket has of a session of no device is that session's; what comes by a member of a VRF is not", async () => {
  const made = scene(["10.0.0.1"], ["10.0.0.2", "10.0.0.3"]);
  const { a, b, clock } = made;
  const elsewhere = peerOf("10.0.0.2", { key: "10.0.0.2@eth1", device: "eth1" });
  a.bfd.configure([elsewhere, peerOf("10.0.0.2"), peerOf("10.0.0.3", { device: "eth0" })]);
  sendFrom(b, a, 50_000, { state: "Down", yourDiscriminator: 0 });
  await clock.advance(1);
  assert.deepEqual(a.states, ["Down", "Init", "Down"]);
  b.bfd.configure([peerOf("10.0.0.1", { local: address("10.0.0.2") })]);
  await clock.advance(5000);
  assert.deepEqual(a.states, ["Down", "Up", "Down"]);
  a.bfd.configure([peerOf("10.0.0.2"), peerOf("10.0.0.3", { device: "eth0" })]);
  // As the kernel has it: the socket is the VRF's, the packet came by another interface.
  a.host.interfaces.set("eth0", 7);
  a.bfd.configure([peerOf("10.0.0.2"), peerOf("10.0.0.3", { device: "eth0" })]);
  a.host.members.add(2);
  await clock.advance(1000);
  assert.deepEqual(a.states, ["Down", "Down"]);
  assert.ok((a.bfd.status()[0]?.counters.drops.interface ?? 0) > 0);
  await end(made);
});

Deno.test("multihop goes by port 4784 and its own least TTL (RFC 5883)", async () => {
  const multihop = { multihop: true, minimumTtl: 253 };
  const made = await upScene(multihop, multihop);
  const { a, b, network, clock } = made;
  assert.ok(network.sent.every(({ to }) => to.port === 4784));
  const to = { address: address("10.0.0.1"), port: 4784, scopeId: 0 };
  for (const ttl of [252, 253]) {
    sendFrom(b, a, 55_000, { state: "AdminDown", yourDiscriminator: 0 }, { ttl, to });
  }
  await clock.advance(1);
  assert.deepEqual([a.states, a.bfd.status()[0]?.counters.drops], [["Down"], { ttl: 1 }]);
  await end(made);
});

Deno.test("two passive ends wait; one passive end answers (RFC 5880 6.1)", async () => {
  const made = scene();
  const { a, b, network, clock } = made;
  a.bfd.configure([peerOf("10.0.0.2", { passive: true })]);
  b.bfd.configure([peerOf("10.0.0.1", { passive: true })]);
  await clock.advance(5000);
  assert.equal(network.sent.length, 0);
  b.bfd.configure([peerOf("10.0.0.1")]);
  b.bfd.configure([]);
  b.bfd.configure([peerOf("10.0.0.1")]);
  await clock.advance(5000);
  assert.deepEqual([a.states, b.states], [["Up"], ["Up"]]);
  await end(made);
});

Deno.test("discriminators and source ports are nonzero and unique, whatever the dice say", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  for (const dice of [0, 0.999_999_999_9]) {
    const station = new Station(network.host("10.0.0.1"), 1, { random: () => dice });
    station.bfd.configure(Array.from({ length: 50 }, (_, index) => peerOf(`10.0.1.${index + 1}`)));
    await clock.advance(2000);
    const status = station.bfd.status();
    const discriminators = new Set(status.map(({ localDiscriminator }) => localDiscriminator));
    assert.ok(discriminators.size === 50 && !discriminators.has(0));
    assert.ok([...discriminators].every((each) => each <= 0xffff_ffff));
    assert.equal(new Set(status.map(({ localPort }) => localPort)).size, 50);
    station.bfd.abort();
  }
});
