/** A host for doctor in memory: fit at first, every part open to tests; the cures that it prints can be carried out. */
import {
  type Host,
  type HostLink,
  type HostRoute,
  NotSeenError,
  type SocketOption,
} from "../../src/doctor/host.ts";
import type { Interest } from "../../src/kernel/kernel.ts";
import type { ActualKernel } from "../../src/kernel/state.ts";
import type { Address } from "../../src/net/address.ts";
import { address } from "./bgp.ts";
import { BY_ADDRESS, PLAIN } from "./kernel_objects.ts";

const ALL_CAPABILITIES = "000001ffffffffff";

/** The host. */
export class FakeDoctorHost implements Host {
  /** By path; a folder is there where a file is in it. */
  readonly files = new Map<string, string>(Object.entries({
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
    "/proc/self/net/ip_vs": "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port\n",
    "/proc/self/net/tcp": "  sl  local_address rem_address   st\n",
    "/lib/modules/6.1.0-18-amd64/modules.dep": "",
  }));
  readonly targets = new Map<string, string>();
  readonly writable = new Set<string>(["/"]);
  readonly readOnly = new Set<string>();
  /** Whether each that is there may be run. */
  readonly programs = new Map<string, boolean>([["/bin/check", true]]);
  dummy = true;
  ipvs = true;
  schedulers: ReadonlySet<string> = new Set(["rr", "mh", "sh"]);
  options: ReadonlySet<SocketOption> = new Set(["TCP-MD5", "TCP-AO", "GTSM over IPv4", "GTSM over IPv6"]);
  libnl: string | undefined;
  limit = { soft: 1024, hard: 65_536 };
  kernel: ActualKernel = { interfaces: [], virtualServices: [] };
  interfaces: HostLink[] = [
    link(1, "lo", "127.0.0.1/8"),
    link(2, "eth0", "10.0.0.1/24", "2001:db8::1/64", "fe80::1/64"),
  ];
  /** By address; else the default one, by eth0. */
  readonly routes = new Map<string, HostRoute | undefined>();
  /** What may not be seen. */
  readonly hidden = new Set<keyof Host>();

  constructor() {
    this.credentials({ uid: 0, capabilities: ALL_CAPABILITIES });
    for (const [name, value] of Object.entries(FIT)) this.set(name, value);
  }

  /** Sets a sysctl by its name with dots. */
  set(name: string, value: number): void {
    const path = name.split(".").map((part) => part.replaceAll("/", ".")).join("/");
    this.files.set(`/proc/sys/${path}`, `${value}\n`);
  }

  /** Whose process this is, and what it may do, as /proc/self/status has it. */
  credentials({ uid, capabilities }: { readonly uid: number; readonly capabilities: string }): void {
    const ids = `${uid}\t${uid}\t${uid}\t${uid}`;
    this.files.set(
      "/proc/self/status",
      `Name:\tx\nUid:\t${ids}\nGid:\t${ids}\nGroups:\t \nCapEff:\t${capabilities}\n`,
    );
  }

  /** A socket that listens, held by a process. */
  listen(
    octets: string,
    port: number,
    pid: number,
    name: string,
    cgroup = "0::/user.slice\n",
    protocol: "tcp" | "udp" = "tcp",
  ): void {
    const table = `/proc/self/net/${protocol}${octets.length > 8 ? "6" : ""}`;
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    const inode = 1000 + pid;
    const zeros = "0".repeat(octets.length);
    const line = `   0: ${octets}:${hex} ${zeros}:0000 ${
      protocol === "tcp" ? "0A" : "07"
    } 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1`;
    this.files.set(table, `${this.files.get(table) ?? "head\n"}${line}\n`);
    this.process(pid, name, cgroup);
    this.files.set(`/proc/${pid}/fd/7`, "");
    this.targets.set(`/proc/${pid}/fd/7`, `socket:[${inode}]`);
  }

  /** A program that runs. */
  process(pid: number, name: string, cgroup = "0::/user.slice\n"): void {
    this.files.set(`/proc/${pid}/comm`, `${name.slice(0, 15)}\n`);
    this.files.set(`/proc/${pid}/cgroup`, cgroup);
  }

  read(path: string): string | undefined {
    this.#look("read");
    return this.files.get(path);
  }

