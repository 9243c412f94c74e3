/** Link-local sessions where the router knows its neighbour by the interface alone, with BIRD, FRR and GoBGP. */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { SOCK_RAW, Sockets } from "../../ffi/sockets.ts";
import { address, route } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { startBird } from "../support/bird_router.ts";
import { startFrr } from "../support/frr_router.ts";
import { startGoBgp } from "../support/gobgp_router.ts";
import { interopNamespaces, OURS, OurSpeaker, ROUTER } from "../support/interop.ts";
import { gone, peerFor, seen } from "../support/interop_scene.ts";
import { type NamespacePair, socketsInside } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually } from "../support/until.ts";

const IPPROTO_ICMPV6 = 58;
/** Hop limit 64, router lifetime 1800 s (RFC 4861 section 4.2). The kernel fills the checksum in. */
const ROUTER_ADVERTISEMENT = Uint8Array.of(134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0);
const ADVERTISED_EVERY_MS = 100;
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
    await using _advertising = await advertiseRouter(namespaces);
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

Deno.test("Speaker tells two routers with the same link-local address and password apart by their links (RFC 4007)", async () => {
  const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
  assert.equal(advice, undefined);
  await using namespaces = await interopNamespaces(0);
  const { a, b } = namespaces;
  await a.ip("link", "add", "vc", "type", "veth", "peer", "name", "vd", "netns", b.name);
  for (const [namespace, device, own] of [[a, "vc", OURS.link], [b, "vd", ROUTER.link]] as const) {
    await namespace.ip("link", "set", device, "addrgenmode", "none", "up");
    await namespace.ip("addr", "add", `${own}/64`, "dev", device, "nodad");
  }
  for (const passive of [true, false]) {
    const protocols = ["vb", "vd"].map((device, index) => `
      protocol bgp s${index} {
        local ${ROUTER.link}%${device} as 65002;
        neighbor ${OURS.link}%${device} as 65001;
        passive ${passive ? "on" : "off"}; password "secret"; connect delay time 1;
        ipv6 { import all; export none; };
      }`);
    await using bird = await Bird.start(
      `router id ${ROUTER[4]}; protocol device {} ${protocols.join("\n")}`,
      ["ip", "netns", "exec", b.name],
    );
    await using us = new OurSpeaker(namespaces, {
      local: { listenPort: 179, listenAddresses: [address("::")] },
      peers: ["va", "vc"].map((zone) => ({
        name: zone,
        address: address(ROUTER.link),
        zone,
        passive: !passive,
        password: "secret",
        families: ["ipv6-unicast"],
      })),
    });
    us.speaker.announce([
      { ...route("2001:db8:11::a/128"), peers: ["va"] },
      { ...route("2001:db8:11::c/128"), peers: ["vc"] },
    ]);
    us.speaker.start();
    await us.established();
    await bird.awaits("show route 2001:db8:11::a/128", `via ${OURS.link} on vb`);
    await bird.awaits("show route 2001:db8:11::c/128", `via ${OURS.link} on vd`);
    await bird.awaits("show route count", "2 of 2 routes for 2 networks in table master6");
  }
});

/** Says again and again that we are there, as an unnumbered neighbour does: FRR hears it, GoBGP must know it at its start. */
async function advertiseRouter({ a, b }: NamespacePair): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const libc = stack.use(openLibc());
  const reactor = stack.use(new Reactor(libc));
  const sockets = socketsInside(a, new Sockets(libc, reactor));
  const socket = stack.use(sockets.open(6, SOCK_RAW, IPPROTO_ICMPV6));
  socket.setTtl(255);
  const scopeId = sockets.interfaceIndex(OURS.device) ?? 0;
  const to = { address: address(ROUTER.link), port: 0, scopeId };
  const timer = setInterval(() => socket.sendTo(ROUTER_ADVERTISEMENT, to), ADVERTISED_EVERY_MS);
  stack.defer(() => clearInterval(timer));
  const neighbours = () => b.ip("-6", "neighbor", "show", "dev", ROUTER.device);
  await eventually(
    neighbours,
    (shown) => shown.includes(`${OURS.link} lladdr`),
    "the router's kernel knows us",
  );
  return stack.move();
}
