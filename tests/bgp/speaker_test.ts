/** The speaker: two of them in memory on a virtual clock, and one against a scripted peer. */
import assert from "node:assert/strict";
import { WINNER_MS } from "../../src/bgp/session/collision.ts";
import type { Capability } from "../../src/bgp/wire/capability.ts";
import { isEndOfRib } from "../../src/bgp/wire/update.ts";
import type { Message } from "../../src/bgp/wire/message.ts";
import { CeaseSubcode } from "../../src/bgp/wire/constants.ts";
import { cease, shutdownCommunication } from "../../src/bgp/wire/notification.ts";
import { address, manyRoutes, peerConfig, restarted, route } from "../support/bgp.ts";
import { FakeAddresses } from "../support/fake_addresses.ts";
import { Probe, PROBE_CONTEXT, type ProbeSession } from "../support/probe.ts";
import { CAPABILITIES } from "../support/sessions.ts";
import { A, B, Stage } from "../support/speakers.ts";
import { settle } from "../support/virtual_clock.ts";

const IPV4 = { afi: 1, safi: 1 } as const;

/** What a probe was told of routes, in order: `+prefix`, `-prefix`, `EoR`, `BoRR`, `EoRR`. */
function told(session: ProbeSession): string[] {
  return session.heard.flatMap((message: Message) => {
    if (message.type === "ROUTE-REFRESH") return [message.subtype === 1 ? "BoRR" : "EoRR"];
    if (message.type !== "UPDATE") return [];
    if (isEndOfRib(message) !== undefined) return ["EoR"];
    return [
      ...message.unreach.flatMap(({ nlri }) => [...nlri.prefixes()].map(({ text }) => `-${text}`)),
      ...message.reach.flatMap(({ nlri }) => [...nlri.prefixes()].map(({ text }) => `+${text}`)),
    ];
  });
}

function graceful(
  rest: Partial<Extract<Capability, { type: "graceful-restart" }>> = {},
): readonly Capability[] {
  return [...CAPABILITIES, {
    type: "graceful-restart",
    restarting: false,
    notification: true,
    restartTimeSeconds: 120,
    families: [{ family: IPV4, forwarding: true }],
    ...rest,
  }];
}

Deno.test("Speaker and Speaker are Established after three turns of the network, whoever connects (RFC 4271)", async () => {
  for (const [a, b] of [[false, true], [true, false], [false, false]] as const) {
    const stage = new Stage();
    const one = stage.end(A, { peer: { passive: a } });
    const two = stage.end(B, { peer: { passive: b } });
    one.speaker.start();
    two.speaker.start();
    // Where both connect, it takes a moment more to be sure which connection the other one keeps.
    await stage.clock.advance(a || b ? 10 : 10 + WINNER_MS);
    assert.deepEqual([one.status.state, two.status.state], ["Established", "Established"]);
    await stage.clock.advance(3_600_000);
    assert.deepEqual([one.status.flaps, two.status.flaps], [0, 0]);
    assert.equal(stage.network.openPipes, 2);
    await stage.close();
  }
});

Deno.test("Speaker and Speaker keep one connection of two after a collision, with either identifier the higher (RFC 4271 6.8)", async () => {
  for (const routerID of [address("10.0.0.1"), address("10.0.0.3")]) {
    for (const latency of [[1, 1], [1, 7], [7, 1], [3, 20]] as const) {
      let turn = 0;
      const stage = new Stage({ latencyMs: () => latency[turn++ % 2] ?? 1 });
      const one = stage.end(A, { local: { routerID } });
      const two = stage.end(B);
      one.speaker.start();
      two.speaker.start();
      await stage.clock.advance(30_000);
      assert.deepEqual([one.status.state, two.status.state], ["Established", "Established"]);
      assert.equal(stage.network.openPipes, 2, "one connection");
      await stage.close();
    }
  }
});

