/** What a host is to be fit for: a configuration as the rows need it, or the agent as such where there is none. */
import { needsOf } from "../config/checks/kinds.ts";
import type { Config, DestinationConfig, LocalBgp, PeerConfig, PortConfig } from "../config/config.ts";
import type { DesiredInterface, VirtualServiceId } from "../kernel/state.ts";
import type { Address } from "../net/address.ts";
import { parseAddress } from "../net/address.ts";
import { fwmarksOf, idsOf } from "../service/desired.ts";
import { destinationsOf } from "../service/weights.ts";

/** A destination, and the families of the virtual services that send to it. */
export interface SubjectDestination extends Omit<DestinationConfig, "checks"> {
  readonly families: readonly (4 | 6)[];
}

/** A port of a service. */
export interface SubjectPort {
  readonly service: string;
  readonly port: PortConfig;
  /** The virtual services that it becomes. */
  readonly ids: readonly VirtualServiceId[];
  /** All that they can send to, the last resort with them. */
  readonly destinations: readonly SubjectDestination[];
}

/** A way through the data plane that a check goes. */
export interface SubjectPassage {
  readonly service: string;
  readonly address: Address;
  /** The ports of the service that it may lead to. */
  readonly ports: readonly PortConfig[];
}

/** A file that was read for the configuration, with its permission bits. */
export interface SecretFile {
  readonly path: string;
  readonly mode: number | undefined;
}

/** A program that a check runs. */
export interface CheckProgram {
  readonly service: string;
  readonly check: string;
  readonly program: string;
  /** Undefined: the agent's own. */
  readonly user: string | undefined;
}

/** What the agent is known to be beside the file. */
export interface Circumstances {
  /** How many descriptors the configuration may need at once; undefined: there is none. */
  readonly descriptorNeed: number | undefined;
  /** Files with passwords in them. */
  readonly secrets: readonly SecretFile[];
  /** The agent that runs; undefined: none. */
  readonly agent: { readonly pid: number | undefined } | undefined;
  /** Why it cannot be known whether one runs; undefined: it is known. */
  readonly controlDoubt: string | undefined;
}

/** What is to be had of the host. */
export interface Subject extends Circumstances {
  readonly managesLinks: boolean;
  readonly programsIpvs: boolean;
  readonly interfaces: readonly DesiredInterface[];
  /** The service addresses. */
  readonly addresses: readonly Address[];
  readonly ports: readonly SubjectPort[];
  readonly fwmarks: readonly VirtualServiceId[];
  readonly peers: readonly PeerConfig[];
  readonly listenPort: number;
  readonly listenAddresses: readonly Address[];
  /** This host's own addresses, as configured. */
  readonly ownAddresses: readonly Address[];
  readonly http: Config["http"]["listen"];
  readonly pings: boolean;
  readonly checkPrograms: readonly CheckProgram[];
  readonly passages: readonly SubjectPassage[];
  readonly stateDirectory: string | undefined;
}

/** What `config` needs. */
export function subjectOf(config: Config, circumstances: Circumstances): Subject {
  const { network, services, bgp, http, state } = config;
  const enabled = services.filter((service) => service.enabled);
  const { listenPort, listenAddresses } = bgp.local;
  return {
    managesLinks: network.setup,
    // Also of a service that is not enabled: its objects are made, it is only not announced.
    programsIpvs: network.ipvs && services.some(({ ports }) => ports.length > 0),
    interfaces: network.setup
      ? services.map(({ name: service, interface: name, addresses }) => ({ name, service, addresses }))
      : [],
    addresses: services.flatMap(({ addresses }) => addresses),
    ports: network.ipvs
      ? services.flatMap((service) =>
        service.ports.map((port) => {
          const ids = idsOf(port, service);
          return { service: service.name, port, ids, destinations: reached(port, ids) };
        })
      )
      : [],
    fwmarks: services.flatMap(({ ports }) => ports.flatMap(fwmarksOf)),
    peers: bgp.peers,
    listenPort,
    listenAddresses,
    ownAddresses: ownAddressesOf(bgp.local),
    http: http.listen,
    pings: enabled.some((service) => checksOf(service).some(({ type }) => type === "ping")),
    checkPrograms: enabled.flatMap(checkProgramsOf),
    passages: network.ipvs ? enabled.flatMap(passagesOf) : [],
    stateDirectory: state.directory,
    ...circumstances,
  };
}

/** The agent as such, with everything at its default: what any configuration most likely needs. */
export function hostAlone(circumstances: Circumstances): Subject {
  return {
    managesLinks: true,
    programsIpvs: true,
    interfaces: [],
    addresses: [],
    ports: [],
    fwmarks: [],
    peers: [],
    listenPort: 179,
    listenAddresses: ["0.0.0.0", "::"].map(parseAddress).filter((address) => address !== undefined),
    ownAddresses: [],
    http: undefined,
    pings: false,
    checkPrograms: [],
    passages: [],
    stateDirectory: undefined,
    ...circumstances,
  };
}

/** Destinations of the virtual services' families, and tunnels into the other one. */
function reached(port: PortConfig, ids: readonly VirtualServiceId[]): readonly SubjectDestination[] {
  const all = [...new Set(ids.map(({ address }) => address.family))];
  const taken = all.map((family) => ({ family, by: new Set(destinationsOf(port, family)) }));
  const takes = (destination: DestinationConfig) =>
    taken.filter(({ by }) => by.has(destination)).map(({ family }) => family);
  return [
    ...port.destinations.map((destination) => ({ ...destination, families: takes(destination) }))
      .filter(({ families }) => families.length > 0),
    ...port.sorry.map((each) => ({ ...each, families: all })),
  ];
}

function checksOf({ checks, ports }: Config["services"][number]) {
  return [...checks, ...ports.flatMap(({ destinations }) => destinations.flatMap((each) => each.checks))];
}

function checkProgramsOf(service: Config["services"][number]): readonly CheckProgram[] {
  return checksOf(service).flatMap((check) => {
    const { program } = needsOf(check);
    if (program === undefined) return [];
    return [{ service: service.name, check: check.name, program: program.path, user: program.user }];
  });
}

function passagesOf({ name, checks, ports }: Config["services"][number]): readonly SubjectPassage[] {
  return checks.flatMap((check) =>
    check.through.map(({ address, mark }) => ({
      service: name,
      address,
      ports: ports.filter((each) =>
        mark !== undefined ? each.fwmark === mark : "port" in check && each.port === check.port
      ),
    }))
  );
}

function ownAddressesOf({ routerID, address, address6 }: LocalBgp): readonly Address[] {
  return [routerID, address, ...address6 === undefined ? [] : [address6]];
}
