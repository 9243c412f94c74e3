/** The soak from inside: rounds of storm, calm and orders, each judged when it is over; and the last stop. */
import type { LabEvent } from "../report.ts";
import { BOUNDS } from "../../soak/bounds.ts";
import { INVARIANTS, type Violation } from "../../soak/invariants.ts";
import type { Observed } from "../../soak/observed.ts";
import {
  type FaultName,
  isFault,
  type OrderName,
  type Round,
  scheduleOf,
  subject,
  type Trouble,
} from "../../soak/schedule.ts";
import { tailOf } from "../../soak/tail.ts";
import { waitFor } from "../../support/until.ts";
import { pause } from "./agent_surface.ts";
import { DOING } from "./faults.ts";
import { carryOut } from "./planned.ts";
import { type PlantMoment, PLANTS } from "./plants.ts";
import { Scene } from "./scene.ts";
import { openOf, Watches } from "./watches.ts";

/** What a soak is asked for. */
export interface SoakOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: readonly string[] | undefined;
  readonly only: readonly [number, number] | undefined;
  /** A violation that is made on purpose. */
  readonly plant: string | undefined;
  /** One short round, for a suite that has more to do. */
  readonly short?: true;
}

type Report = (event: LabEvent) => void;

/** How much there is in a round. */
const WHOLE = { perStorm: [4, 9], ordersPerRound: 3, stormMs: 25_000 } as const;
const SHORT = { perStorm: [5, 6], ordersPerRound: 2, stormMs: 8_000 } as const;
/** More than fit into any time that is asked for. */
const ROUNDS = 10_000;
/** The round in which a violation is planted: there is something to compare it with. */
const PLANT_ROUND = 2;

/** Of the suite: one round, always the same. */
const SHORT_SOAK: SoakOptions = {
  ...{ seed: 24, minutes: 1, faults: undefined, only: undefined, plant: undefined },
  short: true,
};

/** What was run, as the lab counts it. */
interface SoakTotals {
  readonly ran: number;
  readonly failed: number;
}

/** The same, from the command line of inside.ts. */
export function soakByArguments(
  folder: string,
  agent: readonly string[],
  values: { readonly [name in "minutes" | "seed" | "faults" | "only" | "plant"]?: string | undefined },
  report: Report,
): Promise<SoakTotals> {
  const { minutes = "10", seed = "1", faults, only, plant } = values;
  const [first, last] = only?.split("..").map(Number) ?? [];
  const options = {
    ...{ minutes: Number(minutes), seed: Number(seed), faults: faults?.split(",") },
    only: first === undefined || last === undefined ? undefined : [first, last] as const,
    plant,
  };
  return reported(() => soak(folder, agent, options, report), report);
}

/** One round of it, among the results of a suite. What is said comes with a failure alone. */
export function shortSoak(folder: string, agent: readonly string[], report: Report): Promise<SoakTotals> {
  const own = `${folder}/soak`;
  const said: string[] = [];
  return reported(async () => {
    await Deno.mkdir(own);
    return await soak(own, agent, SHORT_SOAK, (event) => {
      if (event.type === "say") return void said.push(event.text);
      if (event.type !== "result") return report(event);
      const evidence = event.outcome === "failed" ? [...event.evidence, ...said.splice(0)] : event.evidence;
      report({ ...event, name: `the soak, in short: ${event.name}`, evidence });
    });
  }, report);
}

async function reported(run: () => Promise<SoakTotals>, report: Report): Promise<SoakTotals> {
  try {
    return await run();
  } catch (error) {
    const message = error instanceof Error ? error.stack ?? error.message : String(error);
    report({ type: "result", name: "the soak runs", outcome: "failed", ms: 0, message, evidence: [] });
    return { ran: 1, failed: 1 };
  }
}

/** Runs it. @returns how many invariants were judged, and how many of them failed */
export async function soak(
  folder: string,
  agent: readonly string[],
  options: SoakOptions,
  report: Report,
): Promise<SoakTotals> {
  const say = (text: string) => report({ type: "say", text });
  await using scene = await Scene.create(folder, agent, say);
  say("everything is in service");
  const run = new Run(scene, options, say);
  const failed = await run.all();
  for (const { name, unit } of INVARIANTS) {
    const judged = run.judged.get(name) ?? 0;
    const broken = run.violations.filter((each) => each.invariant === name);
    const nothing = judged === 0 && options.only === undefined;
    report({
      ...{ type: "result", name, ms: 0, outcome: broken.length > 0 || nothing ? "failed" : "passed" },
      message: `${judged} ${unit} judged${nothing ? ": that is no soak" : ""}`,
      evidence: broken.slice(0, 5).map(({ words }) => words),
    });
  }
  return { ran: INVARIANTS.length, failed };
}