Deno.test("Speaker.announce() sends what changed and nothing else, withdrawals first (RFC 4271 9.2)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const { speaker, ...end } = stage.end(A);
  speaker.announce([route("10.99.0.1/32")]);
  speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(5);
  assert.deepEqual(told(probe.last), ["+10.99.0.1/32"]);
  speaker.announce([route("10.99.0.1/32")]);
  speaker.announce([route("10.99.0.1/32")]);
  await stage.clock.advance(5);
  assert.deepEqual(told(probe.last), ["+10.99.0.1/32"]);
  speaker.announce([route("10.99.0.2/32"), route("10.99.0.3/32")]);
  await stage.clock.advance(5);
  assert.deepEqual(told(probe.last).slice(1), ["-10.99.0.1/32", "+10.99.0.2/32", "+10.99.0.3/32"]);
  const sent = end.events.filter((event) => event.type === "updates-sent");
  assert.deepEqual(sent.map(({ announced, withdrawn }) => [announced, withdrawn]), [[1, 0], [2, 1]]);
  await stage.close();
});

Deno.test("Speaker.announce() hands the UPDATE to the socket before it returns (issue: under 2 ms in process)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(5);
  const before = end.status.messages.sent.UPDATE;
  end.speaker.announce([route("10.99.0.1/32")]);
  assert.equal(end.status.messages.sent.UPDATE, before + 1);
  await stage.clock.advance(1);
  assert.deepEqual(told(probe.last), ["+10.99.0.1/32"]);
  await stage.close();
});

Deno.test("Speaker.announce() to many peers goes on in the next turn where this one took long (DESIGN BGP: keepalives are never late)", async () => {
  const stage = new Stage();
  const addresses = [2, 3, 4, 5, 6].map((host) => address(`10.0.0.${host}`));
  const probes = addresses.map((own) => stage.probe(own));
  let workMs = 0;
  const { clock } = stage;
  const { speaker } = stage.end(A, {
    options: {
      peers: addresses.map((own) => peerConfig({ name: own.text, address: own })),
      clock: {
        now: () => clock.now() + workMs,
        wallTime: () => clock.wallTime(),
        at: (atMs, callback) => clock.at(atMs - workMs, callback),
      },
      // As if a peer took 6 ms.
      onEvent: ({ type }) => void (workMs += type === "updates-sent" ? 6 : 0),
    },
  });
  const sent = () => speaker.status().map(({ messages }) => messages.sent.UPDATE);
  speaker.start();
  await stage.clock.advance(5);
  for (const probe of probes) probe.last.establish();
  await stage.clock.advance(5);
  speaker.announce([route("10.99.0.1/32")]);
  assert.deepEqual(sent(), [1, 1, 0, 0, 0]);
  speaker.announce([route("10.99.0.2/32")]);
  assert.deepEqual(sent(), [1, 1, 0, 0, 0]);
  // The sockets have taken what they were given.
  await settle();
  let flushed = false;
  speaker.flushed(1000).then(() => flushed = true);
  await settle();
  assert.ok(!flushed, "the rest waits for the next turn");
  await stage.clock.advance(1);
  assert.ok(flushed);
  assert.deepEqual(probes.map((probe) => told(probe.last)), [
    ...new Array(2).fill(["+10.99.0.1/32", "-10.99.0.1/32", "+10.99.0.2/32"]),
    ...new Array(3).fill(["+10.99.0.2/32"]),
  ]);
  await stage.close();
});

Deno.test("Speaker comes to a route behind more than a batch of such as the peer cannot be told (DESIGN Adj-RIB-Out)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A);
  const { speaker } = end;
  const held = Array.from({ length: 20_000 }, (_, i) => route(`2001:db8::${(i + 1).toString(16)}/128`));
  speaker.announce([...held, route("10.99.0.1/32")]);
  speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(5);
  assert.deepEqual(told(probe.last), ["+10.99.0.1/32"]);
  assert.equal(speaker.status()[0]?.held.length, 20_000);
  const reports = end.of("routes-held");
  assert.deepEqual(reports.map(({ count, held }) => [count, held.length]), [[20_000, 10]]);
  assert.equal(reports[0]?.held[0]?.prefix, "2001:db8::1/128");
  await stage.close();
});

