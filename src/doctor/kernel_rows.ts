/** Whether the kernel and the libraries have what is needed: libnl, dummy, IPVS, its schedulers and tunnels, its table. */
import { interestIn } from "../kernel/kernel.ts";
import { NOTHING } from "../kernel/merge.ts";
import { listed, ok, problem, type Row, warning } from "./finding.ts";
import type { Host } from "./host.ts";
import type { Subject } from "./subject.ts";
import { kernelRelease, olderThan } from "./sysctl.ts";

/** Connections on a bucket of the table, on average, from which on looking one up takes noticeably longer. */
const CROWDED = 4;

/** The rows. */
export const KERNEL_ROWS: readonly Row[] = [
  {
    name: "libnl",
    applies: needsKernel,
    look(host) {
      const reason = host.libnlProblem();
      if (reason === undefined) return [ok("libnl-3 and libnl-genl-3 can be opened")];
      return [
        problem(
          reason,
          "interfaces, addresses and IPVS are reached through it: no service can be set up without",
          {
            cure:
              "of distributions other than Debian: libnl3 (dnf, pacman, zypper), libnl (apk needs glibc besides)",
            command: "apt-get install -y libnl-3-200 libnl-genl-3-200",
          },
        ),
      ];
    },
  },
  {
    name: "dummy",
    applies: ({ managesLinks }) => managesLinks,
    look(host) {
      if (host.hasDummy()) return [ok("the kernel makes dummy interfaces")];
      return [
        problem(
          "this kernel makes no dummy interfaces",
          "each service's addresses are on a dummy interface: none can be set up",
          moduleCure(host, "dummy"),
        ),
      ];
    },
  },
  {
    name: "ip_vs",
    applies: ({ programsIpvs }) => programsIpvs,
    look(host, { ports }) {
      if (host.hasIpvs()) return [ok("the kernel has IPVS")];
      const why = ports.length === 0
        ? "ports are virtual services of IPVS: none can be set up"
        : `${virtualServicesOf(ports)} cannot be set up`;
      return [problem("this kernel has no IPVS", why, moduleCure(host, "ip_vs"))];
    },
  },
  {
    name: "schedulers",
    applies: ({ ports }) => ports.length > 0,
    look(host, { ports }) {
      // Without IPVS there is nothing that a scheduler could be of; that is a finding of its own.
      if (!host.hasIpvs()) return [];
      const users = Map.groupBy(ports, ({ port }) => port.ipvs.scheduler);
      const missing = [...users.keys()].filter((name) => !host.hasScheduler(name));
      if (missing.length === 0) return [ok(`IPVS has ${listed([...users.keys()])}`)];
      return missing.map((name) =>
        problem(
          `IPVS has no scheduler ${name}`,
          `${virtualServicesOf(users.get(name) ?? [])} cannot be set up`,
          moduleCure(host, `ip_vs_${name}`),
        )
      );
    },
  },
  {
    name: "tunnel types",
    applies: ({ ports }) => newerTunnels(ports).length > 0,
    look(host, { ports }) {
      const lacking = newerTunnels(ports).filter(({ minor }) => olderThan(host, 5, minor));
      const release = kernelRelease(host);
      if (lacking.length === 0) {
        return [ok(`IPVS of ${release} has ${listed(newerTunnels(ports).map(({ what }) => what))}`)];
      }
      return lacking.map(({ what, minor }) =>
        problem(
          `IPVS of ${release} has no ${what}`,
          `it came with Linux 5.${minor}: such destinations are left out`,
          {
            cure: `a kernel from 5.${minor} on, or tunnel.type: ipip`,
          },
        )
      );
    },
  },
  {
    name: "conn_tab_bits",
    applies: ({ ports }) => ports.length > 0,
    async look(host, { addresses, fwmarks }) {
      const size = tableSize(host);
      if (size === undefined) return [];
      const interest = interestIn({ ...NOTHING, ownedAddresses: addresses, ownedFwmarks: fwmarks });
      const { virtualServices } = await host.kernelState(interest);
      const connections = virtualServices.flatMap(({ destinations }) => destinations)
        .reduce((sum, each) => sum + each.activeConnections + each.inactiveConnections, 0);
      const found = `${connections} connections in a table of ${size} buckets`;
      if (connections <= CROWDED * size) return [ok(found)];
      const bits = Math.min(20, Math.ceil(Math.log2(connections)));
      return [
        warning(
          found,
          `each packet's connection is looked for among ${Math.round(connections / size)} others`,
          {
            cure:
              "the table is made when the module is loaded: at the next boot, or when no virtual service is left " +
              `(modprobe -r ip_vs). Where IPVS is built in: ip_vs.conn_tab_bits=${bits} on the kernel's command line`,
            command: `echo 'options ip_vs conn_tab_bits=${bits}' > /etc/modprobe.d/bgp-lb.conf`,
          },
        ),
      ];
    },
  },
];

function needsKernel({ managesLinks, programsIpvs }: Subject): boolean {
  return managesLinks || programsIpvs;
}

/** What is configured of tunnels that came after ipip, with the Linux 5.x that it came with. */
function newerTunnels(ports: Subject["ports"]): readonly { readonly what: string; readonly minor: number }[] {
  const tunnels = ports.flatMap(({ destinations }) => destinations.flatMap(({ tunnel }) => tunnel ?? []));
  const rows = [
    { what: "tunnels by gue", minor: 2, used: tunnels.some(({ type }) => type === "gue") },
    { what: "tunnels by gre", minor: 3, used: tunnels.some(({ type }) => type === "gre") },
    { what: "checksums of tunnels", minor: 3, used: tunnels.some(({ checksum }) => checksum) },
  ];
  return rows.filter(({ used }) => used);
}

function virtualServicesOf(ports: Subject["ports"]): string {
  const services = [...new Set(ports.map(({ service }) => service))];
  return `the virtual services of ${listed(services)}`;
}

/** From the head of /proc/net/ip_vs: `IP Virtual Server version 1.2.1 (size=4096)`. */
function tableSize(host: Host): number | undefined {
  const size = /\(size=(\d+)\)/.exec(host.read("/proc/self/net/ip_vs") ?? "")?.[1];
  return size === undefined ? undefined : Number(size);
}

/** The kernel loads by itself what it has when it is asked for: what is missing then is not installed, or forbidden. */
function moduleCure(host: Host, name: string) {
  const release = kernelRelease(host);
  const installed = host.list(`/lib/modules/${release}`).length > 0;
  return {
    command: `modprobe ${name}`,
    cure: installed
      ? `where that finds no module: this kernel's package is without it (Debian: linux-image-amd64 has it, its -cloud ` +
        `sibling may not), or /etc/modprobe.d forbids it`
      : `/lib/modules/${release} is empty or not there: in a container load it on the host; else install the kernel's modules`,
  };
}
