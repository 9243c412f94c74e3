/** The web application of a host or of a real server, as a process that is started, killed and hung. */
import { Process, repositoryRoot } from "../support/process.ts";
import { waitFor } from "../support/until.ts";
import type { Wrap } from "./router.ts";

const script = `${repositoryRoot()}/tests/lab/application.ts`;
const LIMIT_MS = 30_000;

/** One application, not started yet. */
export class ApplicationProcess implements AsyncDisposable {
  readonly #start: () => { command: string; args: readonly string[] };
  readonly #name: string;
  #running: { readonly process: Process; hung: boolean } | undefined;

  /** It answers TCP at `address`, and datagrams at `datagrams`, all at one port. */
  constructor(wrap: Wrap, name: string, address: string, port: number, datagrams: readonly string[] = []) {
    this.#name = name;
    const args = ["run", "-A", "--unstable-net", "--quiet", "--cached-only", script];
    this.#start = () => wrap(name, Deno.execPath(), [...args, name, address, `${port}`, ...datagrams]);
  }

  /** Starts it, or lets it go on where it hangs; waits until it answers. */
  async start(): Promise<void> {
    if (this.#running?.process.running === true) {
      if (this.#running.hung) this.#running.process.signal("SIGCONT");
      this.#running.hung = false;
      return;
    }
    let ready = false;
    let last = "";
    const process = new Process({
      ...this.#start(),
      onLine: ({ text }) => {
        last = text;
        ready ||= text.startsWith("ready");
      },
    });
    this.#running = { process, hung: false };
    await waitFor(`${this.#name}: web application listens`, LIMIT_MS, () => ready || !process.running);
    if (!process.running) throw new Error(`${this.#name}: the web application ended: ${last}`);
  }

  /** SIGKILL: connections are refused from now on. Gives the moment, in wall-clock ms. */
  async kill(): Promise<number> {
    const atMs = Date.now();
    await this.#running?.process.stop("SIGKILL");
    return atMs;
  }

  /** It accepts from now on and never answers. Gives the moment, in wall-clock ms. */
  hang(): number {
    const atMs = Date.now();
    this.#running?.process.signal("SIGSTOP");
    if (this.#running !== undefined) this.#running.hung = true;
    return atMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running?.process.signal("SIGCONT");
    await this.#running?.process.stop("SIGKILL");
  }
}
