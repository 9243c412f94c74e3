/** A path that loses long segments between a speaker and BIRD: named with its cure while the session stands, and cured (issue: B6). */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { namespacePair, type NetworkNamespace, socketsInside } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { ensurePackages } from "../support/setup.ts";
import { until } from "../support/until.ts";

const ROUTES = Array.from({ length: 900 }, (_, index) => `10.77.${index >> 8}.${index & 255}/32`);
const ROWS = [
  { over: "IPv4", ours: "10.9.0.1", birds: "10.9.0.2", filter: "iptables", hold: 6 },
  { over: "IPv6", ours: "fd09::1", birds: "fd09::2", filter: "ip6tables", hold: 6 },
  // It has no KEEPALIVEs, and never ends by itself.
  { over: "IPv4 without hold time", ours: "10.9.0.1", birds: "10.9.0.2", filter: "iptables", hold: 0 },
] as const;

for (const row of ROWS) {
  Deno.test(`a path over ${row.over} that loses segments of 1,400 octets is named with its cure, and tcpMSS cures it (issue: B6)`, async () => {
    const { advice } = await ensurePackages(["iproute2", "bird2", "iptables"], console.log);
    assert.equal(advice, undefined);
    await using namespaces = await namespacePair();
    const { a, b } = namespaces;
    await losesLongSegments(a, b, row.filter);
    await using bird = await Bird.start(birdOf(row), ["ip", "netns", "exec", b.name]);
    using libc = openLibc();
    await using reactor = new Reactor(libc);
    const events: SpeakerEvent[] = [];
    const local = localBgp({ as: 65001, listenPort: -1 });
    const peer = peerConfig({
      name: "router",
      address: address(row.birds),
      port: 179,
      as: 65002,
      holdTimeSeconds: row.hold,
      families: ["ipv4-unicast"],
      nextHop: address("10.9.0.1"),
      connectRetryTimeMs: 500,
    });
    const speaker = new Speaker({
      local,
      peers: [peer],
      transport: socketTransport(socketsInside(a, new Sockets(libc, reactor))),
      clock: systemClock,
      random: Math.random,
      onEvent: (event) => void events.push(event),
    });
    try {
      speaker.start();
      speaker.announce(ROUTES.map((prefix) => route(prefix)));
      const isStuck = () => speaker.status()[0]?.stuck !== undefined;
      await until(isStuck, () => JSON.stringify(events.slice(-5)));
      const isTold = () => events.some(({ type }) => type === "peer-stuck");
      if (row.hold > 0) await until(isTold, () => JSON.stringify(events.slice(-5)));
      // While the session stands: nothing but this says what is wrong.
      const [status] = speaker.status();
      assert.equal(status?.state, "Established");
      assert.equal(status.advertised.length, ROUTES.length);
      assert.match(
        status.stuck ?? "",
        /^nothing beyond the first \d+ octets .* segments of 1\d\d\d octets .* set tcpMSS: 1220/,
      );
      assert.ok((status.transmission?.retransmissions ?? 0) >= 2);
      assert.ok((status.transmission?.inFlightOctets ?? 0) > 1000);
      assert.match(await bird.ask("show route count"), /^0 of 0 routes/m);

      // BIRD hears of no end of a session that has no hold time.
      if (row.hold === 0) return;

      // The end of the session names it, too.
      await until(
        () => events.some(({ type }) => type === "session-ended"),
        () => JSON.stringify(events.slice(-5)),
      );
      const ended = events.find((event) => event.type === "session-ended");
      assert.match(ended?.cause ?? "", /; nothing beyond the first \d+ octets /);

      speaker.configure(local, [{ ...peer, tcpMss: 1220 }]);
      await bird.awaits("show route count", `${ROUTES.length} of ${ROUTES.length} routes`);
      const owedNothing = () => speaker.status()[0]?.transmission?.inFlightOctets === 0;
      await until(owedNothing, () => JSON.stringify(speaker.status()[0]?.transmission));
      const [cured] = speaker.status();
      assert.equal(cured?.stuck, undefined);
      assert.ok((cured?.transmission?.segmentOctets ?? 0) <= 1220);
    } finally {
      await speaker.stop({ mode: "shutdown", communication: "" });
    }
  });
}

/** As a tunnel does whose "too big" some firewall eats; segments leave one by one, and not in bulk for the card to cut. */
async function losesLongSegments(a: NetworkNamespace, b: NetworkNamespace, filter: string): Promise<void> {
  await a.ip("link", "set", "va", "gso_max_segs", "1");
  const rule = ["-t", "raw", "-A", "PREROUTING", "-m", "length", "--length", "1301:65535", "-j", "DROP"];
  const { code, stderr } = await run("ip", ["netns", "exec", b.name, filter, ...rule]);
  assert.equal(code, 0, stderr);
}

function birdOf({ ours, birds, hold }: typeof ROWS[number]): string {
  return `
    router id 10.9.0.2;
    protocol device {}
    protocol bgp agent {
      local ${birds} as 65002;
      neighbor ${ours} as 65001;
      passive on;
      error wait time 1, 1;
      hold time ${hold};
      ipv4 { import all; export none; extended next hop on; };
    }`;
}
