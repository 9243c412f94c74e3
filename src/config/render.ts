/** The checked configuration as a file of our format again, every default spelled out; read back, it is the same. */
import { formatCommunity, formatExtendedCommunity, formatLargeCommunity } from "../net/community.ts";
import { renderCheck } from "./checks/kinds.ts";
import { type Address, hostBits } from "../net/address.ts";
import type {
  AnnouncedAttributes,
  Config,
  DestinationConfig,
  IpvsConfig,
  PeerConfig,
  PortConfig,
  ServiceConfig,
} from "./config.ts";
import { given } from "./values/given.ts";
import { HIDDEN } from "./values/hidden.ts";
import { formatListenAddress } from "./values/listen_address.ts";
import { formatDuration } from "../time/duration.ts";
import { formatZoned } from "./values/address.ts";

/** Plain values of the file that `config` would be; passwords are replaced by `HIDDEN` unless they are to be shown. */
export function renderConfig(
  config: Config,
  { showPasswords = false }: { showPasswords?: boolean } = {},
): Readonly<Record<string, unknown>> {
  const { log, http, control, network, limits, state, hooks, bgp } = config;
  return {
    log: { level: log.level, format: log.format },
    http: { listen: formatListenAddress(http.listen), allowedHosts: http.allowedHosts },
    control: given({ socket: control.socket ?? "", group: control.group }),
    network: {
      setup: network.setup,
      ipvs: network.ipvs,
      contention: {
        limit: network.contention.limit,
        window: formatDuration(network.contention.windowMs),
        hold: formatDuration(network.contention.holdMs),
      },
    },
    limits: { httpConnections: limits.httpConnections },
    state: { directory: state.directory ?? "" },
    hooks: { timeout: formatDuration(hooks.timeoutMs) },
    bgp: {
      local: given({
        routerID: bgp.local.routerID.text,
        as: bgp.local.as,
        listenPort: bgp.local.listenPort,
        listenAddresses: bgp.local.listenAddresses.map(({ text }) => text),
        address: bgp.local.address.text,
        address6: bgp.local.address6?.text,
      }),
      peers: bgp.peers.map((peer) => renderPeer(peer, showPasswords)),
    },
    services: config.services.map(renderService),
  };
}

function renderPeer(peer: PeerConfig, showPasswords: boolean): unknown {
  return given({
    address: peer.automatic ? "auto" : formatZoned(peer.address, peer.zone),
    interface: peer.device,
    name: peer.name,
    as: peer.as,
    localAS: peer.localAs,
    port: peer.port,
    passive: peer.passive,
    localAddress: peer.localAddress?.text,
    password: peer.password === undefined || showPasswords ? peer.password : HIDDEN,
    tcpAO: peer.tcpAo.length === 0 ? undefined : peer.tcpAo.map((key) => ({
      sendID: key.sendId,
      receiveID: key.receiveId,
      algorithm: key.algorithm,
      password: showPasswords ? key.password : HIDDEN,
    })),
    tcpMSS: peer.tcpMss,
    ttlSecurity: peer.ttlSecurity,
    multihop: peer.multihop,
    holdTime: formatDuration(peer.holdTimeSeconds * 1000),
    keepaliveTime: seconds(peer.keepaliveTimeSeconds),
    connectRetryTime: formatDuration(peer.connectRetryTimeMs),
    sendHoldTime: formatDuration(peer.sendHoldTimeSeconds * 1000),
    families: peer.families,
    nextHop: peer.nextHop?.text,
    nextHop6: peer.nextHop6?.text,
    linkLocalNextHop: peer.linkLocalNextHop,
    gracefulRestart: peer.gracefulRestart &&
      { restartTime: seconds(peer.gracefulRestart.restartTimeSeconds) },
    capabilities: peer.capabilities,
    localRole: peer.localRole,
    strictRole: peer.localRole && peer.strictRole,
    bfd: peer.bfd && {
      transmit: formatDuration(peer.bfd.transmitMs),
      receive: formatDuration(peer.bfd.receiveMs),
      multiplier: peer.bfd.multiplier,
      passive: peer.bfd.passive,
      strict: peer.bfd.strict,
      multihop: peer.bfd.multihop,
    },
  });
}

