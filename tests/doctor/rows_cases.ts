// What each row of doctor finds: a subject, what spoils a fit host for it, and what is then said.
import type { FindingStatus } from "../../src/doctor/finding.ts";
import { INTERFACE_AS_MADE } from "../../src/kernel/state.ts";
import type { Subject } from "../../src/doctor/subject.ts";
import { address, localBgp } from "../support/bgp.ts";
import { CONTENTION, httpCheckConfig, internalPeer, PLAIN_CHECK, PLAIN_PORT } from "../support/config.ts";
import { FakeDoctorHost, kernelWith, link, virtualService } from "../support/doctor_host.ts";
import { port, sendingTo, subject } from "./subjects.ts";

/** A row, and what makes it find fault. */
export interface Case {
  readonly row: string;
  readonly subject: Subject;
  spoil(host: FakeDoctorHost): void;
  readonly status: FindingStatus;
  /** Of what was found. */
  readonly found: RegExp;
  /** Of the command; undefined: there is none. */
  readonly command?: RegExp;
}

/** Part of a subject, or of a host. */
export const SIX = { addresses: [address("2001:db8:99::1")] } as const;
/** Part of a subject, or of a host. */
export const LISTENING = {
  bgp: { local: localBgp({ as: 65512, listenPort: 179, listenAddresses: [address("0.0.0.0")] }), peers: [] },
};
const BFD = { transmitMs: 50, receiveMs: 50, multiplier: 3, passive: false, strict: false, multihop: false };
const KEYED = { bgp: { local: localBgp(), peers: [internalPeer({ password: "x", ttlSecurity: 1 })] } };
const UNNUMBERED = {
  bgp: {
    local: localBgp(),
    peers: [internalPeer({ address: address("::"), automatic: true, zone: "eth0", device: "eth0" })],
  },
};
const AO_KEY = { sendId: 1, receiveId: 1, algorithm: "hmac-sha-1-96", password: "x" } as const;
const SIGNING = { bgp: { local: localBgp(), peers: [internalPeer({ tcpAo: [AO_KEY] })] } };
const TWO_PEERS = {
  bgp: {
    local: localBgp(),
    peers: [internalPeer(), internalPeer({ name: "r2", address: address("10.0.9.254") })],
  },
};
const MOVABLE = sendingTo("10.0.0.7", { forwarding: "droute" }, {
  ipvs: { scheduler: "mh", flags: [], persistence: undefined },
});
const PERSISTENT = {
  ports: [
    port({ ipvs: { ...PLAIN_PORT.ipvs, persistence: { timeoutSeconds: 300, netmask: 32, netmask6: 128 } } }),
  ],
};
const EXEC = {
  type: "exec",
  name: "alive",
  command: ["/bin/check", "-v"],
  environment: {},
  user: "nobody",
  destination: undefined,
  alone: true,
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1000,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
} as const;
/** Part of a subject, or of a host. */
export const IPIP = { forwarding: "tunnel", tunnel: { type: "ipip", port: 0, checksum: false } } as const;
/** Part of a subject, or of a host. */
export const UNPRIVILEGED = { uid: 65534, capabilities: "0000000000000000" };

const THROUGH = {
  ...sendingTo("10.0.0.7", { forwarding: "droute" }),
  checks: [
    httpCheckConfig({
      port: 80,
      through: [{ address: address("10.99.0.1"), source: address("10.0.0.1"), mark: undefined }],
    }),
  ],
};

