/**
 * Health: an application that dies and one that hangs. When things happen is taken where they happen: the fault from
 * just before the signal was sent, the decision from the time that the agent put on its log line, convergence from
 * the router's kernel. All are processes of one machine and read one clock, so a slow machine delays the reading of
 * these times but does not falsify them.
 */
import { equal, ok } from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { describe, since } from "../traffic.ts";
import { PATIENCE_MS, type World } from "../world.ts";

/** What the issue allows beside the check's own times. */
const ALLOWANCE_MS = 100;

/** The scenarios of health. */
export const healthScenarios: readonly Scenario<World>[] = [
  {
    name: "the application dies: the route goes, and no request fails after the router has converged",
    async run(world, figure) {
      await world.steady();
      const [broken, other] = world.hosts;
      if (broken === undefined || other === undefined) throw new Error("two hosts needed");
      await world.client.start(world.service, 25);
      const diedMs = await broken.killApplication();
      const gone = await world.untilVia([other.name]);
      const withdraw = await broken.log.until(
        "withdraw",
        diedMs,
        PATIENCE_MS,
        (entry) => entry.message === "withdraw",
      );
      const rest = await world.burst(30);
      const traffic = since(await world.client.stop(), diedMs);
      figure("application died to withdraw decided", withdraw.atMs - diedMs, "ms");
      figure("withdraw decided to route gone from the router's kernel", gone.atMs - withdraw.atMs, "ms");
      figure("requests that failed before the router converged", traffic.failures.length, "requests");
      const after = since(traffic, gone.atMs);
      ok(after.requests.length > 0, "no request was made after the router had converged");
      equal(after.failures.length, 0, `after convergence: ${describe(after)}`);
      equal(after.byHost.get(broken.name), undefined, `after convergence: ${describe(after)}`);
      equal(rest.byHost.get(other.name), 30, describe(rest));
      return `route gone after ${
        Math.round(gone.atMs - diedMs)
      } ms; of ${traffic.requests.length} requests ` +
        `${traffic.failures.length} failed before and 0 of ${after.requests.length} after`;
    },
  },
  {
    name: "the application is back: the host announces again and gets its share",
    async run(world, figure) {
      const [broken] = world.hosts;
      if (broken === undefined) throw new Error("a host needed");
      await broken.startApplication();
      const backMs = Date.now();
      const both = await world.untilVia(world.hosts.map((host) => host.name));
      figure("application listens to both next hops in the router's kernel", both.atMs - backMs, "ms");
      const traffic = await world.burst(60);
      equal(traffic.failures.length, 0, describe(traffic));
      ok((traffic.byHost.get(broken.name) ?? 0) >= 10, describe(traffic));
      return `announced again after ${Math.round(both.atMs - backMs)} ms; ${describe(traffic)}`;
    },
  },
  {
    name: "a hung application (accepts, never answers) is withdrawn in time",
    async run(world, figure) {
      await world.steady();
      const [broken, other] = world.hosts;
      if (broken === undefined || other === undefined) throw new Error("two hosts needed");
      const { intervalMs, fastIntervalMs, timeoutMs, fall } = world.service.check;
      const limitMs = intervalMs + (fall - 1) * fastIntervalMs + timeoutMs + ALLOWANCE_MS;
      const hungMs = broken.hangApplication();
      try {
        const withdraw = await broken.log.until(
          "withdraw",
          hungMs,
          PATIENCE_MS,
          ({ message }) => message === "withdraw",
        );
        const tookMs = withdraw.atMs - hungMs;
        figure(`application hung to withdraw decided (limit ${limitMs} ms)`, tookMs, "ms");
        ok(tookMs <= limitMs, `withdrawn after ${tookMs} ms, allowed are ${limitMs}`);
        const gone = await world.untilVia([other.name]);
        const traffic = await world.burst(20);
        equal(traffic.byHost.get(other.name), 20, describe(traffic));
        return `withdrawn after ${tookMs} ms of ${limitMs}, gone from the router after ${
          Math.round(gone.atMs - hungMs)
        }`;
      } finally {
        await broken.startApplication();
      }
    },
  },
];