for (const waiting of ["a first pass", "a change", "a refresh"] as const) {
  Deno.test(`Speaker.announce() tells a slow peer of a withdrawal before the rest of ${waiting} (DESIGN BGP: no withdrawal waits)`, async () => {
    const stage = new Stage();
    const probe = stage.probe();
    const { speaker } = stage.end(A);
    const extra = route("192.0.2.1/32");
    const all = manyRoutes(50_000);
    speaker.announce(waiting === "a change" ? [extra] : [extra, ...all]);
    speaker.start();
    await stage.clock.advance(5);
    probe.last.establish({ holdTimeSeconds: 0 });
    await stage.clock.advance(waiting === "a first pass" ? 3 : 50);
    if (waiting === "a refresh") {
      probe.last.heard.splice(0);
      probe.last.say({ type: "ROUTE-REFRESH", family: IPV4, subtype: 0 });
      await stage.clock.advance(2);
    }
    const before = told(probe.last).length;
    if (waiting === "a change") speaker.announce([extra, ...all]);
    speaker.announce(all);
    await stage.clock.advance(500);
    const heard = told(probe.last);
    const after = heard.indexOf("-192.0.2.1/32") - before;
    assert.ok(before < 40_000 && after > 0 && after < 20_000, `after ${after} others`);
    assert.equal(heard.length, 50_002);
    await stage.close();
  });
}

Deno.test("Speaker.stop() withdraws more than one batch before Cease (CONTRACT stop)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const { speaker } = stage.end(A);
  speaker.announce(manyRoutes(40_000));
  speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(50);
  const count = (sign: string) => told(probe.last).filter((what) => what.startsWith(sign)).length;
  assert.deepEqual([count("+"), count("-")], [40_000, 0]);
  const stopped = speaker.stop({ mode: "shutdown", communication: "maintenance" });
  await stage.clock.advance(50);
  await stopped;
  assert.equal(count("-"), 40_000);
  assert.equal(probe.last.heard.at(-1)?.type, "NOTIFICATION");
  await stage.close();
});

Deno.test("Speaker coalesces changes while a socket is full, and sends the last state of it (DESIGN Adj-RIB-Out)", async () => {
  const stage = new Stage({ bufferLength: 100 });
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.start();
  await stage.clock.advance(5);
  const session = probe.last;
  session.establish({ holdTimeSeconds: 0 });
  await stage.clock.advance(5);
  session.reading = false;
  for (let med = 0; med < 1000; med++) {
    end.speaker.announce([route("10.99.0.1/32", { med }), route(`10.98.${med % 100}.0/24`)]);
    await stage.clock.advance(1);
  }
  assert.ok(end.status.messages.sent.UPDATE < 10);
  await stage.close();
});

Deno.test("Speaker sends the routes of a peer's to that peer alone (CONTRACT announce.peers)", async () => {
  const stage = new Stage();
  const C = address("10.0.0.3");
  const [first, second] = [stage.probe(B), stage.probe(C)];
  const peers = [peerConfig({ name: "b", address: B }), peerConfig({ name: "c", address: C })];
  const end = stage.end(A, { options: { peers } });
  end.speaker.announce([route("10.99.0.1/32"), { ...route("10.99.0.2/32"), peers: ["c"] }]);
  end.speaker.start();
  await stage.clock.advance(5);
  first.last.establish();
  second.last.establish();
  await stage.clock.advance(5);
  assert.deepEqual(told(first.last), ["+10.99.0.1/32"]);
  assert.deepEqual(told(second.last), ["+10.99.0.1/32", "+10.99.0.2/32"]);
  const [b, c] = end.speaker.status();
  assert.deepEqual([b?.advertised.length, c?.advertised.length], [1, 2]);
  await stage.close();
});

Deno.test("Speaker announces everything again in a new session (RFC 4271 9.2)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(5);
  probe.last.close();
  await stage.clock.advance(5);
  assert.deepEqual(end.status.advertised, []);
  await stage.clock.advance(2000);
  probe.last.establish();
  await stage.clock.advance(5);
  assert.equal(probe.sessions.length, 2);
  assert.deepEqual(told(probe.last), ["+10.99.0.1/32"]);
  assert.equal(end.status.flaps, 1);
  await stage.close();
});

