/**
 * One agent, as it is shipped, with a hostile target for every kind of check and every attack at once, and beside them well
 * services of each kind, a router and a reader of the API: each hostile check says what was wrong, and nothing else notices.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { z } from "zod";
import { AgentProcess } from "../support/agent.ts";
import { startGrpcServer } from "../support/grpc_server.ts";
import { HearingPeer } from "../support/hearing_peer.ts";
import { runOrThrow } from "../support/process.ts";
import { freePort, RawListener } from "../support/raw_peer.ts";
import { Scripts } from "../support/scripts.ts";
import { eventually, PATIENCE_MS, until, within } from "../support/until.ts";
import { answer, Certificates, RawServer } from "./health_servers.ts";
import { detailOf, type HostileCheck, hostileChecks, startHostile } from "./hostile_checks.ts";

const BEAT_MS = 200;
/** A hundred handshakes at once are as much as two cores do in a good part of a second. */
const HOSTILE = { interval: "2s", timeout: "2s", fall: 1 } as const;
const ROUNDS = 3;
const ASK_MS = 100;
/** A program that starts takes its time where many others want the processor; a check that is held up by others has none. */
const LEAST_PART = 0.1;
/** Beside what the same agent has without the hostile ones; what was in use once is not all given back. */
const GROWTH_KIB = 100 * 1024;
const MOST_KIB = 300 * 1024;
/** Sockets of the API's readers, and of a probe that is under way. */
const DESCRIPTORS = 8;
const STOP_MS = 10_000;

const result = z.object({ result: z.string(), detail: z.string() });
const check = z.object({
  name: z.string(),
  verdict: z.string(),
  passes: z.number(),
  failures: z.number(),
  unknowns: z.number(),
  fault: z.string().optional(),
  recent: z.array(result),
});
const status = z.object({ services: z.array(z.object({ name: z.string(), checks: z.array(check) })) });

type CheckRow = z.infer<typeof check> & { readonly service: string };

Deno.test("hostile targets of every kind, all at once: each is told, and nothing else notices", async () => {
  await using scene = await Scene.start();
  const { agent, peer } = scene;
  const wellPrefixes = scene.well.map((_, index) => `10.99.${index}.1/32`);
  await until(
    () => wellPrefixes.every((prefix) => peer.table.has(prefix)),
    () => `${[...peer.table].join(" ")}\n${agent.lines.join("\n")}`,
  );
  const before = await scene.figures();

  await scene.configure(true);
  const hostileOf = (rows: readonly CheckRow[]) => rows.filter(({ service }) => service.startsWith("bad"));
  const results = ({ passes, failures, unknowns }: CheckRow) => passes + failures + unknowns;
  const first = await scene.checksWhere(
    (rows) =>
      hostileOf(rows).length === scene.hostile.length && hostileOf(rows).every((row) => results(row) >= 1),
    "each hostile check has a result",
  );
  const startMs = performance.now();
  const told = new Set<string>();
  const isTold = (row: CheckRow) => {
    const name = scene.nameOf(row);
    const says = row.recent.some(({ result, detail }) => detailOf(name).test(`${result}: ${detail}`));
    if (says) told.add(name);
    return told.has(name);
  };
  const rows = await scene.checksWhere(
    (now) => hostileOf(now).filter((row) => !isTold(row) || results(row) < ROUNDS).length === 0,
    "each hostile check has some results, and says what is wrong",
    (now) =>
      hostileOf(now).filter((row) => !isTold(row)).map((row) =>
        `${scene.nameOf(row)}: ${row.recent.map(({ result, detail }) => `${result}: ${detail}`).join(" | ")}`
      ).join("\n"),
  );
  const beats = (performance.now() - startMs) / BEAT_MS;

  for (const row of hostileOf(rows)) {
    assert.equal(row.fault, undefined, scene.nameOf(row));
    for (const { result, detail } of row.recent) {
      // A machine that is busy may let anything time out, and what the process did not see says nothing.
      if (result === "unknown" || /^timed out after 2000 ms /.test(detail)) continue;
      assert.match(`${result}: ${detail}`, detailOf(scene.nameOf(row)), scene.nameOf(row));
    }
  }
  for (const { service, name, passes, failures, verdict } of rows.filter((row) => !hostileOf([row]).length)) {
    assert.deepEqual([verdict, failures], ["healthy", 0], `${service} ${name}`);
    const earlier = first.find((row) => row.service === service && row.name === name)?.passes ?? 0;
    assert.ok(
      passes - earlier >= beats * LEAST_PART,
      `${service}: ${passes - earlier} passes in ${beats} beats`,
    );
  }
  const during = await scene.figures();
  assert.ok(during.residentKiB < MOST_KIB, `${during.residentKiB} KiB`);

  await scene.configure(false);
  await scene.checksWhere((now) => hostileOf(now).length === 0, "the hostile checks are gone");
  const after = await eventually(
    () => scene.figures(),
    ({ descriptors, children }) => descriptors <= before.descriptors + DESCRIPTORS && children <= 1,
    "descriptors and children as before",
  );
  const grown = after.residentKiB - before.residentKiB;
  console.log(
    `${scene.hostile.length} hostile checks: ${before.residentKiB} → ${during.residentKiB} → ${after.residentKiB} KiB, ` +
      `${before.descriptors} → ${during.descriptors} → ${after.descriptors} descriptors, ${
        beats.toFixed(0)
      } beats`,
  );
  assert.ok(grown < GROWTH_KIB, `${grown} KiB more`);
  const lost = peer.told.filter(({ prefix, what }) => what === "withdrawn" && wellPrefixes.includes(prefix));
  assert.deepEqual([lost, peer.sessions], [[], 1]);

  agent.signal("SIGTERM");
  assert.deepEqual(await within(agent.exited, "the end", STOP_MS), { code: 0, signal: null });
  for (const pid of scene.scripts.lines("pids")) {
    await until(() => !runs(Number(pid)), () => `${pid} of an exec check runs`);
  }
});

