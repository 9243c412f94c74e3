/** Runs files of this repository that need a real kernel, each in a namespace of its own: tests and benchmarks. */
import { V8_FLAGS } from "../../packaging/runtime_flags.ts";
import { parseJunit } from "../support/junit.ts";
import { Process, repositoryRoot, run, runOrThrow } from "../support/process.ts";
import type { Report } from "./report.ts";

const root = repositoryRoot();
/** What tells a test that it may treat the kernel as its own. */
const inLab = { BGP_LB_LAB: "1" } as const;
const LIMIT_MS = 300_000;

/** Totals of what was run. */
export interface Totals {
  readonly ran: number;
  readonly failed: number;
}

/** Runs a test file and reports each of its tests as a result. */
export async function runTestFile(path: string, folder: string, report: Report): Promise<Totals> {
  report({ type: "scenario", name: path });
  const junit = `${folder}/junit.xml`;
  const flags = ["-A", "--no-check", "--cached-only", "--quiet", `--junit-path=${junit}`];
  const begin = performance.now();
  const { code, lines } = await inNamespace("tests", ["test", ...flags, `${root}/${path}`]);
  const cases = parseJunit(await Deno.readTextFile(junit).catch(() => ""));
  for (const { name, failure, ms } of cases) {
    const outcome = failure === undefined ? "passed" : "failed";
    report({ type: "result", name: `${path}: ${name}`, outcome, ms, message: failure ?? "", evidence: [] });
  }
  const failed = cases.filter(({ failure }) => failure !== undefined).length;
  if (cases.length > 0 && (code === 0) === (failed === 0)) return { ran: cases.length, failed };
  const message = `${cases.length} tests, exit status ${code}`;
  const ms = performance.now() - begin;
  report({ type: "result", name: path, outcome: "failed", ms, message, evidence: lines.slice(-40) });
  return { ran: cases.length + 1, failed: failed + 1 };
}

/** Runs a benchmark with the flags of the agent's engine and reports its lines, while it writes them. */
export async function runBenchFile(path: string, report: Report): Promise<Totals> {
  report({ type: "scenario", name: path });
  const begin = performance.now();
  const args = ["run", "-A", V8_FLAGS, "--cached-only", "--quiet", `${root}/${path}`];
  const { code } = await inNamespace("bench", args, (text) => report({ type: "say", text }));
  const outcome = code === 0 ? "passed" : "failed";
  const ms = performance.now() - begin;
  report({ type: "result", name: path, outcome, ms, message: `exit status ${code}`, evidence: [] });
  return { ran: 1, failed: code === 0 ? 0 : 1 };
}

async function inNamespace(
  name: string,
  args: readonly string[],
  onText: (text: string) => void = () => {},
): Promise<{ code: number; lines: string[] }> {
  await runOrThrow("ip", ["netns", "add", name]);
  const lines: string[] = [];
  try {
    await runOrThrow("ip", ["-n", name, "link", "set", "lo", "up"]);
    await using process = new Process({
      command: "ip",
      args: ["netns", "exec", name, Deno.execPath(), ...args],
      env: inLab,
      cwd: root,
      onLine: ({ text }) => {
        lines.push(text);
        onText(text);
      },
    });
    const timer = setTimeout(() => process.signal("SIGKILL"), LIMIT_MS);
    const { code } = await process.exited.finally(() => clearTimeout(timer));
    return { code, lines };
  } finally {
    await run("ip", ["netns", "delete", name]);
  }
}
