/**
 * What orders cost an agent with 1,000 services of one check each, as it is deployed, announce-only: a reload that changes
 * one MED, a reload that changes nothing, drains, and a scrape. A turn is as long as somebody waits for a small answer
 * meanwhile, and a KEEPALIVE as late as it comes after the second that it is due in.
 */
import { postControl } from "../../src/control/client.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { systemClock } from "../../src/time/clock.ts";
import { Process } from "../support/process.ts";
import { freePort } from "../support/raw_peer.ts";
import { until } from "../support/until.ts";
import { Deployment } from "./deployed_agent.ts";
import { cpuSeconds, median, memory } from "./process_figures.ts";
import { TimedPeer } from "./timed_peer.ts";

const ROUNDS = Number(Deno.args[0] ?? 7);
const SERVICES = 1000;
const DRAINS = 100;
const LIMIT_MS = 60_000;
/** KEEPALIVEs are due each third of it. */
const HOLD_SECONDS = 3;
const KEEPALIVE_MS = HOLD_SECONDS * 1000 / 3;
const FIRST_MED = 100;
/** Whatever a start leaves to do is done by then. */
const WARM_MS = 8000;
const HOST = "127.0.0.1";

/** Of one round, in milliseconds. */
interface Round {
  readonly answered: number;
  readonly told: number | undefined;
  readonly turn: number;
  readonly late: number;
  readonly cpu: number;
}

/** Waits for small answers, one after the other, and keeps the longest wait. */
class Waiter implements AsyncDisposable {
  longest = 0;
  #ended = false;
  readonly #asking: Promise<void>;

  constructor(url: string) {
    this.#asking = this.#ask(url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#asking;
  }

  async #ask(url: string): Promise<void> {
    while (!this.#ended) {
      const began = performance.now();
      await (await fetch(url)).text();
      this.longest = Math.max(this.longest, performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

await using deployment = await Deployment.make();
await using peer = await TimedPeer.listen("127.0.0.2", { holdTime: HOLD_SECONDS });
const backend = Deno.serve({ hostname: HOST, port: 0, onListen() {} }, () => new Response("ok"));
const httpPort = await freePort();
const socket = `${deployment.folder}/control.sock`;

/** Every service as it is, and the first with this MED. */
function configuration(med: number): unknown {
  return {
    network: { setup: false },
    http: { listen: `${HOST}:${httpPort}` },
    control: { socket },
    state: { directory: `${deployment.folder}/state` },
    bgp: {
      local: { routerID: HOST, as: 65512, listenPort: -1 },
      peers: [{ address: peer.host, as: 65512, port: peer.port }],
    },
    services: Array.from({ length: SERVICES }, (_, index) => ({
      name: `s${index}`,
      addresses: [`10.99.${index >> 8}.${index & 255}`],
      checks: [{ type: "http", port: backend.addr.port, interval: "10s", rise: 1 }],
      announce: { med: index === 0 ? med : FIRST_MED },
      stop: { converge: "0s", quiesce: "0s" },
    })),
  };
}

async function order(name: string, body: unknown): Promise<void> {
  const ports = { streams: denoStreams(), clock: systemClock, user: Deno.uid() ?? undefined };
  const request = {
    path: socket,
    target: `/v1/${name}`,
    accept: "application/json",
    body,
    limitMs: LIMIT_MS,
  };
  const answer = await postControl(request, ports);
  if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.body}`);
}

/** How late the latest KEEPALIVE or UPDATE since `forget` was. */
function lateness(): number {
  const gaps = peer.keepalives.map((at, index) => at - (peer.keepalives[index - 1] ?? at));
  return Math.max(0, ...gaps.map((gap) => gap - KEEPALIVE_MS));
}

/** Does `act` and looks on for a few KEEPALIVEs. @param moment what the peer is to be told */
async function round(
  pid: number,
  act: () => Promise<unknown>,
  moment: "route" | "withdrawal" | undefined,
): Promise<Round> {
  peer.forget();
  const waiter = new Waiter(`http://${HOST}:${httpPort}/healthz`);
  await using _waiter = waiter;
  const cpu = await cpuSeconds(pid);
  const began = performance.now();
  await act();
  const answered = performance.now() - began;
  const told = moment === undefined ? undefined : await peer.saw(moment, LIMIT_MS) - began;
  const used = await cpuSeconds(pid) - cpu;
  const turn = waiter.longest;
  await until(() => peer.keepalives.length >= 3, () => "KEEPALIVEs", LIMIT_MS);
  return { answered, told, turn, late: lateness(), cpu: used * 1000 };
}

function row(name: string, rounds: readonly Round[]): string {
  const cell = (key: keyof Round) => {
    const values = rounds.map((each) => each[key]).filter((value) => value !== undefined);
    return (values.length === 0 ? "-" : median(values).toFixed(1)).padStart(COLUMN);
  };
  const worst = (key: "turn" | "late") =>
    Math.max(...rounds.map((each) => each[key])).toFixed(1).padStart(COLUMN);
  return [
    name.padEnd(24),
    cell("answered"),
    cell("told"),
    cell("cpu"),
    cell("turn"),
    worst("turn"),
    worst("late"),
  ]
    .join("");
}

const COLUMN = 15;
const TITLES = ["answered", "UPDATE there", "CPU", "longest turn", "worst turn", "KEEPALIVE late"];

const file = `${deployment.folder}/config.json`;
const write = (med: number) => Deno.writeTextFile(file, JSON.stringify(configuration(med)));
await write(FIRST_MED);
{
  await using agent = new Process(deployment.command("--config", file));
  await until(() => peer.routes.size === SERVICES, () => `${peer.routes.size} routes`, LIMIT_MS);
  await new Promise((resolve) => setTimeout(resolve, WARM_MS));
  const { pid } = agent;
  const reload = () => order("reload", {});
  const drained = Array.from({ length: DRAINS }, (_, index) => `s${index}`);
  const each = async (name: "drain" | "undrain") => {
    for (const service of drained) await order(name, { services: [service] });
  };
  const scrape = async () => void await (await fetch(`http://${HOST}:${httpPort}/metrics`)).text();
  const acts: readonly (readonly [string, (nth: number) => Promise<Round>])[] = [
    ["nothing", () => round(pid, () => Promise.resolve(), undefined)],
    ["reload, one MED changes", async (nth) => {
      await write(FIRST_MED + 1 + nth);
      return await round(pid, reload, "route");
    }],
    ["reload, unchanged", () => round(pid, reload, undefined)],
    [`${DRAINS} drains`, () => round(pid, () => each("drain"), "withdrawal")],
    [`${DRAINS} undrains`, () => round(pid, () => each("undrain"), "route")],
    ["scrape of /metrics", () => round(pid, scrape, undefined)],
  ];
  const rounds = acts.map((): Round[] => []);
  for (let nth = 0; nth < ROUNDS; nth++) {
    for (const [index, [, act]] of acts.entries()) rounds[index]?.push(await act(nth));
  }
  console.log(`${SERVICES} services of one check; milliseconds, medians of ${ROUNDS}, worst of all`);
  console.log(`${"".padEnd(24)}${TITLES.map((title) => title.padStart(COLUMN)).join("")}`);
  for (const [index, [name]] of acts.entries()) console.log(row(name, rounds[index] ?? []));
  const { all, anonymous } = await memory(pid);
  console.log(`then RSS ${all.toFixed(1)} MiB, anonymous ${anonymous.toFixed(1)} MiB`);
}
await backend.shutdown();
