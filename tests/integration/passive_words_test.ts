/** A passive peer that does not get through, on a real kernel and at a real BIRD: what the kernel drops is named, with what helps (B7). */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import type { PeerConfig } from "../../src/config/config.ts";
import { waitingWords } from "../../src/status/attempt_words.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { namespacePair, socketsInside } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";
import { until } from "../support/until.ts";

const ROWS: readonly {
  readonly wrong: string;
  readonly peer: Partial<PeerConfig>;
  readonly bird: string;
  readonly situation: string;
}[] = [
  {
    wrong: "another password than BIRD's",
    peer: { password: "one" },
    bird: 'password "two";',
    situation: "signatures differ",
  },
  {
    wrong: "a password that BIRD does not have",
    peer: { password: "one" },
    bird: "",
    situation: "peer signs nothing",
  },
  {
    wrong: "no password where BIRD has one",
    peer: {},
    bird: 'password "two";',
    situation: "peer signs, and we do not",
  },
  {
    wrong: "GTSM that BIRD does not have",
    peer: { ttlSecurity: 1 },
    bird: "",
    situation: "TTL below the least one",
  },
];

for (const [version, ours, birds] of [[4, "10.9.0.1", "10.9.0.2"], [6, "fd09::1", "fd09::2"]] as const) {
  Deno.test(`over IPv${version}, a passive peer whose segments the kernel drops says so, with what helps (B7)`, async (t) => {
    const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
    assert.equal(advice, undefined);
    await using namespaces = await namespacePair();
    const { a, b } = namespaces;
    for (const { wrong, peer, bird, situation } of ROWS) {
      await t.step(wrong, async () => {
        using libc = openLibc();
        await using reactor = new Reactor(libc);
        const speaker = new Speaker({
          local: localBgp({ as: 65001, listenPort: 179, listenAddresses: [address(ours)] }),
          peers: [peerConfig({ name: "router", address: address(birds), as: 65002, passive: true, ...peer })],
          transport: socketTransport(socketsInside(a, new Sockets(libc, reactor))),
          clock: systemClock,
          random: Math.random,
          onEvent: () => {},
        });
        try {
          speaker.start();
          await using _bird = await Bird.start(
            `router id 10.9.0.2; protocol device {}
             protocol bgp lb { local ${birds} as 65002; neighbor ${ours} as 65001; ${bird}
               connect delay time 1; connect retry time 2; ipv4 { import all; export none; }; }`,
            ["ip", "netns", "exec", b.name],
          );
          const words = () => speaker.status().map(waitingWords)[0];
          await until(() => words()?.situation === situation, () => JSON.stringify(speaker.status()[0]));
          assert.match(
            words()?.sentence ?? "",
            /^the kernel dropped \d+ segments? .* while router is waited for/,
          );
        } finally {
          await speaker.stop({ mode: "shutdown", communication: "" });
          speaker.abort();
        }
      });
    }
  });
}
