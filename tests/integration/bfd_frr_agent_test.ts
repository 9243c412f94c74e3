/** BFD of an agent as it is shipped, with FRR at the other end: IPv6, link-local, and both ends by their interface alone. Needs root. */
import assert from "node:assert/strict";
import { AgentProcess } from "../support/agent.ts";
import { startFrr } from "../support/frr_router.ts";
import { OURS, ROUTER, ROUTER_AS } from "../support/interop.ts";
import { gone, seen } from "../support/interop_scene.ts";
import { namespacePair, type NetworkNamespace } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually } from "../support/until.ts";

const PROFILE = `bfd
 profile quick
  receive-interval 50
  transmit-interval 50
  detect-multiplier 3
`;
const ROUTE = "2001:db8:20::1";
const USUAL = { peerAs: 65001, families: [4, 6], passive: false } as const;
const SIX = { ...USUAL, neighbor: OURS[6] } as const;

/** Each with a session over a global address beside it, which has no interface of its own. */
const ROWS = [
  {
    name: "by its interface alone (address: auto)",
    session: { ...USUAL, neighbor: OURS.link, unnumbered: true },
    named: ROUTER.device,
    peer: { address: "auto", interface: OURS.device },
  },
  {
    name: "by its link-local address",
    session: { ...USUAL, neighbor: OURS.link },
    named: OURS.link,
    peer: { address: `${ROUTER.link}%${OURS.device}` },
  },
] as const;

function configuration(peer: Readonly<Record<string, string>>): unknown {
  const bfd = { transmit: "50ms", receive: "50ms" };
  return {
    network: { setup: false },
    http: { listen: "" },
    control: { socket: "" },
    state: { directory: "" },
    log: { level: "debug" },
    bgp: {
      local: { routerID: OURS[4], as: 65001, address6: OURS[6] },
      defaults: { as: ROUTER_AS, holdTime: "240s", connectRetryTime: "2s", bfd },
      // FRR begins BFD with a neighbour that it knows by its interface once it has connected: who waits for that waits for ever.
      peers: [{ name: "link", ...peer }, { name: "six", address: ROUTER[6], bfd: { ...bfd, strict: true } }],
    },
    services: [{ name: "web", addresses: [ROUTE] }],
  };
}

async function startAgent(namespace: NetworkNamespace, peer: Readonly<Record<string, string>>) {
  await using stack = new AsyncDisposableStack();
  const file = await Deno.makeTempFile({ suffix: ".json" });
  stack.defer(() => Deno.remove(file));
  await Deno.writeTextFile(file, JSON.stringify(configuration(peer)));
  const within = ["ip", "netns", "exec", namespace.name];
  const agent = stack.use(new AgentProcess(["--config", file], { within }));
  const kept = stack.move();
  return { agent, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

for (const { name, session, named, peer } of ROWS) {
  Deno.test(`BFD of the agent and FRR, known ${name}: sessions come up, end with a way that is cut, and come back (RFC 5881, 9384)`, async () => {
    const { advice } = await ensurePackages(["iproute2", "frr"], console.log);
    assert.equal(advice, undefined);
    await using pair = await namespacePair();
    const lines = [named, SIX.neighbor].flatMap((neighbor) =>
      ["bfd", "bfd profile quick"].map((line) => `neighbor ${neighbor} ${line}`)
    );
    const within = ["ip", "netns", "exec", pair.b.name];
    await using router = await startFrr([session, SIX], within, lines, { bfd: PROFILE });
    await using started = await startAgent(pair.a, peer);
    const { agent } = started;
    const whole = async () => {
      for (const one of [session, SIX]) await seen({ router }, one, `${ROUTE}/128`);
      for (const neighbor of [named, SIX.neighbor]) {
        const isUp = (words: string) =>
          /"bgpState":\s*"Established"/.test(words) && /"status":\s*"Up"/.test(words);
        await eventually(() => router.words(neighbor), isUp, `FRR has ${neighbor} and its BFD`);
      }
      for (const peer of ["link", "six"]) {
        await agent.said(`"message":"BFD is Up","event":"bfd-state","peer":"${peer}"`);
        await agent.said(`"message":"session is Established","event":"peer-state","peer":"${peer}"`);
      }
    };
    await whole();
    agent.lines.length = 0;
    // Nobody's carrier is lost: only BFD can see it so soon.
    const cut = "add table inet t; add chain inet t in { type filter hook input priority 0; policy drop; }";
    for (const namespace of [pair.a, pair.b]) assert.equal((await namespace.run("nft", cut)).code, 0);
    for (const one of [session, SIX]) await gone({ router }, one, `${ROUTE}/128`);
    for (const peer of ["link", "six"]) {
      await agent.said(
        `"message":"session is Idle, it was Established","event":"peer-state","peer":"${peer}"`,
      );
    }
    agent.lines.length = 0;
    for (const namespace of [pair.a, pair.b]) await namespace.run("nft", "delete table inet t");
    await whole();
    agent.lines.length = 0;
    // Our own link, and with it the addresses that packets came from.
    await pair.a.ip("link", "set", OURS.device, "down");
    for (const peer of ["link", "six"]) {
      await agent.said(
        `"message":"session is Idle, it was Established","event":"peer-state","peer":"${peer}"`,
      );
    }
    agent.lines.length = 0;
    await pair.a.ip("link", "set", OURS.device, "up");
    for (const own of [OURS[6], OURS.link]) {
      await pair.a.ip("addr", "replace", `${own}/64`, "dev", OURS.device, "nodad");
    }
    await whole();
    agent.lines.length = 0;
    agent.signal("SIGTERM");
    assert.equal((await agent.exited).code, 0);
    for (const one of [session, SIX]) await gone({ router }, one, `${ROUTE}/128`);
  });
}
