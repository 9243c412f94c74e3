/** `bgp-lb doctor` and `cleanup` as processes, with the permissions of the task `agent`, on hosts that lack something. */
import assert from "node:assert/strict";
import { clampCommand } from "../../src/doctor/tunnel_rows.ts";
import { port } from "../doctor/subjects.ts";
import { agentArguments, AgentProcess } from "../support/agent.ts";
import { canMakeNamespaces, NetworkNamespace } from "../support/namespace.ts";
import { Process } from "../support/process.ts";
import { waitFor } from "../support/until.ts";

const isRoot = await canMakeNamespaces();

interface Finding {
  readonly name: string;
  readonly status: string;
  readonly found: string;
  readonly command?: string;
}

/** A network, a configuration that manages interfaces, and a folder for its files. */
class Scene implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly file = `${this.folder}/a.json`;
  readonly socket = `${this.folder}/control.sock`;

  private constructor(readonly network: NetworkNamespace) {}

  static async open(parts: object = {}): Promise<Scene> {
    const scene = new Scene(await NetworkNamespace.create("doctor"));
    scene.write(parts);
    return scene;
  }

  write(parts: object): void {
    const config = {
      http: { listen: "" },
      control: { socket: this.socket },
      state: { directory: "" },
      bgp: { local: { routerID: "10.0.0.1", as: 65512 }, peers: [{ address: "10.0.0.254", as: 65512 }] },
      services: [{ name: "web", addresses: ["10.99.0.1"] }],
      ...parts,
    };
    Deno.writeTextFileSync(this.file, JSON.stringify(config));
    Deno.chmodSync(this.file, 0o600);
  }

  /** doctor's answer; `within` is put in front of the command. */
  async doctor(row: string, ...within: readonly string[]) {
    const command = [...within, Deno.execPath(), ...agentArguments(), "doctor", "--json", this.file];
    const [first = "", ...rest] = command;
    const { code, stdout, stderr } = await this.network.run(first, ...rest);
    assert.ok(code === 0 || code === 3, `${code}: ${stdout}${stderr}`);
    const { findings, agent }: { findings: Finding[]; agent?: string } = JSON.parse(stdout);
    assert.equal(code, findings.some(({ status }) => status === "problem") ? 3 : 0);
    return { agent, findings: findings.filter(({ name }) => name === row) };
  }

  /** Runs a command that doctor printed, as people do. */
  async carryOut(command: string | undefined): Promise<void> {
    const { code, stderr } = await this.network.run("sh", "-c", command ?? "false");
    assert.equal(code, 0, `${command}: ${stderr}`);
  }

  /** The only finding of a row is this one, its command mends it. */
  async mends(row: string, status: string, found: RegExp, ...within: readonly string[]): Promise<void> {
    const { findings: [finding, ...others] } = await this.doctor(row, ...within);
    assert.deepEqual(others, []);
    assert.equal(finding?.status, status, `${finding?.found}`);
    assert.match(finding?.found ?? "", found);
    await this.carryOut(finding?.command);
    const after = await this.doctor(row, ...within);
    assert.deepEqual(after.findings.map((each) => each.status), ["ok"], `${finding?.command}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Without these capabilities, whoever it is. */
function without(...names: readonly string[]): readonly string[] {
  return ["setpriv", `--bounding-set=${names.map((name) => `-${name}`).join(",")}`, "--inh-caps=-all"];
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !isRoot, fn });
}

test("doctor finds who has the BGP port, which is nobody's fault where it is the agent", async () => {
  await using scene = await Scene.open({ network: { setup: false } });
  const within = ["ip", "netns", "exec", scene.network.name];
  await using agent = new AgentProcess(["--config", scene.file], { within });
  await agent.said('"running"');
  const { agent: who, findings } = await scene.doctor("BGP port");
  assert.match(
    who ?? "",
    new RegExp(`^an agent \\(pid ${agent.pid}, version \\S+\\) runs at ${scene.socket}$`),
  );
  assert.deepEqual(findings.map(({ status }) => status), ["ok"]);

  scene.write({ network: { setup: false }, control: { socket: `${scene.folder}/other.sock` } });
  const { findings: taken } = await scene.doctor("BGP port");
  assert.deepEqual(taken.map(({ status, command }) => [status, command]), [
    ["problem", `kill ${agent.pid}`],
    ["problem", `kill ${agent.pid}`],
  ]);
  await scene.carryOut(taken[0]?.command);
  assert.equal((await agent.exited).code, 0);
  assert.deepEqual((await scene.doctor("BGP port")).findings.map(({ status }) => status), ["ok"]);
});

test("doctor finds secrets that others can read, and its command closes them", async () => {
  await using scene = await Scene.open();
  const local = { routerID: "10.0.0.1", as: 65512 };
  scene.write({ bgp: { local, peers: [{ address: "10.0.0.254", as: 65512, password: "s3cr3t" }] } });
  Deno.chmodSync(scene.file, 0o644);
  await scene.mends("secrets", "warning", /^its group and every user can read .* \(mode 0644\)$/);
  assert.equal((Deno.statSync(scene.file).mode ?? 0) & 0o777, 0o600);
});

test("doctor finds what this process may not, and says what it could not look at", async () => {
  await using scene = await Scene.open();
  const { findings } = await scene.doctor("capabilities", ...without("net_admin", "net_bind_service"));
  assert.deepEqual(findings.map(({ status, found }) => [status, found]), [
    ["problem", "this process does not have CAP_NET_ADMIN"],
    ["problem", "this process does not have CAP_NET_BIND_SERVICE"],
  ]);
  const dummy = await scene.doctor("dummy", ...without("net_admin"));
  assert.deepEqual(dummy.findings.map(({ status }) => status), ["unknown"]);
  await scene.network.sysctl("net.ipv4.ip_unprivileged_port_start", "179");
  const low = await scene.doctor("capabilities", ...without("net_admin", "net_bind_service"));
  assert.deepEqual(low.findings.map(({ found }) => found), ["this process does not have CAP_NET_ADMIN"]);
});

test("doctor finds that ping checks cannot send, and its command lets them", async () => {
  const checks = [{ type: "ping", addresses: ["10.0.0.254"] }];
  await using scene = await Scene.open({ services: [{ name: "web", addresses: ["10.99.0.1"], checks }] });
  await scene.network.sysctl("net.ipv4.ping_group_range", "1 0");
  await scene.mends("ping", "problem", /no CAP_NET_RAW/, ...without("net_raw"));
});

test("doctor finds a state directory that cannot be written to, and its command makes it", async () => {
  await using scene = await Scene.open();
  const directory = `${scene.folder}/theirs/state`;
  Deno.mkdirSync(`${scene.folder}/theirs`);
  Deno.chownSync(`${scene.folder}/theirs`, 65534, 65534);
  scene.write({ state: { directory } });
  const others = without("dac_override", "dac_read_search");
  await scene.mends(
    "state directory",
    "warning",
    /is not there, and .*theirs cannot be written to$/,
    ...others,
  );
});

test("doctor finds too few descriptors, unless the agent can raise the limit itself", async () => {
  await using scene = await Scene.open();
  const { findings: [finding] } = await scene.doctor(
    "descriptors",
    "prlimit",
    "--nofile=64:64",
    ...without("sys_resource"),
  );
  assert.equal(finding?.status, "warning");
  assert.match(finding?.found ?? "", /^(\d+) may be needed, 64 may be had$/);
  assert.match(finding?.command ?? "", /^prlimit --pid \$\$ --nofile=(\d+):\1$/);
});

test("doctor finds our address and our name with somebody else, and its commands take them away", async () => {
  await using scene = await Scene.open();
  await scene.network.ip("link", "add", "up0", "type", "veth", "peer", "name", "web");
  await scene.network.ip("address", "add", "10.99.0.1/24", "dev", "up0");
  await scene.mends("service addresses", "warning", /^10\.99\.0\.1\/24 is on up0, too$/);
  await scene.mends("interface names", "problem", /web/);
});

test("doctor finds IPv6 that the agent cannot turn on, for /proc/sys is read-only, and its command turns it on", async () => {
  await using scene = await Scene.open({ services: [{ name: "web", addresses: ["2001:db8:99::1"] }] });
  await scene.network.sysctl("net.ipv6.conf.default.disable_ipv6", "1");
  const { findings } = await scene.doctor("disable_ipv6");
  assert.deepEqual(findings.map(({ status }) => status), ["ok"]);
  const script = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"';
  await scene.mends("disable_ipv6", "problem", /is 1, and/, "unshare", "--mount", "sh", "-ec", script, "sh");
});

test("doctor states MTU and MSS of each tunnel by the way that the kernel's routes give it", async () => {
  const port = (...destinations: readonly string[]) => ({
    port: 80,
    destinations: destinations.map((address) => ({ address, port: 80, forwarding: "tunnel" })),
  });
  await using scene = await Scene.open({
    services: [{
      name: "web",
      addresses: ["10.99.0.1"],
      ports: [port("10.0.0.7", "10.9.0.7", "10.8.0.7", "10.0.0.1")],
    }],
  });
  await scene.network.ip("link", "add", "name", "up0", "type", "veth", "peer", "name", "up1");
  await scene.network.ip("address", "add", "10.0.0.1/24", "dev", "up0");
  await scene.network.ip("link", "set", "up0", "up");
  await scene.network.ip("link", "set", "up1", "up");
  await scene.network.ip("route", "add", "10.9.0.0/24", "via", "10.0.0.254", "mtu", "lock", "1400");
  const { findings } = await scene.doctor("tunnel MTU");
  assert.deepEqual(findings.map(({ status, found, command }) => [status, found, command]), [
    ["problem", "no route to 10.8.0.7", undefined],
    [
      "warning",
      "10.0.0.7 (ipip) by up0: MTU 1500 - 20 = 1480, MSS 1440 over IPv4",
      "ip link set dev up0 mtu 1520",
    ],
    ["warning", "10.9.0.7 (ipip) by a route: MTU 1400 - 20 = 1380, MSS 1340 over IPv4", undefined],
    ["ok", "10.0.0.1 is this host: nothing is encapsulated", undefined],
  ]);
  await scene.carryOut(findings[1]?.command);
  const after = await scene.doctor("tunnel MTU");
  const mended = after.findings.find(({ found }) => found.startsWith("10.0.0.7 "));
  assert.equal(mended?.status, "ok");
  assert.match(mended?.found ?? "", /^10\.0\.0\.7 \(ipip\) by up0: MTU 1520 - 20 = 1500, /);
});

test("the command that clamps the MSS on a real server makes clients send segments that fit", async () => {
  await using client = await NetworkNamespace.create("client");
  await using server = await NetworkNamespace.create("server");
  await client.ip("link", "add", "name", "up0", "type", "veth", "peer", "name", "up0", "netns", server.name);
  for (const [network, end] of [[client, 1], [server, 2]] as const) {
    await network.ip("address", "add", `10.0.0.${end}/24`, "dev", "up0");
    await network.ip("address", "add", `2001:db8::${end}/64`, "dev", "up0", "nodad");
    await network.ip("link", "set", "up0", "up");
  }
  for (const family of [4, 6] as const) {
    const { code, stderr } = await server.run(
      "sh",
      "-c",
      clampCommand([{ service: "web", port: port(), ids: [], destinations: [] }], 1480, family),
    );
    assert.equal(code, 0, stderr);
  }
  const deno = (network: NetworkNamespace, script: string) =>
    new Process({
      command: "ip",
      args: ["netns", "exec", network.name, Deno.execPath(), "eval", script],
      onLine: () => {},
    });
  await using _server = deno(server, 'for await (const c of Deno.listen({ port: 80, hostname: "::" })) c;');
  for (const [hostname, mss] of [["10.0.0.2", 1440], ["2001:db8::2", 1420]] as const) {
    await using _client = deno(
      client,
      `for (;;) { try { await Deno.connect({ port: 80, hostname: "${hostname}" }); break; } catch {} } setInterval(() => {}, 1e6);`,
    );
    let line = "";
    await waitFor(`a connection to ${hostname}`, 30_000, async () => {
      line = (await client.run("ss", "-Htin", "state", "established", "dport", "=", ":80")).stdout;
      return line.includes(hostname) && line.includes(" mss:");
    }, 50);
    // Twelve octets of each segment are timestamps.
    assert.match(line, new RegExp(` mss:${mss - 12} `), line);
  }
});

test("cleanup refuses where an agent runs, and has nothing to do after it", async () => {
  await using scene = await Scene.open({ network: { setup: false } });
  const within = ["ip", "netns", "exec", scene.network.name];
  const cleanup = (...args: readonly string[]) =>
    scene.network.run(Deno.execPath(), ...agentArguments(), "cleanup", ...args);
  {
    await using agent = new AgentProcess(["--config", scene.file], { within });
    await agent.said('"running"');
    for (const args of [[scene.file], ["--yes", "--control-socket", scene.socket]]) {
      const { code, stdout, stderr } = await cleanup(...args);
      assert.deepEqual([code, stdout], [3, ""]);
      assert.match(
        stderr,
        new RegExp(`^an agent \\(pid ${agent.pid}, .*: what it has is its own to remove$`, "m"),
      );
    }
  }
  const { code, stdout, stderr } = await cleanup("--yes", scene.file);
  assert.deepEqual([code, stdout, stderr], [0, "Nothing of bgp-lb is in the kernel.\n", ""]);
});
