/** `bgp-lb status`: the agent on a screen. Pure. */
import type { PeerStatus } from "../bgp/speaker.ts";
import { downReason } from "./peers_text.ts";
import { routeReason } from "./routes_text.ts";
import type { Status } from "./status.ts";
import { age, table } from "./table.ts";

/** The agent, its kernel, services and peers, one line for each, with the reason of whatever is not as it should be. */
export function statusText(status: Status, now: Date): string {
  return [
    `bgp-lb ${status.version}: ${status.state}, started ${age(status.startedAt, now)} ago, ` +
    `BGP Identifier ${status.routerID}, AS ${status.as}\n`,
    kernelText(status, now),
    "\n",
    servicesTable(status, now),
    "\n",
    peersTable(status.peers, now),
  ].join("");
}

function kernelText({ kernel }: Status, now: Date): string {
  if (!kernel.managed) return "kernel: left alone (network.setup: false)\n";
  if (kernel.at === undefined) return "kernel: not read yet\n";
  const when = `read ${age(kernel.at, now)} ago`;
  if (kernel.errors.length === 0) {
    return `kernel: ${kernel.converged ? "as it should be" : "being changed"}, ${when}\n`;
  }
  return `kernel: not as it should be, ${when}\n${kernel.errors.map((error) => `  ${error}\n`).join("")}`;
}

function servicesTable({ services, peers }: Status, now: Date): string {
  const names = peers.map(({ name }) => name);
  const rows = services.flatMap(({ name, enabled, verdict, routes }) =>
    routes.map((route) => [
      name,
      enabled ? verdict : "disabled",
      route.prefix,
      route.announce ? `to ${route.peers.length} of ${(route.targets ?? names).length} peers` : "no",
      age(route.since, now),
      routeReason(route, names),
    ])
  );
  return table(["SERVICE", "VERDICT", "PREFIX", "ANNOUNCED", "FOR", "WHY"], rows);
}

function peersTable(peers: readonly PeerStatus[], now: Date): string {
  const rows = peers.map((peer) => [
    peer.name,
    peer.address,
    `${peer.as}`,
    peer.state,
    age(peer.since, now),
    `${peer.advertised.length}`,
    `${peer.flaps}`,
    downReason(peer, now) ?? heldReason(peer),
  ]);
  return table(["PEER", "ADDRESS", "AS", "STATE", "FOR", "ROUTES", "FLAPS", "WHY"], rows);
}

function heldReason({ held: [first, ...rest] }: PeerStatus): string {
  if (first === undefined) return "";
  return `${first.prefix} is held: ${first.reason}${rest.length > 0 ? ` (and ${rest.length} more)` : ""}`;
}
