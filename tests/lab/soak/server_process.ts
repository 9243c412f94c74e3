/** A node's server as a process: ended, frozen, and told how to answer. */
import { Process, repositoryRoot } from "../../support/process.ts";
import { waitFor } from "../../support/until.ts";
import { inNamespace } from "../world.ts";
import { SERVER_PORT } from "./network.ts";
import type { Manner } from "./server.ts";

const script = `${repositoryRoot()}/tests/lab/soak/server.ts`;
const LIMIT_MS = 60_000;

/** One server, not started yet. */
export class ServerProcess implements AsyncDisposable {
  #process: Process | undefined;

  constructor(readonly node: string) {}

  /** Starts it, and waits until it listens. */
  async start(): Promise<void> {
    let ready = false;
    const args = ["run", "-A", "--quiet", "--cached-only", script, this.node, `${SERVER_PORT}`];
    const process = new Process({
      ...inNamespace(this.node, Deno.execPath(), args),
      stdin: true,
      onLine: ({ text }) => void (ready ||= text === "ready"),
    });
    this.#process = process;
    await waitFor(`${this.node}: the server listens`, LIMIT_MS, () => ready || !process.running);
    if (!process.running) throw new Error(`${this.node}: the server ended`);
  }

  /** How it answers from now on. */
  async behave(manner: Manner): Promise<void> {
    await this.#process?.write(`${manner}\n`);
  }

  /** It stands still, or goes on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process?.signal(signal);
  }

  /** Connections are refused from now on. */
  async kill(): Promise<void> {
    await this.#process?.stop("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
