/**
 * Starts the inside of the lab in one of the two real places, user-mode Linux or fresh namespaces of this kernel, and
 * reads what it reports. Everything runs under guard.sh: whatever happens to us, no process and no folder stays.
 */
import { type Line, Process, repositoryRoot, run } from "../support/process.ts";
import { findCommand } from "../support/setup.ts";
import { ownDenoDir } from "./deno_dir.ts";
import { decodeEvent, type Report } from "./report.ts";
import { xstateEnvironment } from "./wide_xstate.ts";

/** Where the inside runs: this kernel, a user-mode one, or, for announcing alone, simply here. */
export type Place = "namespaces" | "uml" | "loopback";

/** What to run inside. */
export interface InsideJob {
  /** Arguments of `inside.ts`. */
  readonly args: readonly string[];
  /** Deno's cache on this machine, filled already: there is no way out of the lab. User-mode Linux gets its own from it. */
  readonly denoDir: string;
  /** After so long it is ended. */
  readonly limitMs: number;
}

/** How it went. */
export interface InsideOutcome {
  /** The inside reported its end; anything else is a failure, and `console` says what was seen last. */
  readonly ended: boolean;
  /** Our own first program ran. Where it did not, this place does not work on this machine. */
  readonly started: boolean;
  readonly bootMs: number | undefined;
  readonly totalMs: number;
  readonly console: readonly string[];
}

/** Kernel modules that the lab uses. */
export const labModules: readonly string[] = [
  "dummy",
  "veth",
  "bridge",
  "vrf",
  "ipv6",
  "nf_conntrack",
  ...["iptable_mangle", "ip6table_mangle", "xt_conntrack", "xt_connmark", "xt_mark", "xt_tcpudp"],
  ...["ipip", "sit", "ip6_tunnel", "ip_gre", "ip6_gre", "fou", "fou6", "vrf"],
  "ip_vs",
  "ip_vs_pe_sip",
  ...["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"].map((it) =>
    `ip_vs_${it}`
  ),
];

const root = repositoryRoot();
const memoryMiB = 1536;
/** Our first program runs after two seconds or so, or never. */
const startLimitMs = 120_000;

/** Runs `job` in `place`, reporting while it runs. Aborting `signal` ends it at once. */
export async function runInside(
  place: Place,
  job: InsideJob,
  report: Report,
  signal?: AbortSignal,
): Promise<InsideOutcome> {
  const begin = performance.now();
  const folder = await Deno.makeTempDir({ prefix: "bgp-lb-lab-" });
  // FRR gives root up and has its own folder in there.
  await Deno.chmod(folder, 0o711);
  const { command, args, env } = await commands[place](folder, job).catch(async (error) => {
    await Deno.remove(folder, { recursive: true });
    throw error;
  });
  let bootMs: number | undefined;
  let ended = false;
  let started = false;
  const console: string[] = [];
  const done = Promise.withResolvers<void>();
  const onLine = ({ text }: Line) => {
    const event = decodeEvent(text);
    if (event === undefined) {
      started ||= text.includes("lab: init");
      if (text.includes("lab: over")) done.resolve();
      console.push(text);
      if (console.length > 200) console.shift();
      return;
    }
    started = true;
    if (event.type === "hello") bootMs = performance.now() - begin;
    report(event);
    if (event.type === "end") {
      ended = true;
      done.resolve();
    }
  };
  const guarded = [`${root}/tests/lab/guard.sh`, folder, command, ...args];
  const guard = new Process({ command: "/bin/sh", args: guarded, env, stdin: true, onLine });
  const timer = setTimeout(() => {
    console.push(`not ended after ${job.limitMs} ms`);
    done.resolve();
  }, job.limitMs);
  const startTimer = setTimeout(() => {
    if (started) return;
    console.push(`nothing ran in it after ${startLimitMs} ms`);
    done.resolve();
  }, startLimitMs);
  const stop = () => done.resolve();
  signal?.addEventListener("abort", stop);
  try {
    await Promise.race([done.promise, guard.exited]);
  } finally {
    clearTimeout(timer);
    clearTimeout(startTimer);
    signal?.removeEventListener("abort", stop);
    await guard.closeInput();
    await guard.exited;
  }
  return { ended, started, bootMs, totalMs: performance.now() - begin, console };
}

