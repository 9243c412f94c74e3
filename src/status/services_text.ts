/**
 * `bgp-lb services`: each service with its phase, an operator's drain, its verdict and checks, the gates of each address,
 * and what the kernel has of it. A table of several, a paragraph of one. Pure.
 */
import type {
  CheckStatusEntry,
  LeavingStatus,
  PhaseStatus,
  RouteStatus,
  ServiceStatus,
  Status,
  VirtualServiceStatus,
} from "./status.ts";
import { checkText, VERDICT_TONES } from "./checks_text.ts";
import { liveCount, virtualServiceLines } from "./destinations_text.ts";
import { gateLine } from "./gate_text.ts";
import { routeReason } from "./routes_text.ts";
import { type Piece, PLAIN, type Style, toned } from "../text/style.ts";
import { age, lines, table } from "../text/table.ts";

/** A line for each service, or all about the only one; then what is on its way out of the kernel. */
export function servicesText(status: Status, now: Date, style: Style = PLAIN): string {
  const { services, peers, leaving } = status;
  const names = peers.map(({ name }) => name);
  const [only, ...others] = services;
  const left = lines(leaving.flatMap((each) => leavingLines(each, now)), style);
  if (only !== undefined && others.length === 0) {
    return paragraph(only, names, now, style) + left;
  }
  return [servicesTable(services, names, now, style), ...left === "" ? [] : [left]].join("\n");
}

/** What a service is at, in a word or two, and whether that is as it should be. */
export function stateOf({ enabled, phase, verdict, degraded }: ServiceStatus): Piece {
  if (!enabled) return "disabled";
  if (phase.name !== "serving") return toned(phase.name, "changing");
  return degraded ? toned("degraded", "changing") : toned(verdict, VERDICT_TONES[verdict]);
}

/** Since when a service is where it is. */
export function serviceSince({ phase, routes }: Pick<ServiceStatus, "phase" | "routes">): string {
  const [first, ...rest] = routes.map(routeSince);
  if (phase.name !== "serving" || first === undefined) return phase.since;
  return rest.reduce(later, first);
}

/** Since when an address is announced as it is, or not. */
export function routeSince({ since, gates }: Pick<RouteStatus, "since" | "gates">): string {
  return gates.filter(({ degraded }) => degraded).map((gate) => gate.since).reduce(later, since);
}

function later(one: string, other: string): string {
  return one > other ? one : other;
}

function servicesTable(
  services: readonly ServiceStatus[],
  peers: readonly string[],
  now: Date,
  style: Style,
): string {
  const rows = services.map((service) => [
    service.name,
    stateOf(service),
    age(serviceSince(service), now),
    checksCell(service.checks),
    announcedCell(service.routes, peers),
    destinationsCell(service.virtualServices),
    whyOf(service, peers, now),
  ]);
  return table(["SERVICE", "STATE", "FOR", "CHECKS", "ANNOUNCED", "IPVS", "WHY"], rows, style);
}

function checksCell(checks: readonly CheckStatusEntry[]): Piece {
  if (checks.length === 0) return "none";
  const healthy = checks.filter(({ verdict }) => verdict === "healthy").length;
  return toned(`${healthy} of ${checks.length}`, healthy === checks.length ? undefined : "bad");
}

/** To how many peers of those that it is for the address goes that goes to the fewest. */
export function announcedCell(routes: readonly RouteStatus[], peers: readonly string[]): Piece {
  const announced = routes.filter(({ announce }) => announce);
  if (announced.length === 0) return toned("no", "bad");
  const fewest = Math.min(...announced.map((route) => route.peers.length));
  const targets = Math.max(...announced.map(({ targets }) => (targets ?? peers).length));
  const whole = announced.length === routes.length;
  const degraded = announced.some((route) => route.degraded);
  const part = whole ? "" : `${announced.length} of ${routes.length} addresses `;
  return toned(
    `${part}to ${fewest} of ${targets} peers`,
    whole && fewest === targets && !degraded ? "good" : "changing",
  );
}

