/**
 * Health: an application that dies and one that hangs. When things happen is taken where they happen: the fault from
 * just before the signal was sent, the decision from the time that the agent put on its log line, convergence from
 * the router. All are processes of one machine and read one clock, so a slow machine delays the reading of these
 * times but does not falsify them.
 */
import { equal, ok } from "node:assert/strict";
import type { Host } from "../host.ts";
import type { LogEntry } from "../agent_log.ts";
import { type LabWorld, pair, PATIENCE_MS, untilAll } from "../lab_world.ts";
import type { Scenario } from "../scenario.ts";
import { describe, since, summarize } from "../traffic.ts";

/** An application that dies takes its host out. */
export const applicationDies: Scenario<LabWorld> = {
  name: "the application dies: the routes go together, and no request fails after the router has converged",
  async run(world, { say, figure }) {
    await world.steady();
    const [broken, other] = pair(world);
    await world.client.start(25);
    say(`killing the application on ${broken.name}, under a stream of requests`);
    const diedMs = await broken.killApplication();
    const gone = await world.untilVia([other.name]);
    const withdraw = await untilWithdraw(broken, diedMs);
    await goneAtOnce(broken, diedMs, world.prefixes.length);
    const routes = world.prefixes.length === 1 ? "route is" : "routes are";
    say(`${broken.name}'s ${routes} gone after ${Math.round(gone.atMs - diedMs)} ms (${withdraw["cause"]})`);
    const rest = await world.client.burst(30);
    const traffic = since(await world.client.stop(), diedMs);
    const after = since(summarize([...traffic.requests, ...rest.requests]), gone.atMs);
    figure("application died to withdraw decided", withdraw.atMs - diedMs, "ms");
    figure("withdraw decided to route gone from the router", Math.max(0, gone.atMs - withdraw.atMs), "ms");
    figure("requests that failed before the router converged", traffic.failures.length, "requests");
    figure("requests that failed after the router converged", after.failures.length, "requests");
    ok(after.requests.length >= 30, `${after.requests.length} requests after the router had converged`);
    equal(after.failures.length, 0, `after convergence: ${describe(after)}`);
    equal(after.byHost.get(broken.name), undefined, `after convergence: ${describe(after)}`);
    equal(rest.byHost.get(other.name), 30, describe(rest));
    return `of ${traffic.requests.length} requests ${traffic.failures.length} failed before the router converged, ` +
      `0 of ${after.requests.length} after; all of those went to ${other.name}`;
  },
};

/** A healthy application brings it back. */
export const applicationRecovers: Scenario<LabWorld> = {
  name: "the application is back: the host announces again and gets its share",
  async run(world, { say, figure }) {
    const [broken] = pair(world);
    say(`starting the application on ${broken.name} again`);
    await broken.startApplication();
    const backMs = Date.now();
    const both = await untilAll(world);
    figure("application listens to two next hops on the router", both.atMs - backMs, "ms");
    const traffic = await world.client.burst(60);
    equal(traffic.failures.length, 0, describe(traffic));
    ok((traffic.byHost.get(broken.name) ?? 0) >= 10, describe(traffic));
    return `announced again after ${Math.round(both.atMs - backMs)} ms; ${describe(traffic)}`;
  },
};

/**
 * An application that hangs is noticed. That it is as fast as the check's times allow is shown on a virtual clock
 * (tests/health/guarantee_test.ts); here it is a figure, as the machine may be busy with something else.
 */
export const applicationHangs: Scenario<LabWorld> = {
  name: "a hung application (accepts, never answers) is withdrawn",
  async run(world, { figure }) {
    await world.steady();
    const [broken, other] = pair(world);
    const { intervalMs, fastIntervalMs, timeoutMs, fall } = world.service.check;
    const limitMs = intervalMs + (fall - 1) * fastIntervalMs + timeoutMs;
    const hungMs = broken.hangApplication();
    try {
      const tookMs = (await untilWithdraw(broken, hungMs)).atMs - hungMs;
      figure(`application hung to withdraw decided (limit ${limitMs} ms)`, tookMs, "ms");
      const gone = await world.untilVia([other.name]);
      const traffic = await world.client.burst(20);
      equal(traffic.byHost.get(other.name), 20, describe(traffic));
      return `withdrawn after ${tookMs} ms of ${limitMs}, gone from the router after ${
        Math.round(gone.atMs - hungMs)
      } ms`;
    } finally {
      await broken.startApplication();
    }
  },
};

/** All families went in one pass over the routes. */
async function goneAtOnce(host: Host, sinceMs: number, families: number): Promise<void> {
  const told = await host.log.until(
    "withdrawn",
    sinceMs,
    PATIENCE_MS,
    ({ event, withdrawn }) => event === "updates-sent" && withdrawn !== 0,
  );
  equal(told["withdrawn"], families, "routes withdrawn together");
}

function untilWithdraw(host: Host, sinceMs: number): Promise<LogEntry> {
  return host.log.until("withdraw", sinceMs, PATIENCE_MS, ({ message }) => message === "withdraw");
}
