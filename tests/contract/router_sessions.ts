/** How sessions with routers come up, last and end. */
import assert from "node:assert/strict";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import { address, route } from "../support/bgp.ts";
import { OURS, OurSpeaker, ROUTER_AS } from "../support/interop.ts";
import { peerFor, seen, speakerFor, type Theme } from "../support/interop_scene.ts";
import { eventually, until } from "../support/until.ts";

const PASSWORD = "correct-horse-battery";

const weConnect: Theme = (plan) => {
  const rows = [
    plan.add(4, { password: PASSWORD }),
    plan.add(6, { password: PASSWORD }),
    plan.add(4, { ttlSecurity: true }),
    plan.add(6, { ttlSecurity: true, password: PASSWORD }),
    plan.add(4, { multihop: 3 }),
    plan.add(6, { multihop: 3 }),
  ];
  return {
    sentence: "come up as we connect, with TCP-MD5, with GTSM and over hops (RFC 2385, 5082)",
    async run(scene) {
      await using speakers = new AsyncDisposableStack();
      await Promise.all(rows.map(async (session) => {
        // No connection is given up for a slow machine: the end of one would be counted below.
        const us = speakers.use(speakerFor(scene, session, { peer: { connectRetryTimeMs: 10_000 } }));
        us.speaker.announce([route("2001:db8:6::1/128")]);
        us.speaker.start();
        await us.established();
        await seen(scene, session, "2001:db8:6::1/128");
      }));
      // One drop would mean that a segment had another TTL or no signature. The reset of a closed socket may.
      for (const namespace of [scene.namespaces.a, scene.namespaces.b]) {
        for (const counter of ["TCPMinTTLDrop", "TCPMD5NotFound", "TCPMD5Failure", "TCPMD5Unexpected"]) {
          assert.equal(await namespace.counter("TcpExt", counter), 0, counter);
        }
      }
    },
  };
};

const theyConnect: Theme = (plan) => {
  const options = { passive: false } as const;
  const four = [plan.add(4, options), plan.add(4, { ...options, password: PASSWORD })];
  const six = [
    plan.add(6, { ...options, password: PASSWORD, ttlSecurity: true }),
    ...(plan.kind.connectsToLinkLocal ? [plan.addAt(OURS.link, options)] : []),
  ];
  return {
    sentence:
      "come up as the router connects, with TCP-MD5, GTSM and over link-local addresses (RFC 2385, 5082)",
    async run(scene) {
      // The IPv6 ones share a listener, where one has a key and a bar for the TTL, and the other has not.
      const listeners = [...four.map((session) => [session]), six].map(async (sessions) => {
        const [first] = sessions;
        const over4 = sessions === six ? undefined : first?.neighbor;
        await using us = new OurSpeaker(scene.namespaces, {
          local: { address6: address(OURS[6]), listenPort: 179, listenAddresses: [address(over4 ?? "::")] },
          peers: sessions.map((session) => peerFor(session, { passive: true })),
        });
        us.speaker.announce([route("2001:db8:7::1/128")]);
        us.speaker.start();
        await us.established();
        for (const session of sessions) await seen(scene, session, "2001:db8:7::1/128");
      });
      await Promise.all(listeners);
    },
  };
};

const timers: Theme = (plan) => {
  const rows = [
    { session: plan.add(4, { holdTime: 3 }), ours: 90, agreed: 3 },
    { session: plan.add(6), ours: 3, agreed: 3 },
    { session: plan.add(4, { holdTime: 3 }), ours: 0, agreed: 0 },
  ];
  return {
    sentence: "agree on the smaller hold time and keep it, 3 s and 0 too (RFC 4271 4.2)",
    async run(scene) {
      await using stack = new AsyncDisposableStack();
      const speakers = await Promise.all(rows.map(async ({ session, ours, agreed }) => {
        const us = stack.use(speakerFor(scene, session, { peer: { holdTimeSeconds: ours } }));
        us.speaker.start();
        await us.established();
        assert.equal(us.status().negotiated?.holdTimeSeconds, agreed);
        return { us, session, agreed, sent: () => us.status().messages.sent.KEEPALIVE };
      }));
      // One in each second, and the last of five comes after the hold time: none may have been too late for the router.
      await Promise.all(
        speakers.filter(({ agreed }) => agreed !== 0)
          .map(({ sent }) => until(() => sent() >= 5, () => `${sent()} KEEPALIVEs`)),
      );
      for (const { us, session, agreed, sent } of speakers) {
        const { state, flaps } = us.status();
        assert.deepEqual([state, flaps], ["Established", 0], session.neighbor);
        if (agreed === 0) assert.equal(sent(), 1);
      }
    },
  };
};

