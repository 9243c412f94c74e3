/**
 * The checked configuration: what `load` makes of a file, without optionals that have a default. Nothing behind
 * `src/config` sees anything else of the file. Durations are milliseconds unless the name says seconds.
 */
import type { Address } from "../net/address.ts";
import type { CheckConfig } from "./checks/kinds.ts";
import type { ListenAddress } from "./values/listen_address.ts";

export type { ListenAddress };

/** How much is logged, from the most to the least. */
export type LogLevel = "debug" | "info" | "warning" | "error";
/** How log lines look; auto is text on a terminal and JSON otherwise. */
export type LogFormat = "auto" | "text" | "json";

/** Everything that one agent runs with. */
export interface Config {
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** Where metrics and the read-only API listen; undefined turns them off. */
  readonly http: {
    readonly listen: ListenAddress | undefined;
    /** Names by which clients may ask, besides addresses, localhost and this host's own name. */
    readonly allowedHosts: readonly string[];
  };
  /** Path of the unix socket where `bgp-lb status` and its like ask; undefined turns it off. */
  readonly control: {
    readonly socket: string | undefined;
    /** Members of this group may use the socket, too; undefined: its owner alone. */
    readonly group: string | undefined;
  };
  readonly network: {
    /** False: interfaces and addresses are never touched. */
    readonly setup: boolean;
    /** False: IPVS is never touched. Never true while `setup` is false. */
    readonly ipvs: boolean;
    /** An object that is repaired more often than `limit` times within `windowMs` shuts its gate, until it was let alone for
     * `holdMs`. */
    readonly contention: {
      readonly limit: number;
      readonly windowMs: number;
      readonly holdMs: number;
    };
  };
  /** Bounds of what others may ask of the agent. */
  readonly limits: { readonly httpConnections: number };
  /** Where drains are kept, so that they outlive this process; undefined: nowhere. */
  readonly state: { readonly directory: string | undefined };
  /** How long one run of a service's `onChange` may take. */
  readonly hooks: { readonly timeoutMs: number };
  readonly bgp: { readonly local: LocalBgp; readonly peers: readonly PeerConfig[] };
  readonly services: readonly ServiceConfig[];
}

/** This speaker. */
export interface LocalBgp {
  /** The BGP Identifier, an IPv4 address. */
  readonly routerID: Address;
  readonly as: number;
  /** -1: only connect out. */
  readonly listenPort: number;
  readonly listenAddresses: readonly Address[];
  /** This host's own IPv4 address: the IPVS destination of `targetPort`. */
  readonly address: Address;
  /** The same for IPv6. */
  readonly address6: Address | undefined;
}

/** An address family as the file names it. */
export type FamilyName = "ipv4-unicast" | "ipv6-unicast";

/** BFD with a peer (RFC 5880). */
export interface BfdConfig {
  /** bfd.DesiredMinTxInterval. */
  readonly transmitMs: number;
  /** bfd.RequiredMinRxInterval. */
  readonly receiveMs: number;
  /** bfd.DetectMult. */
  readonly multiplier: number;
  /** Sends nothing before the peer has (RFC 5880 section 6.1). */
  readonly passive: boolean;
  /** No BGP session starts before BFD is up. */
  readonly strict: boolean;
  /** RFC 5883: the peer is more than one hop away. */
  readonly multihop: boolean;
}

/** Capabilities that are offered to a peer. */
export interface OfferedCapabilities {
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  readonly extendedMessages: boolean;
  readonly extendedNextHop: boolean;
}

/** What this host is to the peer (RFC 9234 section 3.1). */
export type BgpRole = "provider" | "rs" | "rs-client" | "customer" | "peer";

/** A message authentication code of TCP-AO (RFC 5926; HMAC-SHA-256 as the kernel and routers have it). */
export type TcpAoAlgorithm = "hmac-sha-1-96" | "aes-128-cmac-96" | "hmac-sha-256-128";

/** A master key of TCP-AO (RFC 5925 section 3.1). */
export interface TcpAoKey {
  /** SendID, 0 to 255. */
  readonly sendId: number;
  /** RecvID, 0 to 255. */
  readonly receiveId: number;
  readonly algorithm: TcpAoAlgorithm;
  /** Read from the file already where `passwordFile` was given. Never printed. */
  readonly password: string;
}

/** One peer, defaults merged in. */
export interface PeerConfig {
  readonly name: string;
  /** `::` where it is found by router advertisements. */
  readonly address: Address;
  /** The peer is whoever advertises itself as a router on the link `zone` (`address: auto`). */
  readonly automatic: boolean;
  /** The zone of a link-local address: `eth0` in `fe80::1%eth0`. */
  readonly zone: string | undefined;
  /** The interface, or VRF, that the session is bound to; `interface` in the file. */
  readonly device: string | undefined;
  readonly as: number;
  /** The AS shown to this peer; undefined: `local.as`. */
  readonly localAs: number | undefined;
  readonly port: number;
  readonly passive: boolean;
  readonly localAddress: Address | undefined;
  /** TCP-MD5 key (RFC 2385), read from the file already where `passwordFile` was given. Never printed. */
  readonly password: string | undefined;
  /** Keys of TCP-AO (RFC 5925), the one to begin with first; none: no TCP-AO. */
  readonly tcpAo: readonly TcpAoKey[];
  /** TCP_MAXSEG of tcp(7); undefined: the kernel's choice. */
  readonly tcpMss: number | undefined;
  /** GTSM (RFC 5082): hops that the peer may be away. */
  readonly ttlSecurity: number | undefined;
  /** TTL of an eBGP session over several hops. */
  readonly multihop: number | undefined;
  readonly holdTimeSeconds: number;
  /** Undefined: a third of the negotiated hold time. */
  readonly keepaliveTimeSeconds: number | undefined;
  readonly connectRetryTimeMs: number;
  /** How long the peer may take nothing (RFC 9687). 0: for ever, else longer than the hold time. */
  readonly sendHoldTimeSeconds: number;
  readonly families: readonly FamilyName[];
  readonly nextHop: Address | undefined;
  readonly nextHop6: Address | undefined;
  /** Whether a link-local address goes beside a global next hop. */
  readonly linkLocalNextHop: "auto" | "never";
  readonly gracefulRestart: { readonly restartTimeSeconds: number } | undefined;
  readonly capabilities: OfferedCapabilities;
  /** Undefined: none is offered. */
  readonly localRole: BgpRole | undefined;
  /** A peer that has no role is refused (RFC 9234 section 4.2). */
  readonly strictRole: boolean;
  readonly bfd: BfdConfig | undefined;
}

