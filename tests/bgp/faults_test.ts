/**
 * One throw in each callback and each effect. Afterwards a timer is armed, the status says what happened, the session
 * goes on or starts anew, and other peers are on time.
 */
import assert from "node:assert/strict";
import { MutableCounters } from "../../src/bgp/counters.ts";
import { PeerDriver } from "../../src/bgp/driver.ts";
import type { DriverEvents } from "../../src/bgp/driver_events.ts";
import { sessionConfig } from "../../src/bgp/session/negotiate.ts";
import { leadingSession } from "../../src/bgp/session/peer.ts";
import { NOTHING_KNOWN } from "../../src/bgp/session/session_state.ts";
import type { SpeakerEvent } from "../../src/bgp/speaker.ts";
import { Lingering } from "../../src/bgp/transport/lingering.ts";
import type { TcpSocket, Transport } from "../../src/bgp/transport/transport.ts";
import { INITIAL_CONTEXT } from "../../src/bgp/wire/codec_context.ts";
import { CeaseSubcode } from "../../src/bgp/wire/constants.ts";
import { encodeMessage } from "../../src/bgp/wire/message.ts";
import { cease } from "../../src/bgp/wire/notification.ts";
import { endOfRibUpdate } from "../../src/bgp/wire/update.ts";
import { type HostAddresses, UNKNOWN_ADDRESSES } from "../../src/net/host_addresses.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import type { Probe } from "../support/probe.ts";
import { A, B, type End, Stage } from "../support/speakers.ts";

const IPV4 = { afi: 1, safi: 1 } as const;
const UPDATE = encodeMessage(endOfRibUpdate(IPV4), INITIAL_CONTEXT);
const C = address("10.0.0.3");

/** Throws once where its name is the chosen one. */
class Fuse {
  blown = 0;

  constructor(readonly name: string) {}

  pass(name: string): void {
    if (name === this.name && this.blown++ === 0) throw new Error(`${name} for the test`);
  }
}

function eventsWith(fuse: Fuse): DriverEvents {
  return {
    transition: () => fuse.pass("transition"),
    ended: () => fuse.pass("ended"),
    failed: () => fuse.pass("failed"),
    established: () => fuse.pass("established"),
    refresh: () => fuse.pass("refresh"),
    keepingAlive: () => fuse.pass("keepingAlive"),
    writable: () => fuse.pass("writable"),
    notification: (direction) => fuse.pass(`notification ${direction}`),
    rejected: () => fuse.pass("rejected"),
    fault: () => fuse.pass("fault"),
  };
}

/** The transport, whose first call of one kind throws, at once or by a promise. */
function transportWith(inner: Transport, fuse: Fuse): Transport {
  const wrap = (socket: TcpSocket): TcpSocket => ({
    local: socket.local,
    remote: socket.remote,
    read() {
      fuse.pass("read");
      return socket.read().then((octets) => {
        fuse.pass("read later");
        return octets;
      });
    },
    write(octets) {
      fuse.pass("write");
      return socket.write(octets).then(() => fuse.pass("write later"));
    },
    end(limitMs) {
      fuse.pass("end");
      return socket.end(limitMs).then(() => fuse.pass("end later"));
    },
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  });
  return {
    connect(...options) {
      fuse.pass("connect");
      return inner.connect(...options).then((socket) => {
        fuse.pass("connect later");
        return wrap(socket);
      });
    },
    listen: (...options) => inner.listen(...options),
  };
}

/** Counters whose first message of the peer's costs a throw. */
class FusedCounters extends MutableCounters {
  readonly #fuse: Fuse;

  constructor(fuse: Fuse) {
    super();
    this.#fuse = fuse;
  }

  override receive(message: Parameters<MutableCounters["receive"]>[0]): void {
    this.#fuse.pass("counters");
    super.receive(message);
  }
}

const CALLBACKS = [
  "transition",
  "ended",
  "established",
  "refresh",
  "writable",
  "notification sent",
  "notification received",
  "rejected",
] as const;
const EFFECTS = [
  "connect",
  "connect later",
  "read",
  "read later",
  "write",
  "write later",
  "end",
  "end later",
] as const;

