/**
 * Other programs, each in a session and process group of its own: none is looked for, no shell reads its arguments, and
 * nothing of this process's environment gets to it. What is left in its group when it ends is ended with it.
 */
import { Beginning, signalGroup, spawned } from "./process_group.ts";

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
