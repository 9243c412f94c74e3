// The agent as its users start it, announce-only on loopback, against the lab's small router.
import assert from "node:assert/strict";
import { LabRouter } from "../lab/lab_router.ts";
import { agentArguments, AgentProcess } from "../support/agent.ts";
import { freePort } from "../support/raw_peer.ts";
import { Process } from "../support/process.ts";
import { PATIENCE_MS, until } from "../support/until.ts";

const PREFIX = "10.99.0.1/32";
const LIMIT_MS = PATIENCE_MS;

/** A router, a web server that passes checks, and a configuration file that is removed at the end. */
class Scene implements AsyncDisposable {
  readonly router = new LabRouter({
    address: "127.0.0.2",
    as: 65512,
    routerID: "127.0.0.2",
    prefix: PREFIX,
    nextHopPort: 1,
  });
  readonly backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ok"));
  readonly #folder = Deno.makeTempDirSync();
  #files = 0;

  /** The path of a new file with this content. */
  file(content: unknown): string {
    const path = `${this.#folder}/config-${++this.#files}.json`;
    Deno.writeTextFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  }

  /** Our own format; `rest` replaces top-level keys. */
  config(rest: Readonly<Record<string, unknown>> = {}): string {
    return this.file({
      network: { setup: false },
      http: { listen: "" },
      control: { socket: "" },
      bgp: {
        local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
        peers: [{ address: "127.0.0.2", as: 65512, port: this.router.bgpPort }],
      },
      services: [{
        name: "web",
        addresses: ["10.99.0.1"],
        checks: [{ type: "http", port: this.backend.addr.port, interval: "100ms", timeout: "10s", rise: 1 }],
        stop: { converge: "20s" },
      }],
      ...rest,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.router[Symbol.dispose]();
    await this.backend.shutdown();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("the agent announces a healthy service, and SIGTERM withdraws it, says Cease and ends with 0", async () => {
  await using scene = new Scene();
  await using agent = new AgentProcess(["--config", scene.config()]);
  await scene.router.until(PREFIX, ["127.0.0.1"], LIMIT_MS);
  agent.signal("SIGTERM");
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
  await scene.router.until(PREFIX, [], LIMIT_MS);
  // The agent may be gone before the router has read its last words.
  const words = () => scene.router.log.join("\n");
  await until(() => words().includes("Cease/Administrative Shutdown: stopped by SIGTERM"), words);
});

Deno.test("the agent withdraws when the application fails, and announces it again when it is back", async () => {
  await using scene = new Scene();
  let healthy = true;
  const application = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(null, { status: healthy ? 204 : 503 }),
  );
  const checks = [{
    type: "http",
    port: application.addr.port,
    interval: "100ms",
    timeout: "10s",
    rise: 1,
    fall: 2,
  }];
  const services = [{ name: "web", addresses: ["10.99.0.1"], checks }];
  await using agent = new AgentProcess(["--config", scene.config({ services })]);
  await scene.router.until(PREFIX, ["127.0.0.1"], LIMIT_MS);
  healthy = false;
  await scene.router.until(PREFIX, [], LIMIT_MS);
  assert.match(await agent.said('"withdraw"'), /2 consecutive failures, the last one: status 503/);
  healthy = true;
  await scene.router.until(PREFIX, ["127.0.0.1"], LIMIT_MS);
  await application.shutdown();
});

Deno.test("the agent runs the reference's configuration and flags unchanged (CONTRACT The reference's format)", async () => {
  await using scene = new Scene();
  const file = scene.file({
    bgp: {
      local: { routerID: "127.0.0.3", as: 65512, listenPort: 10179 },
      peers: [{ address: "127.0.0.2", as: 65512 }],
    },
    service: {
      name: "matchbox",
      ip: "10.99.0.1",
      prefixLength: 32,
      ports: [{ servicePort: 80, targetLocalPort: 8080 }, { servicePort: 443, targetLocalPort: 8443 }],
      httphealthcheck: { path: "/healthz", port: scene.backend.addr.port, scheme: "http" },
    },
  });
  const flags = [
    "-network-setup=false",
    `-metrics-address=127.0.0.1:${await freePort()}`,
    "-log-level",
    "debug",
    "--control-socket=",
  ];
  await using agent = new AgentProcess(["-config", file, ...flags]);
  // The reference has no port for a peer and port 179 is not ours to listen on here: the attempt is what can be seen.
  assert.match(await agent.said("cannot connect to 127.0.0.2 port 179"), /refused/);
  assert.match(await agent.said('"announce"'), /status 200/);
  agent.signal("SIGINT");
  assert.equal((await agent.exited).code, 0);
});

Deno.test("SIGHUP reads the file again, and SIGINT ends as SIGTERM does", async () => {
  await using scene = new Scene();
  await using agent = new AgentProcess(["--config", scene.config()]);
  await scene.router.until(PREFIX, ["127.0.0.1"], LIMIT_MS);
  agent.signal("SIGHUP");
  assert.match(await agent.said("configuration unchanged"), /it is the running one/);
  agent.signal("SIGINT");
  assert.equal((await agent.exited).code, 0);
});

Deno.test("SIGUSR2 hands over: the session closes without NOTIFICATION (RFC 4724)", async () => {
  await using scene = new Scene();
  await using agent = new AgentProcess(["--config", scene.config()]);
  await scene.router.until(PREFIX, ["127.0.0.1"], LIMIT_MS);
  agent.signal("SIGUSR2");
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
  await scene.router.until(PREFIX, [], LIMIT_MS);
  assert.doesNotMatch(scene.router.log.join("\n"), /Cease/);
});

Deno.test("what keeps the agent from starting is said with its cure, with the exit status for it", async () => {
  await using scene = new Scene();
  const port = scene.backend.addr.port;
  const local = { routerID: "127.0.0.1", as: 65512, listenPort: port, listenAddresses: ["127.0.0.1"] };
  const rows: readonly (readonly [string, number, RegExp])[] = [
    [
      scene.config({ bgp: { local, peers: [{ address: "127.0.0.2", as: 65512 }] } }),
      3,
      /cannot listen on 127\.0\.0\.1 port \d+.*in use/,
    ],
    [
      scene.config({ services: [{ name: "web", addresses: ["10.99.0.1"], chekcs: [] }] }),
      2,
      /config-\d\.json:1:\d+: .*chekcs/,
    ],
    [scene.file("{"), 2, /config-\d\.json:1:\d+/],
    [scene.file(""), 2, /is empty/],
  ];
  for (const [file, code, words] of rows) {
    await using agent = new AgentProcess(["--config", file]);
    assert.equal((await agent.exited).code, code, String(words));
    assert.match(agent.lines.join("\n"), words);
  }
});

Deno.test("no debugger listens, whatever NODE_OPTIONS says, with FFI and without it (S1)", async () => {
  await using scene = new Scene();
  for (
    const flags of [
      agentArguments(),
      agentArguments().filter((flag) => !flag.startsWith("--allow-ffi")),
    ]
  ) {
    const port = await freePort();
    const lines: string[] = [];
    await using agent = new Process({
      command: Deno.execPath(),
      args: [...flags, "--config", scene.config()],
      env: { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` },
      onLine: ({ text }) => void lines.push(text),
    });
    await until(() => lines.some((line) => line.includes(`"message":"running"`)), () => lines.join("\n"));
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
    assert.deepEqual(lines.filter((line) => !line.startsWith("{")), []);
    assert.deepEqual(await agent.stop("SIGUSR2", LIMIT_MS), { code: 0, signal: null });
  }
});

Deno.test("the agent works on and stops in order where nobody reads its log and the pipe is full", async () => {
  await using scene = new Scene();
  const fifo = scene.file("").replace(".json", ".fifo");
  const script =
    `mkfifo "$0"; exec 9<>"$0"; dd if=/dev/zero bs=65536 count=1 >&9 2>/dev/null; exec "$@" 2>&9`;
  const agent = new Deno.Command("sh", {
    args: ["-c", script, fifo, Deno.execPath(), ...agentArguments(), "--config", scene.config()],
    stdin: "null",
  }).spawn();
  await scene.router.until(PREFIX, ["127.0.0.1"], LIMIT_MS);
  agent.kill("SIGTERM");
  await scene.router.until(PREFIX, [], LIMIT_MS);
  assert.equal((await agent.status).code, 0);
});
