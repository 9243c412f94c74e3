/** Link-local sessions where the router knows its neighbour by the interface alone, with BIRD, FRR and GoBGP. */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { SOCK_RAW, Sockets } from "../../ffi/sockets.ts";
import { address, route } from "../support/bgp.ts";
import { startBird } from "../support/bird_router.ts";
import { startFrr } from "../support/frr_router.ts";
import { startGoBgp } from "../support/gobgp_router.ts";
import { interopNamespaces, OURS, OurSpeaker, ROUTER } from "../support/interop.ts";
import { gone, peerFor, seen } from "../support/interop_scene.ts";
import { type NamespacePair, socketsInside } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";

const IPPROTO_ICMPV6 = 58;
/** Hop limit 64, router lifetime 1800 s (RFC 4861 section 4.2). The kernel fills the checksum in. */
const ROUTER_ADVERTISEMENT = Uint8Array.of(134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0);
const UNNUMBERED = {
  neighbor: OURS.link,
  peerAs: 65001,
  families: [4, 6],
  extendedNextHop: true,
  unnumbered: true,
} as const;

const PREFIXES = ["10.99.11.1/32", "2001:db8:11::1/128"] as const;
const ROUTERS = [
  { name: "BIRD", package: "bird2", start: startBird, passive: true, globals: [OURS[6], undefined] },
  { name: "FRR", package: "frr", start: startFrr, passive: false, globals: [OURS[6], undefined] },
  // It shows one next hop only, and takes its time to meet again.
  { name: "GoBGP", package: "gobgpd", start: startGoBgp, passive: true, globals: [undefined] },
] as const;

for (const { name, package: needed, start, passive, globals } of ROUTERS) {
  Deno.test(`Speaker and ${name} peer unnumbered and carry both families (RFC 2545, 8950)`, async () => {
    const { advice } = await ensurePackages(["iproute2", needed], console.log);
    assert.equal(advice, undefined);
    await using namespaces = await interopNamespaces(0);
    await advertiseRouter(namespaces);
    const session = { ...UNNUMBERED, passive };
    await using router = await start([session], ["ip", "netns", "exec", namespaces.b.name]);
    for (const address6 of globals) {
      await using us = new OurSpeaker(namespaces, {
        local: {
          address6: address6 === undefined ? undefined : address(address6),
          listenPort: 179,
          listenAddresses: [address("::")],
        },
        peers: [peerFor(session)],
      });
      us.speaker.announce(PREFIXES.map((prefix) => route(prefix)));
      us.speaker.start();
      await advertiseRouter(namespaces);
      for (const prefix of PREFIXES) {
        const { nextHops } = await seen({ router }, session, prefix);
        const shown = nextHops.filter((nextHop) => nextHop !== "::");
        assert.deepEqual(shown, address6 === undefined ? [OURS.link] : [address6, OURS.link], prefix);
      }
      us.speaker.announce([]);
      for (const prefix of PREFIXES) await gone({ router }, session, prefix);
    }
  });
}

/** Says once that we are there, as an unnumbered neighbour does. */
async function advertiseRouter({ a }: NamespacePair): Promise<void> {
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  const sockets = socketsInside(a, new Sockets(libc, reactor));
  using socket = sockets.open(6, SOCK_RAW, IPPROTO_ICMPV6);
  socket.setTtl(255);
  const scopeId = sockets.interfaceIndex(OURS.device) ?? 0;
  socket.sendTo(ROUTER_ADVERTISEMENT, { address: address(ROUTER.link), port: 0, scopeId });
}
