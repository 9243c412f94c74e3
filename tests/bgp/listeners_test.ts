/** Addresses that are listened on, and those that are not there yet. */
import assert from "node:assert/strict";
import { Listeners, type ListenEvent } from "../../src/bgp/listeners.ts";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import type { LocalBgp, PeerConfig } from "../../src/config/config.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const WORDS: Readonly<Record<string, string>> = { EADDRINUSE: "in-use", EADDRNOTAVAIL: "address-missing" };

/** Listeners on a host whose addresses fail with `codes`. */
class Host {
  readonly codes: Record<string, string> = {};
  readonly open: string[] = [];
  readonly events: ListenEvent[] = [];
  readonly clock = new VirtualClock();
  attempts = 0;
  /** Peers that the open listeners are for, by the last word of each. */
  readonly peers = new Map<string, readonly PeerConfig[]>();
  refuseUpdate = false;
  readonly listeners: Listeners;

  constructor() {
    const transport: Transport = {
      connect: () => Promise.reject(new Error("refused")),
      listen: ({ address: at, port, peers }) => {
        this.attempts++;
        const code = this.codes[at.text];
        if (code !== undefined) throw new Error("no", { cause: Object.assign(new Error("no"), { code }) });
        const name = `${at.text} ${port}`;
        this.open.push(name);
        this.peers.set(name, peers);
        return {
          local: { address: at, zone: undefined, port },
          update: (who) => {
            if (this.refuseUpdate) throw new Error("a key is refused");
            this.peers.set(name, who.peers);
          },
          [Symbol.dispose]: () => void this.open.splice(this.open.indexOf(name), 1),
        };
      },
    };
    this.listeners = new Listeners({
      transport,
      clock: this.clock,
      accept: () => ({ connection() {}, refused() {}, fault() {} }),
      tell: (event) => void this.events.push(event),
    });
  }

  get said(): readonly string[] {
    return this.events.map((event) =>
      event.type === "listening" ? `listening ${event.address}` : `${event.kind} ${event.address}`
    );
  }
}

function on(...addresses: readonly string[]): LocalBgp {
  return localBgp({ listenPort: 179, listenAddresses: addresses.map(address) });
}

Deno.test("Listeners.start() waits for an address that is not there yet, and says when it is (issue: S15)", async () => {
  const host = new Host();
  host.codes["192.0.2.1"] = "EADDRNOTAVAIL";
  host.listeners.start(on("192.0.2.1", "192.0.2.2"), [peerConfig()]);
  assert.deepEqual(host.open, ["192.0.2.2 179"]);
  assert.deepEqual(host.said, ["address-missing 192.0.2.1"]);
  assert.deepEqual(host.listeners.status.map(({ address, fault }) => [address, fault?.kind]), [
    ["192.0.2.1", "address-missing"],
    ["192.0.2.2", undefined],
  ]);
  await host.clock.advance(10_000);
  assert.equal(host.said.length, 1, "it is told once");
  assert.ok(host.attempts > 4, `${host.attempts} attempts`);
  delete host.codes["192.0.2.1"];
  await host.clock.advance(2000);
  assert.deepEqual(host.said.slice(1), ["listening 192.0.2.1"]);
  assert.deepEqual(host.open, ["192.0.2.2 179", "192.0.2.1 179"]);
  assert.deepEqual(host.listeners.status.map(({ fault }) => fault), [undefined, undefined]);
  assert.equal(host.clock.pending, 0);
  host.listeners[Symbol.dispose]();
  assert.deepEqual(host.open, []);
});

Deno.test("Listeners.start() throws where waiting mends nothing, and leaves nothing open (issue: S15)", () => {
  for (const code of ["EADDRINUSE", "EACCES", "EMFILE"]) {
    const host = new Host();
    host.codes["192.0.2.2"] = code;
    host.codes["192.0.2.3"] = "EADDRNOTAVAIL";
    assert.throws(
      () => host.listeners.start(on("192.0.2.1", "192.0.2.2", "192.0.2.3"), []),
      /192\.0\.2\.2 port 179/,
    );
    assert.deepEqual([host.open, host.clock.pending, host.said], [[], 0, []]);
  }
});

Deno.test("Listeners.start() does without a family that the host has not, where there is another (CONTRACT listenAddresses)", () => {
  const host = new Host();
  host.codes["::"] = "EAFNOSUPPORT";
  host.listeners.start(on("0.0.0.0", "::"), []);
  assert.deepEqual([host.open, host.said], [["0.0.0.0 179"], ["family-missing ::"]]);
  host.listeners[Symbol.dispose]();
  assert.throws(() => host.listeners.start(on("::"), []), /this host has no IPv6/);
});

Deno.test("Listeners.configure() reports what would have been fatal at the start, and tries again (issue: S15)", async () => {
  for (const code of ["EADDRINUSE", "EADDRNOTAVAIL"]) {
    const host = new Host();
    host.listeners.start(on("192.0.2.1"), []);
    host.codes["192.0.2.2"] = code;
    host.listeners.configure(on("192.0.2.1", "192.0.2.2"), []);
    assert.deepEqual(host.open, ["192.0.2.1 179"]);
    assert.deepEqual(host.said, [`${WORDS[code]} 192.0.2.2`]);
    // Another failure is news; the same one again is not.
    host.listeners.configure(on("192.0.2.1", "192.0.2.2"), []);
    host.codes["192.0.2.2"] = "EACCES";
    await host.clock.advance(10_000);
    assert.deepEqual(host.said.slice(-1), ["not-permitted 192.0.2.2"]);
    delete host.codes["192.0.2.2"];
    await host.clock.advance(2000);
    assert.deepEqual(host.said.slice(-1), ["listening 192.0.2.2"]);
    host.listeners[Symbol.dispose]();
    assert.equal(host.clock.pending, 0);
  }
});

Deno.test("Listeners.configure() keeps the listeners that stay, brings them the peers, and closes the others (CONTRACT Reload)", () => {
  const host = new Host();
  host.listeners.start(on("192.0.2.1", "192.0.2.2"), []);
  const peers = [peerConfig()];
  host.listeners.configure(on("192.0.2.2", "192.0.2.3"), peers);
  assert.equal(host.attempts, 3);
  assert.deepEqual(host.open, ["192.0.2.2 179", "192.0.2.3 179"]);
  assert.equal(host.peers.get("192.0.2.2 179"), peers);
  host.listeners.configure({ ...on("192.0.2.2"), listenPort: 1179 }, peers);
  assert.deepEqual(host.open, ["192.0.2.2 1179"]);
  host.listeners.configure({ ...on("192.0.2.2"), listenPort: -1 }, peers);
  assert.deepEqual([host.open, host.listeners.status], [[], []]);
  assert.deepEqual(host.said, []);
});

Deno.test("Listeners.configure() opens a listener anew that cannot follow its peers (CONTRACT Reload)", () => {
  const host = new Host();
  host.listeners.start(on("192.0.2.1"), []);
  host.refuseUpdate = true;
  host.listeners.configure(on("192.0.2.1"), [peerConfig()]);
  assert.deepEqual([host.attempts, host.open], [2, ["192.0.2.1 179"]]);
  // And where that fails, too, it is a state.
  host.codes["192.0.2.1"] = "EINVAL";
  host.listeners.configure(on("192.0.2.1"), [peerConfig()]);
  assert.deepEqual([host.open, host.said], [[], ["other 192.0.2.1"]]);
  host.listeners[Symbol.dispose]();
});