  list(folder: string): readonly string[] {
    const names = [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1).split("/")[0] ?? "");
    return [...new Set(names)];
  }

  target(path: string): string | undefined {
    return this.targets.get(path);
  }

  mayWrite(path: string): boolean | undefined {
    return this.writable.has(path) ? true : this.readOnly.has(path) ? false : undefined;
  }

  mayRun(path: string): boolean | undefined {
    return this.programs.get(path);
  }

  links(): readonly HostLink[] {
    this.#look("links");
    return this.interfaces;
  }

  routeTo({ text }: Address): HostRoute | undefined {
    this.#look("routeTo");
    if (this.routes.has(text)) return this.routes.get(text);
    return { link: 2, local: false, mtu: undefined };
  }

  hasDummy(): boolean {
    this.#look("hasDummy");
    return this.dummy;
  }

  hasIpvs(): boolean {
    this.#look("hasIpvs");
    return this.ipvs;
  }

  hasScheduler(name: string): boolean {
    return this.schedulers.has(name);
  }

  // deno-lint-ignore require-await -- what is hidden is a rejection
  async kernelState({ managed, addresses }: Interest): Promise<ActualKernel> {
    this.#look("kernelState");
    const { interfaces, virtualServices } = this.kernel;
    return {
      interfaces: managed.interfaces ? interfaces : [],
      virtualServices: managed.ipvs ? virtualServices.filter((each) => addresses.has(each.address.text)) : [],
    };
  }

  hasSocketOption(option: SocketOption): boolean {
    return this.options.has(option);
  }

  libnlProblem(): string | undefined {
    return this.libnl;
  }

  descriptorLimit(): { readonly soft: number; readonly hard: number } {
    return this.limit;
  }

  /** Does what a printed command does, where that is a matter of this fake. */
  carryOut(command: string): boolean {
    const [, name = "", value] = /^sysctl -w ([^=\s]+)=(\d+)$/.exec(command) ?? [];
    if (value !== undefined) {
      this.set(name, Number(value));
      return true;
    }
    const [, device, mtu] = /^ip link set dev (\S+) mtu (\d+)$/.exec(command) ?? [];
    if (device === undefined) return false;
    this.interfaces = this.interfaces.map((each) =>
      each.name === device ? { ...each, mtu: Number(mtu) } : each
    );
    return true;
  }

  #look(what: keyof Host): void {
    if (this.hidden.has(what)) throw new NotSeenError("it is dark");
  }
}

/** As a fit host has them. */
const FIT: Readonly<Record<string, number>> = {
  "net.ipv4.ip_forward": 1,
  "net.ipv4.conf.eth0.forwarding": 1,
  "net.ipv6.conf.all.forwarding": 1,
  "net.ipv6.conf.default.disable_ipv6": 0,
  "net.ipv4.conf.all.rp_filter": 0,
  "net.ipv4.conf.all.accept_local": 1,
  "net.ipv4.conf.all.arp_ignore": 1,
  "net.ipv4.conf.all.arp_announce": 2,
  "net.ipv4.vs.conntrack": 0,
  "net.ipv4.vs.conn_reuse_mode": 1,
  "net.ipv4.vs.expire_nodest_conn": 1,
  "net.ipv4.vs.expire_quiescent_template": 1,
  "net.ipv4.vs.sloppy_tcp": 1,
  "net.ipv4.vs.sloppy_sctp": 1,
};

/** An interface that is up, with addresses such as `10.0.0.1/24`. */
export function link(index: number, name: string, ...addresses: readonly string[]): HostLink {
  return {
    index,
    name,
    kind: undefined,
    alias: undefined,
    group: 0,
    up: true,
    mtu: 1600,
    addresses: addresses.map((text) => {
      const [own = "", length] = text.split("/");
      return { address: address(own), prefixLength: Number(length) };
    }),
  };
}

/** A kernel with some of it. */
export function kernelWith(parts: Partial<ActualKernel>): ActualKernel {
  return { interfaces: [], virtualServices: [], ...parts };
}

/** One of 10.99.0.1, with so many connections of each kind. */
export function virtualService(number: number, connections = 0): ActualKernel["virtualServices"][number] {
  return {
    ...BY_ADDRESS,
    protocol: "tcp",
    address: address("10.99.0.1"),
    port: number,
    scheduler: "rr",
    flags: 0,
    timeoutSeconds: 0,
    netmask: 32,
    destinations: [{
      address: address("10.0.0.1"),
      port: 8080,
      weight: 1,
      forwarding: "masq",
      ...PLAIN,
      activeConnections: connections,
      inactiveConnections: connections,
    }],
  };
}
