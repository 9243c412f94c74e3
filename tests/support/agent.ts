/** The agent as a process, started as README says: by the command of the task `agent`. */
import denoJson from "../../deno.json" with { type: "json" };
import { type Exit, Process } from "./process.ts";
import { PATIENCE_MS, until } from "./until.ts";

/** The arguments of `deno` that the task `agent` has, permissions and all; `entry` in place of main.ts. */
export function agentArguments(entry = "main.ts"): readonly string[] {
  return [...denoJson.tasks.agent.command.split(" ").slice(1, -1), entry];
}

/** Where the agent runs. */
export interface AgentOptions {
  /** Beside the variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command that the agent's own is given to, such as one that makes a namespace. */
  readonly within?: readonly string[];
  /** RLIMIT_NOFILE of the process. */
  readonly maxDescriptors?: number;
}

/** A running agent and what it wrote. Disposing ends it. */
export class AgentProcess implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #process: Process;

  constructor(args: readonly string[], { env, within = [], maxDescriptors }: AgentOptions = {}) {
    const limit = maxDescriptors === undefined ? [] : ["prlimit", `--nofile=${maxDescriptors}`];
    const [command = Deno.execPath(), ...rest] = [
      ...within,
      ...limit,
      Deno.execPath(),
      ...agentArguments(),
      ...args,
    ];
    this.#process = new Process({
      command,
      args: rest,
      ...(env === undefined ? {} : { env }),
      onLine: ({ text }) => void this.lines.push(text),
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  get exited(): Promise<Exit> {
    return this.#process.exited;
  }

  /** Waits for a line that has `text` in it. @throws after the limit, with all lines */
  async said(text: string, limitMs = PATIENCE_MS): Promise<string> {
    const found = () => this.lines.find((line) => line.includes(text));
    await until(
      () => found() !== undefined,
      () => `the agent says ${text}; it said\n${this.lines.join("\n")}`,
      limitMs,
    );
    return found() ?? "";
  }

  signal(signal: Deno.Signal): void {
    Deno.kill(this.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
