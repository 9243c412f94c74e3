/**
 * The inside of the lab: started as root in a network of its own (see init.sh), builds the world, runs the suite or
 * the demo, and reports. Arguments: suite|demo [--only TEXT] [--agent EXECUTABLE].
 */
import { parseArgs } from "node:util";
import { agentCommand } from "./host.ts";
import { encodeEvent, type LabEvent } from "./report.ts";
import { runScenarios, type Scenario } from "./scenario.ts";
import { announceScenarios } from "./scenarios/announce.ts";
import { healthScenarios } from "./scenarios/health.ts";
import { repairScenarios } from "./scenarios/repair.ts";
import { restartScenarios } from "./scenarios/restart.ts";
import { stopScenarios } from "./scenarios/stop.ts";
import { standardTopology } from "./topology.ts";
import { World } from "./world.ts";

/** Every scenario, in the order in which they run: later ones judge what the earlier ones left. */
const suite: readonly Scenario<World>[] = [
  ...announceScenarios,
  ...healthScenarios,
  ...restartScenarios,
  ...repairScenarios,
  ...stopScenarios,
];

function report(event: LabEvent): void {
  const bytes = new TextEncoder().encode(encodeEvent(event));
  for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: { only: { type: "string" }, agent: { type: "string" } },
  });
  report({ type: "hello", kernel: Deno.osRelease(), atMs: Date.now() });
  const folder = Deno.env.get("LAB_DIR") ?? Deno.makeTempDirSync();
  const agent = values.agent === undefined ? agentCommand : [values.agent];
  const begin = performance.now();
  let outcome = { ran: 0, failed: 1 };
  try {
    await using world = await World.create(standardTopology, folder, agent);
    report({ type: "figure", name: "network built", value: performance.now() - begin, unit: "ms" });
    const scenarios = suite.filter(({ name }) => name.includes(values.only ?? ""));
    outcome = await runScenarios(scenarios, world, report, positionals[0] === "demo");
  } catch (error) {
    const message = error instanceof Error ? error.stack ?? error.message : String(error);
    report({ type: "result", name: "the network comes up", outcome: "failed", ms: 0, message, evidence: [] });
  }
  report({ type: "end", ...outcome });
}
