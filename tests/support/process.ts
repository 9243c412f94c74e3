/**
 * Child processes for tests: started with their lines read, ended by the id that was started, and never left
 * behind. Nothing here ends a process by its name.
 */
import { fileURLToPath } from "node:url";

/** How a process ended. */
export interface Exit {
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/** One line that a process wrote, without its line end. */
export interface Line {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  /** Wall-clock milliseconds at which it was read. */
  readonly atMs: number;
}

/** What to start. */
export interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Keep standard input open for `write`. Otherwise it is empty. */
  readonly stdin?: boolean;
  /** Called for every line, in order per stream. While what it gives is pending, nothing more is read of that stream. */
  readonly onLine?: (line: Line) => unknown;
}

/** What an ended process has written is read in so long on the slowest machine. */
const LAST_LINES_MS = 10_000;

/** A running child process. Disposing ends it. */
export class Process implements AsyncDisposable {
  readonly pid: number;
  /** Resolves when it has ended and what it wrote was read; who inherited its output is not waited for long. */
  readonly exited: Promise<Exit>;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #ended = false;

  /** @throws {Deno.errors.NotFound} where the command does not exist */
  constructor(options: StartOptions) {
    this.#child = new Deno.Command(options.command, {
      args: [...options.args],
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdin: options.stdin === true ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#stdin = options.stdin === true ? this.#child.stdin.getWriter() : undefined;
    const onLine = options.onLine ?? (() => {});
    const reading = [
      eachLine(this.#child.stdout, (text) => onLine({ stream: "stdout", text, atMs: Date.now() })),
      eachLine(this.#child.stderr, (text) => onLine({ stream: "stderr", text, atMs: Date.now() })),
    ];
    this.exited = this.#child.status.then(async (status) => {
      this.#ended = true;
      await this.closeInput();
      await atMost(LAST_LINES_MS, Promise.all(reading));
      return { code: status.code, signal: status.signal };
    });
  }

  /** False once it has ended. */
  get running(): boolean {
    return !this.#ended;
  }

  /** Writes to its standard input. @throws where it is not open */
  async write(text: string): Promise<void> {
    if (this.#stdin === undefined) throw new Error(`process ${this.pid} was started without standard input`);
    await this.#stdin.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input, which many programs take as the wish to end. Idempotent. */
  async closeInput(): Promise<void> {
    await this.#stdin?.close().catch(() => {});
  }

  /** Sends a signal; one that has ended is left alone. */
  signal(signal: Deno.Signal): void {
    if (this.#ended) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
    }
  }

  /** Asks it to end by `signal`, and makes it end after `graceMs`. */
  async stop(signal: Deno.Signal = "SIGTERM", graceMs = 5_000): Promise<Exit> {
    this.signal(signal);
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** What a short program answered. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Limits and input of a short program. */
export interface RunOptions {
  readonly timeoutMs?: number;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a short program to its end; 127 where it does not exist, 124 where it took longer than its limit. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Answer> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), options.timeoutMs ?? 60_000);
  try {
    const child = new Deno.Command(command, {
      args: [...args],
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdin: options.input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      signal: limit.signal,
    }).spawn();
    if (options.input !== undefined) {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(options.input)).catch(() => {});
      await writer.close().catch(() => {});
    }
    const output = await child.output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return {
      code: limit.signal.aborted ? 124 : output.code,
      stdout: decode(output.stdout),
      stderr: decode(output.stderr),
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { code: 127, stdout: "", stderr: `${command}: not found` };
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a short program and gives what it wrote to standard output. @throws where it fails, with its own words */
export async function runOrThrow(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const answer = await run(command, args, options);
  if (answer.code === 0) return answer.stdout;
  const words = (answer.stderr + answer.stdout).trim();
  throw new Error(`${command} ${args.join(" ")}: exit status ${answer.code}: ${words}`);
}

/** The folder of this repository, without a slash at its end. */
export function repositoryRoot(): string {
  return fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
}

/** Waits for `work`, but no longer than `limitMs`. */
async function atMost(limitMs: number, work: Promise<unknown>): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, limitMs);
  try {
    await Promise.race([work, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function eachLine(
  stream: ReadableStream<Uint8Array>,
  onLine: (text: string) => unknown,
): Promise<void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const pending = onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
      // Whoever waits for nothing is told in one turn.
      if (pending !== undefined) await pending;
    }
  }
  if (rest !== "") await onLine(rest);
}
