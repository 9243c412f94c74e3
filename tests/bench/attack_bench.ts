/**
 * What attacks cost those who have nothing to do with them: the agent as it is deployed keeps one session, one http and
 * one ping check of a literal address; beside it, one attack after the other for ten seconds. How late were a KEEPALIVE
 * and a probe at most, did their routes and the session stay, what did memory and descriptors do. In namespaces of its
 * own (as root), for the resolver's sake. `deno task bench attack`, or `deno run … tests/bench/attack_bench.ts [ATTACK]…`
 */
import { createSocket } from "node:dgram";
import { Process } from "../support/process.ts";
import { connectRaw, freePort, open } from "../support/raw_peer.ts";
import { until } from "../support/until.ts";
import {
  type Attack,
  ATTACKS,
  CHECK_MS,
  type Checks,
  NEWCOMER,
  OURS,
  PEER,
  type Ports,
  web,
} from "./attacks.ts";
import { Deployment } from "./deployed_agent.ts";
import { descriptors, memory } from "./process_figures.ts";
import { TimedPeer } from "./timed_peer.ts";

const RESOLVER = "127.0.0.53";
/** 10.99.0.1/32 and 10.99.0.3/32, the services that nobody attacks, as an UPDATE has them. */
const GOOD = ["200a630001", "200a630003"];
const HOLD_SECONDS = 3;
const ATTACK_MS = 10_000;
const SETTLE_MS = 2_000;
const STEP_MS = 10;
const NEW_SESSION_LIMIT_MS = 5_000;
const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 10_000;
const SELF = `${import.meta.dirname}`;