/** At least one for each row. */
export const CASES: readonly Case[] = [
  {
    row: "libnl",
    subject: subject(),
    spoil: (host) => host.libnl = "cannot open libnl-3.so.200: missing",
    status: "problem",
    found: /^cannot open libnl-3/,
    command: /^apt-get install -y libnl-3-200 libnl-genl-3-200$/,
  },
  {
    row: "dummy",
    subject: subject(),
    spoil: (host) => host.dummy = false,
    status: "problem",
    found: /no dummy interfaces/,
    command: /^modprobe dummy$/,
  },
  {
    row: "ip_vs",
    subject: subject(),
    spoil: (host) => host.ipvs = false,
    status: "problem",
    found: /no IPVS/,
    command: /^modprobe ip_vs$/,
  },
  {
    row: "accept_local",
    subject: subject(THROUGH),
    spoil: (host) => host.set("net.ipv4.conf.all.accept_local", 0),
    status: "problem",
    found: /^net\.ipv4\.conf\.eth0\.accept_local is 0$/,
    command: /^sysctl -w net\.ipv4\.conf\.eth0\.accept_local=1$/,
  },
  {
    row: "accept_local",
    subject: subject(THROUGH),
    spoil: (host) => host.set("net.ipv4.conf.eth0.rp_filter", 1),
    status: "problem",
    found: /^rp_filter is strict on eth0$/,
    command: /^sysctl -w net\.ipv4\.conf\.eth0\.rp_filter=2$/,
  },
  {
    row: "schedulers",
    subject: subject(MOVABLE),
    spoil: (host) => host.schedulers = new Set(["rr"]),
    status: "problem",
    found: /^IPVS has no scheduler mh$/,
    command: /^modprobe ip_vs_mh$/,
  },
  {
    row: "tunnel types",
    subject: subject(
      sendingTo("10.0.0.7", { forwarding: "tunnel", tunnel: { type: "gue", port: 6080, checksum: true } }),
    ),
    spoil: (host) => host.files.set("/proc/sys/kernel/osrelease", "5.2.21\n"),
    status: "problem",
    found: /^IPVS of 5\.2\.21 has no checksums of tunnels$/,
  },
  {
    row: "conn_tab_bits",
    subject: subject(),
    spoil: (host) => host.kernel = kernelWith({ virtualServices: [virtualService(80, 10_000)] }),
    status: "warning",
    found: /^20000 connections in a table of 4096 buckets$/,
    command: /^echo 'options ip_vs conn_tab_bits=15' > \/etc\/modprobe.d\/bgp-lb.conf$/,
  },
  {
    row: "capabilities",
    subject: subject(),
    spoil: (host) => host.credentials(UNPRIVILEGED),
    status: "problem",
    found: /^this process does not have CAP_NET_ADMIN$/,
    command:
      /^setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=\+net_admin --ambient-caps=\+net_admin bgp-lb doctor$/,
  },
  {
    row: "capabilities",
    subject: subject({}, { ...LISTENING, network: { setup: false, ipvs: false, contention: CONTENTION } }),
    spoil: (host) => host.credentials({ uid: 0, capabilities: "0000000000001000" }),
    status: "problem",
    found: /^this process does not have CAP_NET_BIND_SERVICE$/,
  },
  {
    row: "descriptors",
    subject: subject(),
    spoil(host) {
      host.limit = { soft: 256, hard: 256 };
      host.credentials({ uid: 0, capabilities: "0000000000003400" });
    },
    status: "warning",
    found: /^400 may be needed, 256 may be had$/,
    command: /^prlimit --pid \$\$ --nofile=400:400$/,
  },
  {
    row: "secrets",
    subject: subject({}, {}, {
      secrets: [{ path: "/etc/b c", mode: 0o640 }, { path: "/etc/d", mode: 0o600 }],
    }),
    spoil: () => {},
    status: "warning",
    found: /^its group can read \/etc\/b c \(mode 0640\)$/,
    command: /^chmod go= '\/etc\/b c'$/,
  },
  {
    row: "state directory",
    subject: subject({}, { state: { directory: "/var/lib/bgp-lb" } }),
    spoil: (host) => void host.readOnly.add("/var"),
    status: "warning",
    found: /^\/var\/lib\/bgp-lb is not there, and \/var cannot be written to$/,
    command: /^mkdir -p \/var\/lib\/bgp-lb && chown 0 \/var\/lib\/bgp-lb && chmod 700 \/var\/lib\/bgp-lb$/,
  },
  {
    row: "BGP port",
    subject: subject({}, LISTENING),
    spoil: (host) => host.listen("00000000", 179, 7, "bird", "0::/system.slice/bird.service\n"),
    status: "problem",
    found: /^0\.0\.0\.0:179 is taken by bird \(pid 7, bird\.service\)$/,
    command: /^systemctl disable --now bird\.service$/,
  },
  {
    // A socket of all IPv6 addresses is, most often, one of IPv4 too.
    row: "BGP port",
    subject: subject({}, LISTENING),
    spoil: (host) => host.listen("00000000000000000000000000000000", 179, 8, "gobgpd"),
    status: "problem",
    found: /^\[::\]:179 is taken by gobgpd \(pid 8\)$/,
    command: /^kill 8$/,
  },
  {
    row: "BFD ports",
    subject: subject({}, { bgp: { local: localBgp(), peers: [internalPeer({ bfd: BFD })] } }),
    spoil: (host) => host.listen("00000000", 3784, 7, "bfdd", "0::/system.slice/frr.service\n", "udp"),
    status: "warning",
    found: /^UDP 0\.0\.0\.0:3784 is taken by bfdd \(pid 7, frr\.service\)$/,
    command: /^systemctl disable --now frr\.service$/,
  },
  {
    row: "BFD ports",
    subject: subject({}, {
      bgp: {
        local: localBgp(),
        peers: [internalPeer({ address: address("fd09::2"), bfd: { ...BFD, strict: true, multihop: true } })],
      },
    }),
    spoil: (host) => host.listen("00000000000000000000000000000000", 4784, 8, "bird", undefined, "udp"),
    status: "problem",
    found: /^UDP \[::\]:4784 is taken by bird \(pid 8\)$/,
    command: /^kill 8$/,
  },
  {
    row: "http.listen",
    subject: subject({}, { http: { listen: { hostname: "127.0.0.1", port: 8081 }, allowedHosts: [] } }),
    spoil: (host) => host.listen("0100007F", 8081, 9, "nginx"),
    status: "warning",
    found: /^127\.0\.0\.1:8081 is taken by nginx \(pid 9\)$/,
    command: /^kill 9$/,
  },
  {
    row: "control socket",
    subject: subject({}, {}, { controlDoubt: "what answers at /s is no agent" }),
    spoil: () => {},
    status: "warning",
    found: /^what answers at \/s is no agent$/,
  },
  {
    row: "interface names",
    subject: subject(),
    spoil(host) {
      const own = {
        ...INTERFACE_AS_MADE,
        index: 9,
        name: "web",
        kind: "bridge",
        alias: undefined,
        addresses: [],
      };
      host.kernel = kernelWith({ interfaces: [own] });
    },
    status: "problem",
    found: /web/,
    command: /^ip link delete dev web$/,
  },
  {
    row: "service addresses",
    subject: subject(),
    spoil: (host) => host.interfaces.push(link(3, "eth1", "10.99.0.1/24")),
    status: "warning",
    found: /^10\.99\.0\.1\/24 is on eth1, too$/,
    command: /^ip address delete 10\.99\.0\.1\/24 dev eth1$/,
  },
  {
    row: "virtual services",
    subject: subject(),
    spoil: (host) => host.kernel = kernelWith({ virtualServices: [virtualService(80), virtualService(443)] }),
    status: "warning",
    found: /^tcp 10\.99\.0\.1:443 is there, and not configured$/,
    command: /^ipvsadm -D -t 10\.99\.0\.1:443$/,
  },
  {
    row: "TCP-MD5",
    subject: subject({}, KEYED),
    spoil: (host) => host.options = new Set(["GTSM over IPv4"]),
    status: "problem",
    found: /^this kernel has no TCP-MD5$/,
  },
  {
    row: "TCP-AO",
    subject: subject({}, SIGNING),
    spoil: (host) => host.options = new Set(["TCP-MD5"]),
    status: "problem",
    found: /^this kernel has no TCP-AO \(Linux 6\.7 with CONFIG_TCP_AO\)$/,
  },
  {
    row: "GTSM",
    subject: subject({}, KEYED),
    spoil: (host) => host.options = new Set(["TCP-MD5", "GTSM over IPv6"]),
    status: "problem",
    found: /^this kernel takes no least TTL$/,
  },
  ...(["nextHop", "localAddress"] as const).map((key): Case => ({
    row: "own addresses",
    subject: subject({}, {
      bgp: { local: localBgp(), peers: [internalPeer({ [key]: address("10.0.0.1") })] },
    }),
    spoil: (host) => host.interfaces = host.interfaces.map((each) => ({ ...each, addresses: [] })),
    status: "problem",
    found: /^10\.0\.0\.1 is no address of this host$/,
  })),
  ...[{ device: "eth0" }, { address: address("fe80::9"), zone: "eth0" }].map((peer): Case => ({
    row: "session interfaces",
    subject: subject({}, { bgp: { local: localBgp(), peers: [internalPeer(peer)] } }),
    spoil: (host) => host.interfaces = [],
    status: "problem",
    found: /^there is no interface eth0$/,
  })),
  {
    row: "session interfaces",
    subject: subject({}, { bgp: { local: localBgp(), peers: [internalPeer({ device: "eth0" })] } }),
    spoil: (host) => host.interfaces = host.interfaces.map((each) => ({ ...each, up: false })),
    status: "problem",
    found: /^eth0 is down$/,
    command: /^ip link set dev eth0 up$/,
  },
  {
    row: "address: auto",
    subject: subject({}, UNNUMBERED),
    spoil: (host) => host.credentials(UNPRIVILEGED),
    status: "problem",
    found: /^this process does not have CAP_NET_RAW$/,
    command: /--ambient-caps=\+net_raw /,
  },
  {
    row: "address: auto",
    subject: subject({}, UNNUMBERED),
    spoil: (host) => host.interfaces = [],
    status: "problem",
    found: /^there is no interface eth0$/,
  },
  {
    row: "address: auto",
    subject: subject({}, UNNUMBERED),
    spoil: (host) => host.set("net.ipv6.conf.eth0.disable_ipv6", 1),
    status: "problem",
    found: /^IPv6 is off on eth0$/,
    command: /^sysctl -w net\.ipv6\.conf\.eth0\.disable_ipv6=0$/,
  },
  {
    row: "address: auto",
    subject: subject({}, UNNUMBERED),
    spoil: (host) => host.interfaces = [link(2, "eth0", "10.0.0.1/24")],
    status: "problem",
    found: /^eth0 has no IPv6 link-local address$/,
    command: /^ip link set dev eth0 addrgenmode eui64$/,
  },
  {
    row: "ip_forward",
    subject: subject(sendingTo("10.0.0.7")),
    spoil: (host) => host.set("net.ipv4.ip_forward", 0),
    status: "problem",
    found: /^net\.ipv4\.ip_forward is 0$/,
    command: /^sysctl -w net\.ipv4\.ip_forward=1$/,
  },
  {
    row: "ip_forward",
    subject: subject(sendingTo("10.0.0.7")),
    spoil: (host) => host.set("net.ipv4.conf.eth0.forwarding", 0),
    status: "problem",
    found: /^net\.ipv4\.conf\.eth0\.forwarding is 0$/,
    command: /^sysctl -w net\.ipv4\.conf\.eth0\.forwarding=1$/,
  },
  {
    row: "IPv6 forwarding",
    subject: subject({ ...SIX, ...sendingTo("2001:db8::7") }),
    spoil: (host) => host.set("net.ipv6.conf.all.forwarding", 0),
    status: "problem",
    found: /^net\.ipv6\.conf\.all\.forwarding is 0$/,
    command: /^sysctl -w net\.ipv6\.conf\.all\.forwarding=1$/,
  },
  {
    row: "rp_filter",
    subject: subject({}, TWO_PEERS),
    spoil(host) {
      host.interfaces.push(link(3, "eth1.9", "10.0.9.1/24"));
      host.routes.set("10.0.9.254", { link: 3, local: false, mtu: undefined });
      host.set("net.ipv4.conf.eth1/9.rp_filter", 1);
    },
    status: "warning",
    found: /^strict on eth1\.9$/,
    command: /^sysctl -w net\.ipv4\.conf\.all\.rp_filter=2$/,
  },
  {
    row: "rp_filter",
    subject: subject({}, {
      bgp: {
        local: localBgp(),
        peers: ["eth0", "eth1"].map((zone) =>
          internalPeer({ name: zone, address: address("::"), automatic: true, zone, device: zone })
        ),
      },
    }),
    spoil(host) {
      host.interfaces.push(link(3, "eth1", "10.0.9.1/24"));
      host.set("net.ipv4.conf.eth1.rp_filter", 1);
    },
    status: "warning",
    found: /^strict on eth1$/,
    command: /^sysctl -w net\.ipv4\.conf\.all\.rp_filter=2$/,
  },
  {
    row: "rp_filter",
    subject: subject(sendingTo("10.0.0.7", IPIP)),
    spoil(host) {
      host.interfaces.push({ ...link(3, "tunl0"), kind: "ipip" });
      host.set("net.ipv4.conf.all.rp_filter", 1);
    },
    status: "warning",
    found: /^strict on tunl0$/,
    command: /^sysctl -w net\.ipv4\.conf\.all\.rp_filter=2$/,
  },
  {
    row: "arp_ignore",
    subject: subject({ addresses: [address("10.0.0.99")] }),
    spoil: (host) => host.set("net.ipv4.conf.all.arp_ignore", 0),
    status: "warning",
    found: /^0 on eth0, in whose subnet 10\.0\.0\.99 is$/,
    command: /^sysctl -w net\.ipv4\.conf\.all\.arp_ignore=1$/,
  },
  {
    row: "arp_announce",
    subject: subject(),
    spoil: (host) => host.set("net.ipv4.conf.all.arp_announce", 0),
    status: "warning",
    found: /^0 on eth0$/,
    command: /^sysctl -w net\.ipv4\.conf\.all\.arp_announce=2$/,
  },
  {
    row: "disable_ipv6",
    subject: subject(SIX),
    spoil: (host) => host.set("net.ipv6.conf.default.disable_ipv6", 1),
    status: "problem",
    found: /^net\.ipv6\.conf\.default\.disable_ipv6 is 1, and \/proc\/sys cannot be written to$/,
    command: /^sysctl -w net\.ipv6\.conf\.default\.disable_ipv6=0$/,
  },
  {
    row: "disable_ipv6",
    subject: subject(SIX),
    spoil: (host) => host.set("net.ipv6.conf.web.disable_ipv6", 1),
    status: "problem",
    found: /^net\.ipv6\.conf\.web\.disable_ipv6 is 1, and \/proc\/sys cannot be written to$/,
    command: /^sysctl -w net\.ipv6\.conf\.web\.disable_ipv6=0$/,
  },
  {
    row: "disable_ipv6",
    subject: subject(SIX),
    spoil: (host) => void host.files.delete("/proc/sys/net/ipv6/conf/default/disable_ipv6"),
    status: "problem",
    found: /^this kernel has no IPv6$/,
  },
  ...vs("conntrack", subject(), 1, 0),
  ...vs("conn_reuse_mode", subject(), 0, 1),
  ...vs("expire_nodest_conn", subject(), 0, 1),
  ...vs("expire_quiescent_template", subject(PERSISTENT), 0, 1),
  ...vs("sloppy_tcp", subject(MOVABLE), 0, 1),
  ...vs(
    "sloppy_sctp",
    subject({ ports: MOVABLE.ports?.map((each) => ({ ...each, protocol: "sctp" as const })) ?? [] }),
    0,
    1,
  ),
  {
    row: "conn_reuse_mode",
    subject: subject(),
    spoil(host) {
      host.files.set("/proc/sys/kernel/osrelease", "5.8.0\n");
      host.set("net.ipv4.vs.conntrack", 1);
    },
    status: "warning",
    found: /^net\.ipv4\.vs\.conn_reuse_mode is 1 with conntrack, in Linux 5\.8\.0$/,
    command: /^sysctl -w net\.ipv4\.vs\.conn_reuse_mode=0$/,
  },
  {
    row: "tunnel MTU",
    subject: subject(sendingTo("10.0.0.7", IPIP)),
    spoil: (host) => host.interfaces = [{ ...link(2, "eth0"), mtu: 1500 }],
    status: "warning",
    found: /^10\.0\.0\.7 \(ipip\) by eth0: MTU 1500 - 20 = 1480, MSS 1440 over IPv4$/,
    command: /^ip link set dev eth0 mtu 1520$/,
  },
  {
    row: "tunnel MTU",
    subject: subject({ ...SIX, ...sendingTo("10.0.0.7", IPIP) }),
    spoil: (host) => host.interfaces = [{ ...link(2, "eth0"), mtu: 1299 }],
    status: "problem",
    found: /^10\.0\.0\.7 \(ipip\) by eth0: MTU 1299 - 20 = 1279, MSS 1219 over IPv6$/,
    command: /^ip link set dev eth0 mtu 1520$/,
  },
  {
    row: "tunnel MTU",
    subject: subject(sendingTo("10.0.0.7", IPIP)),
    spoil: (host) => void host.routes.set("10.0.0.7", undefined),
    status: "problem",
    found: /^no route to 10\.0\.0\.7$/,
  },
  {
    row: "programs of checks",
    subject: subject({ checks: [EXEC, { ...EXEC, name: "two" }] }),
    spoil: (host) => void host.programs.delete("/bin/check"),
    status: "problem",
    found: /^\/bin\/check does not exist: web, alive and web, two$/,
  },
  {
    row: "programs of checks",
    subject: subject(sendingTo("10.0.0.7", { checks: [EXEC] })),
    spoil: (host) => void host.programs.set("/bin/check", false),
    status: "problem",
    found: /^\/bin\/check may not be run: web, alive$/,
    command: /^chmod \+x \/bin\/check$/,
  },
  {
    row: "users of checks",
    subject: subject({ checks: [EXEC] }),
    spoil: (host) => void host.files.set("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
    status: "warning",
    found: /^nobody is not in \/etc\/passwd: web, alive$/,
    command: /^useradd --system --no-create-home nobody$/,
  },
  {
    row: "capabilities",
    // KILL, SETGID and SETUID are bits 5 to 7.
    subject: subject({ checks: [EXEC], ports: [] }, {
      network: { setup: false, ipvs: false, contention: CONTENTION },
      bgp: { local: localBgp(), peers: [] },
    }),
    spoil: (host) => host.credentials({ uid: 0, capabilities: "00000000000000c0" }),
    status: "problem",
    found: /^this process does not have CAP_KILL$/,
  },
  {
    row: "systemd-networkd",
    subject: subject(),
    spoil(host) {
      host.process(11, "systemd-networkd");
      host.files.set("/etc/systemd/network/20-all.network", "[Match]\nName=*\n[Network]\nDHCP=yes\n");
    },
    status: "warning",
    found: /^\/etc\/systemd\/network\/20-all\.network matches web$/,
    command:
      /^printf '\[Match\]\\nName=web\\n\\n\[Link\]\\nUnmanaged=yes\\n' > \/etc\/systemd\/network\/00-bgp-lb\.network && networkctl reload$/,
  },
  {
    row: "NetworkManager",
    subject: subject(),
    spoil: (host) => host.process(12, "NetworkManager"),
    status: "warning",
    found: /^web are not among its unmanaged-devices$/,
    command:
      /^printf '\[keyfile\]\\nunmanaged-devices\+=interface-name:web\\n' > \/etc\/NetworkManager\/conf\.d\/bgp-lb\.conf && systemctl reload NetworkManager$/,
  },
];

function vs(key: string, of: Subject, bad: number, fit: number): readonly Case[] {
  return [{
    row: key,
    subject: of,
    spoil: (host) => host.set(`net.ipv4.vs.${key}`, bad),
    status: "warning",
    found: new RegExp(`^net\\.ipv4\\.vs\\.${key} is ${bad}`),
    command: new RegExp(`^sysctl -w net\\.ipv4\\.vs\\.${key}=${fit}$`),
  }];
}
