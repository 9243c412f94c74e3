/** No fault of one peer or stranger costs another one time, memory or descriptors. */
import assert from "node:assert/strict";
import { MutableCounters } from "../../src/bgp/counters.ts";
import { PeerDriver } from "../../src/bgp/driver.ts";
import { sessionConfig } from "../../src/bgp/session/negotiate.ts";
import { NOTHING_KNOWN } from "../../src/bgp/session/session_state.ts";
import { Lingering } from "../../src/bgp/transport/lingering.ts";
import type { ListenerEvents, TcpSocket, Transport } from "../../src/bgp/transport/transport.ts";
import { encodeMessage, keepalive } from "../../src/bgp/wire/message.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { PROBE_CONTEXT } from "../support/probe.ts";
import { openOf } from "../support/sessions.ts";
import { A, B, Stage } from "../support/speakers.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** A socket on which there is always something to read, at once. */
function flooding(first: readonly Uint8Array[], then: Uint8Array): TcpSocket & { reads: number } {
  const at = { address: B, zone: undefined, port: 179 };
  return {
    local: at,
    remote: at,
    reads: 0,
    read() {
      // A driver that never yields reads these all in one turn, and the test ends all the same.
      if (this.reads > 1000) return new Promise<never>(() => {});
      return Promise.resolve(first[this.reads++] ?? then);
    },
    write: () => Promise.resolve(),
    end: () => Promise.resolve(),
    [Symbol.dispose]() {},
  };
}

Deno.test("PeerDriver lets timers and other peers have their turn while a peer floods it (issue: S4, CONTRACT Isolation)", async () => {
  const clock = new VirtualClock();
  let workMs = 0;
  const refresh = encodeMessage(
    { type: "ROUTE-REFRESH", family: { afi: 1, safi: 1 }, subtype: 0 },
    PROBE_CONTEXT,
  );
  const socket = flooding([encodeMessage(openOf(), PROBE_CONTEXT), keepalive()], refresh);
  const peer = peerConfig({ passive: true });
  const driver = new PeerDriver({
    refuseSource: () => undefined,
    peer,
    session: sessionConfig(localBgp(), peer),
    restart: NOTHING_KNOWN,
    transport: { connect: () => Promise.reject(new Error("no")), listen: () => assert.fail("no") },
    clock: {
      now: () => clock.now() + workMs,
      wallTime: () => clock.wallTime(),
      at: (atMs, callback) => clock.at(atMs - workMs, callback),
    },
    random: () => 0.5,
    rejections: new Lingering(4),
    counters: new MutableCounters(),
    events: {
      transition() {},
      ended() {},
      failed() {},
      established() {},
      // As if each request took 3 ms.
      refresh: () => void (workMs += 3),
      keepingAlive() {},
      writable() {},
      notification() {},
      rejected() {},
      fault: ({ message }) => assert.fail(message),
    },
  });
  driver.start();
  driver.accept(socket);
  // A timer that is always due sees four requests between two of its turns, never more.
  const seen: number[] = [];
  const tick = () => {
    seen.push(driver.counters.received["ROUTE-REFRESH"]);
    if (seen.length < 50) clock.at(clock.now(), tick);
  };
  tick();
  await clock.advance(0);
  const between = seen.slice(1).map((count, index) => count - (seen[index] ?? 0));
  assert.ok(between.every((count) => count <= 4), between.join());
  assert.ok((seen.at(-1) ?? 0) > 150, `${seen.at(-1)} requests`);
  driver.abort();
  await settle();
});

Deno.test("Speaker bounds what lingers of a peer that connects in a storm and closes nothing (issue: S6)", async () => {
  const stage = new Stage();
  const end = stage.end(A, { peer: { passive: true } });
  end.speaker.start();
  const probe = stage.probe();
  const connecting: Promise<unknown>[] = [];
  for (let attempt = 0; attempt < 300; attempt++) {
    connecting.push(probe.connect(A));
    if (attempt % 10 === 0) await stage.clock.advance(1);
  }
  await stage.clock.advance(2);
  await Promise.all(connecting);
  // Two directions each of: a session that waits, four that are told why, four sessions that ended.
  assert.ok(stage.network.openPipes <= 2 * (1 + 4 + 4), `${stage.network.openPipes} directions are open`);
  const told = probe.sessions.filter(({ words }) => words.includes("NOTIFICATION 6/5"));
  assert.equal(told.length, 4);
  // It is told once, and as a number, however many they are.
  await stage.clock.advance(10_000);
  const refused = end.of("connection-refused");
  assert.deepEqual(refused.map(({ reason, address }) => [reason.type, address]), [
    ["surplus", "10.0.0.2"],
    ["surplus", "10.0.0.2"],
  ]);
  assert.equal(refused.reduce((sum, { count }) => sum + count, 0), 200);
  assert.equal(end.status.lastNotificationSent?.subcode, 7, "the rejections are not the session's");
  await stage.close();
});

