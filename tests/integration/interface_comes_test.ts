/**
 * `interface` of a peer, on a real kernel and at a real BIRD: one that is not there at the start, comes, goes under an
 * Established session and comes back, whoever connects, over both families; and one that a reload asks for, and gives up.
 */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import { failedAttemptWords } from "../../src/status/attempt_words.ts";
import { sessionCure } from "../../src/status/session_cure.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { type NamespacePair, namespacePair, socketsInside } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";
import { status as document } from "../support/status.ts";
import { until } from "../support/until.ts";

const FAMILIES = [
  { over: "IPv4", ours: "10.19.0.1", birds: "10.19.0.2", length: 24, any: "0.0.0.0" },
  { over: "IPv6", ours: "fd19::1", birds: "fd19::2", length: 64, any: "::" },
] as const;
type Row = (typeof FAMILIES)[number];

/** Joins the two by `wx` in a and `wy` in b. */
async function plug({ a, b }: NamespacePair, { ours, birds, length }: Row): Promise<void> {
  await a.ip("link", "add", "wx", "type", "veth", "peer", "name", "wy", "netns", b.name);
  for (const [namespace, device, at] of [[a, "wx", ours], [b, "wy", birds]] as const) {
    await namespace.ip("link", "set", device, "addrgenmode", "none", "up");
    await namespace.ip("addr", "add", `${at}/${length}`, "dev", device, ...length === 64 ? ["nodad"] : []);
  }
}

for (const row of FAMILIES) {
  for (const passive of [false, true]) {
    const who = passive ? "BIRD connects" : "we connect";
    Deno.test(`an interface that comes, goes and comes back has its session over ${row.over}, where ${who} (CONTRACT interface)`, async () => {
      const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
      assert.equal(advice, undefined);
      await using namespaces = await namespacePair();
      const { a, b } = namespaces;
      using libc = openLibc();
      await using reactor = new Reactor(libc);
      const events: SpeakerEvent[] = [];
      const local = localBgp({
        as: 65001,
        listenPort: passive ? 179 : -1,
        listenAddresses: [address(row.any)],
      });
      const peer = peerConfig({
        name: "router",
        address: address(row.birds),
        port: 179,
        as: 65002,
        device: "wx",
        passive,
        holdTimeSeconds: 3,
        connectRetryTimeMs: 500,
        families: ["ipv4-unicast"],
        capabilities: {
          routeRefresh: true,
          enhancedRouteRefresh: true,
          extendedMessages: true,
          extendedNextHop: false,
        },
      });
      const speaker = new Speaker({
        local,
        peers: [peer],
        transport: socketTransport(socketsInside(a, new Sockets(libc, reactor))),
        clock: systemClock,
        random: Math.random,
        onEvent: (event) => void events.push(event),
      });
      const state = () => {
        const [only] = speaker.status();
        return only ?? assert.fail();
      };
      const bound = () => speaker.listeners().find(({ device }) => device === "wx");
      const shown = () => JSON.stringify([state(), speaker.listeners(), events.slice(-5)]);
      const isUp = () => state().state === "Established";
      /** While the interface is away: the attempt says so, or the listener does. */
      const missing = () =>
        passive
          ? bound()?.fault?.kind === "device-missing"
          : failedAttemptWords(state())?.situation === "interface missing";
      await using _bird = await Bird.start(
        `router id 10.19.0.2; protocol device { scan time 1; }
         protocol bgp lb { local ${row.birds} as 65002; neighbor ${row.ours} as 65001; ${
          passive ? "" : "passive on;"
        }
           connect delay time 1; connect retry time 1; error wait time 1, 2; ipv4 { import all; export none; }; }`,
        ["ip", "netns", "exec", b.name],
      );
      try {
        // It is no reason not to start.
        speaker.start();
        await until(missing, shown);
        if (passive) {
          const failed = events.flatMap((event) => event.type === "listen-failed" ? [event.cause] : []);
          const words = `cannot listen on ${row.any} port 179 of wx: there is no such interface, or not yet`;
          assert.deepEqual(failed, [words]);
        } else {
          assert.equal(failedAttemptWords(state())?.sentence, "this host has no interface wx");
          assert.match(
            sessionCure(state(), document([])),
            /^create the interface, or correct interface of router$/,
          );
        }

        await plug(namespaces, row);
        await until(isUp, shown);
        assert.equal(bound()?.fault, undefined);

        // The session has no way any more, which the hold timer finds, or BIRD's end of the link, and says so.
        await a.ip("link", "delete", "wx");
        await until(() => !isUp(), shown);
        const lost = events.flatMap((event) =>
          event.type === "session-ended" && event.from === "Established" ? [event.cause] : []
        );
        assert.equal(lost.length, 1);
        assert.match(lost[0] ?? "", /^hold timer expired|^recv: |^the peer /);
        await until(missing, shown);
        assert.equal(state().flaps, 1);

        // Another one of the same name is as good.
        await plug(namespaces, row);
        await until(isUp, shown);
        assert.equal(bound()?.fault, undefined);

        // A reload that gives the interface up, and one that asks for one that is not there, and for this one again.
        const { device: _, ...unbound } = peer;
        speaker.configure(local, [{ ...unbound, device: undefined }]);
        await until(isUp, shown);
        assert.equal(bound(), undefined);
        speaker.configure(local, [{ ...peer, device: "wz" }]);
        await until(() => !isUp(), shown);
        if (passive) {
          const fault = () => speaker.listeners().find(({ device }) => device === "wz")?.fault?.kind;
          await until(() => fault() === "device-missing", shown);
        } else {
          await until(() => failedAttemptWords(state())?.sentence === "this host has no interface wz", shown);
        }
        speaker.configure(local, [peer]);
        await until(isUp, shown);
      } finally {
        await speaker.stop({ mode: "shutdown", communication: "" });
        speaker.abort();
      }
    });
  }
}
