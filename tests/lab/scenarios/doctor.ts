/** `bgp-lb doctor` and `cleanup` on a kernel with everything: what is found, that its printed cure mends it, what is removed. */
import { deepEqual, equal, match } from "node:assert/strict";
import { type Answer, run, runOrThrow } from "../../support/process.ts";
import { type Scenario, Skipped } from "../scenario.ts";
import type { World } from "../world.ts";

/** A director of its own, with two uplinks; no agent ever runs on it. */
const DIRECTOR = "d1";
const ROUTER = "d0";

const NETWORK = [
  `netns add ${DIRECTOR}`,
  `netns add ${ROUTER}`,
  `link add name up1 netns ${DIRECTOR} type veth peer name up1 netns ${ROUTER}`,
  `link add name up2 netns ${DIRECTOR} type veth peer name up2 netns ${ROUTER}`,
];
const INSIDE = [
  "link set dev lo up",
  ...[1, 2].flatMap((uplink) => [
    `link set dev up${uplink} mtu 1600 up`,
    `addr add 10.7.${uplink}.2/24 dev up${uplink}`,
    `addr add 2001:db8:7:${uplink}::2/64 dev up${uplink} nodad`,
  ]),
];

/** As a fit host has them; each with the value that doctor finds fault with, and the row that finds it. */
const SYSCTLS: readonly (readonly [name: string, fit: number, bad: number, row: string])[] = [
  ["net.ipv4.ip_forward", 1, 0, "ip_forward"],
  ["net.ipv6.conf.all.forwarding", 1, 0, "IPv6 forwarding"],
  ["net.ipv4.conf.all.rp_filter", 2, 1, "rp_filter"],
  ["net.ipv4.conf.all.arp_ignore", 1, 0, "arp_ignore"],
  ["net.ipv4.conf.all.arp_announce", 2, 0, "arp_announce"],
  ["net.ipv4.vs.conntrack", 0, 1, "conntrack"],
  ["net.ipv4.vs.conn_reuse_mode", 1, 0, "conn_reuse_mode"],
  ["net.ipv4.vs.expire_nodest_conn", 1, 0, "expire_nodest_conn"],
  ["net.ipv4.vs.expire_quiescent_template", 1, 0, "expire_quiescent_template"],
  ["net.ipv4.vs.sloppy_tcp", 1, 0, "sloppy_tcp"],
];

const CONFIG = {
  http: { listen: "" },
  state: { directory: "" },
  bgp: {
    local: { routerID: "10.7.1.2", as: 65512, address: "10.7.1.2", address6: "2001:db8:7:1::2" },
    peers: [{ address: "10.7.1.1", as: 65000 }, { address: "10.7.2.1", as: 65000 }],
  },
  services: [{
    name: "tunnelled",
    addresses: ["10.7.1.99", "2001:db8:99::7"],
    ipvs: { scheduler: "mh", persistence: { timeout: "300s" } },
    ports: [{
      port: 80,
      destinations: [
        { address: "10.7.1.7", port: 80, forwarding: "tunnel" },
        { address: "2001:db8:7:1::7", port: 80, forwarding: "tunnel" },
      ],
    }],
  }, {
    name: "masked",
    addresses: ["10.98.0.2", "2001:db8:99::8"],
    ports: [{
      port: 80,
      destinations: [{ address: "10.7.2.8", port: 80 }, { address: "2001:db8:7:2::8", port: 80 }],
    }],
  }],
};

interface Finding {
  readonly name: string;
  readonly status: string;
  readonly found: string;
  readonly command?: string;
}

/** A program of ours on the director. */
class Director {
  readonly file: string;
  readonly #agent: readonly string[];
  readonly #folder: string;

  private constructor({ hosts }: World) {
    const [host] = hosts;
    if (host === undefined) throw new Error("no host");
    this.#agent = host.placement.agent;
    this.#folder = host.placement.folder;
    this.file = `${this.#folder}/${DIRECTOR}.json`;
  }

  static async create(world: World): Promise<Director> {
    await runOrThrow("ip", ["-batch", "-"], { input: NETWORK.join("\n") });
    await runOrThrow("ip", ["-n", DIRECTOR, "-batch", "-"], { input: INSIDE.join("\n") });
    for (const uplink of [1, 2]) {
      await runOrThrow("ip", ["-n", ROUTER, "link", "set", "dev", `up${uplink}`, "mtu", "1600", "up"]);
    }
    const director = new Director(world);
    Deno.writeTextFileSync(
      director.file,
      JSON.stringify({ control: { socket: director.socket }, ...CONFIG }),
    );
    Deno.chmodSync(director.file, 0o600);
    return director;
  }

