/**
 * The world in which the commands of docs/failures.md are run: a host with an agent that only announces, a router beside it
 * (BIRD) and a router behind that one, in network namespaces. Every peer and every service of it has one fault of its own.
 */
import { Bird } from "./bird.ts";
import { bundledAgent, quoted } from "./bundled_agent.ts";
import { type NamespacePair, namespacePair, NetworkNamespace } from "./namespace.ts";
import { type Answer, Process, run } from "./process.ts";
import { eventually, until } from "./until.ts";

/** Where the commands of the documents find the agent's files. */
const FILES = "/etc/bgp-lb";
const SOCKET = "/run/bgp-lb/control.sock";

/** A part of BIRD's configuration, at 10.9.0.HOST. It takes no neighbour's address twice, so we have one for each. */
function session(name: string, host: number, lines = "", as = 65512): string {
  return `protocol bgp ${name} {
    local 10.9.0.${host} as 65000; neighbor ${ours(host)} as ${as}; strict bind yes; passive on;
    connect delay time 1; error wait time 1, 2; ${lines}
    ${lines.includes("ipv6 {") || lines.includes("ipv4 {") ? "" : "ipv4 { import all; export none; };"}
  }`;
}

/** Our end of the session with 10.9.0.HOST. */
function ours(host: number): string {
  return host === 2 ? "10.9.0.1" : `10.9.0.${100 + host}`;
}

const ROUTER = `
  router id 10.9.0.2;
  protocol device {}
  ${session("tor1", 2, "graceful restart on;")}
  ${session("tor2", 3)}
  ${session("p_wrongas", 4, "", 65099)}
  ${session("p_password", 7, 'password "theirs";')}
  ${session("p_gtsm", 8)}
  ${session("p_limit", 9, "ipv4 { import all; export none; import limit 1 action disable; };")}
  ${session("p_role", 10, "local role peer;")}
  ${session("p_families", 11, "ipv6 { import all; export none; };")}
  ${session("p_nexthop", 12)}
  ${session("p_unsigned", 13)}`;

/** Peers, each with the fault that its name says. */
const PEERS = [
  { name: "tor-1", address: "10.9.0.2", gracefulRestart: { restartTime: "60s" } },
  { name: "tor-2", address: "10.9.0.3", localAddress: ours(3) },
  { name: "wrong-as", address: "10.9.0.4", localAddress: ours(4) },
  { name: "refused", address: "10.9.0.5", port: 1790 },
  { name: "silent", address: "10.9.0.77" },
  { name: "filtered", address: "10.9.0.6", port: 1791 },
  { name: "password", address: "10.9.0.7", localAddress: ours(7), password: "ours" },
  { name: "gtsm", address: "10.9.0.8", localAddress: ours(8), ttlSecurity: 1 },
  { name: "limit", address: "10.9.0.9", localAddress: ours(9) },
  { name: "role", address: "10.9.0.10", localAddress: ours(10), localRole: "customer" },
  { name: "families", address: "10.9.0.11", localAddress: ours(11), families: ["ipv4-unicast"] },
  { name: "next-hop", address: "10.9.0.12", localAddress: ours(12), nextHop: "10.9.0.222" },
  { name: "unsigned", address: "10.9.0.13", localAddress: ours(13), password: "ours" },
  { name: "far", address: "10.8.0.1" },
  { name: "no-source", address: "10.9.0.14", localAddress: "10.9.0.99" },
  { name: "no-interface", address: "10.9.0.15", interface: "eth9" },
  { name: "no-route", address: "10.77.0.1" },
  { name: "bfd", address: "10.9.0.16", bfd: { strict: true } },
  { name: "unnumbered", address: "auto", interface: "va" },
  { name: "waiting", address: "10.9.0.17", passive: true },
].map((peer) => ({ as: 65000, connectRetryTime: "1s", ...peer }));

const CHECK = { interval: "200ms", timeout: "500ms", rise: 1, fall: 2 };

