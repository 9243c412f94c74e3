/**
 * Somebody else meddles with what is ours in a host's kernel: what is changed once is put right, what is changed again and
 * again is no longer announced, and is again once it was let alone (K1, K6, K8, K9).
 */
import { equal, ok } from "node:assert/strict";
import { planeServices } from "../data_plane.ts";
import { type Host, ours } from "../host.ts";
import { ipvsEntries, type KernelView } from "../kernel_view.ts";
import { PATIENCE_MS } from "../lab_world.ts";
import { Process, run, runOrThrow } from "../../support/process.ts";
import type { Scenario } from "../scenario.ts";
import { addressesOf, hostRoute } from "../topology.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";
import { planeServes } from "./data_plane.ts";
import { untilKernel } from "./kept.ts";

/** What somebody does once. */
interface Meddling {
  readonly name: string;
  /** In the host's namespace, by a shell. */
  readonly script: string;
  /** Takes away what is not ours to take away. */
  readonly undo?: string;
}

/** The service that is meddled with: its interface has its name. */
const NAME = "masq";

/** Repaired by the period of virtual services. */
const ofIpvs: readonly Meddling[] = [
  { name: "a threshold", script: "ipvsadm -e -t 10.99.0.1:80 -r 10.0.1.11:8080 -m -w 1 -x 1" },
  { name: "a tunnel", script: "ipvsadm -e -t 10.99.0.3:8080 -r 10.0.1.12:8080 -i --tun-type gre -w 1" },
  { name: "a method", script: "ipvsadm -e -t 10.99.0.2:8080 -r 10.0.1.12:8080 -i -w 1" },
  { name: "a weight", script: "ipvsadm -e -t 10.99.0.1:80 -r 10.0.1.13:8080 -m -w 9" },
  { name: "persistence by SIP", script: "ipvsadm -E -u 10.99.0.1:80 -s wrr -p 60 --pe sip" },
  { name: "a scheduler", script: "ipvsadm -E -t 10.99.0.1:80 -s rr" },
  { name: "a marked service's scheduler", script: "ipvsadm -E -f 7 -s rr" },
  { name: "a destination taken out", script: "ipvsadm -d -t 10.99.0.1:80 -r 10.0.1.11:8080" },
  { name: "a foreign destination put in", script: "ipvsadm -a -t 10.99.0.1:80 -r 10.0.1.99:8080 -m" },
];

/** Repaired by notice of the kernel. */
const ofLinks: readonly Meddling[] = [
  { name: "an address", script: `ip addr del 10.99.0.1/32 dev ${NAME}` },
  { name: "an IPv6 address", script: `ip addr del 2001:db8:99::1/128 dev ${NAME}` },
  { name: "the interface set down", script: `ip link set ${NAME} down` },
  { name: "the interface", script: `ip link del ${NAME}` },
];

/** What is repaired since links are compared whole. */
const ofWholeLinks: readonly Meddling[] = [
  {
    name: "the interface in a VRF",
    script:
      `ip link add name meddler type vrf table 77; ip link set meddler up; ip link set ${NAME} master meddler`,
  },
  { name: "the local route", script: `ip route del local 10.99.0.1 dev ${NAME} table local` },
  {
    name: "scope and lifetimes",
    // Both by one program, before either is seen.
    script:
      `printf 'addr del 10.99.0.1/32 dev ${NAME}\\naddr add 10.99.0.1/32 dev ${NAME} scope global\\n' | ip -batch -`,
  },
  // Of other services: an interface is repaired so often only before it counts as fought over.
  { name: "an MTU too small for IPv6", script: "ip link set droute mtu 1000" },
  { name: "IPv6 switched off", script: "echo 1 >/proc/sys/net/ipv6/conf/ipip/disable_ipv6" },
  {
    name: "an address on another interface",
    script: "ip addr del 10.99.0.4/32 dev gue; ip addr add 10.99.0.4/32 dev gre",
  },
  {
    name: "another name",
    script: "printf 'link set gue down\\nlink set gue name meddled\\nlink set meddled up\\n' | ip -batch -",
  },
  {
    name: "a blackhole in place of the local route",
    script: "ip route replace blackhole 10.99.0.5 table local",
    undo: "ip route del blackhole 10.99.0.5 table local",
  },
];

