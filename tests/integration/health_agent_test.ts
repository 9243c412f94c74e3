/** Checks of the agent as its users start it, with the permissions of its task: TLS in any environment, names without a resolver, no descriptors. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { LabRouter } from "../lab/lab_router.ts";
import { AgentProcess } from "../support/agent.ts";
import { startGrpcServer } from "../support/grpc_server.ts";
import { runOrThrow } from "../support/process.ts";
import { freePort } from "../support/raw_peer.ts";
import { PATIENCE_MS, until, within } from "../support/until.ts";
import { answer, Certificates, RawServer } from "./health_servers.ts";

const OK = answer("HTTP/1.1 200 OK\r\n\r\n");
/** Checks often, and takes no slow machine for a fault of the backend's. */
const PATIENT = { interval: "100ms", timeout: "10s", rise: 1 } as const;
/** Where a resolver is that never answers. */
const SILENT_RESOLVER = "127.88.53.1";

interface Service {
  readonly name: string;
  readonly address: string;
  readonly checks: readonly unknown[];
}

/** A router, a folder for files, and the agent's figures. */
class Scene implements AsyncDisposable {
  readonly router = new LabRouter({
    address: "127.0.0.2",
    as: 65512,
    routerID: "127.0.0.2",
    prefix: "10.99.0.1/32",
    nextHopPort: 1,
  });
  readonly certificates = new Certificates();
  #httpPort = 0;

  async config(services: readonly Service[]): Promise<string> {
    const path = `${this.certificates.folder}/config.json`;
    this.#httpPort = await freePort();
    await Deno.writeTextFile(
      path,
      JSON.stringify({
        network: { setup: false },
        http: { listen: `127.0.0.1:${this.#httpPort}` },
        control: { socket: "" },
        bgp: {
          local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
          peers: [{ address: "127.0.0.2", as: 65512, port: this.router.bgpPort }],
        },
        services: services.map(({ name, address, checks }) => ({
          name,
          addresses: [address],
          checks: checks.map((check) => ({ ...PATIENT, ...Object(check) })),
          stop: { converge: 0 },
        })),
      }),
    );
    return path;
  }

