/**
 * What goes on whatever is done to the host: downloads by every way to forward, streams of datagrams, and short requests
 * on a beat. One world, one row of things that are done.
 */
import { equal, ok } from "node:assert/strict";
import { planeConfig, planeServices, type PlaneVariant } from "../data_plane.ts";
import { type AgentLaunch, type Host, launchWith, ours } from "../host.ts";
import { ipvsConnections, ipvsEntries, type KernelView } from "../kernel_view.ts";
import { PATIENCE_MS } from "../lab_world.ts";
import { same, type Scenario } from "../scenario.ts";
import { runOrThrow } from "../../support/process.ts";
import { addressesOf, hostRoute, hostServiceConfig } from "../topology.ts";
import { describe, type Target } from "../traffic.ts";
import type { World } from "../world.ts";
import { waitFor } from "../../support/until.ts";
import { planeServes } from "./data_plane.ts";
import { untilBack, untilKept } from "./load_restart.ts";

/** Longer than all of it takes on the slowest machine. */
const OCTETS = 12_000_000;
/** Between two short requests, each to the next address and protocol, and between two datagrams of a stream. */
const EVERY_MS = 25;
/** Downloads come from this server, and another one is removed. */
const SERVER = "s1";

/** Something that is done. It resolves once it has come into force. */
interface Deed {
  readonly name: string;
  run(world: World, host: Host): Promise<void>;
}

/** Nothing of this takes a server away, so that datagrams have no reason to move either. */
const changes: readonly Deed[] = [
  {
    name: "reload with other weights",
    run: async (_, host) => {
      reload(host, { weights: [3, 2, 1] });
      await untilIpvs(
        host,
        "other weights",
        (lines) =>
          lines.filter((line) => line.startsWith("-a")).every((line) =>
            !line.includes(".11:") || / -w 3\b/.test(line)
          ),
      );
      reload(host, {});
      await untilIpvs(host, "the old weights", (lines) => lines.every((line) => !/ -w 3\b/.test(line)));
    },
  },
  {
    name: "reload with one more service",
    run: async (world, host) => {
      const late = { name: "late", address: "10.99.0.99", address6: undefined, port: 80 };
      const [first] = planeServices;
      if (first === undefined) throw new Error("no service");
      reload(host, { more: [{ ...hostServiceConfig({ ...first, ...late }, host.node), checks: [] }] });
      await world.routes.until(hostRoute(late.address), [host.node.address], PATIENCE_MS);
      reload(host, {});
      await world.routes.until(hostRoute(late.address), [], PATIENCE_MS);
      await waitFor(
        "the service's interface goes",
        PATIENCE_MS,
        async () => (await host.kernel()).links.every(({ name }) => name !== late.name),
      );
    },
  },
  {
    name: "SIGKILL and a start with the same configuration",
    run: (world, host) => unchanged(world, host, () => host.killAgent()),
  },
  {
    name: "handover",
    run: (world, host) =>
      unchanged(world, host, async () => {
        equal(await host.handOver(), 0, "exit status");
      }),
  },
  {
    name: "somebody else's ipvsadm -e and -E",
    run: async (_, host) => {
      const before = ours(host.topology, await host.kernel());
      for (
        const service of planeServices.filter(({ fwmark, way }) => fwmark === undefined && way === "masq")
      ) {
        const virtual = ["-t", `${service.address}:${service.port}`];
        const edit = ["ipvsadm", "-e", ...virtual, "-r", "10.0.1.11:8080", "-m", "-w", "0", "-x", "1"];
        await runOrThrow("ip", ["netns", "exec", host.name, ...edit]);
        await runOrThrow("ip", [
          "netns",
          "exec",
          host.name,
          "ipvsadm",
          "-E",
          ...virtual,
          "-s",
          "rr",
          "-p",
          "60",
        ]);
      }
      await untilKernel(host, before);
    },
  },
];

/** This takes the last server away and gives it back. */
const removal: Deed = {
  name: "reload without another server",
  run: async (_, host) => {
    const before = ours(host.topology, await host.kernel());
    reload(host, { count: 2 });
    await untilIpvs(
      host,
      "the server takes nothing new",
      (lines) =>
        lines.filter((line) => /10\.0\.1\.13|2001:db8:1::13/.test(line)).every((line) =>
          / -w 0\b/.test(line)
        ),
    );
    reload(host, {});
    await untilKernel(host, before, ({ ipvs }) => ipvs.toSorted());
  },
};