Deno.test("Speaker tells which routes are held for a peer, and why, once (issue: a reported state)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.announce([route("10.99.0.1/32"), route("2001:db8:9::1/128")]);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(5);
  end.speaker.announce([route("10.99.0.1/32"), route("2001:db8:9::1/128")]);
  const reports = end.of("routes-held");
  assert.equal(reports.length, 1);
  assert.deepEqual(reports[0]?.held.map(({ prefix }) => prefix), ["2001:db8:9::1/128"]);
  assert.match(end.status.held[0]?.reason ?? "", /ipv6-unicast/);
  // It is another route, and held for the same reason: no news.
  end.speaker.announce([route("10.99.0.1/32"), route("2001:db8:9::1/128", { med: 5 })]);
  assert.equal(end.of("routes-held").length, 1);
  end.speaker.announce([route("10.99.0.1/32")]);
  assert.deepEqual(end.of("routes-held").slice(1).map(({ count, held }) => [count, held]), [[0, []]]);
  await stage.close();
});

Deno.test("Speaker holds End-of-RIB back until it is released, for peers that know of it (RFC 4724 4.1)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A, { peer: { gracefulRestart: { restartTimeSeconds: 120 } } });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish({ capabilities: graceful() });
  await stage.clock.advance(5000);
  assert.deepEqual(told(probe.last), ["+10.99.0.1/32"]);
  assert.deepEqual(end.status.endOfRibHeld, ["ipv4-unicast"]);
  end.speaker.announce([route("10.99.0.1/32"), route("10.99.0.2/32")]);
  end.speaker.releaseEndOfRib();
  end.speaker.releaseEndOfRib();
  await stage.clock.advance(5);
  assert.deepEqual(told(probe.last), ["+10.99.0.1/32", "+10.99.0.2/32", "EoR"]);
  assert.deepEqual(end.status.endOfRibHeld, []);
  // The next session has everything at once.
  probe.last.close();
  await stage.clock.advance(2000);
  probe.last.establish({ capabilities: graceful() });
  await stage.clock.advance(5);
  assert.deepEqual(told(probe.last).slice(-1), ["EoR"]);
  // A peer without the capability gets none.
  probe.last.close();
  await stage.clock.advance(5000);
  probe.last.establish();
  await stage.clock.advance(5);
  assert.ok(!told(probe.last).includes("EoR"));
  await stage.close();
});

function offered(session: ProbeSession): Extract<Capability, { type: "graceful-restart" }> | undefined {
  const [open] = session.heard;
  assert.ok(open?.type === "OPEN");
  const capability = open.capabilities.find(({ type }) => type === "graceful-restart");
  return capability?.type === "graceful-restart" ? capability : undefined;
}

Deno.test("Speaker sets the R bit until its first session after a restart, and the F bit while it forwards (RFC 4724 3)", async () => {
  const peer = { gracefulRestart: { restartTimeSeconds: 120 } };
  for (const restarting of [true, false]) {
    const stage = new Stage();
    const probe = stage.probe();
    const end = stage.end(A, { peer, options: restarting ? { restart: restarted(stage.clock) } : {} });
    end.speaker.start();
    await stage.clock.advance(5);
    const first = offered(probe.last);
    assert.deepEqual([first?.restarting, first?.families[0]?.forwarding, first?.notification], [
      restarting,
      restarting,
      true,
    ]);
    probe.last.establish({ capabilities: graceful() });
    await stage.clock.advance(5);
    probe.last.close();
    await stage.clock.advance(2000);
    const second = offered(probe.last);
    assert.deepEqual([second?.restarting, second?.families[0]?.forwarding], [false, true]);
    await stage.close();
  }
});

Deno.test("Speaker clears the R bit once the restart time is over (RFC 4724 4.1)", async () => {
  const stage = new Stage();
  const end = stage.end(A, {
    peer: { gracefulRestart: { restartTimeSeconds: 10 } },
    options: { restart: restarted(stage.clock) },
  });
  end.speaker.start();
  await stage.clock.advance(11_000);
  const probe = stage.probe();
  await stage.clock.advance(60_000);
  assert.equal(offered(probe.last)?.restarting, false);
  await stage.close();
});

Deno.test("Speaker without graceful restart does not offer it (CONTRACT gracefulRestart)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  stage.end(A).speaker.start();
  await stage.clock.advance(5);
  assert.equal(offered(probe.last), undefined);
  await stage.close();
});