function runs(pid: number): boolean {
  try {
    // The one signal that an idle process does not notice.
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

/** An agent, its router, well servers of each kind, and the hostile ones. */
class Scene implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #file: string;
  readonly #httpPort: number;
  readonly #bgpPort: number;

  private constructor(
    stack: AsyncDisposableStack,
    places: { readonly file: string; readonly httpPort: number; readonly bgpPort: number },
    readonly scripts: Scripts,
    readonly peer: HearingPeer,
    readonly well: readonly unknown[],
    readonly hostile: readonly HostileCheck[],
    readonly agent: AgentProcess,
  ) {
    this.#stack = stack;
    [this.#file, this.#httpPort, this.#bgpPort] = [places.file, places.httpPort, places.bgpPort];
  }

  static async start(): Promise<Scene> {
    await using starting = new AsyncDisposableStack();
    const bgpPort = await freePort();
    const certificates = starting.use(new Certificates());
    const scripts = starting.use(new Scripts());
    const tls = await certificates.selfSigned();
    const hostile = starting.use(await startHostile(tls.certFile.replace(/pem$/, "key"), tls.certFile));
    const listener = starting.use(await RawListener.at("127.0.0.2", bgpPort));
    const peer = starting.use(new HearingPeer(listener, 2));
    const well = await wellChecks(starting, scripts, tls);
    const places = { file: `${scripts.folder}/config.json`, httpPort: await freePort(), bgpPort };
    const checks = hostileChecks(hostile.ports, scripts);
    Deno.writeTextFileSync(places.file, configText(places.httpPort, bgpPort, well, []));
    const agent = starting.use(new AgentProcess(["--config", places.file]));
    return new Scene(starting.move(), places, scripts, peer, well, checks, agent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Reloads, with the hostile ones or without. */
  async configure(withHostile: boolean): Promise<void> {
    const hostile = withHostile ? this.hostile : [];
    await Deno.writeTextFile(this.#file, configText(this.#httpPort, this.#bgpPort, this.well, hostile));
    this.agent.signal("SIGHUP");
  }

  /** What a check of the hostile ones is. */
  nameOf({ service }: CheckRow): string {
    return this.hostile[Number(service.slice("bad-".length))]?.name ?? service;
  }

  /** The checks as the API tells them, once they are as is wanted; it answers all the while. */
  async checksWhere(
    passes: (rows: readonly CheckRow[]) => boolean,
    what: string,
    describe: (rows: readonly CheckRow[]) => string = () => "",
  ): Promise<readonly CheckRow[]> {
    const limitMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const rows = await this.#checks();
      if (passes(rows)) return rows;
      if (performance.now() > limitMs) assert.fail(`not yet: ${what}\n${describe(rows)}`);
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  }

  async #checks(): Promise<readonly CheckRow[]> {
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}/api/v1/status`);
    const { services } = status.parse(await response.json());
    return services.flatMap(({ name, checks }) => checks.map((each) => ({ ...each, service: name })));
  }

  /** What the agent has of the host. */
  async figures() {
    const { pid } = this.agent;
    const [residentKiB, descriptors, children] = await Promise.all([
      runOrThrow("sh", ["-c", `grep VmRSS /proc/${pid}/status | tr -dc 0-9`]),
      runOrThrow("sh", ["-c", `ls /proc/${pid}/fd | wc -l`]),
      runOrThrow("sh", ["-c", `cat /proc/${pid}/task/*/children | wc -w`]),
    ]);
    return { residentKiB: Number(residentKiB), descriptors: Number(descriptors), children: Number(children) };
  }
}

function configText(
  httpPort: number,
  bgpPort: number,
  well: readonly unknown[],
  hostile: readonly HostileCheck[],
): string {
  const service = (name: string, address: string, check: unknown, rest: Record<string, unknown>) => ({
    name,
    addresses: [address],
    checks: [{ interval: `${BEAT_MS}ms`, rise: 1, ...rest, ...Object(check) }],
    stop: { converge: 0 },
  });
  return JSON.stringify({
    network: { setup: false },
    http: { listen: `127.0.0.1:${httpPort}` },
    control: { socket: "" },
    log: { level: "warning" },
    bgp: {
      local: { routerID: "127.0.0.1", as: 65_001, listenPort: -1 },
      peers: [{ address: "127.0.0.2", as: 65_002, port: bgpPort }],
    },
    services: [
      ...well.map((check, index) =>
        service(`well-${index}`, `10.99.${index}.1`, check, { timeout: "10s", fall: 1 })
      ),
      ...hostile.map(({ check }, index) => service(`bad-${index}`, `10.98.${index}.1`, check, HOSTILE)),
    ],
  });
}

async function wellChecks(
  stack: AsyncDisposableStack,
  scripts: Scripts,
  tls: { readonly key: string; readonly cert: string; readonly certFile: string },
): Promise<readonly unknown[]> {
  const ok = answer("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell");
  const http = stack.use(new RawServer(ok));
  const https = stack.use(new RawServer(ok, { tls }));
  const greeter = stack.use(
    new RawServer(async (connection) => {
      await connection.write(new TextEncoder().encode("220 mail.example\r\n"));
    }),
  );
  const grpc = stack.use(await startGrpcServer());
  const echo = createSocket("udp4");
  echo.on("message", (octets, { port, address }) => echo.send(octets, port, address));
  await new Promise<void>((resolve) => echo.bind(0, "127.0.0.1", resolve));
  stack.defer(() => new Promise<void>((resolve) => echo.close(resolve)));
  const application = new Deno.Command("sleep", { args: ["1000"] }).spawn();
  stack.defer(async () => {
    application.kill("SIGKILL");
    await application.status;
  });
  const pidFile = `${scripts.folder}/application.pid`;
  Deno.writeTextFileSync(pidFile, `${application.pid}\r\n`);
  return [
    { type: "http", port: http.port, body: { contains: "well" } },
    { type: "http", scheme: "https", port: https.port, caFile: tls.certFile },
    { type: "tls", port: https.port, caFile: tls.certFile },
    { type: "tcp", port: greeter.port, expect: "220 ", tripwire: false },
    { type: "grpc", port: grpc.port, service: "shop" },
    { type: "udp", port: echo.address().port, send: "x", expect: "x" },
    { type: "ping", addresses: ["127.0.0.1"] },
    { type: "exec", command: ["/bin/true"] },
    { type: "file", path: pidFile },
    { type: "process", pidFile, tripwire: true },
  ];
}
