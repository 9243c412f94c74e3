/**
 * Other programs, each in a session and process group of its own: none is looked for, no shell reads its arguments, and
 * nothing of this process's environment gets to it. What is left in its group when it ends is ended with it.
 */
import { sleep, systemClock } from "../time/clock.ts";

/** What is run. */
interface Program {
  /** An absolute path, then arguments. */
  readonly argv: readonly [string, ...string[]];
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** For standard input, which then ends. A pipe holds 64 KiB. */
  readonly input: string;
}

/** How a program ended. */
interface ProgramEnd {
  readonly code: number;
  /** Undefined: it ended by itself. */
  readonly signal: string | undefined;
  /** The first 4 KiB that it wrote to standard error. */
  readonly stderr: string;
}

const MAX_STDERR_OCTETS = 4096;
/** What comes beyond is read and dropped, a chunk at a time: who floods it waits, and not this process. */
const FLOOD_PACE_MS = 10;
/** A program has ended, but something that left its group holds its standard error: so long its last words are waited for. */
const LAST_WORDS_MS = 100;

/** Whether this process may run programs, and signal their groups: with `--allow-run` for some of them it may not. */
export function mayRunPrograms(): boolean {
  return Deno.permissions.querySync({ name: "run" }).state === "granted";
}

/**
 * Starts programs; satisfies the port `RunProgram` of src/agent. What it gives throws in words where one cannot be started.
 * @param launcher makes the session and becomes the program (setsid(1)). The runtime can do so itself, but then forks, which
 * takes longer the more memory this process has: 15 ms and more where it has 400 MiB, against 0.3 ms.
 */
export function programRunner(launcher = "/usr/bin/setsid"): (program: Program) => {
  readonly ended: Promise<ProgramEnd>;
  signal(name: "SIGTERM" | "SIGKILL"): void;
} {
  return ({ argv: [command, ...args], environment, input }) => {
    const options = optionsOf(environment);
    const child = spawned(launcher, { ...options, args: [command, ...args] }) ??
      spawned(command, { ...options, args, detached: true });
    if (child === undefined) {
      throw new Error(`${command} does not exist, or the interpreter that its first line names does not`);
    }
    return follow(child, input, `${basename(launcher)}: `);
  };
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function optionsOf(env: Program["environment"]) {
  return {
    env: { ...env },
    clearEnv: true,
    cwd: "/",
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  } as const;
}

/** Undefined: there is no such program. @throws {Error} why else it cannot be started, in words */
function spawned(
  command: string,
  options: Omit<ReturnType<typeof optionsOf>, "args"> & { readonly args: string[]; readonly detached?: true },
): Deno.ChildProcess | undefined {
  try {
    return new Deno.Command(command, options).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`${command} ${startWords(error)}`, { cause: error });
  }
}

/** @param prefix that of the launcher's own words, where it cannot become the program */
function follow(child: Deno.ChildProcess, input: string, prefix: string) {
  // Nobody needs to read it: the write then waits, and is given up in the end.
  const stdin = child.stdin.getWriter();
  stdin.closed.catch(() => undefined);
  stdin.write(new TextEncoder().encode(input)).then(() => stdin.close()).catch(() => undefined);
  const stderr = new Beginning(child.stderr);
  let over = false;
  const ended = async () => {
    const { code, signal } = await child.status;
    over = true;
    signalGroup(child.pid, "SIGKILL");
    stdin.abort().catch(() => undefined);
    await stderr.end(LAST_WORDS_MS);
    const { text } = stderr;
    const words = text.startsWith(prefix) ? text.slice(prefix.length) : text;
    return { code, signal: signal ?? undefined, stderr: words };
  };
  return {
    ended: ended(),
    signal(name: "SIGTERM" | "SIGKILL") {
      // Where the group is not made yet, it has only one.
      if (!over && !signalGroup(child.pid, name)) child.kill(name);
    },
  };
}

function startWords(error: unknown): string {
  const { NotFound, PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof NotFound) {
    return "does not exist, or the interpreter that its first line names does not";
  }
  if (error instanceof NotCapable) return "may not be run: --allow-run leaves it out";
  if (error instanceof PermissionDenied) {
    return "may not be run by this user: it is not executable, or a folder above is shut";
  }
  const words = error instanceof Error
    ? error.message.replace(/^Failed to spawn '.*': /s, "")
    : String(error);
  return `cannot be started: ${words}`;
}

/** To all of a process group. False: there is none. */
function signalGroup(leader: number, name: "SIGTERM" | "SIGKILL"): boolean {
  try {
    Deno.kill(-leader, name);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** The beginning of a stream that is read to its end, however much there is. */
class Beginning {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #octets = new Uint8Array(MAX_STDERR_OCTETS);
  readonly #read: Promise<void>;
  #length = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.#read = this.#readAll().catch(() => undefined);
  }

  get text(): string {
    return new TextDecoder().decode(this.#octets.subarray(0, this.#length));
  }

  /** Reads no further than what comes within `graceMs`. */
  async end(graceMs: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const now = systemClock.now();
    using _limit = systemClock.at(now + graceMs, over.resolve);
    await Promise.race([this.#read, over.promise]);
    await this.#reader.cancel().catch(() => undefined);
    await this.#read;
  }

  async #readAll(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      const room = value.subarray(0, MAX_STDERR_OCTETS - this.#length);
      this.#octets.set(room, this.#length);
      this.#length += room.byteLength;
      if (room.byteLength < value.byteLength) await sleep(systemClock, FLOOD_PACE_MS);
    }
  }
}
