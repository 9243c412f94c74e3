/**
 * A router that keeps open flows where they are: the first answer of a host marks the connection, and what the client sends
 * on it goes to that host from then on. So do routers that are firewalls; those that only hash move a flow with its route.
 */
import { runOrThrow } from "../support/process.ts";
import { bare, neighboursOf, nodesOf, type RouterNode, type Topology } from "./topology.ts";

/** What `iptables-legacy-restore` and `ip -batch` are told. The kernel of user-mode Linux has no nftables. */
export interface KeptFlows {
  /** For each family. */
  readonly tables: readonly string[];
  readonly routes: readonly string[];
  /** For each family. */
  readonly rules: readonly string[];
}

/** The lines for one router. */
export function keptFlows(topology: Topology, router: RouterNode): KeptFlows {
  const hosts = nodesOf(topology, "host").map(({ name }) => name);
  const links = neighboursOf(topology, router.name);
  const ways = links.filter(({ other }) => hosts.includes(other.node))
    .map((link, index) => ({ ...link, mark: index + 1 }));
  const others = links.filter(({ other }) => !hosts.includes(other.node));
  return {
    tables: [
      "*mangle",
      ...ways.map(({ own, mark }) =>
        `-A PREROUTING -i ${own.interface} -m conntrack --ctdir REPLY -j CONNMARK --set-mark ${mark}`
      ),
      ...others.map(({ own }) => `-A PREROUTING -i ${own.interface} -j CONNMARK --restore-mark`),
      "COMMIT",
    ],
    routes: ways.flatMap(({ own, other, mark }) =>
      other.addresses.map((address) =>
        `route add default via ${bare(address)} dev ${own.interface} table ${100 + mark}`
      )
    ),
    rules: ways.map(({ mark }) => `rule add fwmark ${mark} lookup ${100 + mark}`),
  };
}

/** Makes that router's kernel keep flows. */
export async function keepFlows(topology: Topology, router: RouterNode): Promise<void> {
  const { tables, routes, rules } = keptFlows(topology, router);
  const text = (lines: readonly string[]) => ({ input: lines.map((line) => `${line}\n`).join("") });
  for (const restore of ["iptables-legacy-restore", "ip6tables-legacy-restore"]) {
    await runOrThrow("ip", ["netns", "exec", router.name, restore], text(tables));
  }
  await runOrThrow("ip", ["-n", router.name, "-batch", "-"], text([...routes, ...rules]));
  await runOrThrow("ip", ["-n", router.name, "-6", "-batch", "-"], text(rules));
}
