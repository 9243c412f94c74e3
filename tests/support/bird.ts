/** BIRD 2 as a real peer: an own process with an own configuration, control socket and pid file in a folder of its own. */
import { endDaemon } from "./daemon.ts";
import { eventually, PATIENCE_MS } from "./until.ts";

/** A running BIRD. */
export class Bird implements AsyncDisposable {
  readonly #folder: string;
  readonly #command: readonly string[];
  #process: Deno.ChildProcess | undefined;

  private constructor(folder: string, command: readonly string[]) {
    this.#folder = folder;
    this.#command = command;
  }

  /** Starts BIRD and waits until it answers. `prefix` goes before the command: `ip netns exec …`. */
  static async start(config: string, prefix: readonly string[] = []): Promise<Bird> {
    const folder = await Deno.makeTempDir({ prefix: "bird-" });
    const bird = new Bird(folder, prefix);
    await Deno.writeTextFile(`${folder}/bird.conf`, config);
    try {
      await bird.run();
    } catch (error) {
      await bird[Symbol.asyncDispose]();
      throw error;
    }
    return bird;
  }

  /** Starts the process (again), with the configuration as it stands. */
  async run(): Promise<void> {
    const args = [
      "-f",
      "-c",
      `${this.#folder}/bird.conf`,
      "-s",
      this.#socket,
      "-P",
      `${this.#folder}/bird.pid`,
    ];
    const [program = "bird", ...rest] = [...this.#command, "bird", ...args];
    this.#process = new Deno.Command(program, { args: rest, stdout: "null", stderr: "null" }).spawn();
    await this.awaits("show status", "Daemon is up");
  }

  /** The answer of `birdc`. @throws where BIRD does not answer at all */
  async ask(command: string): Promise<string> {
    const answer = await this.#ask(command);
    if (answer === "") throw new Error(`BIRD does not answer ${command}`);
    return answer;
  }

  /** The answer, or nothing where there is no BIRD yet. */
  async #ask(command: string): Promise<string> {
    const [program = "birdc", ...args] = [
      ...this.#command,
      "birdc",
      "-s",
      this.#socket,
      ...command.split(" "),
    ];
    const { stdout } = await new Deno.Command(program, { args, stderr: "null" }).output();
    return new TextDecoder().decode(stdout);
  }

  /** Asks until the answer has `words` in it, and gives that answer. @throws after a while */
  async awaits(command: string, words: string | RegExp, limitMs = PATIENCE_MS): Promise<string> {
    const matches = (answer: string) =>
      typeof words === "string" ? answer.includes(words) : words.test(answer);
    return await eventually(() => this.#ask(command), matches, `BIRD says ${words}`, limitMs);
  }

  /** Replaces the configuration. */
  async configure(config: string): Promise<void> {
    await Deno.writeTextFile(`${this.#folder}/bird.conf`, config);
    await this.ask("configure");
  }

  /** Sends a signal that does not end it, such as SIGSTOP. */
  signal(signal: Deno.Signal): void {
    this.#process?.kill(signal);
  }

  /** Ends the process with `signal`. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    await endDaemon(process, signal, "BIRD");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    await Deno.remove(this.#folder, { recursive: true });
  }

  get #socket(): string {
    return `${this.#folder}/bird.ctl`;
  }
}
