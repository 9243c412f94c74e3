/** A speaker whose peers change while it runs. */
import assert from "node:assert/strict";
import type { SpeakerEvent } from "../../src/bgp/speaker.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { Probe } from "../support/probe.ts";
import { CAPABILITIES } from "../support/sessions.ts";
import { A, B, type End, type EndOptions, Stage } from "../support/speakers.ts";

const C = address("10.0.0.3");
const LOCAL = localBgp({ routerID: A, as: 65_001, listenPort: 179, listenAddresses: [A] });
const TO_B = peerConfig({ name: "b", address: B, connectRetryTimeMs: 1000 });
const TO_C = peerConfig({ name: "c", address: C, connectRetryTimeMs: 1000 });

interface Scene {
  readonly stage: Stage;
  readonly end: End;
  readonly b: Probe;
  readonly c: Probe;
}

/** A speaker with sessions to b and c. */
async function scene(body: (scene: Scene) => Promise<void>, options: EndOptions = {}): Promise<void> {
  const stage = new Stage();
  const [b, c] = [stage.probe(B), stage.probe(C)];
  const end = stage.end(A, {
    ...options,
    options: { local: LOCAL, peers: [TO_B, TO_C], ...options.options },
  });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  for (const probe of [b, c]) probe.last.establish();
  await stage.clock.advance(5);
  assert.deepEqual(states(end), ["Established", "Established"]);
  await body({ stage, end, b, c });
  await stage.close();
}

function states({ speaker }: End): readonly string[] {
  return speaker.status().map(({ state }) => state);
}

Deno.test("Speaker.configure() with what it has already touches nothing (CONTRACT Reload)", () =>
  scene(async ({ stage, end, b, c }) => {
    const before = end.events.length;
    const heard = [b.last.heard.length, c.last.heard.length];
    end.speaker.configure({ ...LOCAL }, [{ ...TO_B, address: address("10.0.0.2") }, { ...TO_C }]);
    await stage.clock.advance(5);
    assert.equal(end.events.length, before);
    assert.deepEqual([b.last.heard.length, c.last.heard.length], heard);
    assert.deepEqual([b.sessions.length, c.sessions.length], [1, 1]);
  }));

Deno.test("Speaker.configure() ends a removed peer by Cease/Peer De-configured and leaves the other alone (RFC 4486)", () =>
  scene(async ({ stage, end, b, c }) => {
    end.speaker.configure(LOCAL, [TO_C]);
    await stage.clock.advance(5);
    assert.equal(b.last.words.at(-1), "NOTIFICATION 6/3");
    assert.equal(b.last.ended, "closed");
    assert.deepEqual(states(end), ["Established"]);
    assert.equal(c.sessions.length, 1);
    assert.ok(!c.last.words.some((word) => word.startsWith("NOTIFICATION")));
    // It is nobody's address any more.
    const stranger = b.connect(A);
    await stage.clock.advance(5);
    assert.equal((await stranger).ended, "closed");
    assert.deepEqual(end.of("connection-refused").map(({ reason, count }) => [reason.type, count]), [[
      "no-peer",
      1,
    ]]);
    await stage.clock.advance(60_000);
    assert.equal(b.sessions.length, 2, "it does not connect again");
  }));

Deno.test("Speaker wraps Peer De-configured, and BFD Down, in a Hard Reset for a peer with the N bit (RFC 8538 3, RFC 9384 4)", async () => {
  const rows: readonly [(speaker: End["speaker"]) => void, number][] = [
    [(speaker) => speaker.configure(LOCAL, []), 3],
    [(speaker) => speaker.followPath("b", "lost", "BFD is down"), 10],
  ];
  for (const [ends, subcode] of rows) {
    const stage = new Stage();
    const probe = stage.probe();
    const peer = peerConfig({ name: "b", address: B, gracefulRestart: { restartTimeSeconds: 60 } });
    const end = stage.end(A, { options: { local: LOCAL, peers: [peer] } });
    end.speaker.start();
    await stage.clock.advance(5);
    const session = probe.last;
    session.establish({
      capabilities: [...CAPABILITIES, {
        type: "graceful-restart",
        restarting: false,
        notification: true,
        restartTimeSeconds: 60,
        families: [],
      }],
    });
    await stage.clock.advance(5);
    ends(end.speaker);
    await stage.clock.advance(5);
    const last = session.heard.at(-1);
    assert.ok(last?.type === "NOTIFICATION");
    assert.deepEqual([last.code, last.subcode, ...last.data], [6, 9, 6, subcode]);
    await stage.close();
  }
});

