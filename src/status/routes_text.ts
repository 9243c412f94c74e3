/** `bgp-lb routes`: every prefix, whether it is announced, with which attributes, to whom, and why not. Pure. */
import type { RenderedAttributes } from "../config/render.ts";
import { gateLine } from "./gate_text.ts";
import type { CheckStatusEntry, RouteStatus, ServiceStatus, Status } from "./status.ts";
import { PLAIN, type Style, toned } from "../text/style.ts";
import { age, lines } from "../text/table.ts";

/** A paragraph for each prefix. */
export function routesText({ services, peers }: Status, now: Date, style: Style = PLAIN): string {
  const names = peers.map(({ name }) => name);
  return services.flatMap((service) =>
    service.routes.map((route) => paragraph(service, route, names, { now, style }))
  )
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
  if (reasons.length > 0) return reasons.join("; ");
  return gates.find(({ name }) => name === "healthy")?.reason ?? "";
}

function paragraph(
  service: ServiceStatus,
  route: RouteStatus,
  allPeers: readonly string[],
  { now, style }: { readonly now: Date; readonly style: Style },
): string {
  const { prefix, announce, degraded, since, gates, peers, held } = route;
  const missing = announce ? missingPeers(route, allPeers) : [];
  return lines([
    toned(
      `${prefix} of ${service.name}: ${announcedText(route)} for ${age(since, now)}${
        degraded ? ", degraded" : ""
      }`,
      !announce || peers.length === 0 ? "bad" : degraded ? "changing" : "good",
    ),
    ...gates.map(({ reason: saw, ...gate }) => gateLine({ ...gate, saw }, "  ", now)),
    ...service.checks.map((check) => `  check ${check.name}: ${checkText(check, now)}`),
    `  attributes: ${attributesText(route.attributes)}`,
    ...peers.map(({ name, nextHop }) => `  to ${name}: next hop ${nextHop}`),
    ...held.map(({ name, reason }) => `  not to ${name}: ${reason}`),
    ...missing.map((name) => `  not to ${name}: not Established`),
  ], style);
}

/** Whether it goes out, and to anybody at all. */
function announcedText({ announce, peers }: RouteStatus): string {
  if (!announce) return "not announced";
  return peers.length === 0 ? "ready, but with no peer," : "announced";
}

/** The verdict and its cause; the newest result where that says something else. */
function checkText({ verdict, cause, since, lastResult, fault }: CheckStatusEntry, now: Date): string {
  const newest = lastResult === undefined || cause.endsWith(lastResult.detail)
    ? ""
    : `; newest result, ${age(lastResult.at, now)} ago: ${lastResult.result}, ${lastResult.detail}`;
  const broken = fault === undefined ? "" : `; a fault of this agent: ${fault}`;
  return `${verdict} for ${age(since, now)}, ${cause}${newest}${broken}`;
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