/** A service as the file spells it. */
export function renderService(service: ServiceConfig): unknown {
  const { announce, stop } = service;
  return given({
    name: service.name,
    interface: service.interface,
    enabled: service.enabled,
    addresses: service.addresses.map((address) =>
      renderAddress(address, service.prefixLengths.get(address.text))
    ),
    announce: given({
      ...renderAttributes(announce),
      peers: announce.peers,
      whenUnhealthy: announce.whenUnhealthy === "withdraw"
        ? "withdraw"
        : given({ ...renderAttributes(announce.whenUnhealthy) }),
    }),
    ports: service.ports.map((port) => renderPort(port, service)),
    checks: service.checks.map((check) => renderCheck(check)),
    stop: {
      shift: formatDuration(stop.shiftMs),
      converge: formatDuration(stop.convergeMs),
      quiesce: formatDuration(stop.quiesceMs),
    },
    onChange: service.onChange,
  });
}

/** Path attributes that a service chooses, as the file spells them. */
export interface RenderedAttributes {
  /** Undefined: not sent. */
  readonly med: number | undefined;
  /** Sent to iBGP peers only. */
  readonly localPreference: number;
  readonly communities: readonly string[];
  readonly extendedCommunities: readonly string[];
  readonly largeCommunities: readonly string[];
  /** For eBGP peers only. */
  readonly asPathPrepend: number;
}

/** Path attributes as the file spells them. */
export function renderAttributes(announce: AnnouncedAttributes): RenderedAttributes {
  return {
    med: announce.med,
    localPreference: announce.localPreference,
    communities: announce.communities.map(formatCommunity),
    extendedCommunities: announce.extendedCommunities.map(formatExtendedCommunity),
    largeCommunities: announce.largeCommunities.map(formatLargeCommunity),
    asPathPrepend: announce.asPathPrepend,
  };
}

function renderAddress(address: Address, length: number | undefined): string {
  return length === undefined || length === hostBits(address) ? address.text : `${address.text}/${length}`;
}

function renderPort(port: PortConfig, { addresses }: ServiceConfig): unknown {
  const { fwmark, families, destinations, sorry } = port;
  const served = new Set(addresses.map(({ family }) => family));
  return given({
    ...fwmark > 0
      ? { fwmark, family: families.length < served.size ? families[0] : undefined }
      : { port: port.port, protocol: port.protocol },
    destinations: destinations.map(({ upperThreshold, lowerThreshold, checks, ...server }) =>
      given({
        ...renderServer(server, server.weight),
        upperThreshold,
        lowerThreshold,
        checks: checks.map((check) => renderCheck(check)),
      })
    ),
    whenFailed: port.whenFailed,
    quorum: port.quorum,
    hysteresis: port.hysteresis,
    slowStart: formatDuration(port.slowStartMs),
    sorry: sorry.length === 0 ? undefined : sorry.map((server) => given(renderServer(server, undefined))),
    ipvs: renderIpvs(port.ipvs),
  });
}

function renderServer(
  { address, port, forwarding, tunnel }: Omit<
    DestinationConfig,
    "checks" | "upperThreshold" | "lowerThreshold"
  >,
  weight: number | undefined,
): Readonly<Record<string, unknown>> {
  return {
    address: address.text,
    // 0: what the client asked for, which is said by no port.
    port: port === 0 ? undefined : port,
    weight,
    forwarding,
    tunnel: tunnel && given({
      type: tunnel.type,
      port: tunnel.type === "gue" ? tunnel.port : undefined,
      checksum: tunnel.type === "ipip" ? undefined : tunnel.checksum,
    }),
  };
}

function renderIpvs({ scheduler, flags, persistence }: IpvsConfig): unknown {
  return given({
    scheduler,
    flags: [...flags],
    persistence: persistence && {
      timeout: seconds(persistence.timeoutSeconds),
      netmask: persistence.netmask,
      netmask6: persistence.netmask6,
    },
  });
}

function seconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : formatDuration(value * 1000);
}
