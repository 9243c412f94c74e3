/**
 * What health checks cost: CPU time of the agent as it is deployed for each probe of each kind, over a new connection each,
 * with backends in a process of their own; and how soon after a failed probe is seen its verdict is told.
 * `… tests/bench/health_bench.ts [SECONDS] [KIND]…`
 */
import { httpCheckConfig } from "../support/config.ts";
import { Check } from "../../src/health/check.ts";
import { createProbe } from "../../src/health/create_probe.ts";
import { probePorts } from "../integration/health_servers.ts";
import { systemClock } from "../../src/time/clock.ts";
import { Process, run } from "../support/process.ts";
import { freePort } from "../support/raw_peer.ts";
import { until } from "../support/until.ts";
import { Backends } from "./backends.ts";
import { Deployment } from "./deployed_agent.ts";
import { type KindPlace, MEASURED_KINDS, type MeasuredKind } from "./health_kinds.ts";
import { cpuSeconds, memory } from "./process_figures.ts";
import { TimedPeer } from "./timed_peer.ts";
import { serviceNumber } from "./watched_agent.ts";

const TIMING = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 1000, rise: 1, fall: 1 } as const;
const PEER = "127.0.0.2";
/** At most: fewer where fewer probes come in a second. */
const CHECKS = 200;
const SETTLE_MS = 4000;
const NAME_WIDTH = 12;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Probes so far, by result. */
async function probes(metricsPort: number): Promise<{ readonly pass: number; readonly other: number }> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const counts = { pass: 0, other: 0 };
  for (const [, result, count] of text.matchAll(/^bgp_lb_probes_total\{.*result="(\w+)".*\} (\d+)$/gm)) {
    counts[result === "pass" ? "pass" : "other"] += Number(count);
  }
  return counts;
}

async function measureKind(
  kind: MeasuredKind,
  { deployment, place, seconds }: {
    readonly deployment: Deployment;
    readonly place: KindPlace;
    readonly seconds: number;
  },
): Promise<string> {
  await using peer = await TimedPeer.listen(PEER);
  const count = Math.min(CHECKS, kind.perSecond);
  const metricsPort = await freePort();
  const interval = `${1000 * count / kind.perSecond}ms`;
  const file = await deployment.file({
    network: { setup: false },
    http: { listen: `127.0.0.1:${metricsPort}` },
    control: { socket: "" },
    log: { level: "warning" },
    bgp: {
      local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
      peers: [{ address: PEER, as: 65512, port: peer.port }],
    },
    services: Array.from({ length: count }, (_, index) => ({
      name: `s${index}`,
      addresses: [serviceNumber(index)],
      checks: [{ interval, timeout: "2s", ...kind.check(place) }],
      stop: { converge: "0s", quiesce: "0s" },
    })),
  });
  const { command, args, env } = deployment.command("check", file);
  const { code, stderr } = await run(command, args, { env });
  if (code !== 0) return `refused: ${stderr.split("\n")[0]?.replace(/^\S+ /, "")}`;
  await using agent = new Process(deployment.command("--config", file));
  await pause(SETTLE_MS);
  const [before, cpu, sinceMs] = [await probes(metricsPort), await cpuSeconds(agent.pid), performance.now()];
  await pause(seconds * 1000);
  const used = await cpuSeconds(agent.pid) - cpu;
  const after = await probes(metricsPort);
  const tookSeconds = (performance.now() - sinceMs) / 1000;
  const [passed, others] = [after.pass - before.pass, after.other - before.other];
  return `${(used * 1e6 / (passed + others)).toFixed(0).padStart(6)} µs of CPU a probe, ` +
    `${((passed + others) / tookSeconds).toFixed(0)} a second, ${others} of ${
      passed + others
    } did not pass, ` +
    `RSS ${(await memory(agent.pid)).all.toFixed(1)} MiB`;
}

/** How long after a failed probe is seen its verdict is told, in microseconds; the sample is sorted. */
async function measureVerdicts(port: number): Promise<readonly number[]> {
  const config = httpCheckConfig({ port, ...TIMING, intervalMs: 100 });
  const lags: number[] = [];
  for (let round = 0; round < 200; round++) {
    using check = new Check({
      name: "http-1",
      config,
      probe: createProbe(config, probePorts()),
      clock: systemClock,
      target: { type: "service", service: "web" },
      onVerdict: ({ seenMs }) => lags.push((systemClock.now() - seenMs) * 1000),
    });
    check.start();
    await until(() => check.status().verdict !== "unknown");
  }
  return lags.sort((a, b) => a - b);
}

function quantile(sorted: readonly number[], part: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(2);
}

const [seconds = "10", ...names] = Deno.args;
await using deployment = await Deployment.make();
await using backends = await Backends.start(deployment.folder);
const { folder } = deployment;
const pidFile = `${folder}/backends.pid`;
await Deno.writeTextFile(pidFile, `${backends.pid}\n`);
const place = { ...backends.ports, caFile: backends.caFile, folder, pidFile };
for (const kind of MEASURED_KINDS) {
  if (names.length > 0 && !names.includes(kind.name)) continue;
  const words = await measureKind(kind, { deployment, place, seconds: Number(seconds) });
  console.log(`${kind.name.padEnd(NAME_WIDTH)} ${words}`);
}
const lags = await measureVerdicts(9);
console.log(
  `failed probe seen → verdict told: p50 ${quantile(lags, 0.5)} µs, p99 ${quantile(lags, 0.99)} µs`,
);
