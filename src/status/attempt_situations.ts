/**
 * The situations in which an attempt to connect comes to nothing, as a table. Every error that our own settings can cause names
 * them; what is short on this host is not blamed on the peer. Pure.
 */
import type { FailedAttempt, SocketSettings } from "../bgp/transport/failed_attempt.ts";
import { icmpMeaning } from "./icmp_meaning.ts";

/** The peer, what its sockets are set to, and how the attempt failed. */
export interface Attempt {
  readonly name: string;
  readonly address: string;
  readonly settings: SocketSettings;
  readonly failed: FailedAttempt;
  /** Within what time segments were dropped, in words. */
  readonly meanwhile?: string;
}

/** A situation: when it is, what it is, and what helps. */
export interface Situation {
  readonly situation: string;
  /** It is told by what the kernel drops, so of a peer that is waited for as well. */
  readonly isOfDrops?: true;
  fits(attempt: Attempt): boolean;
  sentence(attempt: Attempt): string;
  cure(attempt: Attempt): string;
}

/** Errors of a host that has no more of something. */
const DESCRIPTORS = ["EMFILE", "ENFILE"];
const MEMORY = ["ENOMEM", "ENOBUFS", "EAGAIN"];
const NOT_PERMITTED = ["EPERM", "EACCES"];
/** What a host tells itself where nobody answers for an address (RFC 792, RFC 4443). */
const HOST_UNREACHABLE = { 4: 1, 6: 3 } as const;
/** Sockets of the runtime do not say what failed: connect(2) alone does then. */
const CONNECT = /^(connect|$)/;
const SIGNATURE = /^[gs]etsockopt TCP_(MD5SIG|AO)/;

const failedAt = (operation: RegExp, ...codes: readonly string[]) => ({ failed }: Attempt) =>
  operation.test(failed.operation ?? "") && (codes.length === 0 || codes.includes(failed.code ?? ""));
const code = (...codes: readonly string[]) => ({ failed }: Attempt) => codes.includes(failed.code ?? "");
const icmp = (meaning: ReturnType<typeof icmpMeaning>) => ({ failed }: Attempt) =>
  failed.icmp !== undefined && icmpMeaning(failed.icmp) === meaning;
const icmpIs = (codes: typeof HOST_UNREACHABLE) => ({ failed: { icmp } }: Attempt) =>
  icmp !== undefined && icmp.code === codes[icmp.family];
const isOwn = ({ failed }: Attempt) => failed.icmp?.isOwn === true;
const isOnLink = ({ address }: Attempt) => address.includes("%");
const unanswered = ({ failed }: Attempt) => failed.unanswered || failed.code === "ETIMEDOUT";
const ao = ({ settings }: Attempt) => settings.signature === "TCP-AO";
const key = (attempt: Attempt) => ao(attempt) ? "tcpAO" : "password";
const port = ({ settings }: Attempt) => `TCP port ${settings.port}`;
const sender = ({ failed }: Attempt) => failed.icmp?.from ?? "a router";
const from = ({ settings: { localAddress } }: Attempt) =>
  localAddress === undefined ? "" : ` from ${localAddress}`;
const meanwhile = ({ meanwhile: words = "while this attempt was under way" }: Attempt) => words;
const by = ({ settings: { device } }: Attempt) => device === undefined ? "" : ` in ${device}`;
const segments = (count: number) => count === 1 ? "1 segment" : `${count} segments`;