/** What was seen of one attack. */
interface Figures {
  readonly keepaliveLateMs: number;
  readonly checkLateMs: number;
  readonly ownLateMs: number;
  readonly kept: boolean;
  readonly sessions: number;
  /** From connecting to the agent's KEEPALIVE; undefined where none came in time. */
  readonly newSessionMs: number | undefined;
  readonly rssBefore: number;
  readonly rssMost: number;
  readonly descriptorsMost: number;
  readonly stopMs: number | undefined;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** By how much the longest gap between `times`, from `since` to now, was longer than is due. */
function late(times: readonly number[], since: number, dueMs: number): number {
  const all = [since, ...times.filter((at) => at > since), performance.now()];
  return Math.max(0, ...all.slice(1).map((at, index) => at - (all[index] ?? at) - dueMs));
}

/** An attacker in a process of its own, and the port that it says where it is a server. */
async function startAttacker(
  args: readonly string[],
  isServer: boolean,
): Promise<{ process: Process; port: number }> {
  let port = 0;
  const flags = ["--no-prompt", "--quiet", "--allow-net", "--allow-run", "--allow-read"];
  const process = new Process({
    command: Deno.execPath(),
    args: ["run", ...flags, `${SELF}/attacker.ts`, ...args],
    onLine: ({ text }) => {
      if (/^\d+$/.test(text)) port = Number(text);
      else console.error(`attacker: ${text}`);
    },
  });
  if (isServer) await until(() => port !== 0, () => `the port of ${args}`);
  return { process, port };
}

async function configuration(
  attack: Attack,
  deployment: Deployment,
  at: { readonly peer: number; readonly good: number; readonly attacking: number; readonly ports: Ports },
): Promise<string> {
  const attacked = attack.checks?.(at.attacking, deployment.folder);
  const service = (name: string, host: number, checks: Checks) => ({
    name,
    addresses: [`10.99.0.${host}`],
    checks,
    stop: { converge: "0s" },
  });
  return await deployment.file({
    log: { level: attack.stuckLog === true ? "debug" : "info" },
    network: { setup: false },
    http: { listen: `${OURS}:${at.ports.http}` },
    control: { socket: "" },
    bgp: {
      local: { routerID: OURS, as: 65512, listenPort: at.ports.bgp, listenAddresses: [OURS] },
      peers: [
        { address: PEER, as: 65512, port: at.peer, holdTime: `${HOLD_SECONDS}s` },
        { address: NEWCOMER, as: 65512, passive: true },
      ],
    },
    services: [
      service("good", 1, [{ ...web, port: at.good, rise: 1, fall: 3 }]),
      service("pinged", 3, [{ ...web, type: "ping", addresses: [OURS], rise: 1, fall: 3 }]),
      ...(attacked === undefined ? [] : [service("attacked", 2, attacked)]),
    ],
  });
}

/** The agent's process. A log that nobody reads fills its pipe and stays full. */
function startAgent(attack: Attack, deployment: Deployment, file: string): Deno.ChildProcess {
  const { command, args, env } = deployment.command("--config", file);
  const limit = attack.descriptors === undefined ? [] : ["prlimit", `--nofile=${attack.descriptors}`];
  const [program = "", ...rest] = [...limit, command, ...args];
  const stderr = attack.stuckLog === true ? "piped" : "null";
  return new Deno.Command(program, { args: rest, env: { ...env }, stdin: "null", stdout: "null", stderr })
    .spawn();
}

/** How late this process itself is at most: what others on the machine cost, and nobody's fault here. */
function watchOwnLateness(): Disposable & { readonly ms: number } {
  let [ms, due] = [0, performance.now() + STEP_MS];
  const timer = setInterval(() => {
    const now = performance.now();
    ms = Math.max(ms, now - due);
    due = now + STEP_MS;
  }, STEP_MS);
  return {
    get ms() {
      return ms;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** How long a peer that connects waits for a session. */
async function newSessionMs(port: number): Promise<number | undefined> {
  const since = performance.now();
  const peer = await connectRaw(NEWCOMER, OURS, port).catch(() => undefined);
  if (peer === undefined) return undefined;
  const limit = Promise.withResolvers<false>();
  const timer = setTimeout(() => limit.resolve(false), NEW_SESSION_LIMIT_MS);
  const identifier = NEWCOMER.split(".").map(Number);
  const established = peer.establish(open({ as: 65512, identifier })).then(() => true, () => false);
  const inTime = await Promise.race([established, limit.promise]);
  clearTimeout(timer);
  const tookMs = performance.now() - since;
  peer[Symbol.dispose]();
  return inTime ? tookMs : undefined;
}

/** Ends the agent. @returns how long that took, or undefined where it had to be killed */
async function stopAgent(agent: Deno.ChildProcess): Promise<number | undefined> {
  const since = performance.now();
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    agent.kill("SIGKILL");
  }, STOP_LIMIT_MS);
  try {
    agent.kill("SIGTERM");
  } catch {
    // It has ended by itself.
    killed = true;
  }
  await agent.status;
  clearTimeout(timer);
  return killed ? undefined : performance.now() - since;
}

async function measure(attack: Attack, deployment: Deployment): Promise<Figures | string> {
  await using stack = new AsyncDisposableStack();
  const peer = stack.use(await TimedPeer.listen(PEER, { holdTime: HOLD_SECONDS }));
  const probes: number[] = [];
  const good = Deno.serve({ hostname: OURS, port: 0, onListen() {} }, () => {
    probes.push(performance.now());
    return new Response("ok");
  });
  stack.defer(() => good.shutdown());
  const server = attack.server === undefined ? undefined : await startAttacker([attack.server], true);
  if (server !== undefined) stack.use(server.process);
  const ports = { bgp: await freePort(), http: await freePort() };
  const at = { peer: peer.port, good: good.addr.port, attacking: server?.port ?? 0, ports };
  const file = await configuration(attack, deployment, at);
  const { command, args, env } = deployment.command("check", file);
  const check = await new Deno.Command(command, { args: [...args], env: { ...env }, stderr: "piped" })
    .output();
  if (!check.success) {
    return `refused: ${new TextDecoder().decode(check.stderr).split("\n")[0]?.slice(0, 70)}`;
  }

  const agent = startAgent(attack, deployment, file);
  let stopMs: number | undefined;
  try {
    const announced = () => GOOD.every((prefix) => peer.routes.has(prefix));
    await until(announced, () => "the routes", START_LIMIT_MS).catch(() => {});
    if (!announced()) return `${peer.routes.size} routes came in ${START_LIMIT_MS / 1000} s`;
    await pause(SETTLE_MS);
    const rssBefore = (await memory(agent.pid)).all;
    peer.forget();
    const [since, sessions] = [performance.now(), peer.sessions];
    using own = watchOwnLateness();
    await using _attacker = attack.attacker && (await startAttacker(attack.attacker(ports), false)).process;
    let [rssMost, descriptorsMost] = [rssBefore, 0];
    const newSession = pause(ATTACK_MS / 2).then(() => newSessionMs(ports.bgp));
    while (performance.now() - since < ATTACK_MS) {
      await pause(500);
      const now = (await memory(agent.pid)).all;
      if (Number.isNaN(now)) return "the agent died";
      rssMost = Math.max(rssMost, now);
      descriptorsMost = Math.max(descriptorsMost, await descriptors(agent.pid));
    }
    const figures = {
      keepaliveLateMs: late(peer.keepalives, since, HOLD_SECONDS * 1000 / 3),
      checkLateMs: late(probes, since, CHECK_MS),
      ownLateMs: own.ms,
      kept: GOOD.every((prefix) => !peer.withdrawn.has(prefix) && peer.routes.has(prefix)),
      sessions: peer.sessions - sessions,
      newSessionMs: await newSession,
      rssBefore,
      rssMost,
      descriptorsMost,
    };
    stopMs = await stopAgent(agent);
    return { ...figures, stopMs };
  } finally {
    if (stopMs === undefined) await stopAgent(agent);
    if (attack.stuckLog === true) await agent.stderr.cancel().catch(() => {});
  }
}

function row(cells: readonly (string | number)[]): string {
  const [name = "", ...rest] = cells;
  const widths = [9, 9, 6, 6, 8, 6, 7, 7, 6, 8];
  return `${String(name).padEnd(40)}${
    rest.map((cell, index) => String(cell).padStart(widths[index] ?? 8)).join(" ")
  }`;
}

function report(name: string, figures: Figures | string): void {
  if (typeof figures === "string") return console.log(`${name.padEnd(40)} ${figures}`);
  const { keepaliveLateMs, checkLateMs, ownLateMs, kept, sessions, stopMs } = figures;
  const whole = (value: number) => value.toFixed(0);
  console.log(row([
    name,
    whole(keepaliveLateMs),
    whole(checkLateMs),
    whole(ownLateMs),
    kept ? "kept" : "LOST",
    sessions === 0 ? "kept" : `+${sessions}`,
    figures.newSessionMs === undefined ? "none" : whole(figures.newSessionMs),
    figures.rssBefore.toFixed(1),
    figures.rssMost.toFixed(1),
    figures.descriptorsMost,
    stopMs === undefined ? "killed" : whole(stopMs),
  ]));
}

/** The inside, in a network and with a resolver of its own. */
async function inside(names: readonly string[]): Promise<void> {
  // A resolver that is there, and silent: nothing comes back, not even that nobody is there.
  const resolver = createSocket("udp4");
  await new Promise<void>((resolve) => resolver.bind(53, RESOLVER, resolve));
  await using deployment = await Deployment.make();
  await new Deno.Command("mkfifo", { args: [`${deployment.folder}/fifo`] }).output();
  console.log(
    `each attack ${ATTACK_MS / 1000} s; milliseconds late at most, milliseconds to a new session, MiB`,
  );
  console.log(
    row(["", "KEEPALIVE", "check", "(own)", "route", "session", "new", "RSS", "most", "fds", "TERM→end"]),
  );
  for (const attack of ATTACKS) {
    if (names.length > 0 && !names.some((name) => attack.name.includes(name))) continue;
    const figures = await measure(attack, deployment).catch((error) => `${error.message}`.slice(0, 100));
    report(attack.name, figures);
  }
  resolver.close();
}

/** Runs this program again where it may have a resolver and addresses of its own. */
async function outside(names: readonly string[]): Promise<number> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/resolv.conf`, `nameserver ${RESOLVER}\n`);
  const permissions = ["read", "write", "net", "run", "ffi", "env", "sys"].map((name) => `--allow-${name}`);
  const script = `ip link set lo up && mount --bind "$0" /etc/resolv.conf && exec "$@"`;
  const self = [
    Deno.execPath(),
    "run",
    "--no-prompt",
    ...permissions,
    `${SELF}/attack_bench.ts`,
    "inside",
    ...names,
  ];
  const args = ["--net", "--mount", "sh", "-c", script, `${folder}/resolv.conf`, ...self];
  try {
    return (await new Deno.Command("unshare", { args, stdin: "null" }).spawn().status).code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const [first, ...names] = Deno.args;
  if (first === "inside") await inside(names);
  else if (Deno.uid() !== 0) console.log("skipped: only root may make the namespaces that this needs");
  else Deno.exit(await outside(Deno.args));
}
