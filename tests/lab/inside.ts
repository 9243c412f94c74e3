/**
 * The inside of the lab: started in a network of its own (see init.sh) or, for announcing alone, anywhere; builds the
 * world, runs the suite or the demo or the benchmark of IPVS, and reports. Arguments: suite|demo|bench|soak [--place PLACE] [--only TEXT] [--agent EXECUTABLE].
 */
import { parseArgs } from "node:util";
import { repositoryRoot } from "../support/process.ts";
import { runBenchFile, runTestFile, type Totals } from "./deno_tests.ts";
import { agentCommand, launchWith } from "./host.ts";
import { FrrRouter } from "./frr_router.ts";
import type { LabWorld } from "./lab_world.ts";
import { Router, type RoutingDaemon } from "./router.ts";
import { encodeEvent, type LabEvent } from "./report.ts";
import { runScenarios, type Scenario } from "./scenario.ts";
import { referenceScenarios } from "./scenarios/reference.ts";
import {
  announceOnlyDemo,
  announceOnlySuite,
  dataPlaneSuite,
  frrSuite,
  kernelDemo,
  kernelSuite,
  loadSuite,
} from "./suites.ts";
import { planeConfig, planeTopology } from "./data_plane.ts";
import { agentConfig, loadTopology, referenceTopology, standardTopology } from "./topology.ts";
import { World, type WorldOptions } from "./world.ts";

/** What else needs a real kernel. */
const kernelTests = [
  "tests/contract/kernel_contract_test.ts",
  "tests/contract/killed_kernel_test.ts",
  "tests/integration/vrf_test.ts",
];
const ipvsBench = "tests/bench/ipvs_inside.ts";

function report(event: LabEvent): void {
  const bytes = new TextEncoder().encode(encodeEvent(event));
  for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
}

async function runAll<W extends LabWorld>(
  create: () => Promise<W>,
  scenarios: readonly Scenario<W>[],
  stopAtFailure: boolean,
): Promise<Totals> {
  if (scenarios.length === 0) return { ran: 0, failed: 0 };
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

type Network<R extends RoutingDaemon = Router> = Pick<WorldOptions<R>, "topology" | "launch" | "router">;

const bird: WorldOptions["router"] = (...place) => new Router(...place);

const standard: Network = {
  topology: standardTopology,
  launch: (...place) => launchWith(agentConfig(...place)),
  router: bird,
};

const underLoad: Network = { ...standard, topology: loadTopology };

const underLoadWithFrr: Network<FrrRouter> = {
  ...underLoad,
  router: (topology, node) => new FrrRouter(topology, node),
};

const dataPlane: Network = {
  ...standard,
  topology: planeTopology,
  launch: (...place) => launchWith(planeConfig(...place)),
};

/** The reference's example as it is, started as the reference is. */
const reference: Network = {
  topology: referenceTopology,
  router: bird,
  launch: () => ({
    config: Deno.readTextFileSync(`${repositoryRoot()}/tests/golden/config/reference.json.golden`),
    args: (file) => ["-config", file, "-log-level=debug", "-network-setup=true", "-ipvs-setup"],
  }),
};

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      ...{ place: { type: "string" }, only: { type: "string" }, agent: { type: "string" } },
      ...{ minutes: { type: "string" }, seed: { type: "string" } },
      ...{ faults: { type: "string" }, plant: { type: "string" } },
    },
  });
  report({ type: "hello", kernel: Deno.osRelease(), atMs: Date.now() });
  const demo = positionals[0] === "demo";
  const folder = Deno.env.get("LAB_DIR") ?? Deno.makeTempDirSync();
  const agent = values.agent === undefined ? agentCommand() : [values.agent];
  const wanted = ({ name }: { readonly name: string }) => name.includes(values.only ?? "");
  const totals: Totals[] = [];
  if (positionals[0] === "bench") {
    totals.push(await runBenchFile(ipvsBench, report));
  } else if (positionals[0] === "soak") {
    const { soakByArguments } = await import("./soak/soak.ts");
    totals.push(await soakByArguments(folder, agent, values, report));
  } else if (values.place === "loopback") {
    // Only there is the codec of src/ needed, which takes a while to load.
    const { LoopbackWorld } = await import("./loopback.ts");
    const scenarios = demo ? announceOnlyDemo : announceOnlySuite;
    totals.push(await runAll(() => LoopbackWorld.create(folder, agent), scenarios.filter(wanted), demo));
  } else {
    const create = <R extends RoutingDaemon>(what: Network<R>) => () =>
      World.create({ ...what, folder, agent });
    totals.push(await runAll(create(standard), (demo ? kernelDemo : kernelSuite).filter(wanted), demo));
    if (!demo) {
      totals.push(await runAll(create(underLoad), loadSuite.filter(wanted), false));
      totals.push(await runAll(create(dataPlane), dataPlaneSuite.filter(wanted), false));
      totals.push(await runAll(create(underLoadWithFrr), frrSuite.filter(wanted), false));
      totals.push(await runAll(create(reference), referenceScenarios.filter(wanted), false));
      if (wanted({ name: "soak" })) {
        const { shortSoak } = await import("./soak/soak.ts");
        totals.push(await shortSoak(folder, agent, report));
      }
      for (const name of kernelTests.filter((name) => wanted({ name }))) {
        totals.push(await runTestFile(name, folder, report));
      }
    }
  }
  const sum = (key: keyof Totals) => totals.reduce((total, each) => total + each[key], 0);
  report({ type: "end", ran: sum("ran"), failed: sum("failed") });
}
