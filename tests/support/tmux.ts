/** A real terminal: tmux (Debian package), a server of the test's own with one window, which ends with it. */
import { runOrThrow } from "./process.ts";
import { eventually } from "./until.ts";

/** What tmux says of its window. */
export interface TerminalState {
  /** The shell's screen is not the one that is shown. */
  readonly alternate: boolean;
  readonly cursor: boolean;
  /** Long lines go on in the next one. */
  readonly wraps: boolean;
}

/** One terminal. Disposing ends whatever runs in it. */
export class Tmux implements AsyncDisposable {
  readonly #socket: string;
  #ended = false;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** A terminal in which `command` runs. @param folder where its socket is */
  static async start(
    folder: string,
    command: readonly string[],
    { columns = 80, rows = 24, env = {} }: {
      columns?: number;
      rows?: number;
      env?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<Tmux> {
    const tmux = new Tmux(`${folder}/tmux-${crypto.randomUUID().slice(0, 8)}`);
    const variables = Object.entries({ LC_ALL: "C.UTF-8", ...env }).map((pair) => pair.join("="));
    await tmux.#ask(
      "new-session",
      "-d",
      "-x",
      `${columns}`,
      "-y",
      `${rows}`,
      "env",
      "-u",
      "NO_COLOR",
      ...variables,
      ...command,
    );
    await tmux.#ask("set-option", "-g", "remain-on-exit", "on");
    return tmux;
  }

  /** Types `text`, then keys by tmux's names for them. */
  async type(text: string, ...keys: readonly string[]): Promise<void> {
    if (text !== "") await this.#ask("send-keys", "-l", "--", text);
    for (const key of keys) await this.#ask("send-keys", key);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#ask("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** What is seen, without spaces at the ends of lines; with `colours` as sequences of SGR. */
  async screen({ colours = false }: { colours?: boolean } = {}): Promise<string> {
    return await this.#ask("capture-pane", "-p", ...colours ? ["-e"] : []);
  }

  /** Waits for a screen that `pattern` matches. */
  async shows(pattern: RegExp, options: { colours?: boolean } = {}): Promise<string> {
    return await eventually(
      () => this.screen(options),
      (text) => pattern.test(text),
      `${pattern} on the screen`,
    );
  }

  async state(): Promise<TerminalState> {
    const flags = await this.#ask("display-message", "-p", "#{alternate_on}#{cursor_flag}#{wrap_flag}");
    return { alternate: flags[0] === "1", cursor: flags[1] === "1", wraps: flags[2] === "1" };
  }

  /** Of the process that was started in it. */
  async pid(): Promise<number> {
    return Number(await this.#ask("display-message", "-p", "#{pane_pid}"));
  }

  /** Whatever ran in it has ended, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const pid = await this.pid();
    await this.#ask("kill-server");
    await eventually(() => isRunning(pid), (running) => !running, `process ${pid} ends with its terminal`);
  }

  async #ask(...args: readonly string[]): Promise<string> {
    return await runOrThrow("tmux", ["-u", "-f", "/dev/null", "-S", this.#socket, ...args]);
  }
}

function isRunning(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch {
    return false;
  }
}