Deno.test("Speaker.flushed() waits for the End-of-RIB of a session that was begun anew, where the peer keeps routes over it (found by simulation)", async () => {
  for (const notification of [true, false]) {
    const stage = new Stage();
    const probe = stage.probe();
    const peer = peerConfig({ name: "b", address: B, gracefulRestart: { restartTimeSeconds: 60 } });
    const { speaker } = stage.end(A, { options: { local: LOCAL, peers: [peer] } });
    const restart = { type: "graceful-restart", restarting: false, restartTimeSeconds: 60 } as const;
    const establish = async () => {
      await stage.clock.advance(5);
      probe.last.establish({ capabilities: [...CAPABILITIES, { ...restart, notification, families: [] }] });
      await stage.clock.advance(5);
    };
    speaker.announce([route("10.99.0.1/32")]);
    speaker.start();
    await establish();
    speaker.configure(LOCAL, [{ ...peer, holdTimeSeconds: 30 }]);
    speaker.announce([]);
    let flushed = false;
    void speaker.flushed(5000).then(() => flushed = true);
    await establish();
    assert.equal(flushed, !notification, "the routes of the session before are there still");
    speaker.releaseEndOfRib();
    await stage.clock.advance(5);
    assert.equal(flushed, true);
    await stage.close();
  }
});

Deno.test("Speaker.configure() starts a changed session anew by Cease/Other Configuration Change (RFC 4486)", () =>
  scene(async ({ stage, end, b, c }) => {
    end.speaker.configure(LOCAL, [{ ...TO_B, holdTimeSeconds: 30 }, TO_C]);
    await stage.clock.advance(5);
    const [old, fresh] = b.sessions;
    assert.equal(old?.words.at(-1), "NOTIFICATION 6/6");
    const [open] = fresh?.heard ?? [];
    assert.equal(open?.type === "OPEN" && open.holdTimeSeconds, 30);
    fresh?.establish();
    await stage.clock.advance(5);
    assert.deepEqual(states(end), ["Established", "Established"]);
    assert.ok(fresh?.words.includes("UPDATE"));
    assert.equal(c.sessions.length, 1);
    // What happened before is not forgotten, and a change is no flap.
    assert.equal(end.status.flaps, 0);
    assert.equal(end.status.messages.sent.NOTIFICATION, 1);
    assert.equal(end.status.lastError?.text, "its configuration has changed");
    assert.equal(end.status.negotiated?.holdTimeSeconds, 30);
  }));

Deno.test("Speaker.configure() brings another next hop by UPDATE alone (CONTRACT Reload)", () =>
  scene(async ({ stage, end, b, c }) => {
    end.speaker.announce([route("10.99.0.1/32"), route("10.99.0.2/32")]);
    await stage.clock.advance(5);
    const updates = (probe: Probe) => probe.last.words.filter((word) => word === "UPDATE").length;
    const before = [updates(b), updates(c)];
    end.speaker.configure(LOCAL, [{ ...TO_B, nextHop: address("10.0.0.77") }, TO_C]);
    await stage.clock.advance(5);
    assert.deepEqual([updates(b), updates(c)], [(before[0] ?? 0) + 1, before[1]]);
    const last = b.last.heard.at(-1);
    assert.ok(last?.type === "UPDATE");
    assert.deepEqual(
      last.reach.map(({ nextHops, nlri }) => [nextHops[0]?.text, [...nlri.prefixes()].length]),
      [["10.0.0.77", 2]],
    );
    assert.equal(end.status.advertised[0]?.nextHop, "10.0.0.77");
    assert.equal(b.sessions.length, 1);
  }));

