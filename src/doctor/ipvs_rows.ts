/** Settings of IPVS that decide what becomes of connections: net.ipv4.vs.*, where a port depends on them. */
import { isConnected } from "../kernel/state.ts";
import { type Finding, listed, ok, type Row, warning } from "./finding.ts";
import type { Host } from "./host.ts";
import type { Subject, SubjectPort } from "./subject.ts";
import { kernelRelease, olderThan, setting, sysctl } from "./sysctl.ts";

/** Schedulers that pick the same destination on every director. */
const CONSISTENT: ReadonlySet<string> = new Set(["mh", "sh"]);

/** The rows. */
export const IPVS_ROWS: readonly Row[] = [
  {
    name: "conntrack",
    applies: ({ ports }) => ports.length > 0,
    look: (host) =>
      vs(host, "conntrack", (value, name) => {
        if (value === 0) return ok(`${name} is 0: connections are in IPVS's own table alone`);
        const bound = sysctl(host, "net.netfilter.nf_conntrack_max");
        return warning(
          `${name} is ${value}${bound === undefined ? "" : `, and nf_conntrack_max ${bound}`}`,
          "each connection is tracked twice: when nf_conntrack is full, new ones are dropped, and what another director " +
            "served before it failed is no connection to a stateful packet filter",
          setting(name, 0, "unless a packet filter's NAT or state of what IPVS carries needs it"),
        );
      }),
  },
  {
    name: "conn_reuse_mode",
    applies: ({ ports }) => ports.length > 0,
    look: (host) =>
      vs(host, "conn_reuse_mode", (value, name) => {
        const tracked = sysctl(host, "net.ipv4.vs.conntrack") === 1;
        if (olderThan(host, 5, 9)) {
          if (value === 0 || !tracked) return ok(`${name} is ${value}: no delay where a port is used again`);
          return warning(
            `${name} is ${value} with conntrack, in Linux ${kernelRelease(host)}`,
            "before Linux 5.9 a client that uses a port again waits for a second: the first SYN is dropped",
            setting(
              name,
              0,
              "during a drain such a client then stays with its destination; with a newer kernel set it back to 1",
            ),
          );
        }
        if (value !== 0) return ok(`${name} is ${value}: a port that is used again is scheduled anew`);
        return warning(
          `${name} is 0`,
          "a client that uses a port again goes to the destination of before, also one that is being drained (weight 0)",
          setting(name, 1),
        );
      }),
  },
  {
    name: "expire_nodest_conn",
    applies: ({ ports }) => ports.length > 0,
    look: (host, { ports }) =>
      vs(host, "expire_nodest_conn", (value, name) => {
        if (value === 1) return ok(`${name} is 1: connections end with their destination`);
        const removing = ports.filter(({ port }) =>
          (port.whenFailed === "remove" || !isConnected(port)) &&
          port.destinations.some(({ checks }) => checks.length > 0)
        );
        const when = removing.length > 0
          ? `${portsText(removing)} removes a destination that fails`
          : "a destination goes when it is no longer configured";
        return warning(
          `${name} is ${value}`,
          `${when}: packets of connections to it are then dropped without a word until they time out, instead of being refused`,
          setting(name, 1),
        );
      }),
  },
  {
    name: "expire_quiescent_template",
    applies: ({ ports }) => persistent(ports).length > 0,
    look: (host, { ports }) =>
      vs(host, "expire_quiescent_template", (value, name) => {
        if (value === 1) return ok(`${name} is 1: clients leave a destination of weight 0`);
        return warning(
          `${name} is ${value}`,
          `persistence of ${
            portsText(persistent(ports))
          }: clients stay with a destination that has failed or is being ` +
            "drained (weight 0) as long as they come back in time",
          setting(name, 1),
        );
      }),
  },
  {
    name: "sloppy_tcp",
    applies: ({ ports }) => movable(ports, "tcp").length > 0,
    look: (host, { ports }) => sloppy(host, "sloppy_tcp", movable(ports, "tcp")),
  },
  {
    name: "sloppy_sctp",
    applies: ({ ports }) => movable(ports, "sctp").length > 0,
    look: (host, { ports }) => sloppy(host, "sloppy_sctp", movable(ports, "sctp")),
  },
];

/** A setting of IPVS, where this kernel has it: it comes with the module. */
function vs(host: Host, key: string, judge: (value: number, name: string) => Finding): readonly Finding[] {
  const name = `net.ipv4.vs.${key}`;
  const value = sysctl(host, name);
  return value === undefined ? [] : [judge(value, name)];
}

/** Ports whose connections another director can carry on: it would pick the same destination, which answers directly. */
function movable(ports: Subject["ports"], protocol: "tcp" | "sctp"): readonly SubjectPort[] {
  return ports.filter(({ port, destinations }) =>
    (port.protocol === protocol || (port.fwmark > 0 && protocol === "tcp")) &&
    CONSISTENT.has(port.ipvs.scheduler) &&
    destinations.some(({ forwarding }) => forwarding !== "masq")
  );
}

function sloppy(host: Host, key: string, ports: readonly SubjectPort[]): readonly Finding[] {
  return vs(host, key, (value, name) => {
    if (value === 1) return ok(`${name} is 1: connections of another director are carried on`);
    return warning(
      `${name} is ${value}`,
      `when routers send a connection of ${
        portsText(ports)
      } here that began at another director, it would go to the same ` +
        "destination, but is dropped, for this one has not seen it begin",
      setting(name, 1),
    );
  });
}

function persistent(ports: Subject["ports"]): readonly SubjectPort[] {
  return ports.filter(({ port }) => port.ipvs.persistence !== undefined);
}

function portsText(ports: readonly SubjectPort[]): string {
  return listed(
    ports.map(({ service, port }) =>
      port.fwmark > 0 ? `${service} (fwmark ${port.fwmark})` : `${service} (${port.protocol} ${port.port})`
    ),
  );
}