  /** Counts of probes by service and result, of those that there were. */
  async probes(): Promise<Readonly<Record<string, number>>> {
    const text = await (await fetch(`http://127.0.0.1:${this.#httpPort}/metrics`)).text();
    const counts: Record<string, number> = {};
    const rows = text.matchAll(/^bgp_lb_probes_total\{service="([^"]*)",.*result="(\w+)"\} ([1-9]\d*)$/gm);
    for (const [, service, result, count] of rows) {
      counts[`${service} ${result}`] = (counts[`${service} ${result}`] ?? 0) + Number(count);
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.router[Symbol.dispose]();
    await this.certificates[Symbol.asyncDispose]();
  }
}

Deno.test("the agent checks by TLS, verified or not, whatever variables there are (S2, C11)", async () => {
  await using scene = new Scene();
  const tls = await scene.certificates.selfSigned({ ca: true });
  await using server = new RawServer(OK, { tls });
  const proxied: string[] = [];
  await using proxy = new RawServer(async (connection) => {
    const octets = new Uint8Array(4096);
    proxied.push(new TextDecoder().decode(octets.subarray(0, await connection.read(octets) ?? 0)));
  });
  const https = { type: "http", scheme: "https", port: server.port };
  const config = await scene.config([
    { name: "careless", address: "10.99.0.1", checks: [{ ...https, insecureSkipVerify: true }] },
    { name: "careful", address: "10.99.0.2", checks: [{ ...https, caFile: tls.certFile }] },
    {
      name: "named",
      address: "10.99.0.3",
      checks: [{ ...https, caFile: tls.certFile, address: "localhost" }],
    },
    { name: "untrusted", address: "10.99.0.4", checks: [https] },
  ]);
  const proxies = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
  const env = {
    ...Object.fromEntries(proxies.map((name) => [name, `http://127.0.0.1:${proxy.port}`])),
    NODE_EXTRA_CA_CERTS: tls.certFile,
    SSL_CERT_FILE: "/nowhere/ca.pem",
    SSL_CERT_DIR: "/nowhere",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    NODE_OPTIONS: "--use-system-ca",
    DENO_TLS_CA_STORE: "mozilla",
  };
  await using agent = new AgentProcess(["--config", config], { env });
  for (const address of ["10.99.0.1", "10.99.0.2", "10.99.0.3"]) {
    await scene.router.until(`${address}/32`, ["127.0.0.1"], PATIENCE_MS);
  }
  await agent.said("certificate is not from a trusted issuer: add the CA to the host's store");
  const { "untrusted pass": passed = 0, "untrusted fail": failed = 0, ...others } = await scene.probes();
  assert.deepEqual([passed, failed > 0], [0, true]);
  // The process may have stood still while it loaded what TLS takes: that is unknown, and never a failure.
  const told = Object.keys(others).filter((name) => !name.endsWith(" unknown")).sort();
  assert.deepEqual(told, ["careful pass", "careless pass", "named pass"]);
  // The runtime itself may ask whether there is a newer one.
  assert.deepEqual(proxied.filter((request) => /127\.0\.0\.1|localhost/.test(request)), []);
  agent.signal("SIGTERM");
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
});

Deno.test("the agent checks by tcp, udp and gRPC, and withdraws in their words", async () => {
  await using scene = new Scene();
  await using greeter = new RawServer(async (connection) => {
    await connection.write(new TextEncoder().encode("220 mail.example\r\n"));
  });
  await using health = await startGrpcServer();
  const echo = createSocket("udp4");
  echo.on("message", (octets, { port, address }) => echo.send(octets, port, address));
  await new Promise<void>((resolve) => echo.bind(0, "127.0.0.1", resolve));
  const { port: echoPort } = echo.address();
  const config = await scene.config([
    { name: "mail", address: "10.99.0.1", checks: [{ type: "tcp", port: greeter.port, expect: "220 " }] },
    { name: "echo", address: "10.99.0.2", checks: [{ type: "udp", port: echoPort, send: "x", expect: "x" }] },
    { name: "shop", address: "10.99.0.3", checks: [{ type: "grpc", port: health.port, service: "shop" }] },
    { name: "bin", address: "10.99.0.4", checks: [{ type: "grpc", port: health.port, service: "bin" }] },
  ]);
  await using agent = new AgentProcess(["--config", config]);
  for (const address of ["10.99.0.1", "10.99.0.2", "10.99.0.3"]) {
    await scene.router.until(`${address}/32`, ["127.0.0.1"], PATIENCE_MS);
  }
  await agent.said("NOT_SERVING: bin");
  await new Promise<void>((resolve) => echo.close(resolve));
  await scene.router.until("10.99.0.2/32", [], PATIENCE_MS);
  await agent.said("port unreachable (ICMP)");
  agent.signal("SIGTERM");
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
});

Deno.test("while every name hangs, the rest of the agent goes on (S3)", async (t) => {
  const mount = await new Deno.Command("unshare", { args: ["--mount", "true"] }).output().catch(() =>
    undefined
  );
  if (mount?.success !== true) {
    await t.step({ name: "needs a mount namespace", ignore: true, fn: () => {} });
    return;
  }
  await using scene = new Scene();
  await using server = new RawServer(OK);
  const resolver = createSocket("udp4");
  let questions = 0;
  resolver.on("message", () => questions++);
  await new Promise<void>((resolve) => resolver.bind(53, SILENT_RESOLVER, resolve));
  const resolvConf = `${scene.certificates.folder}/resolv.conf`;
  await Deno.writeTextFile(resolvConf, `nameserver ${SILENT_RESOLVER}\noptions timeout:10 attempts:3\n`);
  const names = Array.from({ length: 60 }, (_, index) => ({
    type: "http",
    address: `host-${index}.example`,
    port: server.port,
    interval: "200ms",
    timeout: "5s",
  }));
  const config = await scene.config([
    { name: "names", address: "10.99.0.1", checks: names },
    { name: "web", address: "10.99.0.2", checks: [{ type: "http", port: server.port }] },
  ]);
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  await using agent = new AgentProcess(["--config", config], {
    within: ["unshare", "--mount", "sh", "-c", script, resolvConf],
  });
  await until(() => questions >= 32);
  await scene.router.until("10.99.0.2/32", ["127.0.0.1"], PATIENCE_MS);
  const { "web pass": before = 0 } = await scene.probes();
  let counts = await scene.probes();
  while ((counts["web pass"] ?? 0) < before + 30) counts = await scene.probes();
  assert.equal(counts["web fail"], undefined);
  assert.equal(counts["names pass"], undefined);
  assert.ok((counts["names unknown"] ?? 0) > 0, "those that must wait for others say so");
  const status = await runOrThrow("cat", [`/proc/${agent.pid}/status`]);
  const threads = Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]);
  assert.ok(threads < 24, `${threads} threads`);
  agent.signal("SIGTERM");
  assert.deepEqual(await within(agent.exited, "the end"), { code: 0, signal: null });
  await new Promise<void>((resolve) => resolver.close(resolve));
});

