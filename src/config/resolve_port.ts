/** One port of a service: its scheduling, its destinations with their checks, and what can never come true of it. */
import type { Address } from "../net/address.ts";
import { isLoopback } from "../net/address_kind.ts";
import type { DestinationConfig, PortConfig, TunnelConfig } from "./config.ts";
import { destinationName } from "./destination_name.ts";
import { reachableFrom } from "./families.ts";
import { aimChecks, givesWeight } from "./resolve_checks.ts";
import { checkFlags, heedsWeights, MAX_WEIGHT, schedulingOf } from "./scheduling.ts";
import type { FileLocal } from "./schema/bgp.ts";
import type { FileIpvs } from "./schema/ipvs.ts";
import type { FileDestination, FilePort, FileSorry } from "./schema/port.ts";
import type { Finding, Path } from "./values/finding.ts";

/** The service that has the port. */
export interface PortOwner {
  readonly path: Path;
  readonly addresses: readonly Address[];
  readonly ipvs: FileIpvs;
  /** Undefined where it could not be read. */
  readonly local: FileLocal | undefined;
}

type Family = 4 | 6;

/** What a port's parts are read with. */
interface Context {
  readonly owner: PortOwner;
  readonly path: Path;
  readonly families: readonly Family[];
  readonly findings: Finding[];
}

/** The port as it will be run; what is wrong goes to `findings`. */
export function resolvePort(
  file: FilePort,
  index: number,
  owner: PortOwner,
  findings: Finding[],
): PortConfig {
  const path = [...owner.path, "ports", index];
  const served: readonly Family[] = [...new Set(owner.addresses.map(({ family }) => family))];
  const { fwmark = 0, family } = file;
  const known = family !== undefined && served.includes(family);
  if (family !== undefined && !known) {
    findings.push({ path: [...path, "family"], message: `needs an IPv${family} address of the service` });
  }
  const families = known ? [family] : served;
  const context: Context = { owner, path, families, findings };
  const port: PortConfig = {
    port: file.port ?? 0,
    protocol: file.protocol ?? "tcp",
    fwmark,
    families,
    ipvs: schedulingOf(owner.ipvs, file.ipvs),
    destinations: resolveDestinations(file, context),
    whenFailed: file.whenFailed,
    quorum: file.quorum ?? 1,
    hysteresis: file.hysteresis ?? 0,
    slowStartMs: file.slowStart ?? 0,
    sorry: (file.sorry ?? []).map((sorry) => resolveServer(sorry, file.port)),
  };
  const service = { value: owner.ipvs, path: [...owner.path, "ipvs"] };
  checkFlags(port, service, { value: file.ipvs ?? {}, path: [...path, "ipvs"] }, findings);
  if (file.destinations !== undefined) checkFamilies("destinations", port.destinations, context);
  if (port.sorry.length > 0) checkFamilies("sorry", port.sorry, context);
  const names = new Set(port.destinations.map(destinationName));
  for (const [at, server] of port.sorry.entries()) {
    if (!names.has(destinationName(server))) continue;
    findings.push({ path: [...path, "sorry", at], message: "is the same address and port as a destination" });
  }
  checkQuorum(file, port, context);
  if (port.slowStartMs > 0 && !heedsWeights(port.ipvs.scheduler)) {
    const message =
      `has no effect with scheduler ${port.ipvs.scheduler}, to which all weights but 0 are the same`;
    findings.push({
      path: [...path, "slowStart"],
      message: `${message}: choose another, such as wrr or wlc`,
    });
  }
  checkGivenWeights(file, port, context);
  return port;
}

/** Weights that checks give to a scheduler that knows none: they still count for the quorum, and 0 is heeded. */
function checkGivenWeights(
  { checks = [], destinations = [] }: FilePort,
  { ipvs: { scheduler } }: PortConfig,
  { path, findings }: Context,
): void {
  if (heedsWeights(scheduler)) return;
  type Given = NonNullable<FilePort["checks"]>;
  const weighing = (given: Given) =>
    given.findIndex((check) => "weightHeader" in check && check.weightHeader !== undefined);
  const shared = weighing(checks);
  const own = destinations.findIndex(({ checks: given = [] }) => weighing(given) >= 0);
  if (shared < 0 && own < 0) return;
  const place = shared < 0 ? ["destinations", own, "checks"] : ["checks", shared, "weightHeader"];
  findings.push({
    path: [...path, ...place],
    at: "key",
    severity: "warning",
    message: `shares out nothing with scheduler ${scheduler}, to which all weights but 0 are the same`,
  });
}