  get socket(): string {
    return `${this.#folder}/${DIRECTOR}.sock`;
  }

  async shell(command: string): Promise<void> {
    await runOrThrow("ip", ["netns", "exec", DIRECTOR, "sh", "-ec", command]);
  }

  async ours(...args: readonly string[]): Promise<Answer> {
    return await run("ip", ["netns", "exec", DIRECTOR, ...this.#agent, ...args]);
  }

  /** What doctor finds in a shell after `before`. */
  async findingsAfter(before: string, row: string): Promise<readonly Finding[]> {
    const [command = "", ...args] = this.#agent;
    const shell = ["netns", "exec", DIRECTOR, "sh", "-ec", `${before}\nexec "$@"`, "sh", command, ...args];
    const { stdout } = await run("ip", [...shell, "doctor", "--json", this.file]);
    const findings: readonly Finding[] = JSON.parse(stdout).findings;
    return findings.filter(({ name }) => name === row);
  }

  /** The findings of doctor, but those that are well. */
  async faults(status: number): Promise<readonly Finding[]> {
    const { code, stdout, stderr } = await this.ours("doctor", "--json", this.file);
    equal(code, status, stdout + stderr);
    const findings: readonly Finding[] = JSON.parse(stdout).findings;
    return findings.filter((finding) => finding.status !== "ok");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [DIRECTOR, ROUTER]) await run("ip", ["netns", "delete", name]);
  }
}

/** Sysctls, MTU and modules. */
const findsAndMends: Scenario<World> = {
  name: "doctor: a fit host is fit, every setting that is off is found, and the printed command mends it",
  async run(world, { say }) {
    await using director = await Director.create(world);
    const set = (which: 1 | 2) => SYSCTLS.map((row) => `sysctl -qw ${row[0]}=${row[which]}`);
    await director.shell(set(1).join("\n"));
    deepEqual(await director.faults(0), []);

    say("turning everything off");
    await director.shell([...set(2), "ip link set dev up1 mtu 1500"].join("\n"));
    const faults = await director.faults(3);
    const rows = [...SYSCTLS.map(([, , , row]) => row), "tunnel MTU"];
    deepEqual([...new Set(faults.map(({ name }) => name))].sort(), [...new Set(rows)].sort());
    for (const { name, found, command } of faults) say(`${name}: ${found}: ${command}`);
    await director.shell(faults.map(({ command }) => command ?? "false").join("\n"));
    deepEqual(await director.faults(0), []);
    return `${faults.length} findings, all mended by their commands`;
  },
};

/** A module that is not loaded, and that the kernel cannot load by itself here. */
const modulesAreFound: Scenario<World> = {
  name: "doctor: a scheduler that IPVS has not is found, and the printed command loads it",
  async run(world) {
    if (Deno.readTextFileSync("/proc/sys/kernel/modprobe").trim() !== "") {
      throw new Skipped("this kernel loads modules by itself, and is not ours to unload them from");
    }
    await using director = await Director.create(world);
    // In user-mode Linux modules are not where modprobe looks.
    const release = Deno.osRelease();
    await runOrThrow("sh", [
      "-ec",
      `mkdir -p /lib/modules && { test -e /lib/modules/${release} || ln -s /usr/lib/uml/modules/${release} /lib/modules/; }`,
    ]);
    const loadable = await run("modprobe", ["-r", "ip_vs_lblcr"]);
    equal(loadable.code, 0, loadable.stderr);
    const text = JSON.stringify({ ...CONFIG, control: { socket: director.socket } }).replace(
      '"mh"',
      '"lblcr"',
    );
    Deno.writeTextFileSync(director.file, text);
    const find = async (status: number) =>
      (await director.faults(status)).filter(({ name }) => name === "schedulers");
    const [fault] = await find(3);
    match(fault?.found ?? "", /no scheduler lblcr/);
    equal(fault?.command, "modprobe ip_vs_lblcr");
    await director.shell(fault?.command ?? "false");
    await director.shell("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    deepEqual(await find(0), []);
    return fault?.found ?? "";
  },
};

/** Root raises the limit for a shell; what is started in it without the capability has it. */
const descriptorsAreRaised: Scenario<World> = {
  name: "doctor: too few descriptors are found, and the printed command gives a shell more",
  async run(world) {
    await using director = await Director.create(world);
    const few = "prlimit --pid $$ --nofile=64:64";
    const drop = 'set -- setpriv --bounding-set=-sys_resource --inh-caps=-all "$@"';
    const [fault] = await director.findingsAfter([few, drop].join("\n"), "descriptors");
    equal(fault?.status, "warning", `${fault?.found}`);
    const [after] = await director.findingsAfter(
      [few, fault?.command ?? "false", drop].join("\n"),
      "descriptors",
    );
    equal(after?.status, "ok", `${after?.found}`);
    return `${fault?.found}: ${fault?.command}`;
  },
};

/** What a killed agent leaves. */
const cleansUp: Scenario<World> = {
  name: "cleanup: shows what is ours, removes it with --yes, and leaves what is not",
  async run(world) {
    await using director = await Director.create(world);
    await director.shell([
      "ip link add dev gone type dummy",
      "ip link set dev gone alias bgp-lb:gone up",
      "ip addr add 10.98.0.1/32 dev gone",
      "ip link add dev theirs type dummy",
      "ipvsadm -A -t 10.98.0.1:80 -s rr",
      "ipvsadm -a -t 10.98.0.1:80 -r 10.7.2.8:80 -m",
      "ipvsadm -A -t 10.98.0.2:81 -s rr",
      "ipvsadm -A -t 192.0.2.1:80 -s rr",
    ].join("\n"));
    await director.shell([
      "ipvsadm -A -t 10.98.0.2:82 -s rr",
      "ipvsadm -A -u [2001:db8:99::8]:53 -s rr",
      "ipvsadm -A -f 9 -s rr",
    ].join("\n"));
    const foreign = (await director.faults(3)).filter(({ name, found }) =>
      name === "virtual services" && !found.includes(":81")
    );
    deepEqual(foreign.map(({ found }) => found.split(" is ")[0]).sort(), [
      "tcp 10.98.0.2:82",
      "udp [2001:db8:99::8]:53",
    ]);
    await director.shell(foreign.map(({ command }) => command).join("\n"));
    const cleanup = (...args: readonly string[]) => director.ours("cleanup", "--json", ...args);
    const names = (text: string, key: string) =>
      JSON.parse(text)[key].map(({ name }: { name: string }) => name);
    const shown = await cleanup();
    equal(shown.code, 0, shown.stderr);
    deepEqual(names(shown.stdout, "found"), ["gone", "tcp 10.98.0.1:80"]);
    const removed = await cleanup("--yes", director.file);
    equal(removed.code, 0, removed.stdout + removed.stderr);
    deepEqual(names(removed.stdout, "removed").sort(), ["gone", "tcp 10.98.0.1:80", "tcp 10.98.0.2:81"]);
    deepEqual(names(removed.stdout, "stays"), []);
    deepEqual(JSON.parse((await cleanup()).stdout), { found: [] });
    await director.shell(
      "ip link show dev theirs >/dev/null; ipvsadm -Sn | grep -qx -- '-A -t 192.0.2.1:80 -s rr'",
    );
    return "3 objects removed, 2 of others stay";
  },
};

/** Rows that find what somebody else has. */
const CLASHES: ReadonlySet<string> = new Set([
  "BGP port",
  "http.listen",
  "control socket",
  "interface names",
  "service addresses",
  "virtual services",
]);

/** What an agent has is not somebody else's. */
const leavesTheAgentAlone: Scenario<World> = {
  name: "doctor: beside a running agent nothing of it is foreign, and cleanup refuses",
  async run(world) {
    await world.steady();
    const [host] = world.hosts;
    if (host === undefined) throw new Error("no host");
    const { folder, agent } = host.placement;
    const ours = async (...args: readonly string[]) =>
      await run("ip", ["netns", "exec", host.name, ...agent, ...args]);
    const [file, socket] = [`${folder}/${host.name}.json`, `--control-socket=${folder}/${host.name}.sock`];
    const before = await host.kernel();
    const { stdout, stderr } = await ours("doctor", "--json", file, socket);
    const { agent: who, findings }: { agent?: string; findings: readonly Finding[] } = JSON.parse(
      stdout || "{}",
    );
    match(who ?? stderr, /^an agent \(pid \d+, version .*\) runs at /);
    const clashes = findings.filter(({ name, status }) => CLASHES.has(name) && status !== "ok");
    deepEqual(clashes, []);
    for (const args of [[socket], ["--control-socket=/nowhere/s"]]) {
      const { code, stderr: words } = await ours("cleanup", "--yes", ...args);
      equal(code, 3, words);
    }
    deepEqual(await host.kernel(), before);
    return `${who}; ${findings.length} findings`;
  },
};

/** All of it. */
export const doctorScenarios: readonly Scenario<World>[] = [
  leavesTheAgentAlone,
  findsAndMends,
  modulesAreFound,
  descriptorsAreRaised,
  cleansUp,
];
