/** What BGP sessions ask of the host: keys of TCP-MD5 or TCP-AO, a least TTL (GTSM), and addresses of its own. */
import { isLoopback } from "../net/address_kind.ts";
import { listed, ok, problem, type Row } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** The rows. */
export const SESSION_ROWS: readonly Row[] = [
  {
    name: "TCP-MD5",
    applies: ({ peers }) => keyed(peers).length > 0,
    look(host, { peers }) {
      if (host.hasSocketOption("TCP-MD5")) return [ok("the kernel has it")];
      return [
        problem(
          "this kernel has no TCP-MD5",
          `${namesOf(keyed(peers))} cannot be connected to with a password`,
          {
            cure:
              "a kernel with CONFIG_TCP_MD5SIG (Debian's, Ubuntu's and Red Hat's have it), or peers without a password",
          },
        ),
      ];
    },
  },
  {
    name: "TCP-AO",
    applies: ({ peers }) => signing(peers).length > 0,
    look(host, { peers }) {
      if (host.hasSocketOption("TCP-AO")) return [ok("the kernel has it")];
      return [
        problem(
          "this kernel has no TCP-AO (Linux 6.7 with CONFIG_TCP_AO)",
          `no session with ${namesOf(signing(peers))} may run without its keys`,
          { cure: "a kernel that has it, or password (TCP-MD5) on both sides instead of tcpAO" },
        ),
      ];
    },
  },
  {
    name: "GTSM",
    applies: ({ peers }) => guarded(peers).length > 0,
    look(host, { peers }) {
      const lacking = guarded(peers).filter(({ address }) =>
        !host.hasSocketOption(address.family === 4 ? "GTSM over IPv4" : "GTSM over IPv6")
      );
      if (lacking.length === 0) return [ok("the kernel has it")];
      return [
        problem("this kernel takes no least TTL", `ttlSecurity of ${namesOf(lacking)} cannot be had`, {
          cure: "a kernel from 2.6.35 on, or multihop instead of ttlSecurity",
        }),
      ];
    },
  },
  {
    name: "own addresses",
    applies: ({ peers }) => peers.some((peer) => askedOf(peer).length > 0),
    look(host, { peers }) {
      const there = new Set(
        host.links().flatMap(({ addresses }) => addresses.map(({ address }) => address.text)),
      );
      const lacking = peers.flatMap((peer) => askedOf(peer).filter(({ text }) => !there.has(text)));
      if (lacking.length === 0) return [ok("this host has those of localAddress, nextHop and nextHop6")];
      return lacking.map(({ key, name, text }) =>
        problem(
          `${text} is no address of this host`,
          key === "localAddress"
            ? `${name} cannot be connected to: it is its localAddress`
            : `routes are held from ${name}: it is its ${key}`,
          { cure: "give it to an interface, or name one that this host has" },
        )
      );
    },
  },
  {
    name: "session interfaces",
    applies: ({ peers }) => peers.some((peer) => linkOf(peer) !== undefined),
    look(host, { peers }) {
      const links = new Map(host.links().map((link) => [link.name, link]));
      const findings = peers.flatMap((peer) => {
        const name = linkOf(peer);
        const link = name === undefined ? undefined : links.get(name);
        if (name === undefined || link?.up === true) return [];
        const why = `${peer.name} cannot be connected to: its sessions are bound to it`;
        return [
          link === undefined
            ? problem(`there is no interface ${name}`, why, {
              cure: `create it, or name another one for ${peer.name}`,
            })
            : problem(`${name} is down`, why, { command: `ip link set dev ${name} up` }),
        ];
      });
      return findings.length === 0 ? [ok("those of peers are there, and up")] : findings;
    },
  },
];

/** The interface that a peer's sessions are bound to; one that is known by it alone is looked at elsewhere. */
function linkOf({ automatic, device, zone }: Subject["peers"][number]): string | undefined {
  return automatic ? undefined : device ?? zone;
}

/** The addresses that a peer's keys say this host has; all of 127.0.0.0/8 are. */
function askedOf(peer: Subject["peers"][number]) {
  return (["localAddress", "nextHop", "nextHop6"] as const).flatMap((key) => {
    const address = peer[key];
    if (address === undefined || isLoopback(address)) return [];
    return [{ key, name: peer.name, text: address.text }];
  });
}

function keyed(peers: Subject["peers"]): Subject["peers"] {
  return peers.filter(({ password }) => password !== undefined);
}

function signing(peers: Subject["peers"]): Subject["peers"] {
  return peers.filter(({ tcpAo }) => tcpAo.length > 0);
}

function guarded(peers: Subject["peers"]): Subject["peers"] {
  return peers.filter(({ ttlSecurity }) => ttlSecurity !== undefined);
}

function namesOf(peers: Subject["peers"]): string {
  return listed(peers.map(({ name }) => name));
}
