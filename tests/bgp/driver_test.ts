/** The driver, against a scripted peer on a network in memory and a virtual clock. */
import assert from "node:assert/strict";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import type { TcpAoKey } from "../../src/config/config.ts";
import { encodeMessage, keepalive } from "../../src/bgp/wire/message.ts";
import { address, peerConfig, route } from "../support/bgp.ts";
import { type Probe, PROBE_CONTEXT } from "../support/probe.ts";
import { openOf } from "../support/sessions.ts";
import { A, B, type End, type EndOptions, Stage } from "../support/speakers.ts";
import { settle } from "../support/virtual_clock.ts";

interface Scene {
  readonly stage: Stage;
  readonly probe: Probe;
  readonly speaker: End;
}

/** A speaker that connects to a probe, run to the end and looked over for leaks. */
async function scene(
  body: (scene: Scene) => Promise<void>,
  options: EndOptions = {},
  stage = new Stage(),
): Promise<void> {
  const probe = stage.probe();
  const speaker = stage.end(A, options);
  speaker.speaker.start();
  await stage.clock.advance(5);
  await body({ stage, probe, speaker });
  await stage.close();
}

function header(length: number, type: number, body: readonly number[] = []): Uint8Array {
  return Uint8Array.from([...new Array(16).fill(255), length >>> 8, length & 0xff, type, ...body]);
}

const C = address("10.0.0.3");

function peer(name: string, at: typeof C): ReturnType<typeof peerConfig> {
  return peerConfig({ name, address: at, as: 65_002 });
}

const OPEN = encodeMessage(openOf(), PROBE_CONTEXT);

Deno.test("PeerDriver connects at once and says OPEN (RFC 4271 8.2.2)", () =>
  scene(async ({ probe, speaker }) => {
    assert.deepEqual(probe.last.words, ["OPEN"]);
    assert.equal(speaker.status.state, "OpenSent");
    await Promise.resolve();
  }));

/** What the peer says, in which state; the NOTIFICATION with its data, or none. */
const FAULTS: readonly (readonly [
  string,
  Uint8Array,
  "OpenSent" | "OpenConfirm" | "Established",
  string,
  readonly number[],
])[] = [
  ["a wrong marker", new Uint8Array(19), "OpenSent", "1/1", []],
  ["length 18", header(18, 4), "OpenSent", "1/2", [0, 18]],
  ["length 0", header(0, 4), "OpenSent", "1/2", [0, 0]],
  ["length 4097", header(4097, 2), "OpenSent", "1/2", [0x10, 0x01]],
  ["length 65535 in OpenSent", header(65_535, 2), "OpenSent", "1/2", [255, 255]],
  ["OPEN of 28 octets", header(28, 1, new Array(9).fill(0)), "OpenSent", "1/2", [0, 28]],
  ["OPEN of version 3", header(29, 1, [3, 0xfd, 0xea, 0, 90, 10, 0, 0, 2, 0]), "OpenSent", "2/1", [0, 4]],
  ["OPEN with hold time 1", header(29, 1, [4, 0xfd, 0xea, 0, 1, 10, 0, 0, 2, 0]), "OpenSent", "2/6", []],
  ["OPEN with hold time 2", header(29, 1, [4, 0xfd, 0xea, 0, 2, 10, 0, 0, 2, 0]), "OpenSent", "2/6", []],
  ["OPEN from another AS", header(29, 1, [4, 0, 99, 0, 90, 10, 0, 0, 2, 0]), "OpenSent", "2/2", []],
  ["OPEN from AS 0", header(29, 1, [4, 0, 0, 0, 90, 10, 0, 0, 2, 0]), "OpenSent", "2/2", []],
  ["OPEN with identifier 0", header(29, 1, [4, 0xfd, 0xea, 0, 90, 0, 0, 0, 0, 0]), "OpenSent", "2/3", []],
  [
    "OPEN with parameter 1",
    header(31, 1, [4, 0xfd, 0xea, 0, 90, 10, 0, 0, 2, 2, 1, 0]),
    "OpenSent",
    "2/4",
    [],
  ],
  ["KEEPALIVE of 20 octets", header(20, 4, [0]), "Established", "1/2", [0, 20]],
  ["UPDATE of 22 octets", header(22, 2, [0, 0, 0]), "Established", "1/2", [0, 22]],
  ["NOTIFICATION of 20 octets", header(20, 3, [6]), "Established", "1/2", [0, 20]],
  ["type 0", header(19, 0), "Established", "1/3", [0]],
  ["type 255", header(19, 255), "Established", "1/3", [255]],
  ["UPDATE in OpenSent", header(23, 2, [0, 0, 0, 0]), "OpenSent", "5/1", []],
  ["malformed UPDATE in OpenSent", header(23, 2, [255, 255, 0, 0]), "OpenSent", "5/1", []],
  ["KEEPALIVE in OpenSent", keepalive(), "OpenSent", "5/1", []],
  ["ROUTE-REFRESH in OpenSent", header(23, 5, [0, 1, 0, 1]), "OpenSent", "5/1", []],
  ["UPDATE in OpenConfirm", header(23, 2, [0, 0, 0, 0]), "OpenConfirm", "5/2", []],
  ["OPEN in OpenConfirm", OPEN, "OpenConfirm", "5/2", []],
  ["OPEN in Established", OPEN, "Established", "5/3", []],
  ["UPDATE with attributes beyond its end", header(23, 2, [0, 0, 0, 9]), "Established", "3/1", []],
  ["UPDATE with a prefix of 33 bits", header(24, 2, [0, 1, 33, 0, 0]), "Established", "3/10", []],
];