/** Waits for a session over which nothing is wrong, saying what a peer says. */
async function reachEstablished(stage: Stage, probe: Probe, isEstablished: () => boolean): Promise<void> {
  for (let second = 0; !isEstablished(); second++) {
    assert.ok(second < 60, "no session comes up");
    const session = probe.sessions.at(-1);
    if (session?.ended === undefined) session?.establish();
    await stage.clock.advance(1000);
  }
}

for (const name of [...CALLBACKS, ...EFFECTS, "counters", "random"]) {
  Deno.test(`PeerDriver goes on where ${name} has thrown once, and its timer is armed (issue: S17)`, async () => {
    const stage = new Stage();
    const probe = stage.probe();
    const fuse = new Fuse(name);
    const peer = peerConfig({ name: "b", address: B, connectRetryTimeMs: 1000 });
    const driver = new PeerDriver({
      refuseSource: () => undefined,
      peer,
      session: sessionConfig(localBgp(), peer),
      restart: NOTHING_KNOWN,
      transport: transportWith(stage.network.transport(A), fuse),
      clock: stage.clock,
      random() {
        fuse.pass("random");
        return 0.5;
      },
      rejections: new Lingering(4),
      counters: new FusedCounters(fuse),
      events: eventsWith(fuse),
    });
    const isEstablished = () => leadingSession(driver.state).fsm.name === "Established";
    driver.start();
    assert.ok(stage.clock.pending > 0);
    await reachEstablished(stage, probe, isEstablished);
    if (name.startsWith("write")) {
      // What was to be written is missing in the stream.
      await stage.clock.advance(1000);
      assert.equal(probe.sessions[0]?.ended, "closed");
      await reachEstablished(stage, probe, isEstablished);
    }
    driver.sendUpdates([UPDATE], 0);
    probe.last.say({ type: "ROUTE-REFRESH", family: IPV4, subtype: 0 });
    await stage.clock.advance(100);
    await reachEstablished(stage, probe, isEstablished);
    // More connections than one may have: some are rejected.
    for (let left = 3; left > 0; left--) {
      const [server, client] = stage.network.pair(
        { address: A, zone: undefined, port: 179 },
        { address: B, zone: undefined, port: 50_000 + left },
      );
      driver.accept(server);
      client.write(encodeMessage({ type: "KEEPALIVE" }, INITIAL_CONTEXT)).catch(() => {});
      client[Symbol.dispose]();
    }
    for (let left = 120; left > 0; left--) {
      const [server, client] = stage.network.pair(
        { address: A, zone: undefined, port: 179 },
        { address: B, zone: undefined, port: 51_000 + left },
      );
      driver.accept(server);
      client[Symbol.dispose]();
    }
    await stage.clock.advance(100);
    assert.ok(stage.clock.pending > 0);
    await reachEstablished(stage, probe, isEstablished);
    driver.reset(cease(CeaseSubcode.ADMINISTRATIVE_RESET), "for the test");
    await stage.clock.advance(5);
    await reachEstablished(stage, probe, isEstablished);
    probe.last.say(cease(CeaseSubcode.ADMINISTRATIVE_RESET));
    await stage.clock.advance(5);
    assert.ok(stage.clock.pending > 0);
    await reachEstablished(stage, probe, isEstablished);
    assert.ok(fuse.blown > 0, "it was never called");
    // The world fails in its own ways, and these are no faults of ours.
    const internal = !EFFECTS.some((effect) => effect === name);
    assert.equal(driver.fault?.message, internal ? `${name} for the test` : undefined);
    // A session that has come through all that keeps itself alive.
    const heard = probe.last.heard.length;
    for (let second = 0; second < 100; second++) {
      probe.last.say({ type: "KEEPALIVE" });
      await stage.clock.advance(1000);
    }
    assert.ok(isEstablished());
    assert.ok(probe.last.heard.length >= heard + 3, "no KEEPALIVE");
    driver.abort();
    await stage.close();
  });
}