/** One service: addresses, IPVS, checks and how it is announced. */
export interface ServiceConfig {
  readonly name: string;
  readonly interface: string;
  readonly enabled: boolean;
  readonly addresses: readonly Address[];
  /** Announced prefix lengths by `address.text`, one for each address; the host length unless the file says other. */
  readonly prefixLengths: ReadonlyMap<string, number>;
  readonly announce: AnnounceConfig;
  readonly ports: readonly PortConfig[];
  readonly checks: readonly CheckConfig[];
  /** How long the phases of a way out of service may take. */
  readonly stop: { readonly shiftMs: number; readonly convergeMs: number; readonly quiesceMs: number };
  /** A program and its arguments, run at every transition; undefined: none. */
  readonly onChange: readonly string[] | undefined;
}

/** Attributes that a service's routes carry. */
export interface AnnouncedAttributes {
  /** Undefined: not sent. */
  readonly med: number | undefined;
  /** Sent to iBGP peers only. */
  readonly localPreference: number;
  /** Standard communities as 32-bit numbers. */
  readonly communities: readonly number[];
  /** RFC 8092: three 32-bit numbers each. */
  readonly largeCommunities: readonly (readonly [number, number, number])[];
  /** RFC 4360: eight octets each. */
  readonly extendedCommunities: readonly Uint8Array[];
  /** How many extra times our AS is prepended to eBGP peers. */
  readonly asPathPrepend: number;
}

/** Attributes that a service's routes carry in good health, to whom, and what becomes of them otherwise. */
export interface AnnounceConfig extends AnnouncedAttributes {
  /** Peer names; undefined: all. */
  readonly peers: readonly string[] | undefined;
  /** Withdrawn, or announced all the same with these. */
  readonly whenUnhealthy: "withdraw" | AnnouncedAttributes;
}

/** A transport that IPVS balances. */
export type IpProtocol = "tcp" | "udp" | "sctp";
/** How IPVS gets packets to a destination. */
export type ForwardingMethod = "masq" | "droute" | "tunnel";

/** One IPVS virtual service for each address of the service, or for each family of its mark. */
export interface PortConfig {
  /** 0 with a firewall mark. */
  readonly port: number;
  /** Tcp with a firewall mark, where it means nothing. */
  readonly protocol: IpProtocol;
  /** Packets with this mark, whatever they are addressed to, instead of port and protocol; 0: no mark. */
  readonly fwmark: number;
  /** Of the mark's packets; without one, those of the service's addresses. */
  readonly families: readonly (4 | 6)[];
  /** The service's, with what the port has of its own. */
  readonly ipvs: IpvsConfig;
  /** Every destination, both families: a virtual service takes those of its own family, or, where it has none, those of the
   * other one that it can reach by a tunnel. */
  readonly destinations: readonly DestinationConfig[];
  /** What becomes of a destination that fails: quiesce keeps it, with weight 0. */
  readonly whenFailed: "quiesce" | "remove";
  /** The sum of live weights that the port needs, and how far beyond it the sum must go either way for a change. */
  readonly quorum: number;
  readonly hysteresis: number;
  /** For so long the weight of a destination that has recovered grows. */
  readonly slowStartMs: number;
  /** Takes what comes while no other destination is left: at most one of each family. */
  readonly sorry: readonly Omit<DestinationConfig, "checks">[];
}

/** A real server. */
export interface DestinationConfig {
  readonly address: Address;
  /** 0 with a firewall mark: the port that the client asked for. */
  readonly port: number;
  readonly weight: number;
  readonly forwarding: ForwardingMethod;
  /** Given where the forwarding is tunnel. */
  readonly tunnel: TunnelConfig | undefined;
  /** Active connections from which on no new ones come; 0: any number. */
  readonly upperThreshold: number;
  /** Active connections below which they come again. */
  readonly lowerThreshold: number;
  /** Its own, or the port's made for it: address and port are the destination's unless they say other. */
  readonly checks: readonly CheckConfig[];
}

/** The encapsulation of a tunnel; port and checksum are those of <linux/ip_vs.h>, for the types that have them. */
export interface TunnelConfig {
  readonly type: "ipip" | "gue" | "gre";
  /** Of gue; 0 with the others. */
  readonly port: number;
  /** Of gue and gre. */
  readonly checksum: boolean;
}

/** How the kernel schedules a service's connections. */
export interface IpvsConfig {
  /** The kernel's name of it, such as `rr`. */
  readonly scheduler: string;
  readonly flags: readonly string[];
  readonly persistence: PersistenceConfig | undefined;
}

/** Clients stay with their destination. The masks are prefix lengths: 32 and 128 tell every client apart. */
export interface PersistenceConfig {
  readonly timeoutSeconds: number;
  /** For IPv4 virtual services. */
  readonly netmask: number;
  /** For IPv6 virtual services. */
  readonly netmask6: number;
}
