/** The finder of routers over sockets in memory: what is heard, from whom, how often, and what becomes of sockets. */
import assert from "node:assert/strict";
import { RouterFinder } from "../../src/icmp/router_finder.ts";
import { encodeRouterAdvertisement, encodeRouterSolicitation } from "../../src/icmp/router_messages.ts";
import { addressOf } from "../../src/net/address.ts";
import type { Datagram, DatagramOptions, Datagrams, DatagramSocket } from "../../src/net/sockets.ts";
import { address } from "../support/bgp.ts";
import { FakeAddresses } from "../support/fake_addresses.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

class Refused extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** A raw socket: what was sent, and what waits to be read. */
class MemorySocket implements DatagramSocket {
  readonly waiting: Datagram[] = [];
  readonly sent: string[] = [];
  readonly options: DatagramOptions;
  reads = 0;
  closed = false;
  #refusals: Set<string>;
  #callback: (() => void) | undefined;

  constructor(options: DatagramOptions, refusals: Set<string>) {
    [this.options, this.#refusals] = [options, refusals];
  }

  localAddress = () => ({ address: address("::"), port: 0, scopeId: 0 });
  shareLocal(): void {}
  setFilter(): void {}
  receiveReturned = () => undefined;

  send(octets: Uint8Array, to: { readonly address: { readonly bytes: Uint8Array } }): boolean {
    if (this.#refusals.has("send")) throw new Refused("ENODEV");
    this.sent.push(`${octets[0]} to ${addressOf(to.address.bytes).text}`);
    return true;
  }

  receive(): Datagram | undefined {
    this.reads++;
    return this.waiting.shift();
  }

  onReadable(callback: () => void): Disposable {
    this.#callback = callback;
    return { [Symbol.dispose]: () => this.#callback = undefined };
  }

  /** Level-triggered. */
  wake(): void {
    while (this.waiting.length > 0 && this.#callback !== undefined) this.#callback();
  }

  [Symbol.dispose](): void {
    this.closed = true;
    this.#callback = undefined;
  }
}

class Scene implements Datagrams, Disposable {
  readonly clock = new VirtualClock();
  readonly sockets: MemorySocket[] = [];
  readonly refusals = new Set<string>();
  readonly changes: string[] = [];
  readonly finder: RouterFinder;

  constructor(readonly addresses = new FakeAddresses("eth0 fe80::a/64")) {
    this.finder = new RouterFinder({ datagrams: this, addresses, clock: this.clock, random: () => 0.5 });
    this.finder.watch((link) => this.changes.push(`${link} ${this.finder.on(link).address?.text}`));
  }

  open(options: DatagramOptions): DatagramSocket {
    if (this.refusals.has("open")) throw new Refused("EPERM");
    const socket = new MemorySocket(options, this.refusals);
    this.sockets.push(socket);
    return socket;
  }

  get socket(): MemorySocket {
    const socket = this.sockets.at(-1);
    assert.ok(socket !== undefined);
    return socket;
  }

  hear(from: string, { ttl = 255, octets = encodeRouterAdvertisement() } = {}): void {
    this.socket.waiting.push({
      octets,
      from: { address: address(from), port: 0, scopeId: 2 },
      ttl,
      interfaceIndex: 2,
      to: undefined,
    });
    this.socket.wake();
  }

  [Symbol.dispose](): void {
    this.finder[Symbol.dispose]();
    assert.ok(this.sockets.every(({ closed }) => closed));
    assert.equal(this.clock.pending, 0);
  }
}

Deno.test("RouterFinder binds a raw socket to the interface and our link-local address, solicits and advertises itself", async () => {
  using scene = new Scene();
  scene.finder.follow(["eth0"]);
  await scene.clock.advance(9000);
  const { device, local, ttl, receiveTtl, icmpTypes } = scene.socket.options;
  assert.deepEqual({
    device,
    local: local && addressOf(local.address.bytes).text,
    ttl,
    receiveTtl,
    icmpTypes,
  }, {
    device: "eth0",
    local: "fe80::a",
    ttl: 255,
    receiveTtl: true,
    icmpTypes: [133, 134],
  });
  assert.deepEqual([...new Set(scene.socket.sent)], ["133 to ff02::2", "134 to ff02::1"]);
  assert.equal(
    scene.finder.on("eth0").words,
    "waiting for a router advertisement on eth0 (3 solicitations sent, none heard)",
  );
});

Deno.test("RouterFinder hears what comes from a link-local address with hop limit 255, and is no neighbour of its own (RFC 4861 section 6.1.2)", () => {
  using scene = new Scene();
  scene.finder.follow(["eth0"]);
  scene.hear("fe80::1", { ttl: 254 });
  scene.hear("2001:db8::1");
  scene.hear("fe80::a");
  scene.hear("fe80::1", { octets: encodeRouterSolicitation() });
  scene.hear("fe80::1", { octets: Uint8Array.of(134, 0, 0, 0) });
  assert.deepEqual(scene.changes, []);
  scene.hear("fe80::b");
  scene.hear("fe80::b");
  scene.hear("fe80::c");
  assert.deepEqual(scene.changes, ["eth0 fe80::b"]);
  assert.equal(
    scene.finder.on("eth0").words,
    "found by its router advertisements on eth0; 1 more router advertises itself there (fe80::c), and this one stays for 30 s, unless a session comes up",
  );
});

Deno.test("RouterFinder reads 32 messages in 100 ms of a flood, whoever sends it, and keeps its neighbour", async () => {
  using scene = new Scene();
  scene.finder.follow(["eth0"]);
  scene.hear("fe80::b");
  for (let count = 0; count < 100_000; count++) {
    scene.socket.waiting.push({
      octets: encodeRouterAdvertisement(),
      from: { address: address(`fe80::${(count % 60_000 + 16).toString(16)}`), port: 0, scopeId: 2 },
      ttl: 255,
      interfaceIndex: 2,
      to: undefined,
    });
  }
  scene.finder.keep("eth0", true);
  const before = scene.socket.reads;
  scene.socket.wake();
  for (let tenth = 0; tenth < 10; tenth++) {
    await scene.clock.advance(100);
    scene.socket.wake();
  }
  assert.ok(scene.socket.reads - before <= 11 * 32, `${scene.socket.reads - before}`);
  assert.deepEqual(scene.changes, ["eth0 fe80::b"]);
});

Deno.test("RouterFinder follows our link-local address: tentative, there, gone, another, and the interface with it", async () => {
  using scene = new Scene(new FakeAddresses("eth0 fe80::a/64 tentative", "eth1 fe80::9/64"));
  scene.finder.follow(["eth0"]);
  assert.equal(scene.sockets.length, 0);
  assert.match(scene.finder.on("eth0").words, /\(its own link-local address fe80::a is tentative\)$/);
  scene.addresses.set("eth0 fe80::a/64");
  scene.hear("fe80::b");
  scene.addresses.set("eth0 fe80::a/64", "eth0 2001:db8::1/64");
  assert.equal(scene.sockets.length, 1);
  scene.addresses.set("eth0 2001:db8::1/64");
  assert.ok(scene.socket.closed);
  assert.equal(scene.finder.on("eth0").address?.text, "fe80::b");
  await scene.clock.advance(60_000);
  scene.addresses.set("eth0 fe80::e/64");
  assert.equal(scene.sockets.length, 2);
  await scene.clock.advance(0);
  assert.deepEqual(scene.socket.sent, ["133 to ff02::2", "134 to ff02::1"]);
  scene.addresses.set();
  assert.match(scene.finder.on("eth0").words, /^found/);
});

Deno.test("RouterFinder says what it lacks, tries again, and opens anew where sending fails", async () => {
  using scene = new Scene();
  scene.refusals.add("open");
  scene.finder.follow(["eth0"]);
  assert.match(scene.finder.on("eth0").words, /\(no ICMPv6 socket: EPERM, it needs CAP_NET_RAW\)$/);
  scene.refusals.clear();
  await scene.clock.advance(5000);
  assert.equal(scene.sockets.length, 1);
  scene.refusals.add("send");
  await scene.clock.advance(5000);
  assert.ok(scene.sockets[0]?.closed);
  scene.refusals.clear();
  await scene.clock.advance(5000);
  scene.hear("fe80::b");
  assert.deepEqual(scene.changes, ["eth0 fe80::b"]);
});

Deno.test("RouterFinder looks on the links that it is told to, and on those only", () => {
  using scene = new Scene(new FakeAddresses("eth0 fe80::a/64", "eth1 fe80::a/64"));
  scene.finder.follow(["eth0", "eth1"]);
  const [first, second] = scene.sockets;
  scene.finder.follow(["eth1"]);
  assert.deepEqual([first?.closed, second?.closed], [true, false]);
  assert.equal(scene.finder.on("eth0").address, undefined);
  scene.hear("fe80::b");
  assert.deepEqual(scene.changes, ["eth1 fe80::b"]);
});
