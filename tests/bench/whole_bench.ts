/**
 * For how long the whole agent holds its event loop with 1,000 services of 10 destinations each, on a kernel in memory: its
 * start, first verdicts and passes (by check-now), the status document, a scrape, and reloads. `deno task bench whole`
 */
import { Agent } from "../../src/agent/agent.ts";
import type { AgentPorts } from "../../src/agent/ports.ts";
import type { Config } from "../../src/config/config.ts";
import { EventStream } from "../../src/events/stream.ts";
import { Metrics } from "../../src/http/metrics.ts";
import { addressOf } from "../../src/net/address.ts";
import { VIEWS } from "../../src/status/views.ts";
import { jsonInSteps } from "../../src/text/json_steps.ts";
import { sleep, systemClock } from "../../src/time/clock.ts";
import { Slices } from "../../src/time/slices.ts";
import { inSlices } from "../../src/time/steps.ts";
import { config, httpCheckConfig, PLAIN_PORT, serviceConfig } from "../support/config.ts";
import { PLAIN } from "../support/kernel_objects.ts";
import { sidePorts } from "../support/side_ports.ts";
import { A, Stage } from "../support/speakers.ts";
import { MemoryKernel } from "./memory_kernel.ts";
import { stall } from "./stall.ts";

const SERVICES = 1000;
const DESTINATIONS = 10;
/** The first round is the one for which nothing was compiled yet. */
const ROUNDS = 5;
const WIDTH = 44;

const stage = new Stage();
const kernel = new MemoryKernel(false);
let file = configuration(1);
const ports: AgentPorts = {
  version: "bench",
  clock: systemClock,
  random: Math.random,
  events: new EventStream(systemClock),
  transport: stage.network.transport(A),
  kernel,
  probe: () => ({ run: () => Promise.resolve({ kind: "pass", detail: "status 200" }) }),
  ...sidePorts(),
  load: () => ({ ok: true, config: file, warnings: [] }),
  processFigures: () => ({ residentMemoryBytes: 0, cpuSeconds: 0, startTimeSeconds: 0 }),
};

const agent = new Agent(file, ports);
const metrics = new Metrics(file, ports.processFigures);
for (const { name: service, checks } of file.services) {
  for (const { name: check } of checks) {
    // With it comes its histogram.
    const probe = { kind: "probe", service, check, result: "pass", durationMs: 3, cause: "" } as const;
    metrics.observe({ ...probe, id: 0, at: 0 });
  }
}
console.log(
  `${SERVICES} services x ${DESTINATIONS} destinations: the first of ${ROUNDS} rounds, and the worst after it`,
);
await row("start", 1, () => agent.start());
await sleep(systemClock, 3_000);
await row("check-now of all, and what comes of it", ROUNDS, async () => {
  agent.orders.checkNow({ services: [] }, undefined);
  await sleep(systemClock, 200);
});
await row("status document", ROUNDS, () => agent.statusInSlices());
const status = await agent.statusInSlices();
await row("... as JSON", ROUNDS, () => inSlices(systemClock, jsonInSteps(status)));
await row("... as text, all services", ROUNDS, () => void VIEWS.services.text(status, new Date()));
await row(
  "... as metrics",
  ROUNDS,
  () => metrics.render(status, { traffic: [], standing: 0 }, new Slices(systemClock)),
);
await row("reload, unchanged", ROUNDS, () => agent.orders.reload(undefined));
const files = Array.from({ length: ROUNDS }, (_, round) => configuration(round + 2));
await row("reload, one weight", ROUNDS, () => {
  file = files.pop() ?? file;
  return agent.orders.reload(undefined);
});
await agent.abort();
await stage.close();

async function row(name: string, rounds: number, run: () => unknown): Promise<void> {
  const found = [];
  for (let round = 0; round < rounds; round++) found.push(await stall(run));
  const words = found.map(({ longestMs, longestCpuMs, tookMs }) =>
    `${tookMs.toFixed(0)} ms, late by ${longestMs.toFixed(1)} ms, for ${longestCpuMs.toFixed(1)} ms of CPU`
  );
  const [first = ""] = words;
  const worst = found.slice(1).toSorted((a, b) => b.longestCpuMs - a.longestCpuMs)[0];
  const after = worst === undefined ? "" : `; then ${words[found.indexOf(worst)]}`;
  console.log(`  ${name.padEnd(WIDTH)} ${first}${after}`);
}

/** Everything as new objects; the first destination of the first service has this weight. */
function configuration(weight: number): Config {
  return config({
    bgp: { ...config().bgp, peers: [] },
    services: Array.from({ length: SERVICES }, (_, index) =>
      serviceConfig({
        name: `s${index}`,
        interface: `s${index}`,
        addresses: [addressOf(Uint8Array.of(10, 99, index >> 8, index & 255))],
        checks: [httpCheckConfig({ intervalMs: 10_000 })],
        ports: [{
          ...PLAIN_PORT,
          port: 80,
          protocol: "tcp",
          destinations: Array.from({ length: DESTINATIONS }, (_, last) => ({
            address: addressOf(Uint8Array.of(10, 0, 0, last + 1)),
            port: 8080,
            weight: index === 0 && last === 0 ? weight : 1,
            forwarding: "masq",
            ...PLAIN,
            checks: [],
          })),
        }],
      })),
  });
}