for (const [name, bytes, state, code, data] of FAULTS) {
  Deno.test(`PeerDriver answers ${name} with NOTIFICATION ${code}, closes and tries again (RFC 4271 6)`, () =>
    scene(async ({ stage, probe, speaker }) => {
      const [session] = probe.sessions;
      assert.ok(session !== undefined);
      if (state !== "OpenSent") session.say(OPEN);
      if (state === "Established") session.say(keepalive());
      await stage.clock.advance(5);
      assert.equal(speaker.status.state, state);
      session.say(bytes);
      await stage.clock.advance(5);
      assert.equal(session.words.at(-1), `NOTIFICATION ${code}`);
      assert.deepEqual(session.notificationData, data);
      assert.equal(session.ended, "closed");
      assert.equal(speaker.status.lastNotificationSent?.code, Number(code.split("/")[0]));
      await stage.clock.advance(2000);
      assert.equal(probe.sessions.length, 2, "it connects again");
    }));
}

Deno.test("PeerDriver closes without an answer over a NOTIFICATION, whatever it says (RFC 4271 6.4)", () =>
  scene(async ({ stage, probe }) => {
    probe.last.say(header(21, 3, [255, 255]));
    await stage.clock.advance(5);
    assert.deepEqual(probe.last.words, ["OPEN"]);
    assert.equal(probe.last.ended, "closed");
  }));

for (
  const [name, pieceLength] of [["byte by byte", 1], ["in pieces of 7", 7], [
    "all at once",
    Infinity,
  ]] as const
) {
  Deno.test(`PeerDriver takes a session that comes ${name} (RFC 4271 4.1)`, () =>
    scene(
      async ({ stage, probe, speaker }) => {
        // Withdrawn 10.1.2.0/24; no attributes; then an End-of-RIB and KEEPALIVEs, in one write.
        const withdraw = header(27, 2, [0, 4, 24, 10, 1, 2, 0, 0]);
        const whole = [OPEN, keepalive(), withdraw, header(23, 2, [0, 0, 0, 0]), keepalive()];
        probe.last.say(Uint8Array.from(whole.flatMap((part) => [...part])));
        await stage.clock.advance(10);
        assert.equal(speaker.status.state, "Established");
        assert.deepEqual(speaker.status.messages.received, {
          OPEN: 1,
          UPDATE: 2,
          NOTIFICATION: 0,
          KEEPALIVE: 2,
          "ROUTE-REFRESH": 0,
        });
        assert.equal(speaker.status.prefixes.withdrawn, 1);
      },
      {},
      new Stage({ pieceLength: () => pieceLength }),
    ));
}

