/** `bgp-lb routes`: every prefix, whether it is announced, with which attributes, to whom, and why not. Pure. */
import type { RenderedAttributes } from "../config/render.ts";
import type { RouteStatus, Status } from "./status.ts";
import { age, lines } from "../text/table.ts";

/** A paragraph for each prefix. */
export function routesText({ services, peers }: Status, now: Date): string {
  const names = peers.map(({ name }) => name);
  return services.flatMap(({ name, routes }) => routes.map((route) => paragraph(name, route, names, now)))
    .join("\n");
}

/** Why a route is not announced, or not to every peer that it is for; else what its health says. */
export function routeReason(route: RouteStatus, allPeers: readonly string[]): string {
  const { announce, gates, held } = route;
  const shut = gates.find(({ open }) => !open);
  if (!announce) return shut === undefined ? "" : `${shut.name}: no; ${shut.reason}`;
  const missing = missingPeers(route, allPeers);
  const reasons = [
    ...held.length === 0 ? [] : [`held from ${held.map(({ name }) => name).join(", ")}`],
    ...missing.length === 0 ? [] : [`not Established: ${missing.join(", ")}`],
  ];
  return reasons.length > 0 ? reasons.join("; ") : gates.find(({ name }) => name === "healthy")?.reason ?? "";
}

function paragraph(service: string, route: RouteStatus, allPeers: readonly string[], now: Date): string {
  const { prefix, announce, since, gates, peers, held } = route;
  const missing = announce ? missingPeers(route, allPeers) : [];
  return lines([
    `${prefix} of ${service}: ${announce ? "announced" : "not announced"} for ${age(since, now)}`,
    ...gates.map(({ name, open, reason }) => `  ${open ? "yes" : "NO "} ${name}: ${reason}`),
    `  attributes: ${attributesText(route.attributes)}`,
    ...peers.map(({ name, nextHop }) => `  to ${name}: next hop ${nextHop}`),
    ...held.map(({ name, reason }) => `  not to ${name}: ${reason}`),
    ...missing.map((name) => `  not to ${name}: not Established`),
  ]);
}

/** Peers that the route is for, and that have no session to get it, or to be held back, by. */
function missingPeers({ targets, peers, held }: RouteStatus, allPeers: readonly string[]): readonly string[] {
  const reached = new Set([...peers, ...held].map(({ name }) => name));
  return (targets ?? allPeers).filter((name) => !reached.has(name));
}

function attributesText(attributes: RenderedAttributes): string {
  const { med, localPreference, communities, extendedCommunities, largeCommunities, asPathPrepend } =
    attributes;
  const all = [...communities, ...extendedCommunities, ...largeCommunities];
  return [
    `LOCAL_PREF ${localPreference} (iBGP)`,
    ...med === undefined ? [] : [`MED ${med}`],
    ...asPathPrepend === 0 ? [] : [`AS_PATH prepended ${asPathPrepend} times (eBGP)`],
    ...all.length === 0 ? [] : [`communities ${all.join(" ")}`],
  ].join(", ");
}