interface GuardedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What the inside finds in its environment. */
function environment(folder: string, job: InsideJob): Record<string, string> {
  return {
    LAB_DIR: `${folder}/inside`,
    LAB_ROOT: root,
    LAB_MODULES: labModules.join(" "),
    DENO_DIR: job.denoDir,
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
  };
}

function insideCommand(job: InsideJob): string[] {
  return [
    Deno.execPath(),
    "run",
    "-A",
    "--quiet",
    "--cached-only",
    `${root}/tests/lab/inside.ts`,
    ...job.args,
  ];
}

const commands: Readonly<Record<Place, (folder: string, job: InsideJob) => Promise<GuardedCommand>>> = {
  namespaces: namespacesCommand,
  uml: umlCommand,
  loopback: loopbackCommand,
};

/** No namespace and no right is needed. */
async function loopbackCommand(folder: string, job: InsideJob): Promise<GuardedCommand> {
  const lab = `${folder}/inside`;
  await Deno.mkdir(lab);
  const [command = "", ...args] = insideCommand(job);
  return {
    command,
    args: [...args, "--place", "loopback"],
    env: { ...environment(folder, job), TMPDIR: lab },
  };
}

/** Fresh network, mount and PID namespaces: what ends PID 1 ends and removes everything. */
async function namespacesCommand(folder: string, job: InsideJob): Promise<GuardedCommand> {
  await Deno.mkdir(`${folder}/inside`);
  const unshare = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const init = ["/bin/sh", `${root}/tests/lab/init.sh`, "namespaces", ...insideCommand(job)];
  return { command: "unshare", args: [...unshare, ...init], env: environment(folder, job) };
}

/** One user-mode Linux. What it needs to know is in a script, since a kernel's command line is short. */
async function umlCommand(folder: string, job: InsideJob): Promise<GuardedCommand> {
  Deno.mkdirSync(`${folder}/inside`);
  Deno.mkdirSync(`${folder}/uml`);
  const denoDir = `${folder}/deno`;
  await ownDenoDir(job.denoDir, denoDir);
  const exports = Object.entries(environment(folder, { ...job, denoDir })).map(([name, value]) =>
    `export ${name}=${quote(value)}`
  );
  const init = ["/bin/sh", `${root}/tests/lab/init.sh`, "uml", ...insideCommand(job)].map(quote).join(" ");
  const script = `${folder}/init`;
  Deno.writeTextFileSync(script, ["#!/bin/sh", ...exports, `exec ${init}`, ""].join("\n"), { mode: 0o755 });
  return {
    command: findCommand("linux.uml") ?? "linux.uml",
    args: [
      `mem=${memoryMiB}M`,
      ...["rootfstype=hostfs", "rootflags=/", "ro", `init=${script}`],
      // The kernel's own words go to stderr, what we report to stdout.
      ...["con=null", "con0=null,fd:2", "con1=null,fd:1", "quiet"],
      `uml_dir=${folder}/uml`,
    ],
    env: { TMPDIR: await memoryFolder(folder), ...await xstateEnvironment(folder) },
  };
}

/** Where the memory of user-mode Linux is a file: /dev/shm where it is large enough and may be executed from. */
async function memoryFolder(folder: string): Promise<string> {
  // Deno itself may not read /proc with less than every permission.
  const mounts = await run("cat", ["/proc/mounts"]);
  const shm = mounts.stdout.split("\n").find((line) => line.split(" ")[1] === "/dev/shm");
  if (shm === undefined || /\bnoexec\b/.test(shm)) return folder;
  const free = await run("df", ["-k", "--output=avail", "/dev/shm"]);
  const kib = Number(free.stdout.trim().split("\n").at(-1));
  return kib > memoryMiB * 1024 * 1.1 ? "/dev/shm" : folder;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