Deno.test("Speaker sends a family again between BoRR and EoRR when the peer asks (RFC 2918, RFC 7313)", async () => {
  for (
    const [enhanced, expected] of [[true, ["BoRR", "+10.99.0.1/32", "EoRR"]], [false, [
      "+10.99.0.1/32",
    ]]] as const
  ) {
    const stage = new Stage();
    const probe = stage.probe();
    const end = stage.end(A);
    end.speaker.announce([route("10.99.0.1/32")]);
    end.speaker.releaseEndOfRib();
    end.speaker.start();
    await stage.clock.advance(5);
    const capabilities: readonly Capability[] = enhanced
      ? [...CAPABILITIES, { type: "enhanced-route-refresh" }]
      : CAPABILITIES;
    probe.last.establish({ capabilities });
    await stage.clock.advance(5);
    const ask = (family: typeof IPV4, subtype: number): Message => ({
      type: "ROUTE-REFRESH",
      family,
      subtype,
    });
    probe.last.say(ask(IPV4, 0));
    await stage.clock.advance(5);
    assert.deepEqual(told(probe.last).slice(1), expected);
    const { sent } = end.status.messages;
    assert.deepEqual([sent["ROUTE-REFRESH"], sent.UPDATE], [enhanced ? 2 : 0, 2]);
    const heard = probe.last.heard.length;
    probe.last.say(ask(IPV4, 1), ask(IPV4, 2), ask(IPV4, 9));
    await stage.clock.advance(5);
    assert.equal(probe.last.heard.length, heard);
    assert.equal(end.status.state, "Established");
    await stage.close();
  }
});

Deno.test("Speaker.flushed() resolves once every peer's socket has taken every batch, or after its limit (CONTRACT stop)", async () => {
  const C = address("10.0.0.3");
  const stage = new Stage({ bufferLength: 1000 });
  const probes = [stage.probe(B), stage.probe(C)];
  const { speaker } = stage.end(A, {
    options: { peers: [peerConfig({ name: "b", address: B }), peerConfig({ name: "c", address: C })] },
  });
  let resolved = 0;
  const wait = (limitMs: number) => void speaker.flushed(limitMs).then(() => resolved++);
  wait(1000);
  speaker.announce(manyRoutes(40_000));
  wait(1000);
  speaker.start();
  await stage.clock.advance(5);
  assert.equal(resolved, 2, "nobody is Established");
  const [first, second] = probes.map((probe) => probe.last);
  first?.establish({ holdTimeSeconds: 0 });
  second?.establish({ holdTimeSeconds: 0 });
  await stage.clock.advance(50);
  const last = first?.heard.length ?? 0;
  wait(1000);
  await stage.clock.advance(0);
  assert.equal(resolved, 3, "everything is taken");
  // One takes nothing: whoever waits does so for its own limit.
  assert.ok(second !== undefined);
  second.reading = false;
  speaker.announce([]);
  const before = stage.clock.now();
  wait(300);
  wait(700);
  await stage.clock.advance(299);
  assert.deepEqual([resolved, (first?.heard.length ?? 0) > last], [3, true]);
  await stage.clock.advance(1);
  assert.equal(resolved, 4);
  await stage.clock.advance(399);
  assert.deepEqual([resolved, stage.clock.now() - before], [4, 699]);
  await stage.clock.advance(1);
  assert.deepEqual([resolved, stage.clock.pending], [5, 0]);
  // A session that is lost is waited for no more.
  wait(1000);
  await stage.clock.advance(5);
  assert.equal(resolved, 5);
  second.close();
  await stage.clock.advance(5);
  assert.equal(resolved, 6);
  await stage.close();
});

Deno.test("Speaker.stop() withdraws every route, then says why, then closes (RFC 9003)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.announce([route("10.99.0.1/32"), route("10.99.0.2/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(5);
  const stopping = end.speaker.stop({ mode: "shutdown", communication: "maintenance until 6" });
  end.speaker.announce([route("10.99.0.4/32")]);
  await stage.clock.advance(100);
  await stopping;
  assert.deepEqual(told(probe.last).slice(2), ["-10.99.0.1/32", "-10.99.0.2/32"]);
  const last = probe.last.heard.at(-1);
  assert.ok(last?.type === "NOTIFICATION");
  assert.deepEqual([last.code, last.subcode], [6, 2]);
  assert.equal(shutdownCommunication(last), "maintenance until 6");
  end.speaker.announce([route("10.99.0.3/32")]);
  await stage.clock.advance(100_000);
  assert.equal(probe.sessions.length, 1, "it does not connect again");
  assert.equal(end.status.state, "Idle");
  assert.equal(end.status.flaps, 0);
  await stage.close();
});

