/** What operators order while clients are there: drain, undrain and reload, and nobody notices. */
import { equal, match, ok } from "node:assert/strict";
import type { LogEntry } from "../agent_log.ts";
import { type Host, ours } from "../host.ts";
import { ipvsEntries } from "../kernel_view.ts";
import { launchVariant, ownDestinations, serviceTo } from "../load_configs.ts";
import { pair, PATIENCE_MS, untilAll } from "../lab_world.ts";
import { underLoad } from "../load.ts";
import type { RoutingDaemon } from "../router.ts";
import { same, type Scenario } from "../scenario.ts";
import { addressesOf, bracketed, hostRoute, hostServiceConfig, type LabService } from "../topology.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";
import { waitFor } from "../../support/until.ts";

type AnyWorld = World<RoutingDaemon>;

/** A host goes out of service and comes back. */
export const drained: Scenario<AnyWorld> = {
  name: "under load: drain --wait takes a host out, its download ends by itself, undrain brings it back",
  async run(world, narrator) {
    await world.steady();
    const [host, other] = pair(world);
    const before = ours(world.topology, await host.kernel());
    const event = `${host.name}: drain ${world.service.name} --wait, then undrain`;
    const load = { event, costsNothing: true, through: host, downloadSeconds: 9 };
    const { value, traffic } = await underLoad(world, narrator, load, async () => {
      const sinceMs = Date.now();
      const waiting = host.ask("drain", world.service.name, "--reason", "a new disk", "--wait");
      const gone = await world.untilVia([other.name]);
      const open = (await ipvsEntries(host.name)).filter(({ state }) => state === "ESTABLISHED").length;
      await waiting;
      const logged = (what: string, matches: (entry: LogEntry) => boolean) =>
        host.log.until(what, sinceMs, PATIENCE_MS, matches);
      // The command itself takes long to start in some places.
      const { atMs: asked } = await logged("the order", ({ event }) => event === "drained");
      const down = await logged("down", ({ event, to }) => event === "phase" && to === "down");
      const tookMs = down.atMs - asked;
      ok(tookMs < world.service.stop.quiesceMs, `the drain took ${tookMs} ms, though the download had ended`);
      const { ipvs } = ours(world.topology, await host.kernel());
      const serving = ipvs.filter((line) => line.startsWith("-a") && isOf(world.service, line))
        .filter((line) => !line.endsWith("-w 0"));
      same(serving, [], "destinations that take new connections after the drain");
      match(await host.ask("status"), /a new disk/);
      await host.ask("undrain", world.service.name, "--wait");
      await untilAll(world);
      return { open, tookMs, goneMs: Math.max(0, gone.atMs - asked) };
    });
    same(ours(world.topology, await host.kernel()), before, "the kernel's objects after undrain");
    narrator.figure("drain ordered to route gone from the router", value.goneMs, "ms");
    narrator.figure("drain ordered to down, with a download open", value.tookMs, "ms");
    return `down after ${value.tookMs} ms, ${value.open} connections open after the route had gone; ${
      describe(traffic)
    }`;
  },
};

/** Not there at first. */
const LATE: LabService = {
  name: "late",
  address: "10.99.0.3",
  address6: "2001:db8:99::3",
  port: 80,
  check: { intervalMs: 1_000, fastIntervalMs: 200, timeoutMs: 1_000, rise: 2, fall: 3 },
  stop: { convergeMs: 500, quiesceMs: 20_000 },
};

/** BIRD keeps a moment by one clock and tells it by another one: the last digits are not always the same. */
const CLOCKS_MS = 100;

/** Of a time such as `01:04:31.455`. */
function timeOfDayMs(text = ""): number {
  const [, hours, minutes, seconds] = /(\d+):(\d+):([\d.]+)$/.exec(text) ?? [];
  return (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000;
}

/** Weights change, a service comes and goes: all else stays as it is. */
export const reloaded: Scenario<AnyWorld> = {
  name:
    "under load: reload changes weights and adds a service, another takes it back; nothing else is touched",
  async run(world, narrator) {
    await world.steady();
    const [host] = pair(world);
    const before = ours(world.topology, await host.kernel());
    const since = await world.router.established(host.name);
    const counted = await host.connections(world.service);
    const sinceMs = Date.now();
    const late = addressesOf(LATE).map((address) => ({ address, port: LATE.port }));
    const event = `${host.name}: SIGHUP with other weights and one more service, then reload back`;
    const load = { event, costsNothing: true, through: host };
    const { value, traffic } = await underLoad(world, narrator, load, async () => {
      const services = world.topology.services.map((service) =>
        serviceTo(host, service, ownDestinations(host, 3))
      );
      host.rewrite(launchVariant(world.topology, host, {
        services: [...services, hostServiceConfig(LATE, host.node)],
      }));
      host.signalAgent("SIGHUP");
      await Promise.all(
        addressesOf(LATE).map((address, family) =>
          world.routes.until(hostRoute(address), [addressesOf(host.node)[family] ?? ""], PATIENCE_MS)
        ),
      );
      const reached = await world.client.burst(20, late);
      equal(reached.byHost.get(host.name), 20, `the new service: ${describe(reached)}`);
      const weighted = before.ipvs.map((line) => line.replace(/-w 1$/, "-w 3"));
      const { ipvs } = ours(world.topology, await host.kernel());
      same(ipvs, weighted, "the virtual services with other weights");
      host.rewrite(host.launch);
      match(await host.ask("reload"), /^configuration \S+ is in force/);
      await untilGone(host, LATE);
      return reached;
    });
    same(ours(world.topology, await host.kernel()), before, "the kernel's objects after both");
    const now = await world.router.established(host.name);
    const movedMs = Math.abs(timeOfDayMs(now) - timeOfDayMs(since));
    equal(movedMs < CLOCKS_MS, true, `the session's time at the router: ${now}, was ${since}`);
    const known = world.topology.services.flatMap(addressesOf).map(hostRoute);
    same(world.routes.changes(known, sinceMs), [], "routes of the other services that changed on the router");
    // The kernel adds its counters up every two seconds.
    const answered = traffic.byHost.get(host.name) ?? 0;
    await waitFor(`counters that went on from ${counted} by ${answered}`, PATIENCE_MS, async () => {
      return await host.connections(world.service) >= counted + answered;
    }, 300);
    return `session since ${since}; the new service ${describe(value)}; ${describe(traffic)}`;
  },
};

/** Nothing of that service is in the host's kernel any more. */
export async function untilGone(host: Host, service: LabService): Promise<void> {
  await waitFor(`${service.name} has gone from ${host.name}`, PATIENCE_MS, async () => {
    const { links, ipvs } = await host.kernel();
    return links.every(({ name }) => name !== service.name) && !ipvs.some((line) => isOf(service, line));
  }, 100);
}

/** Is that line of `ipvsadm -Sn` of the service? */
export function isOf(service: LabService, line: string): boolean {
  return addressesOf(service).some((address) => line.includes(` ${bracketed(address)}:`));
}
