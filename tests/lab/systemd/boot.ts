/**
 * Boots a Debian system with the agent installed, under its real systemd, in user-mode Linux, and hears what the walk in it
 * reports. Nothing of it is written anywhere but to its memory, and guard.sh leaves no process behind.
 */
import { type Line, Process, repositoryRoot, runOrThrow } from "../../support/process.ts";
import { debianRootFolder, debianRootProblem } from "../../support/debian_root.ts";
import { findCommand } from "../../support/setup.ts";
import denoJson from "../../../deno.json" with { type: "json" };
import { xstateEnvironment } from "../wide_xstate.ts";
import { decodeStep, type WalkStep } from "./walk_step.ts";

const MEMORY_MIB = 1024;
const LIMIT_MS = 400_000;

/** What was heard. */
export interface BootOutcome {
  readonly steps: readonly WalkStep[];
  /** Our own first program ran: user-mode Linux works on this machine. */
  readonly started: boolean;
  /** The walk came to its end. */
  readonly ended: boolean;
  /** The last lines of the console. */
  readonly console: readonly string[];
}

/** Why it cannot be booted here; undefined: it can. */
export function bootProblem(): string | undefined {
  if (findCommand("linux.uml") === undefined) return "linux.uml is not here: apt-get install user-mode-linux";
  return debianRootProblem();
}

/** What is in the system beside Debian. @param over the folder that is laid over it, where the walk's own runtime is to be, too */
export type Preparation = (over: string) => Promise<unknown>;

/** Installs the agent as `deno task install` does. */
export async function installed(over: string): Promise<void> {
  const [, ...install] = denoJson.tasks.install.command.split(" ");
  await runOrThrow(Deno.execPath(), [...install, `--root=${over}`], { cwd: repositoryRoot() });
}

/** Boots, and waits for the end of the walk, a program in this folder. */
export async function bootSystemd(walk: string, prepare: Preparation): Promise<BootOutcome> {
  const root = repositoryRoot();
  const system = await debianRootFolder();
  const folder = await Deno.makeTempDir({ prefix: "bgp-lb-systemd-" });
  const over = `${folder}/over`;
  await Deno.mkdir(over);
  await Deno.mkdir(`${folder}/uml`);
  await prepare(over);
  const script = `${folder}/init`;
  const init = [`${root}/tests/lab/systemd/init.sh`, system, over, root, walk];
  await Deno.writeTextFile(script, `#!/bin/sh\nexec /bin/sh ${init.map((word) => `'${word}'`).join(" ")}\n`, {
    mode: 0o755,
  });
  const steps: WalkStep[] = [];
  const console: string[] = [];
  let started = false;
  const done = Promise.withResolvers<boolean>();
  const onLine = ({ text }: Line) => {
    const step = decodeStep(text);
    if (step === undefined) {
      started ||= text.includes("systemd lab: init");
      console.push(text);
      if (console.length > 200) console.shift();
      if (text.includes("walk: over")) done.resolve(true);
      return;
    }
    steps.push(step);
  };
  const kernel = [
    `mem=${MEMORY_MIB}M`,
    ...["rootfstype=hostfs", "rootflags=/", "ro", `init=${script}`],
    ...["con=null", "con0=null,fd:2", "con1=null,fd:1", "quiet", `uml_dir=${folder}/uml`],
  ];
  const guard = new Process({
    command: "/bin/sh",
    args: [`${root}/tests/lab/guard.sh`, folder, findCommand("linux.uml") ?? "linux.uml", ...kernel],
    env: { TMPDIR: folder, ...await xstateEnvironment(folder) },
    stdin: true,
    onLine,
  });
  const timer = setTimeout(() => done.resolve(false), LIMIT_MS);
  try {
    const ended = await Promise.race([done.promise, guard.exited.then(() => false)]);
    return { steps, started, ended, console };
  } finally {
    clearTimeout(timer);
    await guard.closeInput();
    await guard.exited;
  }
}
