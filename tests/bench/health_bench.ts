/**
 * What health checks cost: CPU and memory of a process that probes nothing, one server, or a hundred times that
 * server every second over http, each time over a new connection; how late a beat is, and how soon after a failed
 * probe is seen its verdict is told. The server is a process of its own. `… tests/bench/health_bench.ts [SECONDS]`
 */
import process from "node:process";
import { httpCheckConfig } from "../support/config.ts";
import { Check } from "../../src/health/check.ts";
import { createProbe } from "../../src/health/create_probe.ts";
import { probePorts } from "../integration/health_servers.ts";
import { systemClock } from "../../src/time/clock.ts";
import { Process } from "../support/process.ts";
import { until } from "../support/until.ts";

const SETTLE_MS = 3000;
const TIMING = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 1000, rise: 1, fall: 1 } as const;
const SERVER =
  `Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(port) }, () => new Response("ok"));`;

/** Figures of one run. */
interface Figures {
  readonly cpuSecondsPerMinute: number;
  readonly rssMegabytes: number;
  readonly probes: number;
  readonly failures: number;
  readonly probeMs: readonly number[];
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function measure(count: number, port: number, seconds: number): Promise<Figures> {
  using stack = new DisposableStack();
  const probeMs: number[] = [];
  let failures = 0;
  for (let index = 0; index < count; index++) {
    const config = httpCheckConfig({ port, ...TIMING });
    const check = new Check({
      name: `http-${index}`,
      config,
      probe: createProbe(config, probePorts()),
      clock: systemClock,
      target: { type: "service", service: "web" },
      spread: { index, count },
      onResult(result) {
        probeMs.push(result.durationMs);
        if (result.kind !== "pass") failures++;
      },
    });
    stack.use(check).start();
  }
  await pause(SETTLE_MS);
  probeMs.length = 0;
  const cpu = process.cpuUsage();
  const beganMs = systemClock.now();
  await pause(seconds * 1000);
  const { user, system } = process.cpuUsage(cpu);
  const minutes = (systemClock.now() - beganMs) / 60_000;
  return {
    cpuSecondsPerMinute: (user + system) / 1e6 / minutes,
    rssMegabytes: Deno.memoryUsage().rss / 1e6,
    probes: probeMs.length,
    failures,
    probeMs: probeMs.sort((a, b) => a - b),
  };
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

function print(line: string): void {
  console.log(line);
}

function quantile(sorted: readonly number[], part: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(2);
}

if (import.meta.main) {
  const seconds = Number(Deno.args[0] ?? 20);
  let port = 0;
  await using _server = new Process({
    command: Deno.execPath(),
    args: ["eval", "--no-lock", SERVER],
    onLine: ({ stream, text }) => port = stream === "stdout" ? Number(text) : port,
  });
  await until(() => port > 0);
  for (const count of [0, 1, 100]) {
    const { cpuSecondsPerMinute, rssMegabytes, probes, failures, probeMs } = await measure(
      count,
      port,
      seconds,
    );
    const cost = `${cpuSecondsPerMinute.toFixed(2)} CPU s/min, RSS ${rssMegabytes.toFixed(1)} MB`;
    const speed = count === 0
      ? ""
      : `, probe p50 ${quantile(probeMs, 0.5)} ms, p99 ${quantile(probeMs, 0.99)} ms`;
    print(`${count} checks every second: ${cost}, ${probes} probes, ${failures} failed${speed}`);
  }
  const lags = await measureVerdicts(9);
  print(
    `failed probe seen → verdict told: p50 ${quantile(lags, 0.5)} µs, p99 ${quantile(lags, 0.99)} µs`,
  );
}
