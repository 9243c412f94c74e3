/**
 * An operator and the state directory: gives orders to whichever agent runs, and remembers what should have come of them: which
 * services are out of service, until when, and what of that outlives a process.
 */
import type { Agent } from "../../src/agent/agent.ts";
import type { Loaded } from "../../src/agent/ports.ts";
import type { StateFiles } from "../../src/agent/drain_keeper.ts";
import type { Config } from "../../src/config/config.ts";
import { BusyError, type DrainAnswer } from "../../src/control/orders.ts";
import type { Plan } from "../../src/status/plan.ts";
import { UnknownNameError } from "../../src/status/views.ts";
import type { Clock } from "../../src/time/clock.ts";
import { sleep } from "../../src/time/clock.ts";
import { SERVICE_NAMES } from "./configurations.ts";
import type { AgentProcess } from "./process.ts";

const BY = { pid: 1000, uid: 0, gid: 0 };
/** So long a write to the state directory takes. */
const DISK_MS = 5;

/** Services that should be out of service, each until its time; by name, or all but some. */
interface Drained {
  readonly all: number | undefined;
  readonly services: ReadonlyMap<string, number>;
  readonly except: ReadonlySet<string>;
}

const NONE: Drained = { all: undefined, services: new Map(), except: new Set() };

/** The disk: what was written as a whole is there, whatever becomes of the process. */
export class StateDirectory {
  readonly #files = new Map<string, Uint8Array>();
  failing = false;

  /** The files as `process` has them. */
  of(process: AgentProcess, operator: Operator): StateFiles {
    const read = (path: string) => {
      if (!this.failing) return this.#files.get(path);
      if (hasDrains(path)) operator.unread();
      throw new Error("Input/output error");
    };
    return {
      read: async (path) => {
        await sleep(process, DISK_MS);
        return read(path);
      },
      replace: async (path, octets) => {
        const written = Uint8Array.from(octets);
        const keep = hasDrains(path) ? operator.keep() : () => {};
        await sleep(process, DISK_MS);
        if (this.failing) throw new Error("No space left on device");
        this.#files.set(path, written);
        keep();
      },
      setAside: async (path) => {
        await sleep(process, DISK_MS);
        this.#files.delete(path);
      },
    };
  }

  /** The end of every file is lost, as where the host loses power at the wrong moment. */
  tear(): void {
    for (const [path, octets] of this.#files) this.#files.set(path, octets.slice(0, octets.length - 3));
  }
}

/** Virtual services are kept there, too. */
function hasDrains(path: string): boolean {
  return path.endsWith("/drains");
}

/** What an operator needs of the world. */
export interface OperatorPorts {
  readonly clock: Clock;
  agent(): { readonly agent: Agent; readonly process: AgentProcess } | undefined;
  config(): Config;
  /** Something happened to these services, or to all. */
  disturb(services: readonly string[]): void;
  /** The kernel does not do what it is told, or something is in the way. */
  kernelIsWell(): boolean;
  later(ms: number, work: () => void): void;
  note(text: string): void;
  /** An order was followed as it should be, or `wrong` says how it was not. */
  judge(wrong: string | undefined): void;
}

/** Nobody is in a hurry. */
const AGAIN_MS = 2000;

/** Gives orders. */
export class Operator {
  readonly #ports: OperatorPorts;
  /** What the running agent was told, and what of it is on the disk. */
  #told: Drained = NONE;
  #kept: Drained = NONE;
  /** All that was told, in order. */
  readonly #orders: Drained[] = [NONE];
  /** What is being read. */
  readonly #reloading = new Set<Loaded>();
  /** What the file has. */
  file: Loaded = { ok: false, problems: ["no file"] };

  constructor(ports: OperatorPorts) {
    this.#ports = ports;
  }

  /** Whether a service should be out of service now. */
  isDrained(service: string): boolean {
    const { all, services, except } = unexpired(this.#told, this.#ports.clock.now());
    return services.has(service) || (all !== undefined && !except.has(service));
  }

  /** Another process has only what is on the disk. */
  restarted(): void {
    this.#told = this.#kept;
    this.#reloading.clear();
  }

  /** The disk will have what was ordered until now, once what this gives is called. */
  keep(): () => void {
    const told = this.#told;
    return () => void (this.#kept = told);
  }

  /** The disk could not be read: no service counts as drained. */
  unread(): void {
    this.#told = NONE;
  }

  /** Nothing is on the disk that can be read. */
  forgotten(): void {
    this.#kept = NONE;
  }

  /** The same order twice is one. @param services undefined: all */
  drain(services: readonly string[], forMs: number | undefined): void {
    const untilMs = forMs === undefined ? Infinity : this.#ports.clock.now() + forMs;
    this.#order(
      services,
      (agent) => agent.orders.drain({ services, reason: "maintenance", forMs }, BY),
      (before) => {
        if (services.length === 0) return { ...before, all: untilMs, except: new Set() };
        return {
          ...before,
          services: new Map([...before.services, ...services.map((name) => [name, untilMs] as const)]),
          except: new Set([...before.except].filter((name) => !services.includes(name))),
        };
      },
    );
    if (forMs !== undefined) {
      this.#ports.clock.at(this.#ports.clock.now() + forMs, () => this.#ports.disturb(services));
    }
  }

  undrain(services: readonly string[]): void {
    this.#order(services, (agent) => agent.orders.undrain({ services }, BY), (before) => {
      if (services.length === 0) return NONE;
      return {
        ...before,
        services: new Map([...before.services].filter(([name]) => !services.includes(name))),
        except: before.all === undefined ? before.except : new Set([...before.except, ...services]),
      };
    });
  }