const goodbyes: Theme = (plan) => {
  const session = plan.add(4);
  return {
    sentence: "tell each other why they end, and meet again (RFC 9003)",
    async run(scene) {
      const { router } = scene;
      {
        await using us = speakerFor(scene, session);
        us.speaker.announce([route("10.99.8.1/32")]);
        us.speaker.start();
        await seen(scene, session, "10.99.8.1/32");
        await router.shutDown(session.neighbor, "maintenance until 6");
        await until(() => us.status().lastNotificationReceived !== undefined);
        assert.equal(us.status().lastNotificationReceived?.communication, "maintenance until 6");
        await router.enable(session.neighbor);
        await us.established();
        await seen(scene, session, "10.99.8.1/32");
        await us.speaker.stop({ mode: "shutdown", communication: "back at 6: kernel" });
      }
      await eventually(
        () => router.words(session.neighbor),
        (words) => /back at 6: kernel/.test(words),
        "words",
      );
      assert.deepEqual(await router.routes("10.99.8.1/32"), []);
    },
  };
};

const mistakes: Theme = (plan) => {
  const rows = [
    { session: plan.add(4), ours: { local: { as: 65099 } }, words: /Bad Peer AS/ },
    { session: plan.add(4), ours: { peer: { as: 65098 } }, words: /AS 65098 expected, 65002 received/ },
    {
      session: plan.add(4, { peerAs: ROUTER_AS }),
      ours: { local: { routerID: address("10.9.0.2") } },
      words: /BGP Identifier 10\.9\.0\.2 is ours, too|Bad BGP Identifier/,
    },
  ];
  return {
    sentence: "say what is wrong of AS and identifier, and try again (RFC 4271 6.2, 6286)",
    async run(scene) {
      await Promise.all(rows.map(async ({ session, ours, words }) => {
        await using us = speakerFor(scene, session, ours);
        us.speaker.start();
        const opens = () => us.status().messages.sent.OPEN;
        await until(() => opens() >= 2, () => `${opens()} attempts`);
        assert.match(us.status().lastError?.text ?? "", words);
      }));
    },
  };
};

const collisions: Theme = (plan) => {
  const allowed = plan.kind.flapsOfCollision;
  const rows = ["10.9.0.1", "10.9.0.200"].flatMap((routerID) =>
    allowed === undefined ? [] : [{ routerID, session: plan.add(4, { passive: false }) }]
  );
  return {
    sentence: "keep one of two connections made at once, whoever has the higher identifier (RFC 4271 6.8)",
    async run(scene) {
      await Promise.all(rows.map(async ({ routerID, session }) => {
        const { neighbor } = session;
        await using us = new OurSpeaker(scene.namespaces, {
          local: { routerID: address(routerID), listenPort: 179, listenAddresses: [address(neighbor)] },
          peers: [peerFor(session, { connectRetryTimeMs: 5_000 })],
          between: atTheSameMoment,
        });
        us.speaker.announce([route("10.99.10.1/32")]);
        us.speaker.start();
        await us.established();
        // One connection is lost to the collision, and no other.
        const lost = () => us.events.filter(({ type }) => type === "session-ended").length;
        await until(() => lost() >= 1, () => JSON.stringify(us.events));
        const sockets = () => scene.namespaces.a.run("ss", "-Htn", "state", "established", "src", neighbor);
        await eventually(sockets, ({ stdout }) => stdout.trim().split("\n").length === 1, "one connection");
        await us.established();
        await seen(scene, session, "10.99.10.1/32");
        assert.ok(lost() <= 1 + (allowed ?? 0), JSON.stringify(us.events));
      }));
    },
  };
};

/** Hands our first connection and the peer's first one over together. */
function atTheSameMoment(transport: Transport): Transport {
  const [outgoing, incoming] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  return {
    async connect(peer, localAs, signal) {
      const socket = await transport.connect(peer, localAs, signal);
      outgoing.resolve();
      await incoming.promise;
      return socket;
    },
    listen: (options, events) =>
      transport.listen(options, {
        ...events,
        async connection(socket, peer) {
          incoming.resolve();
          await outgoing.promise;
          events.connection(socket, peer);
        },
      }),
  };
}

const routerRestarts: Theme = (plan) => {
  const session = plan.add(4);
  return {
    sentence: "find each other again within seconds after the router ended in order or died (RFC 4271 8)",
    async run(scene) {
      await using us = speakerFor(scene, session);
      us.speaker.announce([route("10.99.9.1/32")]);
      us.speaker.start();
      await seen(scene, session, "10.99.9.1/32");
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        await scene.router.end(signal);
        await until(() => us.status().state !== "Established");
        await scene.router.run();
        await us.established();
        await seen(scene, session, "10.99.9.1/32");
      }
      assert.equal(us.status().flaps, 2);
    },
  };
};

/** Themes that wait most of the time, side by side. */
function together(...themes: readonly Theme[]): Theme {
  return (plan) => {
    const parts = themes.map((theme) => theme(plan));
    return {
      sentence: parts.map(({ sentence }) => sentence).join("; "),
      run: async (scene) => void await Promise.all(parts.map(({ run }) => run(scene))),
    };
  };
}

/** What is about sessions. The last one ends the router. */
export const SESSION_THEMES: readonly Theme[] = [
  weConnect,
  together(goodbyes, theyConnect, timers, mistakes, collisions),
  routerRestarts,
];
