/** Peers that are known by their interface alone at both ends, found by router advertisements, with FRR and BIRD. */
import assert from "node:assert/strict";
import { NO_NEIGHBOURS } from "../../src/net/neighbours.ts";
import { AgentProcess } from "../support/agent.ts";
import { address, route } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { FakeAddresses } from "../support/fake_addresses.ts";
import { startFrr } from "../support/frr_router.ts";
import { interopNamespaces, OURS, OurSpeaker, ROUTER } from "../support/interop.ts";
import { gone, seen } from "../support/interop_scene.ts";
import type { NamespacePair } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";
import { until } from "../support/until.ts";

const PREFIXES = ["10.99.11.1/32", "2001:db8:11::1/128"] as const;
const UNNUMBERED = {
  neighbor: OURS.link,
  peerAs: 65001,
  families: [4, 6],
  unnumbered: true,
  passive: false,
  holdTime: 3,
} as const;

/** Us with a peer that is known by `va` alone. */
function speaker(namespaces: NamespacePair, own = new FakeAddresses(`va ${OURS.link}/64`)): OurSpeaker {
  const us = new OurSpeaker(namespaces, {
    local: { listenPort: 179, listenAddresses: [address("::")] },
    peers: [{
      name: "auto%va",
      address: address("::"),
      automatic: true,
      zone: "va",
      device: "va",
      holdTimeSeconds: 3,
      families: ["ipv4-unicast", "ipv6-unicast"],
    }],
    finds: own,
  });
  us.speaker.announce(PREFIXES.map((prefix) => route(prefix)));
  us.speaker.start();
  return us;
}

Deno.test("Speaker and FRR find each other by the interface alone, also after the link, FRR or we were gone (RFC 4861, 8950)", async () => {
  const { advice } = await ensurePackages(["iproute2", "frr"], console.log);
  assert.equal(advice, undefined);
  await using namespaces = await interopNamespaces(0);
  await using router = await startFrr([UNNUMBERED], ["ip", "netns", "exec", namespaces.b.name]);
  const isSeen = async () => {
    for (const prefix of PREFIXES) {
      const { nextHops } = await seen({ router }, UNNUMBERED, prefix);
      assert.deepEqual(nextHops.filter((nextHop) => nextHop !== "::"), [OURS.link], prefix);
    }
  };
  {
    await using us = speaker(namespaces);
    await us.established();
    await isSeen();
    assert.equal(us.status().address, `${ROUTER.link}%va`);
    assert.equal(us.status().neighbour, "found by its router advertisements on va");
    const found = us.events.filter(({ type }) => type === "peer-discovered");
    assert.deepEqual(found.map((event) => "address" in event && event.address), [ROUTER.link]);

    await namespaces.b.ip("link", "set", "vb", "down");
    await until(() => us.status().state !== "Established", () => us.status().state);
    await namespaces.b.ip("link", "set", "vb", "up");
    await namespaces.b.ip("addr", "add", `${ROUTER.link}/64`, "dev", "vb", "nodad");
    await isSeen();

    await router.end("SIGKILL");
    await until(() => us.status().state !== "Established", () => us.status().state);
    await router.run();
    await isSeen();
  }
  for (const prefix of PREFIXES) await gone({ router }, UNNUMBERED, prefix);
  await using us = speaker(namespaces);
  await us.established();
  await isSeen();
});

Deno.test("Speaker finds BIRD, that advertises itself and waits for whoever comes from the link, once its own address is usable", async () => {
  const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
  assert.equal(advice, undefined);
  await using namespaces = await interopNamespaces(0);
  await using bird = await Bird.start(
    `router id ${ROUTER[4]}; protocol device {}
     protocol radv { interface "vb" { max ra interval 600; default lifetime 0; }; }
     protocol bgp tor {
       local ${ROUTER.link}%vb as 65002;
       neighbor range fe80::/10 external; interface "vb";
       ipv4 { import all; export none; extended next hop on; };
       ipv6 { import all; export none; };
     }`,
    ["ip", "netns", "exec", namespaces.b.name],
  );
  const own = new FakeAddresses(`va ${OURS.link}/64 tentative`);
  await using us = speaker(namespaces, own);
  assert.equal(
    us.status().cause,
    `waiting for a router advertisement on va (its own link-local address ${OURS.link} is tentative)`,
  );
  assert.equal(us.status().address, "auto%va");
  own.set(`va ${OURS.link}/64`);
  await us.established();
  for (const prefix of PREFIXES) await bird.awaits(`show route ${prefix}`, `via ${OURS.link} on vb`);
});

Deno.test("the agent as a process finds FRR by address: auto, with addresses from rtnetlink and a TCP-MD5 key, and again after a restart", async () => {
  const { advice } = await ensurePackages(["iproute2", "frr"], console.log);
  assert.equal(advice, undefined);
  await using namespaces = await interopNamespaces(0);
  const keyed = { ...UNNUMBERED, password: "secret" };
  await using router = await startFrr([keyed], ["ip", "netns", "exec", namespaces.b.name]);
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      log: { format: "text", level: "info" },
      network: { setup: false },
      http: { listen: "" },
      control: { socket: "" },
      bgp: {
        local: { routerID: OURS[4], as: 65001 },
        peers: [{ address: "auto", interface: "va", as: 65002, password: "secret", bfd: {} }],
      },
      services: [{ name: "web", addresses: ["10.99.11.1", "2001:db8:11::1"] }],
    }),
  );
  for (let run = 0; run < 2; run++) {
    await using agent = new AgentProcess(["--config", file], {
      within: ["ip", "netns", "exec", namespaces.a.name],
    });
    await agent.said(`the peer is at ${ROUTER.link}: found by its router advertisements on va`);
    for (const prefix of PREFIXES) {
      const { nextHops } = await seen({ router }, UNNUMBERED, prefix);
      assert.ok(nextHops.includes(OURS.link), `${nextHops}`);
    }
    agent.signal("SIGTERM");
    assert.equal((await agent.exited).code, 0);
    for (const prefix of PREFIXES) await gone({ router }, UNNUMBERED, prefix);
  }
  await Deno.remove(file);
});

Deno.test("Speaker lets nobody in who is not the neighbour that it has found", async () => {
  await using namespaces = await interopNamespaces(0);
  await using us = speaker(namespaces);
  const tried = await namespaces.b.run("bash", "-c", `exec 3<>/dev/tcp/${OURS.link}%vb/179; cat <&3`);
  assert.notEqual(tried, undefined);
  await until(() => us.events.some(({ type }) => type === "connection-refused"), () => "nobody was refused");
  assert.equal(us.status().state, "Idle");
  assert.match(
    us.status().cause,
    /^waiting for a router advertisement on va \(\d solicitations? sent, none heard\)$/,
  );
  assert.equal(NO_NEIGHBOURS.on("va").address, undefined);
});
