/** FRR's zebra and bfdd as a real peer of BFD, in the foreground, with everything in a folder of their own. */
import { endDaemon } from "./daemon.ts";
import { run } from "./process.ts";
import { PATIENCE_MS, waitFor } from "./until.ts";

const DAEMONS = "/usr/lib/frr";
type Daemon = "zebra" | "bfdd";

/** Whether it is there. */
export async function hasBfdd(): Promise<boolean> {
  return (await run(`${DAEMONS}/bfdd`, ["--version"])).code === 0;
}

/** A running bfdd. */
export class Bfdd implements AsyncDisposable {
  readonly #folder: string;
  readonly #command: readonly string[];
  readonly #processes = new Map<Daemon, Deno.ChildProcess>();

  private constructor(folder: string, command: readonly string[]) {
    [this.#folder, this.#command] = [folder, command];
  }

  /** Starts both and waits until they answer. `prefix` goes before each command: `ip netns exec …`. */
  static async start(config: string, prefix: readonly string[]): Promise<Bfdd> {
    const folder = await Deno.makeTempDir({ prefix: "bfdd-" });
    await Deno.chmod(folder, 0o777);
    const bfdd = new Bfdd(folder, prefix);
    await Deno.writeTextFile(`${folder}/bfdd.conf`, config);
    await Deno.chmod(`${folder}/bfdd.conf`, 0o644);
    try {
      await bfdd.#run("zebra", ["-f", "/dev/null"]);
      await bfdd.#run("bfdd", ["-f", `${folder}/bfdd.conf`, "--bfdctl", `${folder}/bfdd.sock`]);
    } catch (error) {
      await bfdd[Symbol.asyncDispose]();
      throw error;
    }
    return bfdd;
  }

  /** The answer to a command that ends in `json`. */
  async json(command: string): Promise<unknown> {
    return JSON.parse((await this.#vtysh("bfdd", [command])).stdout);
  }

  /** Changes the running configuration by `lines`. @throws where FRR refuses one */
  async configure(...lines: readonly string[]): Promise<void> {
    const answer = await this.#vtysh("bfdd", ["configure terminal", ...lines]);
    if (answer.code !== 0) throw new Error(`FRR refuses ${lines.join("; ")}: ${answer.stdout}`);
  }

  /** Sends bfdd a signal that does not end it, such as SIGSTOP. */
  signal(signal: Deno.Signal): void {
    this.#processes.get("bfdd")?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes.values()) await endDaemon(process, "SIGKILL", "FRR");
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #run(daemon: Daemon, options: readonly string[]): Promise<void> {
    const folder = this.#folder;
    const places = ["-i", `${folder}/${daemon}.pid`, "-z", `${folder}/zserv`, "--vty_socket", folder];
    const args = [`${DAEMONS}/${daemon}`, "-u", "frr", "-g", "frr", "-P", "0", ...places, ...options];
    const [program = "", ...rest] = [...this.#command, ...args];
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    this.#processes.set(daemon, new Deno.Command(program, { args: rest, ...quiet }).spawn());
    await waitFor(
      `${daemon} answers`,
      PATIENCE_MS,
      async () => (await this.#vtysh(daemon, ["show version"])).stdout.includes("FRRouting"),
    );
  }

  #vtysh(daemon: Daemon, commands: readonly string[]) {
    const words = commands.flatMap((command) => ["-c", command]);
    return run("vtysh", ["--vty_socket", this.#folder, "-d", daemon, ...words]);
  }
}
