/** What BGP sessions ask of the kernel: keys of TCP-MD5, and a least TTL (GTSM). */
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
];

function keyed(peers: Subject["peers"]): Subject["peers"] {
  return peers.filter(({ password }) => password !== undefined);
}

function guarded(peers: Subject["peers"]): Subject["peers"] {
  return peers.filter(({ ttlSecurity }) => ttlSecurity !== undefined);
}

function namesOf(peers: Subject["peers"]): string {
  return listed(peers.map(({ name }) => name));
}
