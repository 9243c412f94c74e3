/**
 * FRR's zebra and bgpd as a real peer, in the foreground, with configuration, sockets and logs in a folder of their own.
 * bgpd puts no route into the kernel. Both give root up, so the folder is everybody's.
 */
import { endDaemon } from "./daemon.ts";
import { run } from "./process.ts";
import { PATIENCE_MS, waitFor } from "./until.ts";

const DAEMONS = "/usr/lib/frr";
type Daemon = "zebra" | "bgpd" | "bfdd";

/** How FRR is started, where it is not as one of several on one host. */
export interface FrrOptions {
  /** Its routes go into the kernel, as a router's do. */
  readonly forwards?: boolean;
  /** bfdd runs beside bgpd, with this configuration. */
  readonly bfd?: string;
}

/** A running FRR. */
export class Frr implements AsyncDisposable {
  readonly #folder: string;
  readonly #command: readonly string[];
  readonly #listenOn: readonly string[];
  readonly #options: FrrOptions;
  readonly #processes: Deno.ChildProcess[] = [];

  private constructor(
    folder: string,
    command: readonly string[],
    listenOn: readonly string[],
    options: FrrOptions,
  ) {
    this.#options = options;
    this.#listenOn = listenOn.flatMap((address) => ["-l", address]);
    this.#folder = folder;
    this.#command = command;
  }

  /**
   * Starts FRR and waits until it answers. `prefix` goes before each command: `ip netns exec …`. It listens on all
   * addresses unless some are given.
   */
  static async start(
    config: string,
    prefix: readonly string[] = [],
    listenOn: readonly string[] = [],
    options: FrrOptions = {},
  ): Promise<Frr> {
    const folder = await Deno.makeTempDir({ prefix: "frr-" });
    await Deno.chmod(folder, 0o777);
    const frr = new Frr(folder, prefix, listenOn, options);
    await Deno.writeTextFile(`${folder}/bgpd.conf`, config);
    // Whatever the umask is.
    await Deno.chmod(`${folder}/bgpd.conf`, 0o644);
    try {
      await frr.run();
    } catch (error) {
      await frr[Symbol.asyncDispose]();
      throw error;
    }
    return frr;
  }

  /** Starts the daemons (again), with the configuration that they were made with. */
  async run(): Promise<void> {
    this.#spawn("zebra", ["-f", "/dev/null"]);
    await this.#answers("zebra");
    if (this.#options.bfd !== undefined) await this.#runBfdd(this.#options.bfd);
    this.#spawn("bgpd", [
      ...(this.#options.forwards === true ? [] : ["-n"]),
      "-f",
      `${this.#folder}/bgpd.conf`,
      ...this.#listenOn,
    ]);
    await this.#answers("bgpd");
  }

  /** Where bgpd takes commands, in FRR's own form. */
  get socket(): string {
    return `${this.#folder}/bgpd.vty`;
  }

  /** The answer of `vtysh` to commands given one after the other. */
  async ask(...commands: readonly string[]): Promise<string> {
    return (await this.#vtysh("bgpd", commands)).stdout;
  }

  /** The answer to a command that ends in `json`. @throws where that is no JSON: to have nothing is an answer, too */
  async json(command: string): Promise<unknown> {
    const { code, stdout, stderr } = await this.#vtysh("bgpd", [command]);
    if (code !== 0) throw new Error(`FRR does not answer ${command}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /** Changes the running configuration by `lines`. @throws where FRR refuses one */
  async configure(...lines: readonly string[]): Promise<void> {
    const answer = await this.#vtysh("bgpd", ["configure terminal", ...lines]);
    if (answer.code !== 0) throw new Error(`FRR refuses ${lines.join("; ")}: ${answer.stdout}`);
  }

  /** What bgpd has logged. */
  async log(): Promise<string> {
    return await Deno.readTextFile(`${this.#folder}/bgpd.log`);
  }

  /** Ends the daemons with `signal`. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    for (const process of this.#processes.splice(0).reverse()) {
      await endDaemon(process, signal, "FRR");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #runBfdd(config: string): Promise<void> {
    const file = `${this.#folder}/bfdd.conf`;
    await Deno.writeTextFile(file, config);
    await Deno.chmod(file, 0o644);
    this.#spawn("bfdd", ["-f", file, "--bfdctl", `${this.#folder}/bfdd.sock`]);
    await this.#answers("bfdd");
  }

  #spawn(daemon: Daemon, options: readonly string[]): void {
    const folder = this.#folder;
    const places = ["-i", `${folder}/${daemon}.pid`, "-z", `${folder}/zserv`, "--vty_socket", folder];
    const log = ["--log", `file:${folder}/${daemon}.log`];
    const args = [`${DAEMONS}/${daemon}`, "-u", "frr", "-g", "frr", "-P", "0", ...places, ...log, ...options];
    const [program = "", ...rest] = [...this.#command, ...args];
    this.#processes.push(
      new Deno.Command(program, { args: rest, stdin: "null", stdout: "null", stderr: "null" }).spawn(),
    );
  }

  async #answers(daemon: Daemon): Promise<void> {
    await waitFor(
      `${daemon} answers`,
      PATIENCE_MS,
      async () => (await this.#vtysh(daemon, ["show version"])).stdout.includes("FRRouting"),
    );
  }

  #vtysh(daemon: string, commands: readonly string[]) {
    const words = commands.flatMap((command) => ["-c", command]);
    return run("vtysh", ["--vty_socket", this.#folder, "-d", daemon, ...words]);
  }
}