/** All of it, one after the other. */
export const keptAcross: Scenario<World> = {
  name: `downloads, datagrams and requests to real servers go on across: ${
    [...changes, removal].map(({ name }) => name).join("; ")
  }`,
  async run(world, { say }) {
    await planeServes(world);
    const [host] = world.hosts;
    if (host === undefined) throw new Error("no host");
    const { client } = world;
    const targets = planeServices.flatMap((service) =>
      addressesOf(service).map((address) => ({ name: service.name, address, port: service.port }))
    );
    const downloads = targets.filter((_, index) => index % 2 === 0);
    for (const { name, ...target } of downloads) await client.download(target, SERVER, OCTETS, 3_000, name);
    const streams = targets.filter(({ name }) => name === "masq" || name === "gue" || name === "ops");
    for (const { address, port } of streams) await client.stream(address, { address, port }, EVERY_MS);
    const both: readonly Target[] = targets.flatMap(({ address, port }) => [
      { address, port, protocol: "tcp" },
      { address, port, protocol: "udp" },
    ]);
    await client.start(EVERY_MS, 3_000, both);
    for (const { name, run } of changes) await survived(world, host, name, run, say);
    const ended = await Promise.all(streams.map(async ({ name, address }) => ({
      name,
      address,
      ...await client.streamed(address),
    })));
    for (const { name, address, sent, lost, servers } of ended) {
      equal(
        lost.length,
        0,
        `datagrams to ${name} ${address}: ${lost.length} of ${sent} lost: ${lost.slice(0, 9)}`,
      );
      if (name === "ops") {
        ok(servers.length > sent / 4, `each datagram for itself, but servers were ${servers}`);
      } else equal(servers.length, 1, `datagrams to ${name} ${address} moved: ${servers}`);
    }
    await survived(world, host, removal.name, removal.run, say);
    const results = await Promise.all(
      downloads.map(({ name }) => client.downloaded(false, PATIENCE_MS, name)),
    );
    for (const { broken, host: from } of results) equal(broken, undefined, `a download from ${from}`);
    const traffic = await client.stop();
    equal(
      traffic.failures.length,
      0,
      `${describe(traffic)}: ${JSON.stringify(traffic.failures.slice(0, 3))}`,
    );
    const gapMs = Math.max(...results.map(({ longestGapMs }) => longestGapMs));
    const datagrams = ended.reduce((sum, { sent }) => sum + sent, 0);
    return `${downloads.length} downloads unbroken, ${datagrams} datagrams of ${streams.length} streams answered, longest gap ${
      Math.round(gapMs)
    } ms; ${describe(traffic)}`;
  },
};

async function survived(
  world: World,
  host: Host,
  name: string,
  run: Deed["run"],
  say: (text: string) => void,
): Promise<void> {
  const sinceMs = Date.now();
  await host.whileAgentRuns(world.client.progress());
  await run(world, host);
  equal(await world.client.progress(), "", name);
  const known = planeServices.flatMap(addressesOf).map(hostRoute);
  same(world.routes.changes(known, sinceMs), [], `${name}: routes that changed on the router`);
  say(`${name}: ${Date.now() - sinceMs} ms`);
}

/** `end` ends the agent; the next one finds everything as it should be, and no connection or counter is lost. */
async function unchanged(world: World, host: Host, end: () => Promise<unknown>): Promise<void> {
  const before = ours(host.topology, await host.kernel());
  const open = (await ipvsEntries(host.name)).filter(({ state }) => state === "ESTABLISHED")
    .filter(({ destination }) => /\.11:|::11\]/.test(destination));
  const counted = await ipvsConnections(host.name);
  await end();
  await untilKept(world, host);
  const startedMs = Date.now();
  host.startAgent();
  await untilBack(world, host);
  const written = host.log.find(
    startedMs,
    ({ event }) => event === "kernel-changed" || event === "kernel-error",
  );
  equal(written, undefined, `the successor wrote to the kernel: ${written?.message}`);
  same(ours(host.topology, await host.kernel()), before, "the kernel's objects");
  for (const [virtual, count] of await ipvsConnections(host.name)) {
    ok(
      count >= (counted.get(virtual) ?? 0),
      `${virtual} has counted ${count} connections, and had ${counted.get(virtual)}`,
    );
  }
  const now = new Set((await ipvsEntries(host.name)).map(({ client, virtual }) => `${client} ${virtual}`));
  const downloads = open.filter(({ client, virtual }) => now.has(`${client} ${virtual}`));
  ok(downloads.length > 0, "no connection of before is there");
}

/** Another configuration, told by SIGHUP. */
function reload(host: Host, variant: PlaneVariant): void {
  host.rewrite(planeLaunch(host, variant));
  host.signalAgent("SIGHUP");
}

/** The host's configuration with `variant` in it. */
export function planeLaunch(host: Host, variant: PlaneVariant): AgentLaunch {
  return launchWith(planeConfig(host.topology, host.node, host.placement.folder, variant));
}

/** Waits until our lines of `ipvsadm -Sn` are so. @throws after the limit */
export async function untilIpvs(
  host: Host,
  what: string,
  holds: (lines: readonly string[]) => boolean,
): Promise<void> {
  await host.whileAgentRuns(waitFor(what, PATIENCE_MS, async () => {
    const { ipvs } = ours(host.topology, await host.kernel());
    return ipvs.length > 0 && holds(ipvs);
  }, 100));
}

/** Waits until what is ours in the kernel is as it was. @throws after the limit, with the difference */
export async function untilKernel(
  host: Host,
  before: KernelView,
  part: (view: KernelView) => unknown = (view) => view,
): Promise<void> {
  let last: KernelView = before;
  const wanted = JSON.stringify(part(before));
  const waiting = waitFor("the kernel is as it was", PATIENCE_MS, async () => {
    last = ours(host.topology, await host.kernel());
    return JSON.stringify(part(last)) === wanted;
  }, 100);
  await host.whileAgentRuns(waiting).catch((error) => {
    same(part(last), part(before), "the kernel's objects");
    throw error;
  });
}