Deno.test("PeerDriver whose machine fails drops its connection and starts anew later, or not at all where it is stopped (issue: S17)", async () => {
  for (const stopped of [false, true]) {
    const stage = new Stage();
    const probe = stage.probe();
    let armed = false;
    const random = () => {
      if (!armed) return 0.5;
      armed = false;
      throw new Error("the machine for the test");
    };
    const end = stage.end(A, { peer: { connectRetryTimeMs: 1000 }, options: { random } });
    end.speaker.start();
    await stage.clock.advance(5);
    probe.last.establish();
    await stage.clock.advance(5);
    armed = true;
    // The KEEPALIVE that is due now asks for a random number.
    for (let second = 0; armed; second++) {
      assert.ok(second < 90);
      probe.last.say({ type: "KEEPALIVE" });
      await stage.clock.advance(1000);
    }
    assert.equal(probe.sessions[0]?.ended, "closed");
    assert.equal(end.status.fault?.text, "the machine for the test");
    const lost = end.of("peer-state").filter(({ from }) => from === "Established");
    assert.deepEqual(lost.map(({ to, cause }) => [to, cause]), [[
      "Idle",
      "internal error: the machine for the test",
    ]]);
    if (stopped) {
      // It was lost within the last second, so that the new start is still to come.
      assert.ok(end.status.nextRetry !== undefined && probe.sessions.length === 1);
      end.speaker.abort();
      await stage.clock.advance(10_000);
      assert.equal(probe.sessions.length, 1);
    } else {
      await reachEstablished(stage, probe, () => end.status.state === "Established");
      assert.equal(probe.sessions.length, 2);
      assert.equal(end.status.flaps, 1);
    }
    await stage.close();
  }
});

Deno.test("PeerDriver that can never make its OPEN says so, and tries again no faster for it (issue: S17)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  // So many families fit into no OPEN.
  const families = Array.from({ length: 2000 }, () => "ipv4-unicast" as const);
  const end = stage.end(A, { peer: { families, connectRetryTimeMs: 1000 } });
  end.speaker.start();
  await stage.clock.advance(60_000);
  assert.match(end.status.fault?.text ?? "", /octets/);
  assert.ok(end.status.lastError?.text.startsWith("internal error"));
  assert.ok(probe.sessions.length > 5 && probe.sessions.length < 60, `${probe.sessions.length} attempts`);
  assert.ok(stage.clock.pending > 0);
  await stage.close();
});

/** A speaker with a peer that is the victim, and one that must not notice. */
async function twoPeers(
  options: Parameters<Stage["end"]>[1],
  body: (
    scene: { readonly stage: Stage; readonly end: End; readonly victim: Probe; readonly other: Probe },
  ) => Promise<void>,
): Promise<void> {
  const stage = new Stage();
  const victim = stage.probe(B);
  const other = stage.probe(C);
  const peers = [
    peerConfig({ name: "victim", address: B, connectRetryTimeMs: 1000 }),
    peerConfig({ name: "other", address: C, connectRetryTimeMs: 1000 }),
  ];
  const end = stage.end(A, { ...options, options: { ...options?.options, peers } });
  end.speaker.start();
  await stage.clock.advance(5);
  other.last.establish({ holdTimeSeconds: 0 });
  await stage.clock.advance(5);
  await body({ stage, end, victim, other });
  assert.equal(end.speaker.status()[1]?.state, "Established");
  assert.equal(end.speaker.status()[1]?.flaps, 0);
  assert.equal(end.speaker.status()[1]?.fault, undefined);
  await stage.close();
}

const TYPES: readonly SpeakerEvent["type"][] = [
  "peer-state",
  "session-ended",
  "updates-sent",
  "end-of-rib-sent",
  "routes-held",
  "notification-received",
  "notification-sent",
];

