/** A router of the lab that runs FRR: zebra, which puts the routes into the kernel, and bgpd, a helper of graceful restart. */
import { z } from "zod";
import { Frr } from "../support/frr.ts";
import { VtySocket } from "./vty_socket.ts";
import type { RoutingDaemon } from "./router.ts";
import {
  addressAt,
  addressesOf,
  familyOf,
  type HostNode,
  hostRoute,
  neighboursOf,
  nodesOf,
  type RouterNode,
  type Topology,
} from "./topology.ts";

const neighbors = z.record(
  z.string(),
  z.object({ bgpState: z.string(), bgpTimerUpEstablishedEpoch: z.number().optional() }),
);

const table = z.object({
  paths: z.array(z.object({ stale: z.boolean().optional(), peer: z.object({ peerId: z.string() }) }))
    .optional(),
});

/** bgpd's configuration: one session per host, both families on each, ECMP over all of their routes. */
export function frrConfig(topology: Topology, router: RouterNode): string {
  const sessions = sessionsOf(topology, router);
  const family = (number: 4 | 6) => [
    ` address-family ipv${number} unicast`,
    `  maximum-paths ${sessions.length}`,
    ...sessions.flatMap(({ neighbor }) => [
      `  neighbor ${neighbor} activate`,
      `  neighbor ${neighbor} route-map NONE out`,
      ...(number === 6 ? [`  neighbor ${neighbor} route-map GLOBAL in`] : []),
    ]),
    " exit-address-family",
  ];
  return [
    "route-map NONE deny 10",
    // FRR forwards to the link-local next hop otherwise.
    "route-map GLOBAL permit 10",
    " set ipv6 next-hop prefer-global",
    `router bgp ${router.as}`,
    ` bgp router-id ${router.routerID}`,
    " no bgp ebgp-requires-policy",
    " no bgp default ipv4-unicast",
    ...sessions.flatMap(({ host, neighbor }) => [
      ` neighbor ${neighbor} remote-as ${host.as}`,
      ` neighbor ${neighbor} timers connect 1`,
      ` neighbor ${neighbor} graceful-restart`,
    ]),
    ...family(4),
    ...family(6),
    "",
  ].join("\n");
}

/** FRR on one node. */
export class FrrRouter implements RoutingDaemon {
  readonly program = "FRR";
  readonly #sessions: readonly Session[];
  #frr: Frr | undefined;
  #socket: VtySocket | undefined;
  #log: readonly string[] = [];

  constructor(readonly topology: Topology, readonly node: RouterNode) {
    this.#sessions = sessionsOf(topology, node);
  }

  get name(): string {
    return this.node.name;
  }

  get log(): readonly string[] {
    return this.#log;
  }

  async start(): Promise<void> {
    if (this.#frr !== undefined) return;
    const config = frrConfig(this.topology, this.node);
    const prefix = ["ip", "netns", "exec", this.name];
    this.#frr = await Frr.start(config, prefix, [], { forwards: true });
    this.#socket = await VtySocket.connect(this.#frr.socket);
  }

  async established(host: string): Promise<string | undefined> {
    const neighbor = this.#neighbor(host);
    const answer = neighbors.parse(await this.#json(`show bgp neighbors ${neighbor} json`))[neighbor];
    this.#log = (await this.#frr?.log() ?? "").split("\n");
    return answer?.bgpState === "Established" ? `${answer.bgpTimerUpEstablishedEpoch}` : undefined;
  }

  async keeps(host: string): Promise<boolean> {
    const neighbor = this.#neighbor(host);
    for (const address of this.topology.services.flatMap(addressesOf)) {
      const asked = `show bgp ipv${familyOf(address)} unicast ${hostRoute(address)} json`;
      const { paths = [] } = table.parse(await this.#json(asked));
      if (paths.some(({ stale, peer }) => stale === true && peer.peerId === neighbor)) return true;
    }
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.[Symbol.dispose]();
    await this.#frr?.[Symbol.asyncDispose]();
  }

  #neighbor(host: string): string {
    const session = this.#sessions.find((each) => each.host.name === host);
    if (session === undefined) throw new Error(`${host} is no neighbour of ${this.name}`);
    return session.neighbor;
  }

  async #json(command: string): Promise<unknown> {
    if (this.#socket === undefined) throw new Error(`router ${this.name} is down`);
    return JSON.parse(await this.#socket.ask(command));
  }
}

interface Session {
  readonly host: HostNode;
  readonly neighbor: string;
}

function sessionsOf(topology: Topology, router: RouterNode): Session[] {
  const hosts = nodesOf(topology, "host");
  return neighboursOf(topology, router.name).flatMap(({ other }) =>
    hosts.filter(({ name }) => name === other.node)
      .map((host) => ({ host, neighbor: addressAt(other, host.transport) }))
  );
}
