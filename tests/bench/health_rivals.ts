/** Who else checks health: keepalived's checkers, whose calls to IPVS are answered by a shim, and ExaBGP's helper. */
import { Process, run } from "../support/process.ts";
import { cpuSeconds } from "./process_figures.ts";
import { serviceNumber } from "./watched_agent.ts";

/** What is to be checked. */
interface Task {
  readonly count: number;
  readonly port: number;
  /** For files. */
  readonly folder: string;
}

/** One that runs. */
interface Rival extends AsyncDisposable {
  readonly what: string;
  /** What its figures are multiplied by to stand for the whole task. */
  readonly scale: number;
  pids(): Promise<readonly number[]>;
  /** CPU seconds so far, of its programs that have ended, too. */
  cpuSeconds(): Promise<number>;
}

/** ExaBGP's helper is a process for each check, and starts another one for each probe: so many are run. */
const HELPERS = 10;
/** The interpreter that Debian's packages are for. */
const PYTHON = "/usr/bin/python3";
/** Of the times in /proc. */
const TICKS_A_SECOND = 100;

/** Each resolves to undefined where it is not installed. */
export const RIVALS: readonly { readonly name: string; start(task: Task): Promise<Rival | undefined> }[] = [
  { name: "keepalived", start: keepalived },
  { name: "ExaBGP's helper with curl", start: exabgp },
];

async function keepalived({ count, port, folder }: Task): Promise<Rival | undefined> {
  const shim = `${folder}/keepalived_shim.so`;
  const source = new URL("keepalived_shim.c", import.meta.url).pathname;
  if (!await works("keepalived", "--version")) return undefined;
  if (!await works("cc", "-shared", "-fPIC", "-o", shim, source, "-ldl")) return undefined;
  const servers = Array.from({ length: count }, (_, index) => `
virtual_server ${serviceNumber(index)} 80 {
  delay_loop 1
  lvs_sched rr
  lvs_method NAT
  protocol TCP
  real_server 127.0.0.1 ${port} {
    weight 1
    HTTP_GET {
      url {
        path /s${index}
        status_code 200
      }
      connect_timeout 1
    }
  }
}`);
  const file = `${folder}/keepalived.conf`;
  await Deno.writeTextFile(file, servers.join("\n"));
  const process = new Process({
    command: "keepalived",
    args: [
      "--dont-fork",
      "--check",
      "-f",
      file,
      "-p",
      `${folder}/keepalived.pid`,
      "-c",
      `${folder}/checkers.pid`,
    ],
    env: { LD_PRELOAD: shim },
  });
  const pids = async () => [process.pid, ...await childrenOf(process.pid)];
  return {
    what: `${count} checks each second`,
    scale: 1,
    pids,
    cpuSeconds: async () => sum(await Promise.all((await pids()).map(cpuSeconds))),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

async function exabgp({ count, port }: Task): Promise<Rival | undefined> {
  if (!await works(PYTHON, "-c", "import exabgp")) return undefined;
  const helpers = Array.from({ length: HELPERS }, (_, index) =>
    new Process({
      command: PYTHON,
      args: [
        ...["-m", "exabgp", "healthcheck", "--interval", "1", "--fast-interval", "1", "--no-ip-setup"],
        ...["--ip", `${serviceNumber(index)}/32`, "--no-ack"],
        ...["--cmd", `curl -sf -o /dev/null http://127.0.0.1:${port}/s${index}`],
      ],
    }));
  return {
    what: `${HELPERS} checks each second, CPU for ${count}`,
    scale: count / HELPERS,
    pids: () => Promise.resolve(helpers.map(({ pid }) => pid)),
    cpuSeconds: async () => sum(await Promise.all(helpers.map(({ pid }) => withChildren(pid)))),
    async [Symbol.asyncDispose]() {
      await Promise.all(helpers.map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const { stdout } = await run("sh", ["-c", `cat /proc/${pid}/task/*/children`]);
  return stdout.trim().split(/\s+/).filter((text) => text !== "").map(Number);
}

/** CPU seconds of a process and of those that it has waited for. */
async function withChildren(pid: number): Promise<number> {
  const { stdout } = await run("cat", [`/proc/${pid}/stat`]);
  // utime, stime, cutime and cstime, counted from behind the name.
  return sum(stdout.slice(stdout.lastIndexOf(")")).split(" ").slice(12, 16).map(Number)) / TICKS_A_SECOND;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

async function works(command: string, ...args: readonly string[]): Promise<boolean> {
  return await run(command, args).then(({ code }) => code === 0, () => false);
}