for (const type of TYPES) {
  Deno.test(`Speaker goes on where whoever hears of ${type} throws once (issue: S17)`, async () => {
    let armed = true;
    let thrown = 0;
    const onEvent = (event: SpeakerEvent) => {
      if (!armed || event.type !== type || ("peer" in event && event.peer !== "victim")) return;
      armed = false;
      thrown++;
      throw new Error(`${type} for the test`);
    };
    await twoPeers({ options: { onEvent } }, async ({ stage, end, victim, other }) => {
      const isEstablished = () => end.status.state === "Established";
      await reachEstablished(stage, victim, isEstablished);
      end.speaker.announce([route("10.99.0.1/32"), route("2001:db8::1/128")]);
      end.speaker.releaseEndOfRib();
      await stage.clock.advance(5);
      assert.ok(other.last.words.includes("UPDATE"));
      end.speaker.reset("victim", { type: "administrative", communication: "for the test" });
      await reachEstablished(stage, victim, isEstablished);
      victim.last.say(cease(CeaseSubcode.ADMINISTRATIVE_RESET));
      await stage.clock.advance(5);
      await reachEstablished(stage, victim, isEstablished);
      if (type === "end-of-rib-sent") return;
      assert.equal(thrown, 1);
      assert.equal(end.status.fault?.text, `${type} for the test`);
      assert.equal(end.status.advertised.length, 1);
    });
  });
}

Deno.test("Speaker starts a session anew where what is to be sent cannot be made, and then sends it (issue: S17)", async () => {
  const bad = route("10.99.0.1/32");
  let armed = true;
  const attributes = {
    ...bad.attributes,
    get communities() {
      if (!armed) return [];
      armed = false;
      throw new Error("attributes for the test");
    },
  };
  await twoPeers({}, async ({ stage, end, victim, other }) => {
    const isEstablished = () => end.status.state === "Established";
    await reachEstablished(stage, victim, isEstablished);
    end.speaker.announce([{ ...bad, attributes }]);
    await stage.clock.advance(5);
    assert.ok(other.last.words.includes("UPDATE"), "the other peer has it in the same turn");
    assert.deepEqual(victim.last.words.slice(-1), ["NOTIFICATION 6/8"]);
    assert.equal(end.status.fault?.text, "attributes for the test");
    assert.deepEqual(end.of("peer-fault").map(({ peer, cause }) => [peer, cause]), [[
      "victim",
      "attributes for the test",
    ]]);
    await reachEstablished(stage, victim, isEstablished);
    assert.ok(victim.last.words.includes("UPDATE"));
    assert.equal(end.status.flaps, 1);
  });
});

Deno.test("Speaker starts a session anew where this host's addresses cannot be read (issue: S17)", async () => {
  let armed = false;
  const addresses: HostAddresses = {
    ...UNKNOWN_ADDRESSES,
    current() {
      if (!armed) return undefined;
      armed = false;
      throw new Error("addresses for the test");
    },
  };
  await twoPeers({ options: { addresses } }, async ({ stage, end, victim }) => {
    armed = true;
    const isEstablished = () => end.status.state === "Established" && end.status.advertised.length === 1;
    end.speaker.announce([route("10.99.0.1/32")]);
    await reachEstablished(stage, victim, isEstablished);
    assert.equal(end.status.fault?.text, "addresses for the test");
    assert.equal(victim.sessions[0]?.words.at(-1), "NOTIFICATION 6/8");
    assert.equal(victim.sessions.length, 2);
  });
});

Deno.test("Speaker.configure() starts a session anew where another next hop cannot be made (issue: S17)", async () => {
  let armed = false;
  const addresses: HostAddresses = {
    ...UNKNOWN_ADDRESSES,
    current() {
      if (!armed) return undefined;
      armed = false;
      throw new Error("addresses for the test");
    },
  };
  await twoPeers({ options: { addresses } }, async ({ stage, end, victim }) => {
    const isEstablished = () => end.status.state === "Established";
    await reachEstablished(stage, victim, isEstablished);
    armed = true;
    const [first, ...rest] = end.peers;
    assert.ok(first !== undefined);
    end.speaker.configure(end.local, [{ ...first, nextHop: address("10.0.0.77") }, ...rest]);
    await stage.clock.advance(5);
    assert.equal(victim.sessions[0]?.words.at(-1), "NOTIFICATION 6/8");
    end.speaker.announce([route("10.99.0.1/32")]);
    await reachEstablished(stage, victim, isEstablished);
    await stage.clock.advance(5);
    assert.equal(end.status.advertised[0]?.nextHop, "10.0.0.77");
  });
});
