/** Services, and what excludes each other among services, peers and this host. */
import { hostBits } from "../net/address.ts";
import { prefixOf } from "../net/prefix.ts";
import type { PeerConfig, ServiceConfig } from "./config.ts";
import type { Finding, Path } from "./values/finding.ts";
import type { Element, ValidParts } from "./validation.ts";
import type { FileLocal } from "./schema/bgp.ts";
import type { FileService } from "./schema/service.ts";
import { Duplicates } from "./duplicates.ts";
import { checkWhenUnhealthy, resolveAnnounce } from "./resolve_announce.ts";
import { ownAddresses } from "./own_addresses.ts";
import { sourceProblems, withPassages } from "./check_network.ts";
import { resolveChecks } from "./resolve_checks.ts";
import { resolvePort } from "./resolve_port.ts";
import { checkUnusedFlags } from "./scheduling.ts";

/** The service as it will be run; what is wrong goes to `findings`. */
export function resolveService(
  { index, value: service }: Element<FileService>,
  local: FileLocal | undefined,
  findings: Finding[],
): Element<ServiceConfig> {
  const path: Path = ["services", index];
  const { announce, ipvs, stop } = service;
  const addresses = service.addresses.map(({ address }) => address);
  const owner = { path, addresses, ipvs, local };
  const ports = service.ports.map((port, at) => resolvePort(port, at, owner, findings));
  if (ports.length === 0) checkUnusedFlags({ value: ipvs, path: [...path, "ipvs"] }, findings);
  return {
    index,
    value: {
      name: service.name,
      interface: service.interface ?? service.name,
      enabled: service.enabled,
      addresses,
      prefixLengths: new Map(service.addresses.map(({ address, length }) => [address.text, length])),
      announce: resolveAnnounce(announce),
      ports,
      checks: withPassages(
        resolveChecks(service.checks, addresses, [...path, "checks"], findings),
        { path, ports, local },
        findings,
      ),
      stop: { shiftMs: stop.shift, convergeMs: stop.converge, quiesceMs: stop.quiesce },
      onChange: service.onChange,
    },
  };
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
  const serviceAddresses = new Set(
    services.flatMap(({ value }) => value.addresses.map(({ text }) => text)),
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
      const bits = hostBits(address);
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
    findings.push(...sourceProblems(service, path, serviceAddresses));
    checkPorts(service, path, duplicates, findings);
    for (const [at, name] of (service.announce.peers ?? []).entries()) {
      if (peerNames.has(name) || !everyPeerRead) continue;
      findings.push({ path: [...path, "announce", "peers", at], message: "is not the name of a peer" });
    }
    checkWhenUnhealthy(service.announce, [...path, "announce", "whenUnhealthy"], {
      peers,
      local: parts.local,
    }, findings);
  }
}

/** So many firewall marks a service can have: they are kept in its interface's alias. */
const MAX_MARKS = 16;

/** A port is one in its service, a mark is one on the host. */
function checkPorts(
  { ports }: ServiceConfig,
  path: Path,
  duplicates: Duplicates,
  findings: Finding[],
): void {
  const own = new Duplicates(findings);
  let marks = 0;
  for (const [at, { protocol, port, fwmark, families }] of ports.entries()) {
    const place = (key: string) => [...path, "ports", at, key];
    if (fwmark === 0) own.add("port", `${protocol} ${port}`, place("port"));
    else if (++marks > MAX_MARKS) {
      findings.push({
        path: place("fwmark"),
        message: `is one too many, a service has at most ${MAX_MARKS}`,
      });
    } else for (const family of families) duplicates.add("fwmark", `${fwmark} IPv${family}`, place("fwmark"));
  }
}