Deno.test("PeerDriver sends KEEPALIVE at 0.75 to 1.0 of a third of the hold time (RFC 4271 4.4)", () =>
  scene(async ({ stage, probe, speaker }) => {
    probe.last.establish({ holdTimeSeconds: 9 });
    const heardAt: number[] = [];
    for (let ms = 0; ms < 60_000; ms += 100) {
      const before = probe.last.heard.length;
      await stage.clock.advance(100);
      probe.last.say(keepalive());
      if (probe.last.heard.length > before) heardAt.push(ms);
    }
    const gaps = heardAt.slice(2).map((ms, index) => ms - (heardAt[index + 1] ?? 0));
    assert.ok(gaps.length > 20, `${gaps.length} KEEPALIVEs`);
    assert.ok(gaps.every((gap) => gap >= 2100 && gap <= 3100), gaps.join());
    assert.equal(speaker.status.state, "Established");
  }));

Deno.test("PeerDriver ends a session after the hold time without a word from the peer (RFC 4271 6.5)", () =>
  scene(async ({ stage, probe, speaker }) => {
    const [session] = probe.sessions;
    session?.establish({ holdTimeSeconds: 9 });
    await stage.clock.advance(8_990);
    assert.equal(speaker.status.state, "Established");
    await stage.clock.advance(20);
    assert.equal(session?.words.at(-1), "NOTIFICATION 4/0");
    assert.match(speaker.status.lastError?.text ?? "", /hold timer expired/);
    assert.equal(speaker.status.flaps, 1);
  }));

Deno.test("PeerDriver that stood still hears what arrived meanwhile before it looks at its timers", () =>
  scene(async ({ stage, probe, speaker }) => {
    const [session] = probe.sessions;
    session?.establish({ holdTimeSeconds: 9 });
    await stage.clock.advance(100);
    stage.clock.stall(60_000);
    await stage.clock.advance(0);
    session?.say(keepalive());
    await stage.clock.advance(100);
    assert.equal(speaker.status.state, "Established");
    // A peer that is silent after all gets no second grace.
    stage.clock.stall(60_000);
    await stage.clock.advance(100);
    assert.equal(session?.words.at(-1), "NOTIFICATION 4/0");
  }));

Deno.test("PeerDriver that stands still during its grace gets no other", () =>
  scene(async ({ stage, probe, speaker }) => {
    probe.last.establish({ holdTimeSeconds: 9 });
    await stage.clock.advance(100);
    for (const expected of ["Established", "Idle"]) {
      stage.clock.stall(10_000);
      await stage.clock.advance(0);
      assert.equal(speaker.status.state, expected);
    }
    assert.match(speaker.status.lastError?.text ?? "", /hold timer expired/);
  }));

Deno.test("PeerDriver that stood still keeps its session alive although the peer never falls silent", () =>
  scene(async ({ stage, probe }) => {
    const [session] = probe.sessions;
    session?.establish({ holdTimeSeconds: 9 });
    await stage.clock.advance(100);
    stage.clock.stall(4_000);
    const before = probe.last.heard.length;
    for (let ms = 0; ms < 100; ms += 10) {
      session?.say(keepalive());
      await stage.clock.advance(10);
    }
    assert.ok(probe.last.heard.length > before, "no KEEPALIVE");
  }));

Deno.test("PeerDriver gives up on a peer that never says OPEN after four minutes (RFC 4271 8.2.2)", () =>
  scene(async ({ stage, probe, speaker }) => {
    const [session] = probe.sessions;
    await stage.clock.advance(239_000);
    assert.equal(speaker.status.state, "OpenSent");
    await stage.clock.advance(2_000);
    assert.equal(session?.words.at(-1), "NOTIFICATION 4/0");
  }));

Deno.test("PeerDriver says nothing and never hangs up with hold time 0 (RFC 4271 4.2)", () =>
  scene(async ({ stage, probe, speaker }) => {
    probe.last.establish({ holdTimeSeconds: 0 });
    await stage.clock.advance(100);
    const heard = probe.last.heard.length;
    await stage.clock.advance(24 * 3_600_000);
    assert.equal(speaker.status.state, "Established");
    assert.equal(probe.last.heard.length, heard);
    assert.equal(stage.clock.pending, 0);
  }));