function destinationsCell(virtualServices: readonly VirtualServiceStatus[]): Piece {
  const destinations = virtualServices.flatMap((each) => each.destinations);
  if (destinations.length === 0) return "";
  const { live, all } = liveCount(virtualServices);
  const connections = destinations.reduce((sum, { activeConnections }) => sum + activeConnections, 0);
  const text = `${live} of ${all} live, ${counted(connections, "connection")}`;
  return live === all ? text : toned(text, live === 0 ? "bad" : "changing");
}

/** Why it is not in service, or not everywhere: the drain, else the first shut gate, else who does not get it. */
export function whyOf({ phase, drain, routes }: ServiceStatus, peers: readonly string[], now: Date): string {
  if (phase.name !== "serving") return phaseWords(phase, now);
  if (drain !== undefined) return `drained: ${drain.reason}`;
  return routes.map((route) => routeReason(route, peers)).find((reason) => reason !== "") ?? "";
}

/** Reason, time left and connections of a phase. */
function phaseWords({ reason, until, connections, name }: PhaseStatus, now: Date): string {
  return [
    ...reason === undefined ? [] : [reason],
    ...until === undefined ? [] : [`${age(now, until)} left`],
    ...connections === undefined || name === "serving" ? [] : [counted(connections, "connection")],
  ].join(", ");
}

function paragraph(
  service: ServiceStatus,
  peers: readonly string[],
  now: Date,
  style: Style,
): string {
  const { name, enabled, phase, verdict, cause, checks, routes, virtualServices } = service;
  const state = stateOf(service);
  const tone = typeof state === "string" ? undefined : state.tone;
  const words = phaseWords(phase, now);
  const head = [
    toned(`${name}: ${typeof state === "string" ? state : state.text}`, tone ?? "strong"),
    ...enabled ? [] : ["  enabled        no: disabled in configuration"],
    `  phase          ${phase.name} for ${age(phase.since, now)}${words === "" ? "" : `: ${words}`}`,
    ...drainLines(service, now),
    toned(
      `  verdict        ${verdict}: ${cause}`,
      verdict === "healthy" ? undefined : VERDICT_TONES[verdict],
    ),
  ];
  const rest = [
    ...routes.flatMap((route) => routeLines(route, peers, now)),
    ...virtualServices.flatMap((each) => virtualServiceLines(each, now)),
  ];
  return [
    lines(head, style),
    ...checks.map((check) => checkText(check, now, style)),
    lines(rest, style),
  ].join("");
}

function drainLines({ drain }: ServiceStatus, now: Date): readonly Piece[] {
  if (drain === undefined) return [];
  const { reason, since, until, lost } = drain;
  const end = until === undefined ? "until bgp-lb undrain" : `for another ${age(now, until)}, until ${until}`;
  return [
    toned(`  drained        ${reason}; for ${age(since, now)} (since ${since}), ${end}`, "changing"),
    ...lost === undefined ? [] : [toned(`  drained        is lost with this process: ${lost}`, "bad")],
  ];
}

function routeLines(route: RouteStatus, peers: readonly string[], now: Date): readonly Piece[] {
  const { prefix, announce, degraded, gates, held } = route;
  const targets = (route.targets ?? peers).length;
  const where = announce
    ? `announced to ${route.peers.length} of ${counted(targets, "peer")}`
    : "not announced";
  return [
    toned(
      `  address        ${prefix}: ${where} for ${age(route.since, now)}${degraded ? ", degraded" : ""}`,
      !announce ? "bad" : degraded ? "changing" : undefined,
    ),
    ...gates.map(({ reason: saw, ...gate }) => gateLine({ ...gate, saw }, "    ", now)),
    ...held.map(({ name, reason }) => toned(`    not to ${name}: ${reason}`, "changing")),
  ];
}

function leavingLines({ service, what, phase }: LeavingStatus, now: Date): readonly Piece[] {
  const words = phaseWords(phase, now);
  return [toned(
    `leaving ${service}: ${phase.name} for ${age(phase.since, now)}${words === "" ? "" : `, ${words}`}: ${
      what.join(", ")
    }`,
    "changing",
  )];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
