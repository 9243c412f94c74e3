/** Another bgp.local.as by reload, at BIRD: the session that sees localAS goes on, with its routes; the other one is begun anew. */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { namespacePair, socketsInside } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";
import { until } from "../support/until.ts";

const BIRD = `router id 10.9.0.2; protocol device {}
  protocol bgp shown { local fd09::2 as 65002; neighbor fd09::1 external; ipv6 { import all; export none; }; }
  protocol bgp kept { local 10.9.0.2 as 65002; neighbor 10.9.0.1 as 65010; ipv4 { import all; export none; }; }`;

Deno.test("a reload of bgp.local.as keeps the session of a peer with localAS at BIRD, and resets the other one (issue: localAS)", async () => {
  const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
  assert.equal(advice, undefined);
  await using namespaces = await namespacePair();
  const { a, b } = namespaces;
  await using bird = await Bird.start(BIRD, ["ip", "netns", "exec", b.name]);
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  const events: SpeakerEvent[] = [];
  const local = localBgp({ as: 65001, listenPort: -1 });
  const to = (name: string, at: string, localAs: number | undefined, nextHop: string) =>
    peerConfig({
      name,
      address: address(at),
      port: 179,
      as: 65002,
      localAs,
      families: [nextHop.includes(":") ? "ipv6-unicast" : "ipv4-unicast"],
      ...nextHop.includes(":") ? { nextHop6: address(nextHop) } : { nextHop: address(nextHop) },
      connectRetryTimeMs: 500,
    });
  const peers = [to("kept", "10.9.0.2", 65010, "10.9.0.1"), to("shown", "fd09::2", undefined, "fd09::1")];
  const speaker = new Speaker({
    local,
    peers,
    transport: socketTransport(socketsInside(a, new Sockets(libc, reactor))),
    clock: systemClock,
    random: Math.random,
    onEvent: (event) => void events.push(event),
  });
  const established = () =>
    speaker.status().every(({ state, advertised }) => state === "Established" && advertised.length === 1);
  try {
    speaker.start();
    speaker.announce([route("10.77.0.1/32"), route("2001:db8:77::1/128")]);
    await until(established, () => JSON.stringify(speaker.status()));
    await bird.awaits("show route 10.77.0.1/32 all", "BGP.as_path: 65010");
    await bird.awaits("show route 2001:db8:77::1/128 all", "BGP.as_path: 65001");
    const since = (await bird.ask("show protocols kept")).match(/up +(\S+) +Established/)?.[1];
    assert.ok(since !== undefined);

    speaker.configure({ ...local, as: 65003 }, peers);
    await bird.awaits("show route 2001:db8:77::1/128 all", "BGP.as_path: 65003");
    await bird.awaits("show route 10.77.0.1/32 all", "BGP.as_path: 65010");
    assert.ok((await bird.ask("show protocols kept")).includes(since));
    assert.deepEqual(
      events.flatMap((event) =>
        event.type === "session-ended" && event.from === "Established" ? [event.peer] : []
      ),
      ["shown"],
    );
    await until(established, () => JSON.stringify(speaker.status()));
  } finally {
    await speaker.stop({ mode: "shutdown", communication: "" });
    speaker.abort();
  }
});