Deno.test("Speaker.stop() hands withdrawals and Cease to the socket before it says so (issue: TERM to Cease)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const order: string[] = [];
  const network = stage.network.transport(A);
  const connect: typeof network.connect = async (...args) => {
    const socket = await network.connect(...args);
    const write = socket.write.bind(socket);
    socket.write = (bytes) => {
      order.push(`type ${bytes[18]}`);
      return write(bytes);
    };
    return socket;
  };
  const end = stage.end(A, {
    options: { transport: { ...network, connect }, onEvent: ({ type }) => order.push(type) },
  });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(5);
  order.length = 0;
  const stopping = end.speaker.stop({ mode: "shutdown", communication: "bye" });
  await stage.clock.advance(5);
  await stopping;
  const words = ["type 2", "updates-sent", "type 3", "notification-sent"];
  assert.deepEqual(order.filter((word) => words.includes(word)), words);
  await stage.close();
});

Deno.test("Speaker.stop() closes whatever connects while the last words wait for a socket (CONTRACT stop)", async () => {
  const stage = new Stage({ bufferLength: 50 });
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  probe.last.reading = false;
  await stage.clock.advance(5);
  const stopping = end.speaker.stop({ mode: "shutdown", communication: "" });
  const late = probe.connect(A);
  await stage.clock.advance(5);
  assert.deepEqual([(await late).words, (await late).ended], [[], "closed"]);
  await stage.clock.advance(5000);
  await stopping;
  await stage.close();
});

Deno.test("Speaker.stop() is a Hard Reset for a peer with the N bit (RFC 8538)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A, { peer: { gracefulRestart: { restartTimeSeconds: 120 } } });
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish({ capabilities: graceful() });
  await stage.clock.advance(5);
  const stopping = end.speaker.stop({ mode: "shutdown", communication: "bye" });
  await stage.clock.advance(100);
  await stopping;
  const last = probe.last.heard.at(-1);
  assert.ok(last?.type === "NOTIFICATION");
  assert.deepEqual([last.code, last.subcode, ...last.data.subarray(0, 2)], [6, 9, 6, 2]);
  assert.equal(shutdownCommunication(last), "bye");
  await stage.close();
});

Deno.test("Speaker.stop() in handover closes without a word and without a withdrawal (RFC 4724)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A, { peer: { gracefulRestart: { restartTimeSeconds: 120 } } });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish({ capabilities: graceful() });
  await stage.clock.advance(5);
  await end.speaker.stop({ mode: "handover" });
  await stage.clock.advance(5);
  assert.deepEqual(probe.last.words, ["OPEN", "KEEPALIVE", "UPDATE"]);
  assert.equal(probe.last.ended, "closed");
  await stage.close();
});

Deno.test("Speaker.stop() ends in time where a peer does not read (issue: bounded in time)", async () => {
  for (const mode of ["shutdown", "handover"] as const) {
    const stage = new Stage({ bufferLength: 50 });
    const probe = stage.probe();
    const end = stage.end(A);
    end.speaker.announce([route("10.99.0.1/32")]);
    end.speaker.start();
    await stage.clock.advance(5);
    probe.last.establish();
    probe.last.reading = false;
    await stage.clock.advance(5);
    let stopped = false;
    end.speaker.stop(mode === "shutdown" ? { mode, communication: "" } : { mode }).then(() => stopped = true);
    await stage.clock.advance(5000);
    assert.ok(stopped, mode);
    await stage.close();
  }
});

Deno.test("Speaker.stop() waits for no peer whose session is lost (CONTRACT stop)", async () => {
  const stage = new Stage({ bufferLength: 50 });
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  probe.last.reading = false;
  await stage.clock.advance(5);
  let stopped = false;
  end.speaker.stop({ mode: "shutdown", communication: "" }).then(() => stopped = true);
  await stage.clock.advance(5);
  assert.ok(!stopped);
  stage.network.resetAll();
  await stage.clock.advance(5);
  assert.ok(stopped);
  await stage.close();
});

