/**
 * The agent as a process with BFD and graceful restart at once, at BIRD and FRR: neither a handover nor a kill costs a route
 * where the router is told that BFD has to do with this process (RFC 5882 section 4.3.2), and a lost link costs it at once.
 */
import assert from "node:assert/strict";
import { AgentProcess } from "../support/agent.ts";
import { startBird } from "../support/bird_router.ts";
import { startFrr } from "../support/frr_router.ts";
import { OURS, ROUTER, type Router, ROUTER_AS } from "../support/interop.ts";
import { namespacePair, NetworkNamespace } from "../support/namespace.ts";
import { RouteWatch } from "../support/route_watch.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually } from "../support/until.ts";

const OUR_AS = 65001;
/** Where FRR is, beside BIRD: both have the ports of BFD. */
const FRR = { ours: "10.8.0.1", theirs: "10.8.0.2" } as const;
const ROUTE = "10.99.20.1/32";
/** Longer than anything here is waited for, so that what goes does not go by itself. */
const RESTART_SECONDS = 600;
const PROFILE = `bfd
 profile quick
  receive-interval 50
  transmit-interval 50
  detect-multiplier 3
`;

Deno.test("with BFD and graceful restart the agent's route stays on BIRD and FRR while it is killed, or handed over, and goes with the link (RFC 4724, 5882 4.3)", async (t) => {
  const { advice } = await ensurePackages(["iproute2", "bird2", "frr"], console.log);
  assert.equal(advice, undefined);
  await using stack = new AsyncDisposableStack();
  const { a, b } = stack.use(await namespacePair());
  const c = stack.use(await NetworkNamespace.create("c"));
  await a.ip("link", "add", "vac", "type", "veth", "peer", "name", "vc", "netns", c.name);
  for (const [namespace, device, address] of [[a, "vac", FRR.ours], [c, "vc", FRR.theirs]] as const) {
    await namespace.ip("addr", "add", `${address}/24`, "dev", device);
    await namespace.ip("link", "set", device, "up");
  }
  const session = (neighbor: string) =>
    ({ neighbor, peerAs: OUR_AS, families: [4], passive: true, gracefulRestart: RESTART_SECONDS }) as const;
  const within = (namespace: NetworkNamespace) => ["ip", "netns", "exec", namespace.name];
  const bird = stack.use(await startBird([session(OURS[4])], within(b), { bfd: "graceful" }));
  const frr = stack.use(
    await startFrr(
      [{ ...session(FRR.ours), local: FRR.theirs }],
      within(c),
      ["bfd", "bfd profile quick"].map((line) => `neighbor ${FRR.ours} ${line}`),
      { bfd: PROFILE },
    ),
  );
  const routers: readonly Router[] = [bird, frr];
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const file = `${folder}/config.json`;
  await Deno.writeTextFile(file, JSON.stringify(configuration(`${folder}/state`)));
  const start = () => new AgentProcess(["--config", file], { within: within(a) });
  /** Both sessions and both BFDs are up, and the routes are there, not stale. */
  const isWhole = async () => {
    const routes = await Promise.all(routers.map((router) => router.routes(ROUTE)));
    const words = [await bird.words(OURS[4]), await frr.words(FRR.ours)];
    return routes.every(([route]) => route !== undefined && !route.stale) &&
      /Established/.test(words[0] ?? "") && /"status":\s*"Up"/.test(words[1] ?? "");
  };
  const whole = async (process: AgentProcess, peers = ["bird", "frr"]) => {
    for (const peer of peers) {
      await process.said(`"message":"BFD is Up","event":"bfd-state","peer":"${peer}"`);
    }
    await eventually(isWhole, (is) => is, "all is up");
  };

  let agent = start();
  stack.defer(() => agent[Symbol.asyncDispose]());
  await whole(agent);
  for (const signal of ["SIGKILL", "SIGUSR2"] as const) {
    await t.step(`${signal}: the route stays, and is there anew with the next process`, async () => {
      await using watch = new RouteWatch(routers, [ROUTE]);
      agent.signal(signal);
      await agent.exited;
      await eventually(
        () => bird.words(OURS[4]),
        (words) => words.includes("BFD session down"),
        "BIRD misses us",
      );
      agent = start();
      await whole(agent);
      assert.deepEqual(watch.gaps, []);
    });
  }
  await t.step(
    "a link is lost: FRR's session ends by BFD there and here, and comes back with it",
    async () => {
      await c.ip("link", "set", "vc", "down");
      await agent.said(`it was Established","event":"peer-state","peer":"frr"`);
      await eventually(() => frr.words(FRR.ours), (words) => words.includes("BFD"), "FRR tells of BFD");
      await c.ip("link", "set", "vc", "up");
      agent.lines.length = 0;
      await whole(agent, ["frr"]);
    },
  );
});

/** `state` is where an agent keeps what the next one has to know to be taken for the same. */
function configuration(state: string): unknown {
  return {
    network: { setup: false },
    http: { listen: "" },
    control: { socket: "" },
    state: { directory: state },
    log: { level: "debug" },
    bgp: {
      local: { routerID: OURS[4], as: OUR_AS, listenPort: -1 },
      defaults: {
        as: ROUTER_AS,
        holdTime: "240s",
        connectRetryTime: "3s",
        gracefulRestart: { restartTime: `${RESTART_SECONDS}s` },
        bfd: { transmit: "50ms", receive: "50ms", multiplier: 3 },
      },
      peers: [{ name: "bird", address: ROUTER[4] }, { name: "frr", address: FRR.theirs }],
    },
    services: [{ name: "web", addresses: [ROUTE.split("/")[0]] }],
  };
}