/** Services, each with the fault that its name says; `web` is well. */
const SERVICES = [
  { name: "web" },
  { name: "api", checks: [{ type: "http", port: 8088, path: "/healthz" }] },
  { name: "hanging", checks: [{ type: "http", port: 8089, path: "/healthz" }] },
  { name: "status", checks: [{ type: "http", port: 8090, path: "/broken" }] },
  { name: "redirect", checks: [{ type: "http", port: 8090, path: "/moved" }] },
  { name: "cert", checks: [{ type: "tls", port: 8443, serverName: "example.org" }] },
  { name: "resolver", checks: [{ type: "tcp", address: "db.example.org", port: 5432 }] },
  { name: "program", checks: [{ type: "exec", command: ["/usr/lib/nowhere/check"] }] },
  {
    name: "plugin",
    checks: [{ type: "exec", command: ["/bin/sh", "-c", "echo queue is 9000 long; exit 1"] }],
  },
  { name: "file", checks: [{ type: "file", path: "FOLDER/maintenance", absent: true }] },
  { name: "answer", checks: [{ type: "dns", address: "127.0.0.1", port: 5353, name: "example.org" }] },
  { name: "ping", checks: [{ type: "ping", addresses: ["10.9.0.78"] }] },
  {
    name: "flapping",
    checks: [{ type: "file", path: "FOLDER/flag", flap: { limit: 1, window: "60s", hold: "120s" } }],
  },
  {
    name: "degraded",
    announce: { whenUnhealthy: { med: 1000 } },
    checks: [{ type: "tcp", port: 8088 }],
  },
  { name: "young", checks: [{ type: "tcp", port: 8089, rise: 1000, interval: "1s" }] },
  { name: "drained" },
  { name: "off", enabled: false },
  { name: "elsewhere", announce: { peers: ["tor-2"] } },
].map(({ checks, ...service }: { name: string; checks?: object[] }, index) => ({
  addresses: [`10.99.0.${index + 1}`],
  stop: { shift: "0s", converge: "100ms", quiesce: "100ms" },
  ...service,
  ...(checks === undefined ? {} : { checks: checks.map((check) => ({ ...CHECK, ...check })) }),
}));

/** What answers in the host: 8089 takes connections and says nothing, 8090 is an HTTP server that is not well. */
const SERVERS = `
const listener = Deno.listen({ port: 8089 });
(async () => { for await (const _ of listener); })();
Deno.serve({ port: 8090, onListen() { console.log("listening"); } }, (request) =>
  request.url.endsWith("/moved")
    ? new Response(null, { status: 302, headers: { location: "/login" } })
    : new Response("no database", { status: 503 }));`;

const BARE_SYSCTLS = [
  ["net.ipv4.conf.all.rp_filter", "1"],
  ["net.ipv4.ip_forward", "0"],
  ["net.ipv4.conf.all.arp_ignore", "0"],
  ["net.ipv4.conf.all.arp_announce", "0"],
  ["net.ipv6.conf.default.disable_ipv6", "1"],
] as const;

const BARE = `
http: { listen: "" }
control: { socket: FOLDER/control.sock }
state: { directory: "" }
bgp:
  local: { routerID: 10.7.1.2, as: 65512 }
  peers:
    - { name: tor-1, address: 10.7.1.1, as: 65000 }
    - { name: tor-2, address: 10.7.2.1, as: 65000 }
services:
  - name: web
    addresses: [10.7.1.99]
    ports:
      - port: 80
        destinations:
          - { address: 10.7.2.8, port: 8080 }
          - { address: 10.7.1.8, port: 80, forwarding: tunnel }
`;

const FILL_IN = `bgp:
  local: { routerID: FILL-IN, as: 65512 }
  peers:
    - { address: 10.88.0.253, as: 65000, password: $BGP_PASSWORD }
services:
  - { name: web, addresses: [10.99.0.1] }
`;

const BROKEN = `bgp:
  local: { routerID: 10.88.0.200, as: 65512 }
  peers:
    - { adress: 10.88.0.253, as: 65512, holdTime: 1s }
services:
  - name: a-name-that-is-too-long
    addresses: [10.88.2.1]
    checks:
      - { type: http, path: /healthz, interval: 5 sec }
`;