Deno.test("Speaker.stop() and abort() do no harm before the start, twice, or in either order (issue: never throws)", async () => {
  const stage = new Stage();
  const end = stage.end(A);
  await end.speaker.stop({ mode: "handover" });
  await end.speaker.stop({ mode: "shutdown", communication: "" });
  end.speaker.abort();
  end.speaker.abort();
  await end.speaker.stop({ mode: "shutdown", communication: "" });
  assert.equal(end.status.state, "Idle");
  await stage.close();
});

Deno.test("Speaker.abort() leaves no timer, not even that of the turn in which routes changed (STYLE disposal)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const armed = new Set<Disposable>();
  const { clock } = stage;
  const counted = {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    at: (atMs: number, callback: () => void) => {
      const timer = clock.at(atMs, () => {
        armed.delete(entry);
        callback();
      });
      const entry = {
        [Symbol.dispose]: () => {
          armed.delete(entry);
          timer[Symbol.dispose]();
        },
      };
      armed.add(entry);
      return entry;
    },
  };
  const { speaker } = stage.end(A, { options: { clock: counted } });
  speaker.start();
  await clock.advance(5);
  probe.last.establish();
  await clock.advance(5);
  const before = armed.size;
  speaker.announce([route("10.99.0.1/32")]);
  assert.equal(armed.size, before + 1);
  speaker.abort();
  assert.equal(armed.size, 0);
  await stage.close();
});

Deno.test("Speaker drops connections from addresses that are no peer's, at once (issue: dropped at accept)", async () => {
  const stage = new Stage();
  const end = stage.end(A);
  end.speaker.start();
  const stranger = stage.probe(address("10.0.0.66"));
  const session = stranger.connect(A);
  await stage.clock.advance(10);
  assert.deepEqual((await session).words, []);
  assert.equal((await session).ended, "closed");
  assert.deepEqual(end.of("connection-refused").map(({ address }) => address), ["10.0.0.66"]);
  await stage.close();
});

Deno.test("Speaker bounds the connections that a peer may hold open beside each other (issue: a cap on half-open ones)", async () => {
  const stage = new Stage();
  const end = stage.end(A, { peer: { passive: true } });
  end.speaker.start();
  const probe = stage.probe();
  for (let attempt = 0; attempt < 25; attempt++) {
    probe.connect(A);
    await stage.clock.advance(5);
  }
  const open = probe.sessions.filter(({ ended }) => ended === undefined);
  assert.ok(open.length <= 2, `${open.length} connections are open`);
  open.at(-1)?.establish();
  await stage.clock.advance(5);
  assert.equal(end.status.state, "Established");
  await stage.close();
});

Deno.test("Speaker replaces a session by the new connection of a restarted graceful peer, and fills it (RFC 4724 4.2)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A, { peer: { gracefulRestart: { restartTimeSeconds: 120 } } });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  const [old] = probe.sessions;
  old?.establish({ capabilities: graceful() });
  await stage.clock.advance(5);
  probe.connect(A);
  await stage.clock.advance(5);
  const fresh = probe.last;
  fresh.establish({ capabilities: graceful({ restarting: true }) });
  await stage.clock.advance(5);
  assert.equal(old?.ended, "closed");
  assert.ok(!old?.words.some((word) => word.startsWith("NOTIFICATION")));
  assert.deepEqual(told(fresh), ["+10.99.0.1/32"]);
  assert.equal(end.status.state, "Established");
  await stage.close();
});

Deno.test("Speaker.status() says when it tries again, and why the last attempt failed (issue: why a session is down)", async () => {
  const stage = new Stage();
  const end = stage.end(A);
  end.speaker.start();
  await stage.clock.advance(100);
  const { state, lastError, nextRetry, since } = end.status;
  assert.equal(state, "Idle");
  assert.match(lastError?.text ?? "", /Connection refused/);
  assert.ok(nextRetry !== undefined && nextRetry.getTime() - since.getTime() >= 3750);
  assert.deepEqual(end.of("session-ended").map(({ from }) => from), ["Connect"]);
  assert.doesNotThrow(() => JSON.stringify(end.status));
  await stage.close();
});