function resolveDestinations(
  { targetPort, destinations = [], port, checks = [] }: FilePort,
  { owner: { local }, path, families, findings }: Context,
): readonly DestinationConfig[] {
  const shared = { checks, path: [...path, "checks"], shared: true };
  const resolved = destinations.map((destination, index): DestinationConfig => {
    const server = resolveServer(destination, undefined);
    const own = destination.checks === undefined ? shared : {
      checks: destination.checks,
      path: [...path, "destinations", index, "checks"],
      shared: false,
    };
    return {
      ...server,
      weight: destination.weight,
      upperThreshold: destination.upperThreshold ?? 0,
      lowerThreshold: destination.lowerThreshold ?? 0,
      checks: aimChecks(own, server, findings),
    };
  });
  if (targetPort === undefined || port === undefined || local === undefined) return resolved;
  if (families.includes(6) && local.address6 === undefined) {
    const message = "needs bgp.local.address6 for the service's IPv6 addresses";
    findings.push({ path: [...path, "targetPort"], message });
  }
  const here = [
    families.includes(4) ? local.address ?? local.routerID : undefined,
    families.includes(6) ? local.address6 : undefined,
  ].filter((address) => address !== undefined);
  return here.map((address): DestinationConfig => {
    const server = resolveServer({ address, port: targetPort, forwarding: "masq" }, undefined);
    return { ...server, checks: aimChecks(shared, server, findings) };
  });
}

/** A real server with nothing that was not asked for; 0 is the port that the client asked for. */
function resolveServer(
  { address, port, forwarding, tunnel }: FileSorry | FileDestination,
  ownPort: number | undefined,
): Omit<DestinationConfig, "checks"> {
  return {
    address,
    port: port ?? ownPort ?? 0,
    weight: 1,
    forwarding,
    tunnel: forwarding === "tunnel" ? resolveTunnel(tunnel) : undefined,
    upperThreshold: 0,
    lowerThreshold: 0,
  };
}

function resolveTunnel(tunnel: FileSorry["tunnel"]): TunnelConfig {
  return { type: tunnel?.type ?? "ipip", port: tunnel?.port ?? 0, checksum: tunnel?.checksum ?? false };
}

const CROSSING = "only forwarding tunnel takes packets to the other family";

/** Finds servers that no packet can ever go to, and families without any. */
function checkFamilies(
  key: "destinations" | "sorry",
  servers: readonly Pick<DestinationConfig, "address" | "forwarding">[],
  { owner: { addresses }, path, families, findings }: Context,
): void {
  const used = new Set(families.flatMap((family) => reachableFrom(family, servers)));
  const own = new Set(addresses.map(({ text }) => text));
  const first = new Map<Family, Path>();
  for (const [index, server] of servers.entries()) {
    const { address: { family, text }, forwarding } = server;
    const place = [...path, key, index, "address"];
    const tell = (message: string, other?: Path) =>
      findings.push({ path: place, message, ...(other === undefined ? {} : { other }) });
    const before = first.get(family);
    if (!used.has(server)) {
      const served = families.map((one) => `IPv${one}`).join(" and ");
      tell(
        forwarding === "tunnel"
          ? `is IPv${family} and would never be used: there is an ${served} one for ${served} packets`
          : addresses.some((address) => address.family === family)
          ? `is IPv${family}, but the mark's packets are ${served}; ${CROSSING}`
          : `is IPv${family}, but the service has no IPv${family} address; ${CROSSING}`,
      );
    } else if (own.has(text)) tell("is an address of the service itself");
    else if (forwarding === "masq" && isLoopback(server.address)) {
      const message =
        "is a loopback address, to which IPVS sends nothing that comes from other hosts: name another of this host";
      findings.push({ path: place, message, severity: "warning" });
    } else if (key === "sorry" && before !== undefined) tell("is of the same family as", before);
    if (before === undefined) first.set(family, place);
  }
  // Without the error there may be one.
  if (used.size < servers.length) return;
  for (const family of families) {
    if (reachableFrom(family, servers).length > 0) continue;
    const consequence = key === "sorry" ? "where nothing takes over" : "which will not be announced";
    const message = `has none for the service's IPv${family} addresses, ${consequence}`;
    findings.push({ path: [...path, key], at: "key", severity: "warning", message });
  }
}

/** A quorum that no state of the destinations can ever reach. */
function checkQuorum(
  file: FilePort,
  { destinations, quorum, hysteresis }: PortConfig,
  { path, families, findings }: Context,
): void {
  const needed = quorum + hysteresis;
  for (const family of families) {
    const servers = reachableFrom(family, destinations);
    if (servers.length === 0) continue;
    const most = servers.reduce(
      (sum, { weight, checks }) => sum + (checks.some(givesWeight) ? MAX_WEIGHT : weight),
      0,
    );
    if (most >= needed) continue;
    const key = file.quorum === undefined ? "hysteresis" : "quorum";
    const whose = families.length === 1 ? "" : ` for IPv${family}`;
    if (file.quorum === undefined && file.hysteresis === undefined) {
      const message =
        `have weight 0${whose}, all of them: the service will not be announced; quorum 0 would announce it`;
      findings.push({ path: [...path, "destinations"], at: "key", severity: "warning", message });
    } else {
      const parts = hysteresis === 0
        ? `a quorum of ${quorum}`
        : `quorum ${quorum} + hysteresis ${hysteresis}`;
      const message =
        `can never be gained: all destinations${whose} together have weight ${most}, less than ${parts}`;
      findings.push({ path: [...path, key], message });
    }
  }
}