Deno.test("Speaker bounds the rejections of all peers together (issue: S6)", async () => {
  const stage = new Stage();
  const addresses = Array.from({ length: 17 }, (_, host) => address(`10.0.1.${host}`));
  const peers = addresses.map((at) => peerConfig({ name: at.text, address: at, passive: true }));
  const end = stage.end(A, { options: { peers } });
  end.speaker.start();
  const probes = addresses.map((at) => stage.probe(at));
  const connecting = probes.flatMap((probe) => Array.from({ length: 104 }, () => probe.connect(A)));
  await stage.clock.advance(5);
  await Promise.all(connecting);
  const told = probes.flatMap(({ sessions }) => sessions)
    .filter(({ words }) => words.includes("NOTIFICATION 6/5"));
  assert.equal(told.length, 64);
  await stage.close();
});

Deno.test("Speaker tells of strangers once, and then as a number with the first of them (issue: S7)", async () => {
  const stage = new Stage();
  const end = stage.end(A);
  end.speaker.start();
  const strangers = Array.from({ length: 200 }, (_, host) => stage.probe(address(`10.9.0.${host}`)));
  const connecting = strangers.map((stranger) => stranger.connect(A));
  await stage.clock.advance(20_000);
  await Promise.all(connecting);
  assert.deepEqual(
    end.of("connection-refused").map(({ address, reason, count }) => [address, reason.type, count]),
    [
      ["10.9.0.0", "no-peer", 1],
      ["10.9.0.1", "no-peer", 199],
    ],
  );
  assert.equal(stage.network.openPipes, 0);
  await stage.close();
});

Deno.test("Speaker tells of a connection for a peer that it does not have any more, and apart what has another cure (B9)", async () => {
  const stage = new Stage();
  const inMemory = stage.network.transport(A);
  let events: ListenerEvents | undefined;
  const transport: Transport = {
    ...inMemory,
    listen(options, told) {
      events = told;
      return inMemory.listen(options, told);
    },
  };
  const end = stage.end(A, { options: { transport } });
  end.speaker.start();
  const remote = { address: address("10.0.0.66"), zone: undefined, port: 4000 };
  let open = 0;
  const connect = () => {
    open++;
    const socket = {
      ...flooding([], keepalive()),
      local: remote,
      remote,
      [Symbol.dispose]: () => void open--,
    };
    events?.connection(socket, peerConfig({ name: "gone", address: remote.address }));
  };
  connect();
  connect();
  for (const message of ["no key", "no key", "another"]) events?.refused(remote, { type: "option", message });
  await stage.clock.advance(20_000);
  assert.equal(open, 0);
  assert.deepEqual(
    end.of("connection-refused").map((
      { reason, count },
    ) => [reason.type === "option" ? reason.message : reason.type, count]),
    [["no-peer", 1], ["no key", 1], ["another", 1], ["no-peer", 1], ["no key", 1]],
  );
  await stage.close();
});

Deno.test("Speaker tells that accepting fails, as a number, and for each listener (issue: S5)", async () => {
  const stage = new Stage();
  const listeners: ListenerEvents[] = [];
  const network = stage.network.transport(A);
  const transport: Transport = {
    connect: network.connect,
    listen(options, events) {
      listeners.push(events);
      return network.listen(options, events);
    },
  };
  const end = stage.end(A, {
    local: { listenAddresses: [A, address("10.0.0.9")] },
    options: { transport },
  });
  end.speaker.start();
  for (let time = 0; time < 5; time++) {
    for (const { fault } of listeners) fault(new Error("accept4: too many open files (EMFILE)"));
  }
  await stage.clock.advance(10_000);
  assert.deepEqual(end.of("accept-failed").map(({ address, count, cause }) => [address, count, cause]), [
    ["10.0.0.1", 1, "accept4: too many open files (EMFILE)"],
    ["10.0.0.9", 1, "accept4: too many open files (EMFILE)"],
    ["10.0.0.1", 4, "accept4: too many open files (EMFILE)"],
    ["10.0.0.9", 4, "accept4: too many open files (EMFILE)"],
  ]);
  await stage.close();
});

Deno.test("Speaker.status() gives the same ages where the time of day is stepped (issue: S20)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  let steppedMs = 0;
  const { clock } = stage;
  const end = stage.end(A, {
    peer: { connectRetryTimeMs: 1000 },
    options: {
      clock: {
        now: () => clock.now(),
        wallTime: () => new Date(clock.wallTime().getTime() + steppedMs),
        at: (atMs, callback) => clock.at(atMs, callback),
      },
    },
  });
  end.speaker.start();
  await clock.advance(5);
  probe.last.establish();
  await clock.advance(1000);
  probe.last.say({ type: "NOTIFICATION", code: 6, subcode: 4, data: new Uint8Array() });
  await clock.advance(3000);
  const ages = () => {
    const now = clock.wallTime().getTime() + steppedMs;
    const { since, lastError, lastNotificationReceived, nextRetry } = end.status;
    return [since, lastError?.at, lastNotificationReceived?.at, nextRetry].map((date) =>
      date === undefined ? undefined : now - date.getTime()
    );
  };
  const before = ages();
  assert.ok(before.slice(0, 3).every((age) => age !== undefined && age >= 0), before.join());
  for (const step of [86_400_000 * 365, -86_400_000 * 365]) {
    steppedMs = step;
    assert.deepEqual(ages(), before);
  }
  await stage.close();
});
