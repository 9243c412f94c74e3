/**
 * `interface` of a peer that is a VRF: two routers have one address in two of them, over both families, whoever connects. Where
 * this kernel has no VRF, in the lab only.
 */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { canMakeNamespaces, NetworkNamespace, socketsInside } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { until } from "../support/until.ts";

const VRF = ["--net", "ip", "link", "add", "blue", "type", "vrf", "table", "10"];
const hasVrf = await canMakeNamespaces() && (await run("unshare", VRF)).code === 0 &&
  (await run("which", ["bird"])).code === 0;
const SIDES = [{ vrf: "blue", table: "10", as: 65002 }, { vrf: "red", table: "11", as: 65003 }] as const;

for (
  const { over, ours, birds, length, any } of [
    { over: "IPv4", ours: "10.9.0.1", birds: "10.9.0.2", length: 24, any: "0.0.0.0" },
    { over: "IPv6", ours: "fd09::1", birds: "fd09::2", length: 64, any: "::" },
  ] as const
) {
  for (const passive of [false, true]) {
    Deno.test({
      name: `two routers with one address in two VRFs have a session each over ${over}, where ${
        passive ? "they connect" : "we connect"
      } (CONTRACT interface)`,
      ignore: !hasVrf,
      async fn() {
        await using stack = new AsyncDisposableStack();
        const host = stack.use(await NetworkNamespace.create("h"));
        for (const { vrf, table, as } of SIDES) {
          const router = stack.use(await NetworkNamespace.create(vrf));
          await host.ip("link", "add", vrf, "type", "vrf", "table", table);
          await host.ip("link", "set", vrf, "up");
          await host.ip("link", "add", `v${vrf}`, "type", "veth", "peer", "name", "vr", "netns", router.name);
          await host.ip("link", "set", `v${vrf}`, "master", vrf);
          for (const [namespace, device, at] of [[host, `v${vrf}`, ours], [router, "vr", birds]] as const) {
            await namespace.ip("link", "set", device, "addrgenmode", "none", "up");
            await namespace.ip(
              "addr",
              "add",
              `${at}/${length}`,
              "dev",
              device,
              ...length === 64 ? ["nodad"] : [],
            );
          }
          stack.use(
            await Bird.start(
              `router id 10.9.0.2; protocol device {}
               protocol bgp lb { local ${birds} as ${as}; neighbor ${ours} as 65001; ${
                passive ? "" : "passive on;"
              }
                 connect delay time 1; connect retry time 2; ipv4 { import all; export none; }; ipv6 { import all; export none; }; }`,
              ["ip", "netns", "exec", router.name],
            ),
          );
        }
        using libc = openLibc();
        await using reactor = new Reactor(libc);
        const events: SpeakerEvent[] = [];
        const speaker = new Speaker({
          local: localBgp({ as: 65001, listenPort: passive ? 179 : -1, listenAddresses: [address(any)] }),
          peers: SIDES.map(({ vrf, as }) =>
            peerConfig({
              name: vrf,
              address: address(birds),
              port: 179,
              as,
              device: vrf,
              passive,
              families: [length === 64 ? "ipv6-unicast" : "ipv4-unicast"],
              connectRetryTimeMs: 500,
            })
          ),
          transport: socketTransport(socketsInside(host, new Sockets(libc, reactor))),
          clock: systemClock,
          random: Math.random,
          onEvent: (event) => void events.push(event),
        });
        try {
          speaker.announce([route(length === 64 ? "2001:db8:77::1/128" : "10.77.0.1/32")]);
          speaker.start();
          const isTold = () =>
            speaker.status().every(({ state, advertised }) =>
              state === "Established" && advertised.length === 1
            );
          await until(
            isTold,
            () => JSON.stringify([speaker.status(), speaker.listeners(), events.slice(-4)]),
          );
          assert.deepEqual(speaker.status().map(({ negotiated }) => negotiated?.peerAs), [65002, 65003]);
        } finally {
          await speaker.stop({ mode: "shutdown", communication: "" });
          speaker.abort();
        }
      },
    });
  }
}