Deno.test("Speaker.status() keeps the peer's reason in view while further connections are closed without a word (issue)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(5);
  probe.last.say(cease(CeaseSubcode.ADMINISTRATIVE_SHUTDOWN, "maintenance until 6"));
  await stage.clock.advance(5);
  const reason = "peer sent Cease/Administrative Shutdown: maintenance until 6";
  assert.equal(end.status.lastError?.text, reason);
  for (const connections of [2, 3]) {
    while (probe.sessions.length < connections) await stage.clock.advance(100);
    probe.last.close();
    await stage.clock.advance(5);
    assert.equal(end.status.lastError?.text, `the peer closed the connection; before that, ${reason}`);
    assert.equal(end.status.lastError?.noted, "received");
  }
  while (probe.sessions.length < 4) await stage.clock.advance(100);
  probe.last.establish();
  await stage.clock.advance(5);
  probe.last.close();
  await stage.clock.advance(5);
  assert.equal(end.status.lastError?.text, "the peer closed the connection");
  await stage.close();
});

Deno.test("Speaker reads messages of 65535 octets where both sides take them (RFC 8654)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish({ capabilities: [...CAPABILITIES, { type: "extended-message" }] });
  await stage.clock.advance(5);
  const length = 65_535;
  const update = new Uint8Array(length).fill(255, 0, 16);
  const view = new DataView(update.buffer);
  view.setUint16(16, length);
  view.setUint8(18, 2);
  // 13,102 withdrawn /32s and 2 octets left over, filled by a /8.
  const withdrawn = length - 23;
  view.setUint16(19, withdrawn);
  for (let at = 21, left = withdrawn; left > 0;) {
    const octets = left % 5 === 0 ? 5 : 2;
    update[at] = octets === 5 ? 32 : 8;
    update.fill(10, at + 1, at + octets);
    at += octets;
    left -= octets;
  }
  probe.last.say(update);
  await stage.clock.advance(5);
  assert.equal(end.status.state, "Established");
  assert.equal(end.status.prefixes.withdrawn, Math.floor(withdrawn / 5) + (withdrawn % 5) / 2);
  await stage.close();
});

Deno.test("Speaker of a four-octet AS reaches a peer without that capability, with its AS in AS4_PATH (RFC 6793)", async () => {
  const stage = new Stage();
  const transport = stage.network.transport(B);
  const probe = new Probe(transport, { ...PROBE_CONTEXT, fourOctetAs: false }).listen(B);
  const end = stage.end(A, { local: { as: 4_200_000_001 } });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  const [open] = probe.last.heard;
  assert.ok(open?.type === "OPEN" && open.myAs === 23_456);
  probe.last.establish({ capabilities: [] });
  await stage.clock.advance(5);
  const update = probe.last.heard.find((message) => message.type === "UPDATE");
  assert.ok(update?.type === "UPDATE");
  assert.deepEqual(told(probe.last), ["+10.99.0.1/32"]);
  assert.deepEqual(update.attributes.asPath, [{
    type: 2,
    ases: [4_200_000_001],
  }]);
  probe[Symbol.dispose]();
  await stage.close();
});

Deno.test("Speaker sends its link-local address beside a global next hop on a subnet that the peer shares (RFC 2545 3)", async () => {
  const [own, other] = [address("2001:db8::1"), address("2001:db8::2")];
  const [both, alone] = [["eth0 2001:db8::1/64", "eth0 fe80::5/64"], ["eth0 2001:db8::1/64"]];
  const rows = [
    [both, "auto", ["2001:db8::1", "fe80::5"]],
    [both, "never", ["2001:db8::1"]],
    [alone, "auto", ["2001:db8::1"]],
  ] as const;
  for (const [known, linkLocalNextHop, expected] of rows) {
    const stage = new Stage();
    const probe = stage.probe(other);
    const { speaker } = stage.end(own, {
      local: { routerID: A },
      peer: { address: other, as: 65_002, families: ["ipv6-unicast"], linkLocalNextHop },
      options: { addresses: new FakeAddresses(...known) },
    });
    speaker.announce([route("2001:db8:99::1/128")]);
    speaker.start();
    await stage.clock.advance(5);
    probe.last.establish({
      capabilities: [...CAPABILITIES, { type: "multiprotocol", family: { afi: 2, safi: 1 } }],
    });
    await stage.clock.advance(5);
    const hops = probe.last.heard.flatMap((message) =>
      message.type === "UPDATE" ? message.reach.map(({ nextHops }) => nextHops.map(({ text }) => text)) : []
    );
    assert.deepEqual(hops, [expected]);
    await stage.close();
  }
});
