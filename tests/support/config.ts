/** Checked configurations for tests, small and complete. */
import type { DnsCheckConfig } from "../../src/config/checks/dns.ts";
import type { GrpcCheckConfig } from "../../src/config/checks/grpc.ts";
import type { HttpCheckConfig } from "../../src/config/checks/http.ts";
import type { TcpCheckConfig } from "../../src/config/checks/tcp.ts";
import type { TlsCheckConfig } from "../../src/config/checks/tls.ts";
import type { UdpCheckConfig } from "../../src/config/checks/udp.ts";
import type { Config, PeerConfig, PortConfig, ServiceConfig } from "../../src/config/config.ts";
import { address, localBgp, peerConfig } from "./bgp.ts";
import { PLAIN } from "./kernel_objects.ts";

/** One service `web` on 10.99.0.1:80 with destination 10.0.0.1:8080 and no checks. */
export function serviceConfig(overrides: Partial<ServiceConfig> = {}): ServiceConfig {
  return {
    name: "web",
    interface: "web",
    enabled: true,
    addresses: [address("10.99.0.1")],
    prefixLengths: new Map(),
    announce: {
      med: undefined,
      localPreference: 100,
      communities: [],
      largeCommunities: [],
      extendedCommunities: [],
      asPathPrepend: 0,
      peers: undefined,
      whenUnhealthy: "withdraw",
    },
    ports: [{
      port: 80,
      ...PLAIN_PORT,
      protocol: "tcp",
      destinations: [{
        address: address("10.0.0.1"),
        port: 8080,
        weight: 1,
        forwarding: "masq",
        ...PLAIN,
        checks: [],
      }],
    }],
    checks: [],
    stop: { shiftMs: 0, convergeMs: 1000, quiesceMs: 30_000 },
    onChange: undefined,
    ...overrides,
  };
}

/** An HTTP check of 127.0.0.1:8080 every second. */
export function httpCheckConfig(overrides: Partial<HttpCheckConfig> = {}): HttpCheckConfig {
  return {
    type: "http",
    name: "http-1",
    address: "127.0.0.1",
    port: 8080,
    unixSocket: undefined,
    scheme: "http",
    method: "GET",
    path: "/",
    host: undefined,
    headers: {},
    status: [{ from: 200, to: 299 }],
    body: undefined,
    weightHeader: undefined,
    ...PLAIN_TLS,
    intervalMs: 1000,
    fastIntervalMs: 1000,
    timeoutMs: 1000,
    rise: 1,
    fall: 1,
    ...PLAIN_CHECK,
    ...overrides,
  };
}

/** A TLS check of 127.0.0.1:8443 every second. */
export function tlsCheckConfig(overrides: Partial<TlsCheckConfig> = {}): TlsCheckConfig {
  return {
    type: "tls",
    name: "tls-1",
    address: "127.0.0.1",
    port: 8443,
    ...PLAIN_TLS,
    intervalMs: 1000,
    fastIntervalMs: 1000,
    timeoutMs: 1000,
    rise: 1,
    fall: 1,
    ...PLAIN_CHECK,
    ...overrides,
  };
}

/** A check that 127.0.0.1:8080 accepts a connection, every second. */
export function tcpCheckConfig(overrides: Partial<TcpCheckConfig> = {}): TcpCheckConfig {
  return {
    type: "tcp",
    name: "tcp-1",
    address: "127.0.0.1",
    port: 8080,
    send: undefined,
    expect: undefined,
    intervalMs: 1000,
    fastIntervalMs: 1000,
    timeoutMs: 1000,
    rise: 1,
    fall: 1,
    ...PLAIN_CHECK,
    ...overrides,
  };
}

/** A check that 127.0.0.1:8080 does not refuse a datagram, every second. */
export function udpCheckConfig(overrides: Partial<UdpCheckConfig> = {}): UdpCheckConfig {
  return { ...tcpCheckConfig(), type: "udp", name: "udp-1", send: Uint8Array.of(0), ...overrides };
}

/** A check that the gRPC server at 127.0.0.1:8080 serves, every second. */
export function grpcCheckConfig(overrides: Partial<GrpcCheckConfig> = {}): GrpcCheckConfig {
  return {
    type: "grpc",
    name: "grpc-1",
    address: "127.0.0.1",
    port: 8080,
    service: "",
    tls: false,
    ...PLAIN_TLS,
    intervalMs: 1000,
    fastIntervalMs: 1000,
    timeoutMs: 1000,
    rise: 1,
    fall: 1,
    ...PLAIN_CHECK,
    ...overrides,
  };
}

/** A check that the name server 127.0.0.1 knows an address of example.org, every second. */
export function dnsCheckConfig(overrides: Partial<DnsCheckConfig> = {}): DnsCheckConfig {
  return {
    type: "dns",
    name: "dns-1",
    address: "127.0.0.1",
    port: 53,
    domain: "example.org",
    recordType: "A",
    expect: undefined,
    rcode: "NOERROR",
    protocol: "udp",
    recursion: true,
    intervalMs: 1000,
    fastIntervalMs: 1000,
    timeoutMs: 1000,
    rise: 1,
    fall: 1,
    ...PLAIN_CHECK,
    ...overrides,
  };
}

/** An iBGP peer `r1` at 10.0.0.254, everything by default. */
export function internalPeer(overrides: Partial<PeerConfig> = {}): PeerConfig {
  return peerConfig({ name: "r1", address: address("10.0.0.254"), as: 65512, ...overrides });
}

/** One service, one peer. */
export function config(overrides: Partial<Config> = {}): Config {
  return {
    log: { level: "info", format: "auto" },
    http: { listen: undefined, allowedHosts: [] },
    control: { socket: undefined, group: undefined },
    network: { setup: true, ipvs: true, contention: CONTENTION },
    limits: { httpConnections: 256 },
    state: { directory: undefined },
    hooks: { timeoutMs: 10_000 },
    bgp: {
      local: localBgp({ as: 65512 }),
      peers: [internalPeer()],
    },
    services: [serviceConfig()],
    ...overrides,
  };
}

/** The defaults of `network.contention`. */
export const CONTENTION = { limit: 5, windowMs: 60_000, holdMs: 60_000 } as const;

/** A port without anything that is not asked for. */
export const PLAIN_PORT = {
  fwmark: 0,
  families: [4, 6],
  ipvs: { scheduler: "rr", flags: [], persistence: undefined },
  whenFailed: "quiesce",
  quorum: 1,
  hysteresis: 0,
  slowStartMs: 0,
  sorry: [],
} as const;

/** TLS without anything that is not asked for. */
export const PLAIN_TLS = {
  serverName: undefined,
  insecureSkipVerify: false,
  caFile: undefined,
  keyPair: undefined,
  minDaysLeft: 0,
} as const;

/** A check without anything that is not asked for. */
export const PLAIN_CHECK = {
  invert: false,
  flap: undefined,
  source: undefined,
  through: [],
  tripwire: false,
} as const;

/** A service whose ports are all scheduled so. */
export function scheduledBy(service: ServiceConfig, ipvs: PortConfig["ipvs"]): ServiceConfig {
  return { ...service, ports: service.ports.map((port) => ({ ...port, ipvs })) };
}
