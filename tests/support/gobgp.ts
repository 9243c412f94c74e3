/** GoBGP as a real peer: gobgpd with its configuration, gRPC socket and log in a folder of its own, asked by `gobgp`. */
import { endDaemon } from "./daemon.ts";
import { run } from "./process.ts";
import { PATIENCE_MS, waitFor } from "./until.ts";

/** A running GoBGP. */
export class GoBgp implements AsyncDisposable {
  readonly #folder: string;
  readonly #command: readonly string[];
  #process: Deno.ChildProcess | undefined;

  private constructor(folder: string, command: readonly string[]) {
    this.#folder = folder;
    this.#command = command;
  }

  /** Starts GoBGP and waits until it answers. `prefix` goes before the command: `ip netns exec …`. */
  static async start(config: unknown, prefix: readonly string[] = []): Promise<GoBgp> {
    const folder = await Deno.makeTempDir({ prefix: "gobgp-" });
    const gobgp = new GoBgp(folder, prefix);
    await Deno.writeTextFile(`${folder}/gobgp.json`, JSON.stringify(config));
    try {
      await gobgp.run();
    } catch (error) {
      await gobgp[Symbol.asyncDispose]();
      throw error;
    }
    return gobgp;
  }

  /** Starts the process (again), with the configuration that it was made with. */
  async run(): Promise<void> {
    await Deno.remove(`${this.#folder}/api`).catch(() => undefined);
    const args = ["gobgpd", "-f", `${this.#folder}/gobgp.json`, "-t", "json", "--pprof-disable", "-p"];
    const [program = "", ...rest] = [...this.#command, ...args, "-l", "debug", "--api-hosts", this.#api];
    this.#process = new Deno.Command("sh", {
      args: ["-c", `exec "$@" > "$LOG" 2>&1`, "sh", program, ...rest],
      env: { LOG: `${this.#folder}/log` },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await waitFor("GoBGP answers", PATIENCE_MS, async () => {
      const { code, stdout } = await this.#gobgp(["global"]);
      return code === 0 && stdout.includes("AS:");
    });
  }

  /** The answer of `gobgp`. @throws where it fails, with its words */
  async ask(...args: readonly string[]): Promise<string> {
    return await waitFor(`gobgp ${args.join(" ")}`, PATIENCE_MS, async () => {
      const { code, stdout, stderr } = await this.#gobgp(args);
      if (code === 0) return stdout;
      // It gives up by itself after a second, and that is no answer.
      if (/deadline exceeded/i.test(stdout + stderr)) return undefined;
      throw new Error(`gobgp ${args.join(" ")}: ${stdout}${stderr}`);
    });
  }

  /** The answer of `gobgp -j`. @throws where it fails, with its words */
  async json(...args: readonly string[]): Promise<unknown> {
    const answer = await this.ask("-j", ...args);
    return answer.trim() === "" ? {} : JSON.parse(answer);
  }

  /** What it has logged since its last start. */
  async log(): Promise<string> {
    return await Deno.readTextFile(`${this.#folder}/log`);
  }

  /** Ends the process with `signal`. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    await endDaemon(process, signal, "GoBGP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    await Deno.remove(this.#folder, { recursive: true });
  }

  #gobgp(args: readonly string[]) {
    return run("gobgp", ["--target", this.#api, ...args]);
  }

  get #api(): string {
    return `unix://${this.#folder}/api`;
  }
}
