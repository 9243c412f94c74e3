/** Services: destinations made of `targetPort`, and what excludes each other among services, peers and this host. */
import type { Address } from "../net/address.ts";
import { prefixOf } from "../net/prefix.ts";
import { resolveChecks } from "./checks/kinds.ts";
import type { DestinationConfig, PeerConfig, PortConfig, ServiceConfig } from "./config.ts";
import type { Finding, Path } from "./values/finding.ts";
import type { Element, ValidParts } from "./validation.ts";
import type { FileLocal } from "./schema/bgp.ts";
import type { FilePort, FileService } from "./schema/service.ts";
import { Duplicates } from "./duplicates.ts";
import { ownAddresses } from "./own_addresses.ts";

/** The service as it will be run; what is wrong goes to `findings`. */
export function resolveService(
  { index, value: service }: Element<FileService>,
  local: FileLocal | undefined,
  findings: Finding[],
): Element<ServiceConfig> {
  const path: Path = ["services", index];
  const { announce, ipvs, stop } = service;
  const addresses = service.addresses.map(({ address }) => address);
  const scheduling = {
    scheduler: ipvs.scheduler,
    flags: ipvs.flags,
    persistence: ipvs.persistence === undefined ? undefined : {
      timeoutSeconds: ipvs.persistence.timeout,
      netmask: ipvs.persistence.netmask,
      netmask6: ipvs.persistence.netmask6,
    },
  };
  const ports = service.ports.map((port, at): PortConfig => ({
    port: port.port,
    protocol: port.protocol,
    fwmark: 0,
    families: [...new Set(addresses.map(({ family }) => family))],
    ipvs: scheduling,
    destinations: resolveDestinations(port, [...path, "ports", at], addresses, local, findings),
    whenFailed: "quiesce",
    quorum: 1,
    hysteresis: 0,
    slowStartMs: 0,
    sorry: undefined,
  }));
  const opsAt = ipvs.flags.indexOf("ops");
  if (opsAt >= 0 && !ports.some((port) => port.protocol === "udp")) {
    findings.push({ path: [...path, "ipvs", "flags", opsAt], message: "needs a port with protocol udp" });
  }
  return {
    index,
    value: {
      name: service.name,
      interface: service.interface ?? service.name,
      enabled: service.enabled,
      addresses,
      prefixLengths: new Map(service.addresses.map(({ address, length }) => [address.text, length])),
      announce: {
        med: announce.med,
        localPreference: announce.localPreference,
        communities: announce.communities.filter((community) => typeof community === "number"),
        largeCommunities: announce.largeCommunities,
        extendedCommunities: [
          ...announce.communities.filter((community) => typeof community !== "number"),
          ...announce.extendedCommunities,
        ],
        asPathPrepend: announce.asPathPrepend,
        peers: announce.peers,
      },
      ports,
      checks: resolveChecks(service.checks, [...path, "checks"], findings),
      stop: { shiftMs: stop.shift, convergeMs: stop.converge, quiesceMs: stop.quiesce },
      onChange: service.onChange,
    },
  };
}

/** What a destination has beside what the file says of it. */
const PLAIN = { tunnel: undefined, upperThreshold: 0, lowerThreshold: 0, checks: [] } as const;

function resolveDestinations(
  port: FilePort,
  path: Path,
  addresses: readonly Address[],
  local: FileLocal | undefined,
  findings: Finding[],
): readonly DestinationConfig[] {
  const { targetPort, destinations = [] } = port;
  const needed = new Set(addresses.map(({ family }) => family));
  const resolved: DestinationConfig[] = destinations.map((each) => ({ ...PLAIN, ...each }));
  if (targetPort !== undefined && local !== undefined) {
    const target = (address: Address) => ({
      address,
      port: targetPort,
      weight: 1,
      forwarding: "masq" as const,
      ...PLAIN,
    });
    if (needed.has(4)) resolved.push(target(local.address ?? local.routerID));
    if (needed.has(6) && local.address6 !== undefined) resolved.push(target(local.address6));
    if (needed.has(6) && local.address6 === undefined) {
      const message = "needs bgp.local.address6 for the service's IPv6 addresses";
      findings.push({ path: [...path, "targetPort"], message });
    }
  }
  for (const [index, { address }] of destinations.entries()) {
    if (!needed.has(address.family)) {
      const message = `is IPv${address.family}, but the service has no IPv${address.family} address`;
      findings.push({ path: [...path, "destinations", index, "address"], message });
    } else if (addresses.some(({ text }) => text === address.text)) {
      const message = "is an address of the service itself";
      findings.push({ path: [...path, "destinations", index, "address"], message });
    }
  }
  for (const family of needed) {
    if (destinations.length > 0 && !destinations.some(({ address }) => address.family === family)) {
      const message = `has none for the service's IPv${family} addresses, which will not be announced`;
      findings.push({ path: [...path, "destinations"], at: "key", severity: "warning", message });
    }
  }
  return resolved;
}

/** The rules between services, and between them, the peers and this host. */
export function checkServices(
  services: readonly Element<ServiceConfig>[],
  parts: ValidParts,
  peers: readonly Element<PeerConfig>[],
  findings: Finding[],
): void {
  const duplicates = new Duplicates(findings);
  const own = parts.local === undefined ? new Map<string, string>() : ownAddresses(parts.local);
  const peerAddresses = new Map(peers.map(({ value }) => [value.address.text, value.name]));
  const ownInterface = new Set(
    parts.services.filter(({ value }) => value.interface !== undefined).map(({ index }) => index),
  );
  const peerNames = new Set(peers.map(({ value }) => value.name));
  const everyPeerRead = !parts.findings.some(({ path }) =>
    path[0] === "bgp" && (path.length === 1 || path[1] === "peers")
  );
  for (const { index, value: service } of services) {
    const path: Path = ["services", index];
    const freshName = duplicates.add("name", service.name, [...path, "name"]);
    const named = ownInterface.has(index);
    if (named || freshName) {
      duplicates.add("interface", service.interface, [...path, named ? "interface" : "name"]);
    }
    for (const [at, address] of service.addresses.entries()) {
      const place = [...path, "addresses", at];
      duplicates.add("address", address.text, place);
      const bits = address.bytes.byteLength * 8;
      const length = service.prefixLengths.get(address.text) ?? bits;
      if (length < bits) duplicates.add("prefix", prefixOf(address, length).text, place);
      const owner = own.get(address.text);
      const peer = peerAddresses.get(address.text);
      if (owner !== undefined) {
        findings.push({ path: place, message: `is this host's own address (${owner})` });
      } else if (peer !== undefined) {
        findings.push({ path: place, message: `is the address of peer ${peer}` });
      }
    }
    const ports = new Duplicates(findings);
    for (const [at, port] of service.ports.entries()) {
      ports.add("port", `${port.protocol} ${port.port}`, [...path, "ports", at, "port"]);
    }
    for (const [at, name] of (service.announce.peers ?? []).entries()) {
      if (peerNames.has(name) || !everyPeerRead) continue;
      findings.push({ path: [...path, "announce", "peers", at], message: "is not the name of a peer" });
    }
  }
}