Deno.test("Speaker.configure() keeps the session of a peer that is only called otherwise, with its routes (CONTRACT Reload)", () =>
  scene(async ({ stage, end, b, c }) => {
    const forB = (name: string) => ({ ...route("10.99.0.2/32"), peers: [name] });
    end.speaker.announce([route("10.99.0.1/32"), forB("b")]);
    await stage.clock.advance(5);
    const heard = [b.last.heard.length, c.last.heard.length];
    end.speaker.configure(LOCAL, [{ ...TO_B, name: "tor-1" }, TO_C]);
    end.speaker.announce([route("10.99.0.1/32"), forB("tor-1")]);
    await stage.clock.advance(5);
    assert.deepEqual([b.last.heard.length, c.last.heard.length], heard);
    assert.deepEqual(end.speaker.status().map(({ name, state }) => [name, state]), [
      ["tor-1", "Established"],
      ["c", "Established"],
    ]);
    assert.equal(end.speaker.reset("b", { type: "administrative", communication: "" }), false);
    assert.equal(end.speaker.reset("tor-1", { type: "administrative", communication: "" }), true);
    await stage.clock.advance(5);
    assert.deepEqual(end.of("peer-state").at(-1)?.peer, "tor-1");
    // The routes of the name that it had are not its own any more.
    end.speaker.announce([route("10.99.0.1/32"), forB("b")]);
    b.last.establish();
    await stage.clock.advance(5);
    assert.deepEqual(end.status.advertised.map(({ prefix }) => prefix), ["10.99.0.1/32"]);
  }));

Deno.test("Speaker.configure() and announce() in one turn make one UPDATE (CONTRACT Reload)", () =>
  scene(async ({ stage, end, b }) => {
    const updates = () => b.last.words.filter((word) => word === "UPDATE").length;
    const before = updates();
    end.speaker.configure(LOCAL, [{ ...TO_B, nextHop: address("10.0.0.77") }, TO_C]);
    end.speaker.announce([route("10.99.0.1/32", { med: 7 })]);
    await stage.clock.advance(5);
    assert.equal(updates(), before + 1);
  }));

Deno.test("Speaker.configure() removes a peer that has another address now, whatever it is called (CONTRACT Reload)", () =>
  scene(async ({ stage, end, b, c }) => {
    const D = address("10.0.0.4");
    const d = stage.probe(D);
    end.speaker.configure(LOCAL, [{ ...TO_B, address: D }, TO_C]);
    await stage.clock.advance(5);
    assert.equal(b.last.words.at(-1), "NOTIFICATION 6/3");
    assert.equal(d.sessions.length, 1);
    assert.equal(c.sessions.length, 1);
    assert.deepEqual(end.speaker.status().map(({ name, address }) => [name, address]), [
      ["b", "10.0.0.4"],
      ["c", "10.0.0.3"],
    ]);
  }));

Deno.test("Speaker.configure() starts a new peer, and the order of the status is the configuration's (CONTRACT Reload)", async () => {
  const stage = new Stage();
  const [b, c] = [stage.probe(B), stage.probe(C)];
  const end = stage.end(A, { options: { local: LOCAL, peers: [TO_B] } });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  b.last.establish();
  await stage.clock.advance(5);
  end.speaker.configure(LOCAL, [TO_C, TO_B]);
  await stage.clock.advance(5);
  c.last.establish();
  await stage.clock.advance(5);
  assert.deepEqual(end.speaker.status().map(({ name, state }) => [name, state]), [
    ["c", "Established"],
    ["b", "Established"],
  ]);
  assert.ok(c.last.words.includes("UPDATE"));
  assert.equal(b.sessions.length, 1);
  await stage.close();
});

