/**
 * The whole agent as a process, announce-only, with BIRD, FRR and GoBGP at once, all of them helpers of graceful restart
 * (RFC 4724, 8538): killed, handed over, started again, stopped.
 */
import assert from "node:assert/strict";
import { agentArguments } from "../support/agent.ts";
import { startBird } from "../support/bird_router.ts";
import { startFrr } from "../support/frr_router.ts";
import { startGoBgp } from "../support/gobgp_router.ts";
import { interopNamespaces, OURS, type Router, ROUTER_AS, type SeenRoute } from "../support/interop.ts";
import type { NetworkNamespace } from "../support/namespace.ts";
import { Process } from "../support/process.ts";
import { RouteWatch } from "../support/route_watch.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually, within } from "../support/until.ts";

/** BIRD, FRR and GoBGP; two of the sessions run over IPv6. */
const LOCALS = ["fd09::2", "fd09::3", "10.9.0.4"] as const;
const OUR_AS = 65001;
/** Longer than anything here is waited for, so that what goes does not go by itself. */
const RESTART_SECONDS = 600;
const STAYS = ["10.99.20.1/32", "2001:db8:20::1/128"] as const;
/** How BIRD, FRR and GoBGP show the R bit and the F bit. */
const RESTARTED = [
  /Restart recovery[^]*AF preserved: ipv4 ipv6/,
  /"rBit":true[^]*"fBit":true/,
  /restart flag set[^]*forward flag set/,
];
/** How they show that the session ended by a Hard Reset; BIRD 2.0 does not know the N bit and sees the Cease itself. */
const HARD_RESET = [
  /Received: Administrative shutdown[^]*stopped by SIGTERM/,
  /"lastNotificationHardReset":true/,
  /Reason=hard-reset/,
];
const GOES = ["10.99.20.2/32", "2001:db8:20::2/128"] as const;

Deno.test("the agent's routes stay on BIRD, FRR and GoBGP over its restarts, and go when it stops (RFC 4724, 8538)", async (t) => {
  const { advice } = await ensurePackages(["iproute2", "bird2", "frr", "gobgpd"], console.log);
  assert.equal(advice, undefined);
  await using stack = new AsyncDisposableStack();
  const { a, b } = stack.use(await interopNamespaces(0));
  await b.ip("addr", "add", "fd09::3/64", "dev", "vb", "nodad");
  await b.ip("addr", "add", "10.9.0.4/24", "dev", "vb");
  const prefix = ["ip", "netns", "exec", b.name];
  const session = (local: string) => ({
    neighbor: OURS[local.includes(":") ? 6 : 4],
    peerAs: OUR_AS,
    families: [4, 6],
    passive: true,
    gracefulRestart: RESTART_SECONDS,
    local,
  } as const);
  const [bird, frr, gobgp] = LOCALS;
  const routers: readonly Router[] = await Promise.all([
    startBird([session(bird)], prefix),
    startFrr([session(frr)], prefix, ["bgp graceful-restart notification"]),
    startGoBgp([session(gobgp)], prefix),
  ]);
  for (const router of routers) stack.use(router);
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const both = `${folder}/both.json`;
  const one = `${folder}/one.json`;
  await Deno.writeTextFile(both, JSON.stringify(configuration([STAYS, GOES])));
  await Deno.writeTextFile(one, JSON.stringify(configuration([STAYS])));

  const words = async (router: number) =>
    await routers[router]?.words(OURS[LOCALS[router]?.includes(":") ? 6 : 4]) ?? "";

  const lost = async (router: Router, index: number) => {
    const neighbor = OURS[LOCALS[index]?.includes(":") ? 6 : 4];
    await eventually(() => router.established(neighbor), (is) => !is, `${router.name} loses the session`);
  };

  let agent = await startAgent(a, both);
  stack.defer(() => agent.stop("SIGKILL"));
  await everywhere(routers, [...STAYS, ...GOES]);
  // Over IPv6 and on one link the link-local next hop goes along (RFC 2545 section 3); GoBGP is told over IPv4.
  const nextHops = await Promise.all(
    routers.map(async (router) => (await router.routes(STAYS[1]))[0]?.nextHops),
  );
  assert.deepEqual(nextHops, [[OURS[6], OURS.link], [OURS[6], OURS.link], [OURS[6]]]);

  await t.step("killed: the routes stay, stale", async () => {
    agent.process.signal("SIGKILL");
    await agent.process.exited;
    await Promise.all(routers.map(lost));
    for (const router of routers) {
      const routes = await Promise.all([...STAYS, ...GOES].map((each) => router.routes(each)));
      assert.ok(routes.every((each) => each.length === 1), `${router.name}: ${JSON.stringify(routes)}`);
    }
  });
  await t.step(
    "started again with less: what stays never goes, and the rest goes at End-of-RIB",
    async () => {
      await using watch = new RouteWatch(routers, STAYS);
      agent = await startAgent(a, one);
      await nowhere(routers, GOES);
      assert.deepEqual(watch.gaps, []);
      for (const [router, bits] of RESTARTED.entries()) {
        await eventually(() => words(router), (said) => bits.test(said), String(bits));
      }
    },
  );
  await t.step("handed over: the routes stay, and are refreshed", async () => {
    await using watch = new RouteWatch(routers, STAYS);
    agent.process.signal("SIGUSR2");
    assert.equal((await agent.process.exited).code, 0);
    await Promise.all(routers.map(lost));
    agent = await startAgent(a, one);
    await everywhere(routers, STAYS);
    assert.deepEqual(watch.gaps, []);
  });
  await t.step("stopped: the routes go at once", async () => {
    agent.process.signal("SIGTERM");
    assert.equal((await agent.process.exited).code, 0);
    await nowhere(routers, STAYS);
    for (const [router, reset] of HARD_RESET.entries()) {
      await eventually(() => words(router), (said) => reset.test(said), String(reset));
    }
  });
});

