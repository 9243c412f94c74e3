/**
 * The inside of the lab: started in a network of its own (see init.sh) or, for announcing alone, anywhere; builds the
 * world, runs the suite or the demo, and reports. Arguments: suite|demo [--place PLACE] [--only TEXT] [--agent EXECUTABLE].
 */
import { parseArgs } from "node:util";
import { runBenchFile, runTestFile } from "./deno_tests.ts";
import { agentCommand } from "./host.ts";
import type { LabWorld } from "./lab_world.ts";
import { encodeEvent, type LabEvent } from "./report.ts";
import { runScenarios, type Scenario } from "./scenario.ts";
import { announceOnlyDemo, announceOnlySuite, kernelDemo, kernelSuite } from "./suites.ts";
import { standardTopology } from "./topology.ts";
import { World } from "./world.ts";

function report(event: LabEvent): void {
  const bytes = new TextEncoder().encode(encodeEvent(event));
  for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
}

async function runAll<W extends LabWorld>(
  create: () => Promise<W>,
  scenarios: readonly Scenario<W>[],
  stopAtFailure: boolean,
): Promise<{ ran: number; failed: number }> {
  const begin = performance.now();
  try {
    await using world = await create();
    report({ type: "figure", name: "network built", value: performance.now() - begin, unit: "ms" });
    return await runScenarios(scenarios, world, report, stopAtFailure);
  } catch (error) {
    const message = error instanceof Error ? error.stack ?? error.message : String(error);
    report({ type: "result", name: "the network comes up", outcome: "failed", ms: 0, message, evidence: [] });
    return { ran: 0, failed: 1 };
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: { place: { type: "string" }, only: { type: "string" }, agent: { type: "string" } },
  });
  report({ type: "hello", kernel: Deno.osRelease(), atMs: Date.now() });
  const demo = positionals[0] === "demo";
  const folder = Deno.env.get("LAB_DIR") ?? Deno.makeTempDirSync();
  const agent = values.agent === undefined ? agentCommand() : [values.agent];
  const wanted = ({ name }: { readonly name: string }) => name.includes(values.only ?? "");
  const outcome = values.place === "loopback"
    ? await runAll(
      // Only there is the codec of src/ needed, which takes a while to load.
      async () => await (await import("./loopback.ts")).LoopbackWorld.create(folder, agent),
      (demo ? announceOnlyDemo : announceOnlySuite).filter(wanted),
      demo,
    )
    : await runAll(
      () => World.create(standardTopology, folder, agent),
      (demo ? kernelDemo : kernelSuite).filter(wanted),
      demo,
    );
  if (demo || values.place === "loopback" || values.only !== undefined) {
    report({ type: "end", ...outcome });
  } else {
    const contract = await runTestFile("tests/contract/kernel_contract_test.ts", folder, report);
    const bench = await runBenchFile("tests/bench/ipvs_bench.ts", report);
    const sum = (key: "ran" | "failed") => outcome[key] + contract[key] + bench[key];
    report({ type: "end", ran: sum("ran"), failed: sum("failed") });
  }
}