Deno.test("Speaker.configure() before the start says what will be started, and after a stop nothing (CONTRACT Reload)", async () => {
  const stage = new Stage();
  const c = stage.probe(C);
  const end = stage.end(A, { options: { local: LOCAL, peers: [TO_B] } });
  end.speaker.configure(LOCAL, [TO_C]);
  await stage.clock.advance(5);
  assert.equal(c.sessions.length, 0);
  end.speaker.start();
  await stage.clock.advance(5);
  assert.equal(c.sessions.length, 1);
  const incoming = c.connect(A);
  await stage.clock.advance(5);
  assert.equal((await incoming).ended, undefined, "it is let in");
  const stopped = end.speaker.stop({ mode: "shutdown", communication: "" });
  await stage.clock.advance(5000);
  await stopped;
  end.speaker.configure(LOCAL, [TO_B, TO_C]);
  assert.deepEqual(end.speaker.status().map(({ name }) => name), ["c"]);
  assert.equal(end.speaker.reset("c", { type: "administrative", communication: "" }), false);
  await stage.close();
});

Deno.test("Speaker.configure() with another AS or BGP Identifier of ours starts every session anew (RFC 4271 4.2)", () =>
  scene(async ({ stage, end, b, c }) => {
    end.speaker.configure({ ...LOCAL, as: 65_009 }, [TO_B, TO_C]);
    await stage.clock.advance(5);
    assert.deepEqual([b.sessions[0]?.words.at(-1), c.sessions[0]?.words.at(-1)], [
      "NOTIFICATION 6/6",
      "NOTIFICATION 6/6",
    ]);
    const [open] = b.last.heard;
    assert.equal(open?.type === "OPEN" && open.myAs, 65_009);
  }));

Deno.test("Speaker.configure() moves the listener, and a session that is up stays (CONTRACT Reload)", () =>
  scene(async ({ stage, end, b }) => {
    end.speaker.configure({ ...LOCAL, listenPort: 1179 }, [TO_B, TO_C]);
    await stage.clock.advance(5);
    assert.deepEqual(end.speaker.listeners(), [{
      address: "10.0.0.1",
      port: 1179,
      device: undefined,
      fault: undefined,
    }]);
    assert.equal(stage.network.openListeners, 3);
    await assert.rejects(Promise.all([b.connect(A), stage.clock.advance(5)]), /refused/);
    const incoming = b.connect(A, 1179);
    await stage.clock.advance(5);
    assert.deepEqual((await incoming).words, ["OPEN"]);
    end.speaker.configure({ ...LOCAL, listenPort: -1 }, [TO_B, TO_C]);
    assert.equal(stage.network.openListeners, 2);
    assert.deepEqual(states(end), ["Established", "Established"]);
  }));

Deno.test("Speaker.configure() brings another retry time to a session that is up, without touching it (CONTRACT Reload)", () =>
  scene(async ({ stage, end, b }) => {
    end.speaker.configure(LOCAL, [{ ...TO_B, connectRetryTimeMs: 100_000 }, TO_C]);
    await stage.clock.advance(5);
    assert.equal(b.sessions.length, 1);
    b.last.close();
    await stage.clock.advance(10_000);
    assert.equal(b.sessions.length, 1);
    await stage.clock.advance(20_000);
    assert.equal(b.sessions.length, 2);
  }));

Deno.test("Speaker.stop() right after a removal hands the removed peer's last words over, too (CONTRACT Reload)", () =>
  scene(async ({ stage, end, b, c }) => {
    end.speaker.configure(LOCAL, [TO_C]);
    const stopped = end.speaker.stop({ mode: "shutdown", communication: "bye" });
    await stage.clock.advance(3000);
    await stopped;
    assert.deepEqual([b.last.words.at(-1), c.last.words.at(-1)], ["NOTIFICATION 6/3", "NOTIFICATION 6/2"]);
  }));

Deno.test("Speaker.stop() waits for the last words of a removed peer, for as long as for any other (issue: bounded in time)", async () => {
  const stage = new Stage({ bufferLength: 50 });
  const probe = stage.probe();
  const end = stage.end(A, { options: { local: LOCAL, peers: [TO_B] } });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  probe.last.reading = false;
  await stage.clock.advance(5);
  end.speaker.announce([route("10.99.0.2/32")]);
  end.speaker.configure(LOCAL, []);
  let stopped = false;
  end.speaker.stop({ mode: "shutdown", communication: "bye" }).then(() => stopped = true);
  await stage.clock.advance(900);
  assert.equal(stopped, false);
  await stage.clock.advance(200);
  assert.equal(stopped, true);
  await stage.close();
});