Deno.test("PeerDriver ends a session whose peer has not read for eight minutes, with bounded memory (RFC 9687)", () =>
  scene(
    async ({ stage, probe, speaker }) => {
      const session = probe.last;
      session.establish({ holdTimeSeconds: 30 });
      await stage.clock.advance(10);
      session.reading = false;
      for (let index = 0; index < 400; index++) {
        speaker.speaker.announce([route(`10.${index % 200}.0.0/16`, { med: index })]);
        session.say(keepalive());
        await stage.clock.advance(1000);
      }
      assert.equal(speaker.status.state, "Established");
      const { sent } = speaker.status.messages;
      assert.ok(sent.KEEPALIVE < 10 && sent.UPDATE < 20, JSON.stringify(sent));
      for (let index = 0; index < 90; index++) {
        session.say(keepalive());
        await stage.clock.advance(1000);
      }
      assert.match(speaker.status.lastError?.text ?? "", /send hold timer expired/);
      assert.equal(speaker.status.lastNotificationSent?.code, 8);
    },
    {},
    new Stage({ bufferLength: 200 }),
  ));

Deno.test("PeerDriver of a peer that does not read delays no other (DESIGN seam 1)", async () => {
  const stage = new Stage({ bufferLength: 200 });
  const stuck = stage.probe();
  const third = stage.probe(C);
  const options = { options: { peers: [peer("stuck", B), peer("free", C)] } };
  const speaker = stage.end(A, options);
  speaker.speaker.start();
  await stage.clock.advance(5);
  stuck.last.establish();
  third.last.establish();
  stuck.last.reading = false;
  await stage.clock.advance(10);
  for (let index = 0; index < 50; index++) {
    const before = third.last.heard.length;
    speaker.speaker.announce([route("10.99.0.1/32", { med: index })]);
    await stage.clock.advance(2);
    assert.equal(third.last.heard.length, before + 1);
  }
  await stage.close();
});

Deno.test("PeerDriver hands the last NOTIFICATION over before it closes (RFC 4271 6)", () =>
  scene(async ({ stage, probe, speaker }) => {
    probe.last.establish();
    await stage.clock.advance(10);
    const stopping = speaker.speaker.stop({ mode: "shutdown", communication: "bye" });
    await stage.clock.advance(10);
    await stopping;
    assert.equal(probe.last.words.at(-1), "NOTIFICATION 6/2");
    assert.equal(probe.last.ended, "closed");
  }));

Deno.test("PeerDriver ends what arrived before its fault, and ignores what came after it (RFC 4271 6)", () =>
  scene(async ({ stage, probe, speaker }) => {
    const bad = header(19, 0);
    probe.last.say(
      Uint8Array.from([...OPEN, ...keepalive(), ...keepalive(), ...bad, ...keepalive(), ...OPEN]),
    );
    await stage.clock.advance(10);
    assert.equal(speaker.status.messages.received.KEEPALIVE, 2);
    assert.equal(speaker.status.messages.sent.NOTIFICATION, 1);
  }));

Deno.test("PeerDriver reads a peer's last words before the reset behind them (RFC 9293)", () =>
  scene(async ({ stage, probe, speaker }) => {
    probe.last.establish();
    await stage.clock.advance(10);
    probe.last.say({ type: "NOTIFICATION", code: 6, subcode: 4, data: new Uint8Array() });
    probe.last.close();
    await stage.clock.advance(10);
    assert.equal(speaker.status.lastError?.text, "peer sent Cease/Administrative Reset");
  }));

Deno.test("PeerDriver gives up a SYN that stays unanswered, and then waits longer (RFC 4271 8.2.2)", async () => {
  const stage = new Stage({ latencyMs: () => 20_000 });
  const probe = stage.probe();
  const speaker = stage.end(A);
  speaker.speaker.start();
  await stage.clock.advance(10_000);
  assert.equal(speaker.status.state, "Connect");
  assert.ok(speaker.status.lastError?.text.includes("SYN unanswered"));
  await stage.clock.advance(100_000);
  await settle();
  assert.ok(probe.sessions.length > 0);
  await stage.close();
});

