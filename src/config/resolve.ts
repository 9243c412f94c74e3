/**
 * From what the schema read to the checked configuration: defaults that depend on other keys, and the rules across
 * parts (duplicates, references, addresses that exclude each other). Pure but for the port that reads secret files.
 */
import type { Config, FamilyName, LocalBgp } from "./config.ts";
import type { Finding } from "./values/finding.ts";
import type { OverrideValues } from "./overrides.ts";
import type { Element, ValidParts } from "./validation.ts";
import type { ReadSecretFile } from "./password.ts";
import { checkPeers, resolvePeer } from "./resolve_peer.ts";
import { checkServices, resolveService } from "./resolve_service.ts";
import type { FileLocal } from "./schema/bgp.ts";
import type { FileService } from "./schema/service.ts";

/** The configuration where nothing is wrong, and what is. */
export interface Resolution {
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

/** Joins the parts, under the command line's flags. `config` is undefined where a part is missing or a finding is an error. */
export function resolve(
  parts: ValidParts,
  readSecretFile: ReadSecretFile,
  flags: OverrideValues,
): Resolution {
  const findings: Finding[] = [...parts.findings];
  const { log, http, control, network, limits, state, hooks, local } = parts;
  const families = familiesOf(parts.services);
  const peers = parts.peers.map((peer) =>
    resolvePeer(peer, parts.defaults ?? {}, families, readSecretFile, findings)
  );
  const services = parts.services.map((service) => resolveService(service, local, findings));
  checkPeers(peers, parts, findings);
  checkServices(services, parts, peers, findings);
  const failed = findings.some(({ severity }) => severity !== "warning");
  if (
    log === undefined || http === undefined || control === undefined || network === undefined ||
    limits === undefined || state === undefined || hooks === undefined || local === undefined || failed
  ) return { config: undefined, findings };
  const setup = flags.setup ?? network.setup;
  const config: Config = {
    log: { level: flags.level ?? log.level, format: log.format },
    http: { ...(flags.http ?? { listen: http.listen }), allowedHosts: http.allowedHosts },
    control: { ...(flags.control ?? { socket: control.socket }), group: control.group },
    // --network-setup=false alone asks for an agent that only announces.
    network: {
      setup,
      ipvs: flags.ipvs ?? (flags.setup === false ? false : network.ipvs ?? setup),
      contention: {
        limit: network.contention?.limit ?? 5,
        windowMs: network.contention?.window ?? 60_000,
        holdMs: network.contention?.hold ?? 60_000,
      },
    },
    limits,
    state: { directory: state.directory },
    hooks: { timeoutMs: hooks.timeout },
    bgp: { local: localBgp(local), peers: peers.map(({ value }) => value) },
    services: services.map(({ value }) => value),
  };
  return { config, findings };
}

function localBgp(local: FileLocal): LocalBgp {
  return {
    routerID: local.routerID,
    as: local.as,
    listenPort: local.listenPort,
    listenAddresses: local.listenAddresses,
    address: local.address ?? local.routerID,
    address6: local.address6,
  };
}

function familiesOf(services: readonly Element<FileService>[]): FamilyName[] {
  const present = new Set(
    services.flatMap(({ value }) => value.addresses.map(({ address }) => address.family)),
  );
  const families: FamilyName[] = [];
  if (present.has(4)) families.push("ipv4-unicast");
  if (present.has(6)) families.push("ipv6-unicast");
  return families;
}