Deno.test("Speaker.reset() starts one session anew at once, saying why (RFC 9003, RFC 9384)", () =>
  scene(async ({ stage, end, b, c }) => {
    assert.equal(end.speaker.reset("nobody", { type: "administrative", communication: "" }), false);
    assert.equal(end.speaker.reset("b", { type: "administrative", communication: "new cable" }), true);
    await stage.clock.advance(5);
    const [old] = b.sessions;
    const last = old?.heard.at(-1);
    assert.ok(last?.type === "NOTIFICATION");
    assert.deepEqual([last.code, last.subcode], [6, 4]);
    assert.equal(new TextDecoder().decode(last.data.subarray(1)), "new cable");
    assert.equal(b.sessions.length, 2, "it connects at once");
    b.last.establish();
    await stage.clock.advance(5);
    assert.equal(end.status.flaps, 0);
    end.speaker.followPath("nobody", "lost", "");
    end.speaker.followPath("b", "lost", "nothing came from the peer for 150ms");
    await stage.clock.advance(5);
    assert.equal(b.sessions[1]?.words.at(-1), "NOTIFICATION 6/10");
    assert.equal(end.status.flaps, 1);
    assert.equal(c.sessions.length, 1);
    const causes = end.events.filter((event): event is Extract<SpeakerEvent, { type: "peer-state" }> =>
      event.type === "peer-state" && event.from === "Established"
    ).map(({ cause }) => cause);
    assert.deepEqual(causes, ["administrative reset", "BFD is down: nothing came from the peer for 150ms"]);
  }));

Deno.test("Speaker.followPath() lets a peer be tried at once where BFD is up again (gobgp#3564)", () =>
  scene(async ({ stage, end, b }) => {
    end.speaker.followPath("b", "up", "BFD is up");
    assert.equal(end.status.state, "Established", "a session that stands is left alone");
    end.speaker.followPath("b", "unknown", "the operator of the router turned BFD off");
    assert.equal(end.status.state, "Established");
    b.last.close();
    await stage.clock.advance(5);
    assert.equal(end.status.state, "Idle");
    const before = b.sessions.length;
    end.speaker.followPath("b", "up", "BFD is up");
    await stage.clock.advance(5);
    assert.equal(b.sessions.length, before + 1);
  }));

const STRICT = {
  ...TO_B,
  bfd: { transmitMs: 50, receiveMs: 50, multiplier: 3, passive: false, strict: true, multihop: false },
};

Deno.test("Speaker begins no session with a strict peer before BFD is up, and keeps one whose router turns BFD off (CONTRACT bfd)", () =>
  scene(async ({ stage, end, b }) => {
    const before = b.sessions.length;
    end.speaker.configure(LOCAL, [STRICT, TO_C]);
    assert.equal(end.status.state, "Established", "what is Established stays");
    end.speaker.reset("b", { type: "administrative", communication: "" });
    await stage.clock.advance(60_000);
    assert.equal(b.sessions.length, before);
    assert.deepEqual([end.status.state, end.status.cause], ["Idle", "waits for BFD to be up (bfd.strict)"]);
    const [refused] = await Promise.all([b.connect(A), stage.clock.advance(5)]);
    assert.match(refused.words.join(), /NOTIFICATION 6\/5/);
    end.speaker.followPath("b", "unknown", "");
    await stage.clock.advance(5);
    assert.equal(b.last, refused, "nothing is begun");
    end.speaker.followPath("b", "up", "");
    await stage.clock.advance(5);
    assert.notEqual(b.last, refused);
    b.last.establish();
    await stage.clock.advance(5);
    assert.equal(end.status.state, "Established");
    end.speaker.followPath("b", "unknown", "turned off there");
    assert.equal(end.status.state, "Established");
    end.speaker.followPath("b", "up", "");
    end.speaker.followPath("b", "lost", "BFD is down");
    const count = b.sessions.length;
    await stage.clock.advance(60_000);
    assert.equal(b.sessions.length, count);
    end.speaker.configure(LOCAL, [TO_B, TO_C]);
    await stage.clock.advance(5);
    assert.equal(b.sessions.length, count + 1, "strict no more");
  }));