/** Announces each group of prefixes as a service, to all three. */
function configuration(services: readonly (readonly string[])[]): unknown {
  return {
    network: { setup: false },
    http: { listen: "" },
    control: { socket: "" },
    bgp: {
      local: { routerID: "10.9.0.1", as: OUR_AS, listenPort: 179, address6: "fd09::1" },
      defaults: {
        as: ROUTER_AS,
        // GoBGP 3.10 lets the routes go where a connection ends before it is Established, so none may be given up in haste.
        connectRetryTime: "3s",
        gracefulRestart: { restartTime: `${RESTART_SECONDS}s` },
      },
      peers: LOCALS.map((address) => ({ address })),
    },
    services: services.map((prefixes, index) => ({
      name: `web${index}`,
      addresses: prefixes.map((prefix) => prefix.split("/")[0]),
    })),
  };
}

/** An agent in our namespace that has said that it runs. */
interface RunningAgent {
  readonly process: Process;
  stop(signal: Deno.Signal): Promise<void>;
}

async function startAgent(namespace: NetworkNamespace, file: string): Promise<RunningAgent> {
  const lines: string[] = [];
  const running = Promise.withResolvers<void>();
  const process = new Process({
    command: "ip",
    args: ["netns", "exec", namespace.name, Deno.execPath(), ...agentArguments(), "--config", file],
    onLine: ({ text }) => {
      lines.push(text);
      if (text.includes("running")) running.resolve();
    },
  });
  await within(Promise.race([running.promise, process.exited]), "the agent runs");
  assert.ok(process.running, lines.join("\n"));
  return { process, stop: async (signal) => void await process.stop(signal) };
}

/** Every router has every prefix, and none of them stale. */
async function everywhere(routers: readonly Router[], prefixes: readonly string[]): Promise<void> {
  const fresh = (routes: readonly SeenRoute[]) => routes.length === 1 && routes.every(({ stale }) => !stale);
  await each(routers, prefixes, fresh, "is there");
}

/** No router has any of the prefixes. */
async function nowhere(routers: readonly Router[], prefixes: readonly string[]): Promise<void> {
  await each(routers, prefixes, (routes) => routes.length === 0, "is gone");
}

async function each(
  routers: readonly Router[],
  prefixes: readonly string[],
  passes: (routes: readonly SeenRoute[]) => boolean,
  what: string,
): Promise<void> {
  await Promise.all(
    routers.flatMap((router) =>
      prefixes.map((prefix) =>
        eventually(() => router.routes(prefix), passes, `${prefix} ${what} on ${router.name}`)
      )
    ),
  );
}
