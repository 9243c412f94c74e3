/** `bgp-lb status`: the agent on a screen. Pure. */
import type { PeerStatus } from "../bgp/speaker.ts";
import { bfdReason } from "./bfd_text.ts";
import { downReason } from "./peers_text.ts";
import { routeReason } from "./routes_text.ts";
import { routeSince, stateOf } from "./services_text.ts";
import type { PeerEntry, RouteStatus, Status } from "./status.ts";
import { type Piece, PLAIN, type Style, toned } from "../text/style.ts";
import { age, lines, table } from "../text/table.ts";

/** The agent, its kernel, services and peers, one line for each, with the reason of whatever is not as it should be. */
export function statusText(status: Status, now: Date, style: Style = PLAIN): string {
  return [
    lines([
      `bgp-lb ${status.version}: ${status.state}, started ${age(status.startedAt, now)} ago, ` +
      `BGP Identifier ${status.routerID}, AS ${status.as}`,
      ...kernelLines(status, now),
      ...wrongLines(status, now),
    ], style),
    servicesTable(status, now, style),
    peersTable(status.peers, now, style),
  ].join("\n");
}

/** What is not as it should be with the agent itself, a sentence each; of the kernel only what others change. */
export function wrongLines(status: Status, now: Date): readonly string[] {
  return [
    ...contestedLines(status, now),
    ...configLines(status, now),
    ...serverLines(status),
    ...status.listeners.flatMap(({ fault }) => fault === undefined ? [] : [`listener: ${fault}`]),
  ];
}

/** How the kernel is, and behind that each of its errors. */
export function kernelLines({ kernel }: Status, now: Date): readonly string[] {
  if (!kernel.managed) return ["kernel: left alone (network.setup: false)"];
  if (kernel.at === undefined) return ["kernel: not read yet"];
  const when = `read ${age(kernel.at, now)} ago`;
  if (kernel.errors.length > 0) {
    return [`kernel: not as it should be, ${when}`, ...kernel.errors.map((error) => `  ${error}`)];
  }
  return [`kernel: ${kernel.converged ? "as it should be" : "being changed"}, ${when}`];
}

/** What others change; it is repaired all the same. */
function contestedLines({ kernel: { contested } }: Status, now: Date): readonly string[] {
  return contested.map(({ object, repairs, since, suspect }) => {
    const who = suspect === undefined ? "" : `, most likely by ${suspect}`;
    return `kernel: ${object} is changed again and again${who}: repaired ${repairs} times, contested for ${
      age(since, now)
    }`;
  });
}

/** Only what is not as it should be. */
function configLines({ config: { lastReload, restart } }: Status, now: Date): readonly string[] {
  const refused = lastReload === undefined || lastReload.successful ? [] : [
    `configuration: the running one stays, a reload ${
      age(lastReload.at, now)
    } ago was refused: ${lastReload.cause}`,
  ];
  return restart.length === 0
    ? refused
    : [...refused, `configuration: takes effect with the next restart: ${restart.join(", ")}`];
}

function announced({ announce, degraded, peers, targets }: RouteStatus, names: readonly string[]): Piece {
  if (!announce) return toned("no", "bad");
  const wanted = (targets ?? names).length;
  return toned(
    `to ${peers.length} of ${wanted} peers`,
    peers.length === wanted && !degraded ? "good" : "changing",
  );
}

/** Only what is not as it should be: who reads this has been answered. */
function serverLines({ servers: { http, control } }: Status): readonly string[] {
  const rows = [["http.listen", http], ["control.socket", control]] as const;
  return rows.flatMap(([key, server]) => server?.error === undefined ? [] : [`${key}: ${server.error}`]);
}

function servicesTable({ services, peers }: Status, now: Date, style: Style): string {
  const names = peers.map(({ name }) => name);
  const rows = services.flatMap((service) =>
    service.routes.map((route): readonly Piece[] => [
      service.name,
      stateOf(service),
      route.prefix,
      announced(route, names),
      age(routeSince(route), now),
      routeReason(route, names),
    ])
  );
  return table(["SERVICE", "VERDICT", "PREFIX", "ANNOUNCED", "FOR", "WHY"], rows, style);
}

function peersTable(peers: readonly PeerEntry[], now: Date, style: Style): string {
  const rows = peers.map((peer) => [
    peer.name,
    peer.address,
    `${peer.as}`,
    toned(peer.state, peer.state === "Established" ? "good" : "bad"),
    age(peer.since, now),
    `${peer.advertised.length}`,
    `${peer.flaps}`,
    downReason(peer, now) ?? bfdReason(peer.bfd) ?? heldReason(peer),
  ]);
  return table(["PEER", "ADDRESS", "AS", "STATE", "FOR", "ROUTES", "FLAPS", "WHY"], rows, style);
}

function heldReason({ held: [first, ...rest] }: PeerStatus): string {
  if (first === undefined) return "";
  return `${first.prefix} is held: ${first.reason}${rest.length > 0 ? ` (and ${rest.length} more)` : ""}`;
}
