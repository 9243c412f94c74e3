/**
 * Programs that checks run: like those of programs.ts, with what they write to standard output, as another user where
 * that is wanted, and without the capabilities that this process was given to keep over an exec. Never rejects: a program
 * that cannot be run and a host that is short of something are results, and told apart.
 */
import { Beginning, signalGroup, spawned, SpawnError } from "./process_group.ts";

/** What is run. */
interface Order {
  readonly argv: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string | undefined;
}

/** It was not started; `ours`: for something that this host, or this process, lacks. */
interface Refused {
  readonly type: "refused";
  readonly cause: string;
  readonly ours: boolean;
}

interface Ended {
  readonly type: "ended";
  readonly code: number;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

interface Started {
  readonly ended: Promise<Ended | Refused>;
  kill(): void;
}

/** What programs are started with. */
export interface CheckProgramsOptions {
  /** Holds a child in bounds that it keeps whatever it becomes: no core file, none of our protection against OOM. */
  readonly confine?: ((pid: number) => void) | undefined;
  /** Programs of util-linux and libc that become the one that is meant, or tell of a user. */
  readonly setsid?: string;
  readonly setpriv?: string;
  readonly getent?: string;
}

/** A program has ended, but something that left its group holds its pipes: so long its last words are waited for. */
const LAST_WORDS_MS = 50;
/** What is known of a user is asked again after so long: it may be an entry of a directory far away. */
const USER_KEPT_MS = 60_000;
/** So programs of util-linux end where they cannot become another one. */
const LAUNCHER_CODES: readonly number[] = [126, 127];

/** Starts programs; what it gives satisfies the port `StartProgram` of src/health. */
export function checkPrograms(
  {
    confine,
    setsid = "/usr/bin/setsid",
    setpriv = "/usr/bin/setpriv",
    getent = "/usr/bin/getent",
  }: CheckProgramsOptions = {},
): (order: Order) => Started {
  const groups = new Map<string, { readonly group: string; readonly atMs: number }>();
  const isRoot = ownUser() === 0;

  function start(argv: readonly string[], environment: Order["environment"]): Started {
    const [launcher = setsid, ...args] = argv;
    return launch(launcher, args, environment, confine);
  }

  /** The user's own group. */
  function groupOf(user: string): { readonly known: string } | { readonly asked: Started } {
    const kept = groups.get(user);
    if (kept !== undefined && performance.now() - kept.atMs < USER_KEPT_MS) return { known: kept.group };
    return { asked: start([setsid, getent, "passwd", user], {}) };
  }

  return ({ argv, environment, user }) => {
    const dropping = [setpriv, "--inh-caps=-all", "--ambient-caps=-all"];
    if (user === undefined) {
      // Of root an exec keeps what root may, whatever is inherited.
      return start(isRoot ? [setsid, ...argv] : [setsid, ...dropping, "--", ...argv], environment);
    }
    const become = (group: string) => {
      const as = [`--reuid=${user}`, `--regid=${group}`, "--init-groups"];
      return start([setsid, ...dropping, ...as, "--", ...argv], environment);
    };
    const group = groupOf(user);
    if ("known" in group) return become(group.known);
    let running = group.asked;
    let killed = false;
    const ended = async () => {
      const answer = await group.asked.ended;
      if (answer.type === "refused") return answer;
      const found = answer.code === 0 ? answer.stdout.split(":")[3] : undefined;
      if (found === undefined || !/^[0-9]+$/.test(found)) {
        return refused(`the user ${user} is not known to this host`, true);
      }
      groups.set(user, { group: found, atMs: performance.now() });
      if (killed) return refused("it was ended before it began", true);
      running = become(found);
      return await running.ended;
    };
    return {
      ended: ended(),
      kill() {
        killed = true;
        running.kill();
      },
    };
  };
}

/** Undefined: the process may not ask. */
function ownUser(): number | null | undefined {
  try {
    return Deno.uid();
  } catch {
    return undefined;
  }
}

function refused(cause: string, ours: boolean): Refused {
  return { type: "refused", cause, ours };
}

function launch(
  launcher: string,
  args: string[],
  environment: Order["environment"],
  confine: CheckProgramsOptions["confine"],
): Started {
  let child: Deno.ChildProcess | undefined;
  try {
    const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    child = spawned(launcher, { args, env: { ...environment }, clearEnv: true, cwd: "/", ...streams });
    if (child !== undefined) confine?.(child.pid);
  } catch (error) {
    const cause = error instanceof SpawnError ? error.message : `${launcher} cannot be started: ${error}`;
    return { ended: Promise.resolve(refused(cause, true)), kill: () => undefined };
  }
  if (child === undefined) {
    const cause = `${launcher} does not exist: it comes with util-linux, or with the C library`;
    return { ended: Promise.resolve(refused(cause, true)), kill: () => undefined };
  }
  return follow(child);
}

function follow(child: Deno.ChildProcess): Started {
  const stdout = new Beginning(child.stdout);
  const stderr = new Beginning(child.stderr);
  let over = false;
  const signal = () => {
    try {
      return signalGroup(child.pid, "SIGKILL");
    } catch (error) {
      // It runs as somebody else, and CAP_KILL is not ours.
      if (error instanceof Deno.errors.PermissionDenied) return true;
      throw error;
    }
  };
  const ended = async (): Promise<Ended | Refused> => {
    const { code, signal: endedBy } = await child.status;
    over = true;
    signal();
    // What both have to say is there, as a rule, when one of them is through.
    await stdout.end(LAST_WORDS_MS);
    await stderr.end(LAST_WORDS_MS);
    const refusal = LAUNCHER_CODES.includes(code) ? refusalOf(stderr.text) : undefined;
    return refusal ??
      { type: "ended", code, signal: endedBy ?? undefined, stdout: stdout.text, stderr: stderr.text };
  };
  return {
    ended: ended(),
    kill() {
      // Where the group is not made yet, it has only one.
      if (!over && !signal()) child.kill("SIGKILL");
    },
  };
}

/** What a launcher says where it cannot become the program, or not as the user. */
function refusalOf(stderr: string): Refused | undefined {
  const words = /^(?:setsid|setpriv): (.*)/.exec(stderr)?.[1];
  if (words === undefined) return undefined;
  const failed = /^failed to execute (.*): ([^:]*)$/.exec(words);
  if (failed === null) {
    const cure = /not permitted/.test(words)
      ? ": to run a check as another user needs CAP_SETUID and CAP_SETGID, and CAP_KILL to end it"
      : "";
    return refused(`setpriv: ${words}${cure}`, true);
  }
  const [, program = "", why = ""] = failed;
  const row = UNFIT.find(([pattern]) => pattern.test(why));
  return row === undefined
    ? refused(`${program} cannot be started: ${why}`, true)
    : refused(`${program} ${row[1]}`, false);
}

/** What keeps a program from being run until somebody mends it, by the C library's words. */
const UNFIT: readonly (readonly [RegExp, string])[] = [
  [
    /no such file|not a directory/i,
    "does not exist, or the interpreter that its first line names does not",
  ],
  [
    /permission denied|is a directory/i,
    "may not be run by this user: it is not executable, or a folder above is shut",
  ],
  [/exec format/i, "is no program for this machine"],
  [/text file busy/i, "is being written"],
  [/too many levels/i, "is a symbolic link that leads nowhere"],
];