/** The world, and the commands in it. */
export class DocsWorld implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly #stack = new AsyncDisposableStack();
  readonly #namespaces: NamespacePair;
  #bare: NetworkNamespace | undefined;
  #agent: readonly string[] = [];
  readonly lines: string[] = [];

  private constructor(namespaces: NamespacePair) {
    this.#namespaces = namespaces;
  }

  /** Makes all of it, and waits until every fault is there. */
  static async create(): Promise<DocsWorld> {
    await using stack = new AsyncDisposableStack();
    const namespaces = stack.use(await namespacePair());
    const far = stack.use(await NetworkNamespace.create("c"));
    const world = new DocsWorld(namespaces);
    world.#stack.defer(() => Deno.remove(world.folder, { recursive: true }));
    world.#stack.use(stack.move());
    try {
      await world.#build(far);
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  /**
   * A command of the documents, by a shell on the host, or on the one that is `bare`: unfit, and without an agent. What it
   * names are files of this world.
   */
  async run(command: string, bare = false): Promise<Answer> {
    const folder = bare ? `${this.folder}/bare` : this.folder;
    const here = command.replaceAll(FILES, folder).replaceAll(SOCKET, `${folder}/control.sock`);
    const inside = bare ? ["netns", "exec", this.#bare?.name ?? ""] : this.#inside();
    const answer = await run("ip", [...inside, "sh", "-c", here], {
      env: {
        PATH: `${this.folder}/bin:${Deno.env.get("PATH") ?? ""}`,
        DOCS_FOLDER: folder,
        NO_COLOR: "1",
      },
      timeoutMs: 30_000,
    });
    const back = (text: string) =>
      text.replaceAll(`${folder}/control.sock`, SOCKET).replaceAll(folder, FILES);
    return { ...answer, stdout: back(answer.stdout), stderr: back(answer.stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  #inside(...command: readonly string[]): readonly string[] {
    return ["netns", "exec", this.#namespaces.a.name, ...command];
  }

  async #build(far: NetworkNamespace): Promise<void> {
    const { a, b } = this.#namespaces;
    for (let host = 3; host < 14; host++) {
      await a.ip("addr", "add", `${ours(host)}/24`, "dev", "va");
      await b.ip("addr", "add", `10.9.0.${host}/24`, "dev", "vb");
    }
    for (let host = 14; host < 18; host++) await b.ip("addr", "add", `10.9.0.${host}/24`, "dev", "vb");
    await b.ip("link", "add", "vx", "type", "veth", "peer", "name", "vy", "netns", far.name);
    await b.ip("addr", "add", "10.8.0.2/24", "dev", "vx");
    await b.ip("link", "set", "vx", "up");
    await far.ip("addr", "add", "10.8.0.1/24", "dev", "vy");
    await far.ip("link", "set", "vy", "up");
    await far.ip("route", "add", "default", "via", "10.8.0.2");
    await b.sysctl("net.ipv4.ip_forward", "1");
    await a.ip("route", "add", "10.8.0.0/24", "via", "10.9.0.2");
    await b.run(
      "nft",
      "add table ip docs; add chain ip docs in { type filter hook input priority 0; }; add rule ip docs in tcp dport 1791 drop",
    );
    const bird = this.#stack.use(await Bird.start(ROUTER, ["ip", "netns", "exec", b.name]));
    await this.#makeCommand();
    await this.#startServers();
    this.#writeFiles();
    await this.#makeBareHost();
    this.#stack.use(
      new Process({
        command: "ip",
        args: this.#inside(...this.#agent, "--config", `${this.folder}/config.yaml`),
        onLine: ({ text }) => void this.lines.push(text),
      }),
    );
    await until(() => this.lines.some((line) => line.includes('"running"')), () => this.lines.join("\n"));
    await bird.awaits("show protocols tor1", "Established");
    await bird.awaits("show protocols tor2", "Established");
    await bird.ask('disable tor2 "maintenance until 6"');
    await this.#flap();
    await this.run("bgp-lb drain drained --reason 'new disks' --wait");
    await eventually(
      async () => (await this.run("bgp-lb peers --json")).stdout,
      (text) => JSON.stringify(JSON.parse(text)).split("lastError").length > 10,
      "every peer has its fault",
    );
  }

  async #makeCommand(): Promise<void> {
    this.#agent = await bundledAgent(this.folder);
    Deno.mkdirSync(`${this.folder}/bin`);
    const words = quoted(this.#agent);
    // Where nothing else is said the commands ask at the usual place, which is the host's own.
    const script = `#!/bin/sh
case "$1" in
  check|schema|version|migrate|completions|run) exec ${words} "$@" ;;
  plan) ;;
  doctor|cleanup) [ $# = 1 ] && set -- "$1" $DOCS_FOLDER/config.yaml ;;
esac
exec ${words} "$@" --control-socket $DOCS_FOLDER/control.sock
`;
    Deno.writeTextFileSync(`${this.folder}/bin/bgp-lb`, script, { mode: 0o755 });
  }

  async #startServers(): Promise<void> {
    const key = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "1",
    ];
    const files = ["-keyout", `${this.folder}/key.pem`, "-out", `${this.folder}/cert.pem`];
    const made = await run("openssl", [...key, ...files, "-subj", "/CN=other.example"]);
    if (made.code !== 0) throw new Error(made.stderr);
    Deno.writeTextFileSync(`${this.folder}/servers.js`, SERVERS);
    let isListening = false;
    this.#stack.use(
      new Process({
        command: "ip",
        args: this.#inside(Deno.execPath(), "run", "--allow-net", `${this.folder}/servers.js`),
        onLine: () => void (isListening = true),
      }),
    );
    const cert = ["-cert", `${this.folder}/cert.pem`, "-key", `${this.folder}/key.pem`];
    this.#stack.use(
      new Process({
        command: "ip",
        args: this.#inside("openssl", "s_server", "-accept", "8443", "-quiet", ...cert),
        stdin: true,
      }),
    );
    await until(() => isListening);
  }

  #writeFiles(): void {
    for (const name of ["maintenance", "flag"]) Deno.writeTextFileSync(`${this.folder}/${name}`, "");
    const config = {
      network: { setup: false },
      http: { listen: "127.0.0.1:8081" },
      control: { socket: `${this.folder}/control.sock` },
      state: { directory: `${this.folder}/state` },
      bgp: { local: { routerID: "10.9.0.1", as: 65512 }, peers: PEERS },
      services: SERVICES,
    };
    const text = JSON.stringify(config, null, 2).replaceAll("FOLDER", this.folder);
    Deno.writeTextFileSync(`${this.folder}/config.yaml`, text, { mode: 0o600 });
  }

  /** A host that is not fit for its configuration: two uplinks, and the settings that a host most often has wrong. */
  async #makeBareHost(): Promise<void> {
    const bare = await NetworkNamespace.create("bare");
    this.#bare = this.#stack.use(bare);
    for (const uplink of [1, 2]) {
      await bare.ip("link", "add", `up${uplink}`, "type", "veth", "peer", "name", `x${uplink}`);
      await bare.ip("addr", "add", `10.7.${uplink}.2/24`, "dev", `up${uplink}`);
      for (const device of [`up${uplink}`, `x${uplink}`]) await bare.ip("link", "set", device, "up");
    }
    for (const [key, value] of BARE_SYSCTLS) await bare.sysctl(key, value);
    Deno.mkdirSync(`${this.folder}/bare`);
    for (const [name, text] of [["config", BARE], ["broken", BROKEN], ["new", FILL_IN]] as const) {
      const file = `${this.folder}/bare/${name}.yaml`;
      Deno.writeTextFileSync(file, text.replaceAll("FOLDER", `${this.folder}/bare`), { mode: 0o600 });
    }
  }

  /** Two changes of outcome are one too many. */
  async #flap(): Promise<void> {
    const flag = `${this.folder}/flag`;
    const results = async () => (await this.run("bgp-lb services flapping")).stdout;
    for (const present of [false, true, false, true]) {
      if (present) Deno.writeTextFileSync(flag, "");
      else Deno.removeSync(flag);
      const before = await results();
      await this.run("bgp-lb check-now flapping");
      await eventually(results, (text) => text !== before, "a probe of flapping");
    }
  }
}
