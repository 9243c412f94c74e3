/**
 * The whole agent as a process, announce-only, with BIRD, FRR and GoBGP at once, all of them helpers of graceful restart
 * (RFC 4724, 8538): killed, handed over, started again, stopped.
 */
import assert from "node:assert/strict";
import { OURS } from "../support/interop.ts";
import { RestartScene } from "../support/restart_scene.ts";
import { RouteWatch } from "../support/route_watch.ts";
import { eventually } from "../support/until.ts";

const STAYS = ["10.99.20.1/32", "2001:db8:20::1/128"] as const;
const GOES = ["10.99.20.2/32", "2001:db8:20::2/128"] as const;
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

Deno.test("the agent's routes stay on BIRD, FRR and GoBGP over its restarts, and go when it stops (RFC 4724, 8538)", async (t) => {
  await using scene = await RestartScene.open();
  const { routers } = scene;
  const state = `${scene.folder}/state`;
  const both = await scene.configure({ services: [STAYS, GOES], state });
  const one = await scene.configure({ services: [STAYS], state });

  let agent = await scene.start(both);
  await scene.everywhere([...STAYS, ...GOES]);
  await scene.recorded(state);
  // Over IPv6 and on one link the link-local next hop goes along (RFC 2545 section 3); GoBGP is told over IPv4.
  const nextHops = await Promise.all(
    routers.map(async (router) => (await router.routes(STAYS[1]))[0]?.nextHops),
  );
  assert.deepEqual(nextHops, [[OURS[6], OURS.link], [OURS[6], OURS.link], [OURS[6]]]);

  await t.step("killed: the routes stay, stale", async () => {
    agent.process.signal("SIGKILL");
    await agent.process.exited;
    await scene.lost();
    for (const router of routers) {
      const routes = await Promise.all([...STAYS, ...GOES].map((each) => router.routes(each)));
      assert.ok(routes.every((each) => each.length === 1), `${router.name}: ${JSON.stringify(routes)}`);
    }
  });
  await t.step(
    "started again with less: what stays never goes, and the rest goes at End-of-RIB",
    async () => {
      await using watch = new RouteWatch(routers, STAYS);
      agent = await scene.start(one);
      await scene.nowhere(GOES);
      assert.deepEqual(watch.gaps, []);
      for (const [router, bits] of RESTARTED.entries()) {
        await eventually(() => scene.words(router), (said) => bits.test(said), String(bits));
      }
    },
  );
  await t.step("handed over: the routes stay, and are refreshed", async () => {
    await using watch = new RouteWatch(routers, STAYS);
    agent.process.signal("SIGUSR2");
    assert.equal((await agent.process.exited).code, 0);
    await scene.lost();
    agent = await scene.start(one);
    await scene.everywhere(STAYS);
    assert.deepEqual(watch.gaps, []);
  });
  await t.step("stopped: the routes go at once", async () => {
    agent.process.signal("SIGTERM");
    assert.equal((await agent.process.exited).code, 0);
    await scene.nowhere(STAYS);
    for (const [router, reset] of HARD_RESET.entries()) {
      await eventually(() => scene.words(router), (said) => reset.test(said), String(reset));
    }
  });
});
