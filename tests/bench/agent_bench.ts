/**
 * The whole agent on loopback, announce-only, against the lab's small router: start to Established, a probe's failure
 * to the UPDATE on the socket, and what it costs to sit idle with 1 and with 100 services probed every second.
 */
import { Agent } from "../../src/agent/agent.ts";
import { denoTransport } from "../../src/bgp/transport/transport_deno.ts";
import { EventStream } from "../../src/events/stream.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { systemClock } from "../../src/time/clock.ts";
import { LabRouter } from "../lab/lab_router.ts";
import { agentArguments } from "../support/agent.ts";
import { address } from "../support/bgp.ts";
import { config, httpCheckConfig, internalPeer, serviceConfig } from "../support/config.ts";
import { sidePorts } from "../support/side_ports.ts";

const STARTS = 5;
const FAILURES = 200;
const IDLE_SECONDS = 20;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
const worst = (values: readonly number[]) => Math.max(...values);
const milliseconds = (value: number) => `${value.toFixed(2)} ms`;

function print(line: string): void {
  console.log(line);
}

function router(): LabRouter {
  return new LabRouter({
    address: "127.0.0.2",
    as: 65512,
    routerID: "127.0.0.2",
    prefix: "10.99.0.0/32",
    nextHopPort: 1,
  });
}

/** A configuration file of `count` services, each with an HTTP check every second. */
function configFile(bgpPort: number, checkPort: number, httpPort: number, count: number): string {
  return JSON.stringify({
    network: { setup: false },
    http: { listen: `127.0.0.1:${httpPort}` },
    control: { socket: "" },
    bgp: {
      local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
      peers: [{ address: "127.0.0.2", as: 65512, port: bgpPort }],
    },
    services: Array.from({ length: count }, (_, index) => ({
      name: `s${index}`,
      addresses: [`10.99.0.${index}`],
      checks: [{ type: "http", address: "127.0.0.1", port: checkPort, interval: "1s" }],
    })),
  });
}

/** A port that is free now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** An agent process of `entry`, from its start to its end. */
async function withAgent(
  entry: string,
  count: number,
  use: (http: string, peer: LabRouter, startedMs: number) => Promise<void>,
): Promise<void> {
  using peer = router();
  const backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ok"));
  const httpPort = freePort();
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(file, configFile(peer.bgpPort, backend.addr.port, httpPort, count));
  const startedMs = Date.now();
  const agent = new Deno.Command(Deno.execPath(), {
    args: [...agentArguments(entry), "--config", file],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await use(`http://127.0.0.1:${httpPort}`, peer, startedMs);
  } finally {
    agent.kill("SIGTERM");
    await agent.status;
    await backend.shutdown();
    await Deno.remove(file);
  }
}

async function figure(http: string, name: string): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
}

async function start(): Promise<void> {
  const established: number[] = [];
  const announced: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    await withAgent("main.ts", 1, async (http, peer, startedMs) => {
      const route = await peer.until("10.99.0.0/32", ["127.0.0.1"], 20_000);
      announced.push(route.atMs - startedMs);
      const status = await (await fetch(`${http}/api/v1/status`)).json();
      established.push(Date.parse(status.peers[0].since) - startedMs);
    });
  }
  print(`exec to Established, waiting peer:       median ${median(established)} ms of ${STARTS}`);
  print(
    `exec to the route at the peer (rise 2):  median ${
      median(announced)
    } ms of ${STARTS}, first probe included`,
  );
}

async function failureToUpdate(): Promise<void> {
  using peer = router();
  const sent: number[] = [];
  const events = new EventStream(systemClock);
  events.subscribe("bench", (event) => {
    if (event.kind === "updates-sent" && event.withdrawn > 0) sent.push(event.at);
  });
  let answer: (outcome: ProbeOutcome) => void = () => {};
  const local = { ...config().bgp.local, routerID: address("127.0.0.1") };
  const agent = new Agent(
    config({
      network: { setup: false, ipvs: false },
      bgp: { local, peers: [internalPeer({ address: address("127.0.0.2"), port: peer.bgpPort })] },
      services: [serviceConfig({ checks: [httpCheckConfig({ intervalMs: 600_000, timeoutMs: 600_000 })] })],
    }),
    {
      version: "bench",
      clock: systemClock,
      random: () => 0,
      events,
      transport: denoTransport(),
      kernel: undefined,
      probe: () => ({ run: () => new Promise((resolve) => answer = resolve) }),
      ...sidePorts(),
      interfaces: () => [],
      processFigures: () => ({ residentMemoryBytes: 0, cpuSeconds: 0, startTimeSeconds: 0 }),
    },
  );
  await agent.start();
  const delays: number[] = [];
  for (let round = 0; round < FAILURES; round++) {
    for (const pass of [true, false]) {
      agent.checkNow();
      const seenMs = performance.now();
      answer({ kind: pass ? "pass" : "fail", detail: "bench" });
      await peer.until("10.99.0.1/32", pass ? ["127.0.0.1"] : [], 5_000);
      if (!pass) delays.push((sent.at(-1) ?? NaN) - seenMs);
    }
  }
  await agent.stop("bench");
  print(
    `probe failure seen to UPDATE on the socket: median ${milliseconds(median(delays))}, ` +
      `worst ${milliseconds(worst(delays))} of ${FAILURES}`,
  );
}

async function idle(entry: string): Promise<void> {
  // The first run of a program leaves the code cache that every later one starts with.
  await withAgent(
    entry,
    1,
    async (_http, peer) => void await peer.until("10.99.0.0/32", ["127.0.0.1"], 20_000),
  );
  for (const count of [1, 100]) {
    await withAgent(entry, count, async (http, peer) => {
      await peer.until(`10.99.0.${count - 1}/32`, ["127.0.0.1"], 20_000);
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      const before = await figure(http, "process_cpu_seconds_total");
      await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
      const cpu = await figure(http, "process_cpu_seconds_total") - before;
      const rss = await figure(http, "process_resident_memory_bytes");
      print(
        `idle, ${entry}, ${String(count).padStart(3)} services probed each second: RSS ${
          (rss / 2 ** 20).toFixed(0)
        } MiB, ` +
          `CPU ${(cpu * 60 / IDLE_SECONDS).toFixed(2)} s a minute`,
      );
    });
  }
}

await start();
await failureToUpdate();
await idle("main.ts");
const bundled = await new Deno.Command(Deno.execPath(), {
  args: ["task", "--quiet", "bundle"],
  stdin: "null",
}).spawn().status;
if (bundled.success) await idle("dist/bgp-lb.js");