interface Found extends Violation {
  readonly invariant: string;
}

class Run {
  readonly judged = new Map<string, number>();
  readonly violations: Found[] = [];
  readonly #counts = { faults: 0, orders: 0, requests: 0, failed: 0, failedInOrders: 0, events: 0 };
  readonly #watches: Watches;
  /** What is going on, by what it takes hold of. */
  readonly #turns = new Map<string, Promise<void>>();
  readonly #beginMs = Date.now();
  #minute = 0;

  constructor(readonly scene: Scene, readonly options: SoakOptions, readonly say: (text: string) => void) {
    this.#watches = new Watches(scene);
  }

  get #leastRounds(): number {
    return this.options.plant === undefined ? 1 : PLANT_ROUND;
  }

  get #enough(): boolean {
    return this.#over || this.options.short === true;
  }

  get #over(): boolean {
    return Date.now() - this.#beginMs > this.options.minutes * 60_000;
  }

  /** @returns how many invariants are broken */
  async all(): Promise<number> {
    const { scene, options } = this;
    const servers = scene.servers.map(({ node }) => node).filter((node) => node.startsWith("s"));
    const targets = {
      hosts: scene.hosts.map(({ name }) => name),
      servers,
      routers: scene.routers.map(({ name }) => name),
    };
    const faults: readonly FaultName[] | undefined = options.faults?.filter(isFault);
    const schedule = scheduleOf({
      ...{ seed: options.seed, only: options.only, faults, targets, rounds: ROUNDS },
      ...options.short === true ? SHORT : WHOLE,
    });
    const minutes = setInterval(() => this.#tellMinute(), 60_000);
    try {
      for (const round of schedule) {
        if (this.#enough && round.number > this.#leastRounds || this.violations.length > 0) break;
        await this.#round(round);
      }
      if (this.violations.length === 0) await this.#lastStop();
    } finally {
      clearInterval(minutes);
      await this.#watches[Symbol.asyncDispose]();
    }
    this.#tellMinute();
    return new Set(this.violations.map(({ invariant }) => invariant)).size;
  }

  async #round({ number, storm, planned }: Round): Promise<void> {
    this.scene.notes.nextRound();
    const words = storm.map((each) => `${each.number} ${each.fault} ${each.target}`).join(", ");
    this.say(`round ${number}: ${words || "no fault"}`);
    await Promise.all(storm.map((trouble) => this.#trouble(trouble)));
    const back = await this.#recovered();
    await this.#plant("before orders", number);
    for (const [index, { order, host }] of (back ? planned : []).entries()) {
      if (this.#over && number > this.#leastRounds) break;
      await this.#order(order, host, index === 0 ? number : 0);
      if (!await this.#recovered()) break;
    }
    await this.#watches.requests();
    await this.#watches.calmProcesses();
    if (!this.#judge()) return;
    for (const host of this.scene.hosts) for (const line of await openOf(host)) this.say(`  ${line}`);
  }

  async #trouble(trouble: Trouble): Promise<void> {
    await pause(trouble.atMs);
    const key = `${subject(trouble.fault)} ${trouble.target}`;
    // On a slow machine the one before may take longer than was thought of.
    const done = (this.#turns.get(key) ?? Promise.resolve()).then(() => this.#doTrouble(trouble));
    this.#turns.set(key, done);
    await done;
  }

  async #doTrouble(trouble: Trouble): Promise<void> {
    const { number, forMs, fault, target } = trouble;
    const end = this.scene.notes.troubles.begin({ number, fault, target, words: `for ${forMs} ms` });
    try {
      const undo = await DOING[fault](this.scene, trouble);
      await pause(forMs);
      await undo();
      this.#counts.faults++;
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.#found(
        "everything comes back, and a stop leaves nothing",
        `${fault} of ${target} (${number}): ${words}`,
      );
    } finally {
      end();
    }
  }

  async #plant(moment: PlantMoment, round: number): Promise<void> {
    const plant = PLANTS[this.options.plant ?? ""];
    if (plant?.moment !== moment || round !== PLANT_ROUND) return;
    this.say(`planted: ${this.options.plant}`);
    await plant.plant(this.scene);
  }

  async #order(order: OrderName, host: string, round: number): Promise<void> {
    const end = this.scene.notes.planned.begin({ order, host });
    try {
      await this.#plant("in an order", round);
      await carryOut(this.scene, this.scene.host(host), order);
      this.#counts.orders++;
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.#found("everything comes back, and a stop leaves nothing", `${order} of ${host}: ${words}`);
    } finally {
      // Until all is as before: a request that fails by what comes late counts, too.
      await this.#settle();
      end();
    }
  }

  #found(invariant: string, words: string): void {
    this.violations.push({ invariant, atMs: Date.now(), words });
  }

  async #settle(): Promise<string | undefined> {
    const { scene } = this;
    let lacking: string | undefined;
    await waitFor("all is back", BOUNDS.recoverMs, async () => {
      lacking = await scene.lacking();
      return lacking === undefined;
    }, 300).catch(() => {});
    return lacking;
  }

  async #recovered(): Promise<boolean> {
    const fromMs = Date.now();
    const lacking = await this.#settle();
    this.scene.notes.recoveries.push({ fromMs, untilMs: Date.now(), lacking });
    return lacking === undefined;
  }

  /** @returns whether anything is broken */
  #judge(): boolean {
    const observed = this.scene.notes.observed(this.scene.places, this.scene.routesSeen());
    const inOrders = observed.planned;
    this.#counts.events += observed.events.length;
    this.#counts.requests += observed.requests.length;
    for (const { failure, atMs } of observed.requests) {
      if (failure === undefined) continue;
      this.#counts.failed++;
      if (inOrders.some(({ fromMs, untilMs }) => fromMs <= atMs && atMs <= untilMs)) {
        this.#counts.failedInOrders++;
      }
    }
    for (const { name, judge } of INVARIANTS) {
      const { judged, violations } = judge(observed, BOUNDS);
      this.judged.set(name, (this.judged.get(name) ?? 0) + judged);
      this.violations.push(...violations.map((each) => ({ ...each, invariant: name })));
    }
    const broken = this.violations.length > 0;
    if (broken) this.#tellTail(observed);
    return broken;
  }

  #tellTail(observed: Observed): void {
    const { seed } = this.options;
    this.say(`VIOLATED, with seed ${seed}:`);
    for (const { invariant, words, atMs } of this.violations.slice(0, 20)) {
      this.say(`  ${new Date(atMs).toISOString()} ${invariant}: ${words}`);
    }
    this.say("the round until then:");
    for (const line of tailOf(observed, this.violations)) this.say(`  ${line}`);
    for (const line of this.scene.evidence()) this.say(`  ${line}`);
    const numbers = observed.troubles.map(({ number }) => number);
    if (numbers.length > 0) {
      this.say(
        `again: deno task soak --seed=${seed} --minutes=1 --only=${Math.min(...numbers)}..${
          Math.max(...numbers)
        }`,
      );
    }
  }

  /** All agents stop in order: nothing of ours stays. */
  async #lastStop(): Promise<void> {
    const { scene } = this;
    scene.notes.nextRound();
    const { leftovers } = scene.notes;
    for (const host of scene.hosts) {
      scene.notes.away.begin({ host: host.name, how: "the last stop" });
      const status = await host.stopAgent(30_000);
      if (status !== 0) leftovers.push(`${host.name}: the agent ended with ${status}`);
    }
    await this.#plant("after the stop", PLANT_ROUND);
    for (const host of scene.hosts) {
      for (const object of await scene.oursIn(host)) leftovers.push(`${host.name}: ${object}`);
      const socket = await Deno.lstat(host.socket).catch(() => undefined);
      if (socket !== undefined) leftovers.push(`${host.name}: its control socket`);
    }
    scene.notes.recoveries.push({ fromMs: scene.notes.fromMs, untilMs: Date.now(), lacking: undefined });
    this.#judge();
  }

  #tellMinute(): void {
    this.#minute++;
    const { faults, orders, requests, failed, failedInOrders, events } = this.#counts;
    const agents = this.scene.hosts.map(({ name }) => {
      const last = this.scene.notes.processes.findLast(({ host }) => host === name);
      return last === undefined
        ? `${name} away`
        : `${name} ${(last.residentKiB / 1024).toFixed(1)} MiB ${last.descriptors} descriptors`;
    });
    this.say(
      `minute ${this.#minute}: ${faults} faults, ${orders} orders, ${events} events, ${requests} requests, ` +
        `${failed} failed (${failedInOrders} during orders); ${agents.join(", ")}`,
    );
  }
}
