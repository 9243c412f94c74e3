/** Announcing: both hosts in the router's table, flows spread, and exactly the right objects in the hosts' kernels. */
import { doesNotMatch, equal, match, ok } from "node:assert/strict";
import { runOrThrow } from "../../support/process.ts";
import { type Host, ours } from "../host.ts";
import { type LabWorld, untilAll } from "../lab_world.ts";
import { same, type Scenario } from "../scenario.ts";
import { addressesOf, bracketed, familyOf, type LabService } from "../topology.ts";
import { describe } from "../traffic.ts";
import type { World } from "../world.ts";

const REQUESTS = 60;

/** Both hosts announce. */
export const bothAnnounce: Scenario<LabWorld> = {
  name: "both hosts announce and the router has two next hops",
  essential: true,
  async run(world, { say, figure }) {
    const begin = Date.now();
    say(`starting an agent on ${world.hosts.map(({ name }) => name).join(" and ")}`);
    await world.steady();
    const { changes, atMs } = await untilAll(world);
    figure("agents started to two next hops on the router", atMs - begin, "ms");
    const routes = changes.map(({ prefix, nextHops }) => `${prefix} via ${nextHops.join(" and ")}`);
    return `the router has ${routes.join(", and ")}`;
  },
};

/** Flows go to both. */
export const requestsSpread: Scenario<LabWorld> = {
  name: "client requests are spread over both hosts and none fails",
  async run(world, { say }) {
    await world.steady();
    const answers: string[] = [];
    for (const target of world.client.targets) {
      say(
        `${REQUESTS} requests to ${bracketed(target.address)}:${target.port}, each over its own connection`,
      );
      const traffic = await world.client.burst(REQUESTS, [target]);
      equal(traffic.failures.length, 0, describe(traffic));
      for (const { name } of world.hosts) {
        const share = traffic.byHost.get(name) ?? 0;
        ok(share >= REQUESTS / 6, `${name} answered ${share} of ${REQUESTS}: ${describe(traffic)}`);
      }
      answers.push(`${REQUESTS} over IPv${familyOf(target.address)}: ${describe(traffic)}`);
    }
    return answers.join("; ");
  },
};

/** The agents say the same of themselves. */
export const agentsAnswer: Scenario<LabWorld> = {
  name: "bgp-lb status and routes say on each host what it announces, and to whom",
  async run(world, { say }) {
    await world.steady();
    for (const host of world.hosts) {
      const status = await host.ask("status");
      if (host === world.hosts[0]) { for (const line of status.trimEnd().split("\n")) say(`  ${line}`); }
      const routes = await host.ask("routes");
      for (const prefix of world.prefixes) {
        match(status, new RegExp(` healthy +${prefix} +to 1 of 1 peers `), host.name);
        match(routes, new RegExp(`^${prefix} of \\S+: announced for `, "m"), host.name);
      }
      doesNotMatch(`${status}${routes}`, /not as it should be|NO |held/, host.name);
    }
    return "every address is announced to the router, and every gate is open";
  },
};

/** What the router and the hosts' kernels have, to the letter. */
export const kernelObjects: readonly Scenario<World>[] = [
  {
    name: "BIRD has one route from each host and for each family, whatever the session runs over",
    async run(world) {
      await world.steady();
      const told: string[] = [];
      for (const prefix of world.prefixes) {
        const routes = await world.router.routes(prefix);
        const hops = routes.map(({ protocol, nextHop, attributes }) =>
          `${nextHop} AS${attributes["BGP.as_path"]} from ${protocol}`
        );
        const expected = world.hosts.map(({ name, node }) =>
          `${node[familyOf(prefix) === 4 ? "address" : "address6"]} AS${node.as} from ${name}`
        );
        same(hops.sort(), expected.sort(), prefix);
        told.push(`${prefix} via ${hops.join(", ")}`);
      }
      // h1 speaks over IPv4, so its global address is all there is; h2 shares the link with the router (RFC 2545).
      const routes = await world.router.routes(world.prefixes[1] ?? "");
      const nextHops = routes.map(({ attributes }) => attributes["BGP.next_hop"] ?? "").sort();
      match(nextHops[0] ?? "", /^2001:db8:1::2$/);
      match(nextHops[1] ?? "", /^2001:db8:2::2 fe80::/);
      return told.join("; ");
    },
  },
  {
    name: "each host has the marked interface, both addresses, never a source, and both virtual services",
    async run(world) {
      await world.steady();
      const { service: { name }, prefixes } = world;
      for (const host of world.hosts) {
        const { links, ipvs } = ours(world.topology, await host.kernel());
        same(links.map(({ index: _, ...link }) => link), [{
          name,
          kind: "dummy",
          alias: `bgp-lb:${name}`,
          up: true,
          addresses: prefixes,
          deprecated: prefixes,
          nodad: prefixes.filter((prefix) => familyOf(prefix) === 6),
        }], host.name);
        same(ipvs, virtualServices(world.service, host), host.name);
        for (const destination of ["10.0.9.2", "2001:db8:9::2", "2001:db8:99::2"]) {
          const own = addressesOf(host.node).find((each) => familyOf(each) === familyOf(destination));
          equal(await sourceTowards(host, destination), own, `${host.name} towards ${destination}`);
        }
      }
      return `interface ${name} with ${prefixes.join(" and ")}, and each leads to the host's own application`;
    },
  },
];

/** What `ipvsadm -Sn` says of a host that is as it should be. */
function virtualServices(service: LabService, { node }: Host): string[] {
  const own = addressesOf(node).map((address) => `${bracketed(address)}:${node.applicationPort}`);
  return addressesOf(service).flatMap((address, family) => {
    const name = `${bracketed(address)}:${service.port}`;
    return [`-A -t ${name} -s rr`, `-a -t ${name} -r ${own[family]} -m -w 1`];
  });
}

/** The source address that the host's kernel would choose. */
async function sourceTowards(host: Host, destination: string): Promise<string | undefined> {
  const family = `-${familyOf(destination)}`;
  const answer = await runOrThrow("ip", ["-n", host.name, family, "route", "get", destination]);
  return /\bsrc (\S+)/.exec(answer)?.[1];
}