/** Each is put right, and clients are served again; `together`: they are all done before any is put right. */
function repaired(title: string, all: readonly Meddling[], together: boolean): Scenario<World> {
  const names = all.map(({ name }) => name).join(", ");
  const steps: readonly Meddling[] = together
    ? [{ name: names, script: all.map(({ script }) => script).join("\n") }]
    : all;
  return {
    name: `meddling with ${title} is put right: ${names}`,
    async run(world, { figure }) {
      await planeServes(world);
      const host = only(world);
      const before = ours(host.topology, await host.kernel());
      const words: string[] = [];
      for (const { name, script, undo } of steps) {
        const tookMs = await putRight(host, before, { name, script });
        if (undo !== undefined) await runOrThrow("ip", ["netns", "exec", host.name, "sh", "-ec", undo]);
        figure(`${together ? title : name} changed by somebody else, to put right`, tookMs, "ms");
        words.push(`${name} ${tookMs} ms`);
      }
      await planeServes(world);
      const targets = planeServices.filter((each) => each.name === NAME || each.fwmark !== undefined)
        .flatMap((service) => addressesOf(service).map((address) => ({ address, port: service.port })));
      const traffic = await world.client.burst(24, targets);
      equal(traffic.failures.length, 0, describe(traffic));
      await run("ip", ["-n", host.name, "link", "del", "meddler"]);
      return words.join(", ");
    },
  };
}

/** Does it, waits until everything is as `before`, and gives the milliseconds from then until it was put right. */
async function putRight(host: Host, before: KernelView, { name, script }: Meddling): Promise<number> {
  const sinceMs = Date.now();
  await runOrThrow("ip", ["netns", "exec", host.name, "sh", "-ec", script]);
  const doneMs = Date.now();
  const { atMs } = await host.whileAgentRuns(
    host.log.until(name, sinceMs, PATIENCE_MS, ({ event }) => event === "kernel-changed"),
  );
  // A link that was made anew has another index, and a destination another place.
  await untilKernel(host, before, ({ links, ipvs }) => [
    links.map(({ index: _, ...link }) => link).toSorted((a, b) => a.name < b.name ? -1 : 1),
    ipvs.toSorted(),
  ]);
  return Math.max(0, atMs - doneMs);
}

/** What somebody does again and again, with the object that is named. */
function contested(name: string, object: RegExp, script: string): Scenario<World> {
  return {
    name: `${name} again and again: withdrawn with a warning, announced again once it was let alone`,
    async run(world, { figure, say }) {
      await planeServes(world);
      const host = only(world);
      const prefix = hostRoute("10.99.0.1");
      const nextHop = host.node.address;
      const sinceMs = Date.now();
      const meddler = new Process({
        command: "ip",
        args: ["netns", "exec", host.name, "sh", "-c", `while :; do ${script}; done`],
      });
      let warned;
      try {
        warned = await host.whileAgentRuns(
          host.log.until(
            "the warning",
            sinceMs,
            PATIENCE_MS * 2,
            (entry) =>
              entry.event === "kernel-contested" && entry.level === "warning" && object.test(entry.message),
          ),
        );
        const gone = await world.routes.until(prefix, [], PATIENCE_MS);
        figure(`${name}: begun to withdrawn`, gone.atMs - sinceMs, "ms");
        say(warned.message);
      } finally {
        await meddler.stop("SIGKILL");
      }
      const quietMs = Date.now();
      const back = await host.whileAgentRuns(world.routes.until(prefix, [nextHop], PATIENCE_MS * 2));
      figure(`${name}: let alone to announced again`, back.atMs - quietMs, "ms");
      const between = world.routes.changes([prefix], sinceMs).map(({ nextHops }) => nextHops.length);
      ok(between.length <= 6, `the route came and went ${between.length} times`);
      await planeServes(world);
      const traffic = await world.client.burst(12, [{ address: "10.99.0.1", port: 80 }]);
      equal(traffic.failures.length, 0, describe(traffic));
      ok((await ipvsEntries(host.name)).length > 0, "no connection is in the table");
      return `${warned.message}; route changes ${between.length}`;
    },
  };
}

/** What is put right once. */
export const meddledIpvs: Scenario<World> = repaired("virtual services", ofIpvs, true);
/** See {@link meddledIpvs}. */
export const meddledLinks: Scenario<World> = repaired("links and addresses", ofLinks, false);
/** See {@link meddledIpvs}. */
export const meddledWholeLinks: Scenario<World> = repaired("masters, routes and scopes", ofWholeLinks, false);

/** What goes on and on. */
export const contestedScenarios: readonly Scenario<World>[] = [
  contested(
    "an address deleted",
    /10\.99\.0\.1/,
    `ip addr del 10.99.0.1/32 dev ${NAME} 2>/dev/null; sleep 0.05`,
  ),
  contested("every virtual service cleared", /10\.99\.0\.1/, "ipvsadm -C; sleep 2"),
];

function only(world: World): Host {
  const [host] = world.hosts;
  if (host === undefined) throw new Error("no host");
  return host;
}