Deno.test("PeerDriver closes a connection that comes up after it was given up (port Transport)", async () => {
  const stage = new Stage();
  const [late, other] = stage.network.pair(
    { address: A, zone: undefined, port: 40_000 },
    { address: B, zone: undefined, port: 179 },
  );
  const deaf: Transport = {
    connect: () => new Promise((resolve) => void stage.clock.at(8000, () => resolve(late))),
    listen: () => assert.fail("it does not listen"),
  };
  const speaker = stage.end(A, { local: { listenPort: -1 }, options: { transport: deaf } });
  speaker.speaker.start();
  await stage.clock.advance(7000);
  speaker.speaker.abort();
  await stage.clock.advance(2000);
  assert.equal(await other.read(), undefined);
  other[Symbol.dispose]();
  await stage.close();
});

Deno.test("PeerDriver lets the kernel end no session for what is not taken where the negotiated hold time is 0 (RFC 9687 4.3)", async () => {
  // Ours, the peer's, and whether the session has a hold time.
  for (const [ours, theirs, never] of [[90, 90, false], [0, 90, true], [90, 0, true]] as const) {
    const stage = new Stage();
    let waits = 0;
    const inMemory = stage.network.transport(A);
    const transport: Transport = {
      listen: () => assert.fail("it does not listen"),
      connect: async (...args) =>
        Object.assign(await inMemory.connect(...args), { waitForReader: () => void waits++ }),
    };
    const probe = stage.probe();
    const end = stage.end(A, {
      local: { listenPort: -1 },
      peer: { holdTimeSeconds: ours },
      options: { transport },
    });
    end.speaker.start();
    await stage.clock.advance(5);
    probe.last.establish({ holdTimeSeconds: theirs });
    await stage.clock.advance(10);
    assert.equal(end.status.state, "Established");
    assert.equal(waits, never ? 1 : 0);
    // It stands for years without a word from either side.
    const messages = end.status.messages.sent.KEEPALIVE;
    if (never) await stage.clock.advance(1e11);
    if (never) {
      assert.deepEqual([end.status.state, end.status.messages.sent.KEEPALIVE], ["Established", messages]);
    }
    end.speaker.abort();
    await stage.close();
  }
});

Deno.test("PeerDriver rolls the TCP-AO keys of a session over by a reload, and ends one whose kernel refuses (RFC 5925 6.1)", async () => {
  const stage = new Stage();
  const rolled: string[] = [];
  let refuses = false;
  const ids = (keys: readonly TcpAoKey[]) => keys.map(({ sendId }) => sendId).join();
  const inMemory = stage.network.transport(A);
  const transport: Transport = {
    listen: () => assert.fail("it does not listen"),
    connect: async (...args) =>
      Object.assign(await inMemory.connect(...args), {
        rollOver(old: readonly TcpAoKey[], next: readonly TcpAoKey[]) {
          if (refuses) throw new Error("setsockopt TCP_AO_ADD_KEY: no room");
          rolled.push(`${ids(old)} to ${ids(next)}`);
        },
      }),
  };
  const key = (sendId: number): TcpAoKey => ({
    sendId,
    receiveId: sendId,
    algorithm: "hmac-sha-1-96",
    password: "hunter2",
  });
  const probe = stage.probe();
  const end = stage.end(A, {
    local: { listenPort: -1 },
    peer: { tcpAo: [key(1)] },
    options: { transport },
  });
  const reload = async (...tcpAo: readonly TcpAoKey[]) => {
    end.speaker.configure(end.local, end.peers.map((each) => ({ ...each, tcpAo })));
    await stage.clock.advance(10);
  };
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(10);
  await reload(key(1));
  assert.deepEqual(rolled, []);
  await reload(key(2), key(1));
  await reload(key(2));
  assert.deepEqual(rolled, ["1 to 2,1", "2,1 to 2"]);
  assert.equal(end.status.state, "Established");
  assert.equal(probe.sessions.length, 1);
  refuses = true;
  await reload(key(3), key(2));
  assert.notEqual(end.status.state, "Established");
  assert.match(end.status.fault?.text ?? "", /no room/);
  assert.doesNotMatch(JSON.stringify(end.events), /hunter2/);
  await stage.close();
});