  /** Has the agent read the file, which is `config` now. */
  reload(file: Loaded): void {
    const running = this.#ports.agent();
    if (running === undefined) return;
    this.file = file;
    const isRunning = file.ok && file.config === this.#ports.config() && this.#reloading.size === 0;
    this.#attempt("reload", running.process, async () => {
      this.#reloading.add(file);
      const answer = await running.agent.orders.reload(BY).finally(() => this.#reloading.delete(file));
      if (!running.process.alive) return;
      const details = answer.result === "invalid" ? answer.problems : answer.changes;
      this.#ports.note(`--- reload: ${answer.result}: ${details.join("; ")}`);
      // What the kernel refuses for a while is ordered again, as long as the file stands.
      const refused = details.some((detail) => detail.startsWith("the kernel refuses"));
      if (refused && this.file === file) this.#ports.later(AGAIN_MS, () => this.#again(file));
      const wrong = isRunning
        ? answer.result === "applied"
        : file.ok
        ? this.#ports.kernelIsWell() && answer.result === "invalid" && !refused
        : answer.result !== "invalid";
      this.#ports.judge(
        wrong && this.file === file ? `the reload is ${answer.result}: ${details.join("; ")}` : undefined,
      );
    });
  }

  #again(file: Loaded): void {
    if (this.file === file) this.reload(file);
  }

  /** Asks what a reload of `file` would do. */
  async plan(file: Loaded): Promise<Plan | undefined> {
    const running = this.#ports.agent();
    if (running === undefined) return undefined;
    const before = this.file;
    this.file = file;
    try {
      const answer = await running.agent.plan(undefined);
      return answer.result === "plan" ? answer.plan : undefined;
    } finally {
      this.file = before;
    }
  }

  checkNow(services: readonly string[]): void {
    const running = this.#ports.agent();
    if (running === undefined) return;
    // deno-lint-ignore require-await -- what it throws is what a promise would
    this.#attempt("check-now", running.process, async () => {
      running.agent.orders.checkNow({ services }, BY);
    });
  }

  handover(): void {
    const running = this.#ports.agent();
    if (running === undefined) return;
    // deno-lint-ignore require-await -- what it throws is what a promise would
    this.#attempt("handover", running.process, async () => running.agent.orders.handover(BY));
  }

  #order(
    services: readonly string[],
    give: (agent: Agent) => Promise<DrainAnswer>,
    after: (before: Drained) => Drained,
  ): void {
    const running = this.#ports.agent();
    if (running === undefined) return;
    const { agent, process } = running;
    const names = this.#ports.config().services.map(({ name }) => name);
    this.#attempt("drain", process, async () => {
      const before = unexpired(this.#told, this.#ports.clock.now());
      const answer = give(agent);
      // A name that is none of a service's changes nothing, nor does an order that is refused.
      const mine = after(before);
      this.#tell(mine);
      this.#ports.disturb(services.length === 0 ? names : services);
      try {
        const { lost } = await answer;
        if (!process.alive) return;
        const forgotten = lost === undefined && !this.#isKept(mine, before);
        this.#ports.judge(forgotten ? "a drain is said to be kept, and nothing was written" : undefined);
      } catch (error) {
        if (process.alive && this.#told === mine) this.#tell(before);
        throw error;
      }
    });
  }

  /** What was ordered is on the disk, or something newer is, or nothing of it is news. */
  #isKept(mine: Drained, before: Drained): boolean {
    const [told, kept] = [this.#orders.indexOf(mine), this.#orders.indexOf(this.#kept)];
    // What has a later order over it is never written where the process stood still until then.
    if (kept >= told || this.#told !== mine) return true;
    const now = this.#ports.clock.now();
    const words = wordsOf(unexpired(mine, now));
    return words === wordsOf(unexpired(this.#kept, now)) || words === wordsOf(before);
  }

  #tell(drained: Drained): void {
    this.#told = drained;
    this.#orders.push(drained);
  }

  async #attempt(what: string, process: AgentProcess, give: () => Promise<void>): Promise<void> {
    try {
      await give();
    } catch (error) {
      if (!process.alive) return;
      this.#ports.note(`--- ${what} was refused: ${error}`);
      if (error instanceof BusyError || error instanceof UnknownNameError) return;
      this.#ports.judge(`${what} failed: ${error instanceof Error ? error.stack : error}`);
    }
  }
}

function unexpired({ all, services, except }: Drained, nowMs: number): Drained {
  const ended = all !== undefined && all <= nowMs;
  return {
    all: ended ? undefined : all,
    services: new Map([...services].filter(([, untilMs]) => untilMs > nowMs)),
    except: ended ? new Set() : except,
  };
}

/** What it comes to for each service, and for one that comes later. */
function wordsOf({ all, services, except }: Drained): string {
  return [...SERVICE_NAMES, "later"].map((name) => services.get(name) ?? (except.has(name) ? "" : all ?? ""))
    .join();
}
