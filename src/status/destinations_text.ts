/** Virtual services and their destinations for people: a heading each, and a line for each destination under columns. Pure. */
import type { DestinationStatus, VirtualServiceStatus } from "./status.ts";
import { type Piece, toned } from "../text/style.ts";
import { age } from "../text/table.ts";

/** Destinations that are configured, and those of them that are live. */
export function liveCount(
  virtualServices: readonly VirtualServiceStatus[],
): { readonly live: number; readonly all: number } {
  const configured = virtualServices.flatMap(({ destinations }) => destinations)
    .filter(({ role }) => role === "configured");
  return { live: configured.filter(({ live }) => live).length, all: configured.length };
}

/** A virtual service with its quorum, then its destinations as a table. */
export function virtualServiceLines(service: VirtualServiceStatus, now: Date): readonly Piece[] {
  const { quorum, destinations, scheduler } = service;
  const heading = `  virtual        ${virtualServiceName(service)}, ${scheduler}`;
  return [
    quorum === undefined ? heading : toned(
      `${heading}: live weight ${quorum.live} of ${quorum.total}, needs ${quorum.needs}`,
      quorum.held ? undefined : "bad",
    ),
    ...destinations.length === 0 ? ["    no destination"] : destinationLines(destinations, now),
  ];
}

/** Such as `tcp 10.99.0.1:80`, or `fwmark 7 IPv6`. */
export function virtualServiceName(
  { protocol, address, port, fwmark, family }: Omit<
    VirtualServiceStatus,
    "scheduler" | "quorum" | "destinations"
  >,
): string {
  return fwmark > 0 ? `fwmark ${fwmark} IPv${family}` : `${protocol} ${endpoint(address, port)}`;
}

/** Address and port; with a mark the port is the client's. */
export function endpoint(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What is said of each destination. */
export const HEADINGS = [
  "DESTINATION",
  "WEIGHT",
  "OF",
  "STATE",
  "FOR",
  "ACTIVE",
  "INACTIVE",
  "METHOD",
  "WHY",
];

function destinationLines(destinations: readonly DestinationStatus[], now: Date): readonly Piece[] {
  const rows = destinations.map((each) => destinationCells(each, now));
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((cells) => cells[column]?.length ?? 0))
  );
  const lineOf = (cells: readonly string[]) =>
    `    ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()}`;
  return [
    lineOf(HEADINGS),
    ...rows.map((cells, index) => toned(lineOf(cells), toneOf(destinations[index]))),
  ];
}

/** What stands under `HEADINGS`. */
export function destinationCells(destination: DestinationStatus, now: Date): readonly string[] {
  const { address, port, weight, fullWeight, since, activeConnections, inactiveConnections, cause } =
    destination;
  return [
    endpoint(address, port),
    weight === undefined ? "none" : String(weight),
    fullWeight === undefined ? "" : String(fullWeight),
    stateOf(destination),
    since === undefined ? "" : age(since, now),
    String(activeConnections),
    String(inactiveConnections),
    methodOf(destination),
    cause,
  ];
}

function stateOf({ role, live, verdict }: DestinationStatus): string {
  if (role !== "configured") return role;
  if (live) return verdict === "unknown" ? "live (unknown)" : "live";
  return verdict === "healthy" || verdict === undefined ? "no weight" : verdict;
}

function toneOf(destination: DestinationStatus | undefined) {
  if (destination === undefined || destination.live) return undefined;
  return destination.verdict === "unhealthy" ? "bad" : "changing";
}

function methodOf({ forwarding, tunnel, upperThreshold, lowerThreshold }: DestinationStatus): string {
  const words = tunnel === undefined ? [forwarding] : [
    forwarding,
    tunnel.port === 0 ? tunnel.type : `${tunnel.type} ${tunnel.port}`,
    ...tunnel.checksum ? ["checksum"] : [],
  ];
  // ip_vs_dest_update_overload(): where there is no lower one, three quarters of the upper one.
  const againBelow = lowerThreshold === 0 ? Math.ceil(upperThreshold * 3 / 4) : lowerThreshold;
  return [
    words.join(" "),
    ...upperThreshold === 0 ? [] : [`at most ${upperThreshold}, again below ${againBelow}`],
  ].join(", ");
}