Deno.test("Deno.connect() to an address needs no thread of the blocking pool (S3)", async () => {
  await using server = new RawServer(OK);
  const libc = Deno.dlopen("libc.so.6", {
    // int eventfd(unsigned int initval, int flags)
    eventfd: { parameters: ["u32", "i32"], result: "i32" },
    // int poll(struct pollfd *fds, nfds_t nfds, int timeout)
    poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
    // ssize_t write(int fd, const void *buf, size_t count)
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    // int close(int fd)
    close: { parameters: ["i32"], result: "i32" },
  });
  const POLLIN = 1;
  const gate = libc.symbols.eventfd(0, 0);
  const watched = Int32Array.of(gate, POLLIN);
  const blocked = Array.from({ length: 40 }, () => libc.symbols.poll(watched, 1n, PATIENCE_MS));
  let [blockedEnded, statEnded] = [false, false];
  const anyBlocked = Promise.race(blocked).then(() => blockedEnded = true);
  const stat = Deno.stat(".").then(() => statEnded = true);
  for (let attempt = 0; attempt < 20; attempt++) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    assert.ok((await connection.read(new Uint8Array(100)) ?? 0) > 0);
  }
  assert.deepEqual([blockedEnded, statEnded], [false, false], "the pool was full all the while");
  libc.symbols.write(gate, new BigUint64Array([1n]), 8n);
  await Promise.all([...blocked, anyBlocked, stat]);
  libc.symbols.close(gate);
  libc.close();
});

Deno.test("a probe that finds no descriptor says nothing of its service (S5)", async () => {
  await using server = new RawServer(OK);
  const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    import { probePorts } from ${module("./health_servers.ts")};
    import { httpProbe } from ${module("../../src/health/kinds/http.ts")};
    import { httpCheckConfig } from ${module("../support/config.ts")};
    const run = (address) => httpProbe(httpCheckConfig({ address, port: ${server.port} }), probePorts())
      .run(new AbortController().signal, () => {});
    const outcomes = [await run("127.0.0.1")];
    const open = [];
    try {
      for (;;) open.push(await Deno.connect({ hostname: "127.0.0.1", port: ${server.port} }));
    } catch {}
    outcomes.push(await run("127.0.0.1"), await run("some.example"));
    for (const connection of open) connection.close();
    outcomes.push(await run("127.0.0.1"));
      console.log(JSON.stringify(outcomes));
    Deno.exit(0);`;
  const { stdout, stderr, code, signal } = await new Deno.Command("sh", {
    args: [
      "-c",
      'ulimit -n 64; exec "$0" "$@"',
      Deno.execPath(),
      "eval",
      "--no-lock",
      "--no-check",
      "--ext=ts",
      script,
    ],
  }).output();
  const text = new TextDecoder();
  assert.notEqual(stdout.length, 0, `status ${code}, ${signal}: ${text.decode(stderr)}`);
  const outcomes = JSON.parse(text.decode(stdout));
  const short = { kind: "unknown", detail: "this process has too many open files" };
  assert.deepEqual([outcomes[0], outcomes[1], outcomes[3]], [
    { kind: "pass", detail: "status 200" },
    short,
    { kind: "pass", detail: "status 200" },
  ]);
  assert.equal(outcomes[2].kind, "unknown", outcomes[2].detail);
});