/** The most certain first: what fits is told. */
export const SITUATIONS: readonly Situation[] = [
  {
    situation: "out of descriptors",
    fits: code(...DESCRIPTORS),
    sentence: ({ name }) => `this host has no descriptor left: ${name} is not at fault`,
    cure: () => "raise LimitNOFILE= of the unit (EMFILE) or fs.file-max (ENFILE), or find who holds so many",
  },
  {
    situation: "no room for one more key",
    fits: failedAt(SIGNATURE, "ENOMEM"),
    sentence: ({ name }) =>
      `the kernel has no room for one more key in a socket, so ${name} is not spoken with unprotected`,
    cure: () => "raise the sysctl net.core.optmem_max",
  },
  {
    situation: "out of memory",
    fits: code(...MEMORY),
    sentence: ({ name }) => `this host is short of memory, or of local ports: ${name} is not at fault`,
    cure: () => "look at the host's memory and at net.ipv4.ip_local_port_range",
  },
  {
    situation: "kernel without TCP-AO",
    fits: (attempt) => ao(attempt) && failedAt(SIGNATURE, "ENOPROTOOPT")(attempt),
    sentence: ({ name }) =>
      `this kernel has no TCP-AO (Linux 6.7 with CONFIG_TCP_AO), and without it no session with ${name} may run`,
    cure: () => "a kernel that has it, or password (TCP-MD5) on both sides instead of tcpAO",
  },
  {
    situation: "kernel without TCP-MD5",
    fits: failedAt(SIGNATURE, "ENOPROTOOPT"),
    sentence: ({ name }) =>
      `this kernel has no TCP-MD5 (CONFIG_TCP_MD5SIG), and without it no session with ${name} may run`,
    cure: () => "a kernel that has it, or no password on both sides",
  },
  {
    situation: "keys of two kinds",
    fits: failedAt(SIGNATURE, "EKEYREJECTED", "EEXIST"),
    sentence: ({ address }) =>
      `the kernel refuses the key: another one for ${address} is there, with the same number or of the other kind`,
    cure: () => "give TCP-AO keys different numbers, and each address either password or tcpAO",
  },
  {
    situation: "key not usable",
    fits: failedAt(SIGNATURE),
    sentence: (attempt) =>
      `the kernel refuses the key of ${key(attempt)} (${attempt.failed.code ?? "no reason"})`,
    cure: (attempt) =>
      ao(attempt)
        ? "let the kernel have the algorithm (modprobe cmac, sha256), or take another algorithm"
        : "a password of 1 to 80 octets",
  },
  {
    situation: "interface missing",
    fits: failedAt(/SO_BINDTODEVICE/, "ENODEV"),
    sentence: ({ settings }) => `this host has no interface ${settings.device ?? ""}`,
    cure: ({ name }) => `create the interface, or correct interface of ${name}`,
  },
  {
    situation: "interface not permitted",
    fits: failedAt(/SO_BINDTODEVICE/),
    sentence: ({ settings }) => `this process may not bind a socket to ${settings.device ?? "an interface"}`,
    cure: ({ name }) => `give it CAP_NET_RAW, or leave out interface of ${name}`,
  },
  {
    situation: "source address not here",
    fits: failedAt(/^bind/, "EADDRNOTAVAIL", "EINVAL", "ENODEV"),
    sentence: (attempt) =>
      `localAddress ${attempt.settings.localAddress ?? ""} is no address of this host${
        by(attempt)
      }, or not yet ` +
      "(IPv6: duplicate address detection)",
    cure: ({ name, settings: { device } }) =>
      (device === undefined ? "give this host the address" : `give the address to ${device}`) +
      `, or correct or leave out localAddress of ${name}`,
  },
  {
    situation: "source address in use",
    fits: failedAt(/^bind/, "EADDRINUSE"),
    sentence: ({ settings }) => `no local port is free at ${settings.localAddress ?? "this host"}`,
    cure: () => "widen net.ipv4.ip_local_port_range, or find who has so many connections",
  },
  {
    situation: "TTL option refused",
    fits: failedAt(/IP_MINTTL|IPV6_MINHOPCOUNT/),
    sentence: ({ name }) => `this kernel takes no least TTL, so ttlSecurity of ${name} cannot be kept`,
    cure: () => "a kernel that has it, or multihop instead of ttlSecurity on both sides",
  },
  {
    situation: "family missing",
    fits: code("EAFNOSUPPORT"),
    sentence: ({ address }) => `this host has no ${address.includes(":") ? "IPv6" : "IPv4"}`,
    cure: () => "turn the address family on, or give the peer's address of the other family",
  },
  {
    situation: "TTL ran out on a session of one hop",
    fits: (attempt) =>
      icmp("time exceeded")(attempt) && attempt.settings.external &&
      attempt.settings.ttlSecurity === undefined &&
      attempt.settings.multihop === undefined,
    sentence: (attempt) =>
      `${attempt.address} is more than one hop away: the TTL of 1 that eBGP has ran out at ${
        sender(attempt)
      }`,
    cure: ({ name }) =>
      `set multihop of ${name} to the number of hops or more (or ttlSecurity on both sides), if it is meant to be behind a router`,
  },
  {
    situation: "TTL ran out on a session of several hops",
    fits: icmp("time exceeded"),
    sentence: (attempt) =>
      `the TTL of ${attempt.settings.ttl} ran out at ${sender(attempt)} on the way to ${attempt.address}`,
    cure: ({ name, settings: { multihop } }) =>
      multihop === undefined
        ? "look for a routing loop (traceroute)"
        : `raise multihop of ${name}, which is ${multihop}, or look for a routing loop (traceroute)`,
  },
  {
    situation: "no neighbour on the link",
    fits: (attempt) => icmp("unreachable")(attempt) && isOwn(attempt) && icmpIs(HOST_UNREACHABLE)(attempt),
    sentence: (attempt) =>
      `nobody answers on the link${
        by(attempt)
      } for ${attempt.address}, or for the gateway that leads to it ` +
      `(${attempt.address.includes(":") ? "neighbour discovery" : "ARP"})`,
    cure: ({ name }) => `look at cable, VLAN and address of ${name}, and at the route to it (ip route get)`,
  },
  {
    situation: "rejected here",
    fits: (attempt) => attempt.failed.icmp !== undefined && isOwn(attempt),
    sentence: (attempt) =>
      `this host itself rejects ${port(attempt)} to ${attempt.address}: a filter on output`,
    cure: () => "let it through (nft list ruleset)",
  },
  {
    situation: "rejected there",
    fits: (attempt) => attempt.failed.icmp !== undefined && attempt.failed.icmp.from === attempt.address,
    sentence: (attempt) => `a filter at ${attempt.address} itself rejects ${port(attempt)}`,
    cure: (attempt) => `let ${port(attempt)} through there${from(attempt)}`,
  },
  {
    situation: "forbidden on the way",
    fits: icmp("prohibited"),
    sentence: (attempt) => `${sender(attempt)} forbids the way to ${attempt.address} (a filter)`,
    cure: (attempt) => `let ${port(attempt)} through there${from(attempt)}`,
  },
  {
    situation: "refused by a firewall",
    fits: icmp("port unreachable"),
    sentence: (attempt) => `a firewall at ${sender(attempt)} rejects ${port(attempt)}`,
    cure: (attempt) => `let ${port(attempt)} through there${from(attempt)}`,
  },
  {
    situation: "unreachable from a router on",
    fits: icmp("unreachable"),
    sentence: (attempt) => `${sender(attempt)} does not reach ${attempt.address}`,
    cure: (attempt) => `look at ${sender(attempt)}: its route to ${attempt.address}, and whether that is up`,
  },
  {
    situation: "refused",
    fits: code("ECONNREFUSED"),
    sentence: (attempt) => `nobody listens at ${attempt.address} on ${port(attempt)}, or not for us`,
    cure: ({ name, address, settings }) =>
      `start BGP at ${address}, let it listen for us (not only passive or on other addresses), or correct address and port ` +
      `(${settings.port}) of ${name}`,
  },
  {
    situation: "no route",
    fits: code("ENETUNREACH"),
    sentence: (attempt) => `this host has no route to ${attempt.address}${from(attempt)}${by(attempt)}`,
    cure: (attempt) =>
      attempt.settings.device === undefined
        ? `add a route to ${attempt.address}, or bring its link up (ip route get ${attempt.address})`
        : `add a route to ${attempt.address} to the table of ${attempt.settings.device}, bring it up, or correct interface of ${attempt.name}`,
  },
  {
    situation: "route that discards",
    fits: failedAt(CONNECT, "EINVAL"),
    sentence: (attempt) =>
      `the route to ${attempt.address}${by(attempt)} discards (blackhole), or its scope does not fit`,
    cure: ({ address, settings: { device } }) =>
      address.includes("%") && device !== undefined
        ? `let interface (${device}) be that of ${address}, or the VRF that it is in`
        : `correct that route (ip route get ${address})`,
  },
  {
    situation: "forbidden here",
    fits: failedAt(CONNECT, ...NOT_PERMITTED),
    sentence: (attempt) =>
      `this host itself${attempt.failed.operation === undefined ? ", or a filter on the way," : ""} forbids ${
        port(attempt)
      } to ${attempt.address}: a filter on output, or a prohibiting route`,
    cure: (attempt) => `let it through (nft list ruleset, ip route get ${attempt.address})`,
  },
  {
    situation: "no source address",
    fits: failedAt(CONNECT, "EADDRNOTAVAIL"),
    sentence: (attempt) =>
      `this host has no address${by(attempt)} to reach ${attempt.address} from, or no local port is free`,
    cure: ({ name, address }) =>
      `give the interface an address of that family, or set localAddress of ${name}` +
      (address.includes(":") ? "; IPv6 may be off there (sysctl net.ipv6.conf.*.disable_ipv6)" : ""),
  },
  {
    situation: "link down",
    fits: code("ENETDOWN", "ENODEV", "ENXIO"),
    sentence: (attempt) => `the interface that leads to ${attempt.address} is down or gone`,
    cure: () => "bring it up (ip link set DEVICE up)",
  },
  {
    situation: "host unreachable",
    fits: code("EHOSTUNREACH", "EHOSTDOWN"),
    sentence: (attempt) =>
      `${attempt.address} cannot be reached${from(attempt)}${
        by(attempt)
      }: an unreachable route, or nobody there`,
    cure: (attempt) =>
      `bring up the link or the route to it (ip route get ${attempt.address})` + hopsHint(attempt),
  },
  {
    situation: "signatures differ",
    isOfDrops: true,
    fits: (attempt) =>
      unanswered(attempt) && attempt.settings.signature !== undefined && attempt.failed.drops.mismatched > 0,
    sentence: (attempt) =>
      `the kernel dropped ${
        segments(attempt.failed.drops.mismatched)
      } whose ${attempt.settings.signature} signature did not match ${meanwhile(attempt)}`,
    cure: (attempt) => `give both sides the same ${key(attempt)} (${attempt.name})`,
  },
  {
    situation: "peer signs nothing",
    isOfDrops: true,
    fits: (attempt) =>
      unanswered(attempt) && attempt.settings.signature !== undefined && attempt.failed.drops.unsigned > 0,
    sentence: (attempt) =>
      `the kernel dropped ${
        segments(attempt.failed.drops.unsigned)
      } without the ${attempt.settings.signature} signature that a peer must have ${meanwhile(attempt)}`,
    cure: (attempt) => `configure the password for us at ${attempt.name}, or leave out ${key(attempt)} here`,
  },
  {
    situation: "peer signs, and we do not",
    isOfDrops: true,
    fits: (attempt) => unanswered(attempt) && attempt.failed.drops.unexpected > 0,
    sentence: (attempt) =>
      `the kernel dropped ${
        segments(attempt.failed.drops.unexpected)
      } with a signature that no key is configured for ${meanwhile(attempt)}`,
    cure: (attempt) =>
      attempt.settings.signature === undefined
        ? `set password of ${attempt.name} to what the router has for us, or remove it there`
        : `give both sides the same kind and numbers of keys (${key(attempt)} of ${attempt.name})`,
  },
  {
    situation: "TTL below the least one",
    isOfDrops: true,
    fits: (attempt) =>
      unanswered(attempt) && attempt.settings.ttlSecurity !== undefined && attempt.failed.drops.lowTtl > 0,
    sentence: (attempt) =>
      `the kernel dropped ${segments(attempt.failed.drops.lowTtl)} whose TTL was below ${
        256 - (attempt.settings.ttlSecurity ?? 1)
      } (GTSM, RFC 5082) ${meanwhile(attempt)}`,
    cure: ({ name, settings }) =>
      `turn GTSM on at ${name} (ttl-security, which sends with TTL 255), or raise ttlSecurity, which is ${settings.ttlSecurity}, ` +
      "to the number of hops",
  },
  {
    situation: "unanswered with a signature",
    fits: (attempt) => unanswered(attempt) && attempt.settings.signature !== undefined,
    sentence: (attempt) =>
      `no answer: a router says nothing where its key for us is another one or missing, and so does a filter on ${
        port(attempt)
      }`,
    cure: (attempt) =>
      `give both sides the same ${key(attempt)}, and let ${port(attempt)} through to ${attempt.address}` +
      hopsHint(attempt),
  },
  {
    situation: "unanswered on the link",
    fits: (attempt) => unanswered(attempt) && isOnLink(attempt),
    sentence: (attempt) =>
      `no answer from ${attempt.address} on ${
        port(attempt)
      }: nobody has that address on the link, or a filter, or a router ` +
      "that wants a password or GTSM",
    cure: (attempt) =>
      `look at cable and VLAN, and whether ${attempt.name} has the address (ip -6 neigh); let ${
        port(attempt)
      } through, and ` +
      "give this host the password or ttlSecurity that the router has for us",
  },
  {
    situation: "unanswered",
    fits: unanswered,
    sentence: (attempt) =>
      `no answer from ${attempt.address} on ${port(attempt)}${from(attempt)}${
        by(attempt)
      }: a filter, a router that wants a ` +
      "password or GTSM, or no way back",
    cure: (attempt) =>
      `let ${
        port(attempt)
      } through, give this host the password or ttlSecurity that the router has for us, and look at its ` +
      `route back${from(attempt)}` + hopsHint(attempt),
  },
  {
    situation: "reset",
    fits: code("ECONNRESET"),
    sentence: ({ name }) => `${name} takes the connection and resets it`,
    cure: ({ name }) => `configure our address and AS as a neighbour at ${name}`,
  },
];

/** A router need not say that a TTL ran out. */
function hopsHint({ address, settings }: Attempt): string {
  const near = !address.includes("%") && settings.external && settings.multihop === undefined &&
    settings.ttlSecurity === undefined;
  return near ? "; a router that is not on this link needs multihop" : "";
}
