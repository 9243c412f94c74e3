/** The agent as it is deployed, with a watch of its event loop beside it; and names for thousands of services. */
import { Process, runOrThrow } from "../support/process.ts";
import { eventually } from "../support/until.ts";
import type { Deployment } from "./deployed_agent.ts";

const LIMIT_MS = 30_000;
/** The watch writes a line each second. */
const LINE_MS = 1_100;

/** The address of the service of that number: one of 10.99.0.0/16. */
export function serviceNumber(index: number): string {
  return `10.99.${index >> 8}.${index & 255}`;
}

/** An agent whose loop is watched. Disposing ends it. */
export class WatchedAgent implements AsyncDisposable {
  private constructor(
    readonly process: Process,
    private readonly deployment: Deployment,
    private readonly file: string,
    private readonly socket: string,
    private readonly startedMs: number,
  ) {}

  /** Starts one, with a control socket whatever the configuration says. */
  static async start(
    deployment: Deployment,
    configuration: Readonly<Record<string, unknown>>,
  ): Promise<WatchedAgent> {
    const socket = `${deployment.folder}/control.sock`;
    const file = await deployment.file({ ...configuration, control: { socket } });
    const { command, args, env } = deployment.command("--config", file);
    const watch = new URL("loop_watch.ts", import.meta.url).pathname;
    const [run = "run", ...others] = args;
    const process = new Process({ command, args: [run, "--preload", watch, ...others], env });
    const agent = new WatchedAgent(process, deployment, file, socket, Date.now());
    return agent;
  }

  /** Writes another configuration, for the next reload. */
  async configure(configuration: Readonly<Record<string, unknown>>): Promise<void> {
    await Deno.writeTextFile(
      this.file,
      JSON.stringify({ ...configuration, control: { socket: this.socket } }),
    );
  }

  /** Gives an order by the command line, and a moment for what comes of it. */
  async order(...words: readonly string[]): Promise<void> {
    const { command, args, env } = this.deployment.command(...words, "--control-socket", this.socket);
    await runOrThrow(command, args, { env });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }

  /** How late the loop was while `work` was done. */
  async delays(work: () => Promise<unknown>): Promise<string> {
    return await this.#delaysSince(Date.now(), work);
  }

  /** How late it was since the start, until `work` is done. */
  async delaysSinceStart(work: () => Promise<unknown>): Promise<string> {
    return await this.#delaysSince(this.startedMs, work);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }

  async #delaysSince(sinceMs: number, work: () => Promise<unknown>): Promise<string> {
    await work();
    await new Promise((resolve) => setTimeout(resolve, LINE_MS));
    const path = `${this.deployment.folder}/loop.jsonl`;
    await eventually(() => exists(path), (is) => is, "the watch of the loop", LIMIT_MS);
    const lines = (await Deno.readTextFile(path)).trim().split("\n").map((line) => JSON.parse(line));
    const fromMs = sinceMs === this.startedMs ? sinceMs : sinceMs + LINE_MS;
    const told = lines.filter(({ atMs }) => atMs > fromMs);
    return `${quantiles(told.flatMap(({ delaysMs }) => delaysMs))}; of its own CPU time ` +
      quantiles(told.flatMap(({ cpusMs }) => cpusMs));
  }
}

function quantiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? NaN).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${(sorted.at(-1) ?? NaN).toFixed(1)} ms`;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
