/**
 * Reloads, one after the other: the file is read and checked whole before anything changes; what is wrong with it keeps the
 * running configuration, and is told. Those who ask while one waits for its turn get the same answer.
 */
import type { Config } from "../config/config.ts";
import { type ConfigChange, differInSteps } from "../config/difference.ts";
import { configHash, configHashInSteps } from "../config/hash.ts";
import { effective, restartKeys } from "../config/restart.ts";
import { BusyError, type ReloadAnswer } from "../control/orders.ts";
import type { EventStream } from "../events/stream.ts";
import { changeLines } from "../status/change_text.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { inSlices } from "../time/steps.ts";
import type { Loaded } from "./ports.ts";

/** Steps are taken for so long before everything else gets its turn. */
const SLICE_MS = 5;

/** What reloads act on. */
export interface ReloadsOptions {
  readonly clock: Clock;
  readonly events: EventStream;
  /** The configuration that is in force. */
  running(): Config;
  load(): Loaded | Promise<Loaded>;
  /** What keeps `next` from being run here; empty: nothing does. */
  refuse(next: Config): Promise<readonly string[]>;
  /** Makes what `next` needs beside what there is; resolves to what keeps it from being run. @throws {BusyError} */
  make(next: Config): Promise<readonly string[]>;
  /** Goes over to `next`, in this turn; what of it could not be done. Never throws. */
  apply(next: Config, because: number): readonly string[];
  /** Why nothing can be reloaded now. */
  busy(): string | undefined;
}

/** How the last reload went. */
export interface LastReload {
  readonly atMs: number;
  readonly successful: boolean;
  readonly cause: string;
}

/** The reloads of one agent. */
export class Reloads implements Disposable {
  readonly #options: ReloadsOptions;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<ReloadAnswer> | undefined;
  /** Of the running configuration, once it was asked for. */
  #hash: string | undefined;
  #loadedMs: number;
  #restart: readonly string[] = [];
  #last: LastReload | undefined;
  /** While a reload waits for its turn. */
  #turnOver: Disposable | undefined;
  #endTurn: () => void = () => {};

  constructor(options: ReloadsOptions) {
    this.#options = options;
    this.#loadedMs = options.clock.now();
  }

  /** The configuration that is in force, and how the last attempt at another one went. */
  get status(): {
    readonly hash: string;
    readonly loadedMs: number;
    readonly last: LastReload | undefined;
    readonly restart: readonly string[];
  } {
    this.#hash ??= configHash(this.#options.running());
    const hash = this.#hash;
    return { hash, loadedMs: this.#loadedMs, last: this.#last, restart: this.#restart };
  }

  /** Makes the hash of the running configuration, so that `status` has it: in slices, for a large one takes long. */
  async makeHash(): Promise<void> {
    const { clock, running } = this.#options;
    if (this.#hash !== undefined) return;
    const config = running();
    const hash = await inSlices(clock, configHashInSteps(config));
    if (running() === config) this.#hash = hash;
  }

  /** Reads the file when those before are done. @throws {BusyError} */
  reload(because: number): Promise<ReloadAnswer> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#reload(because);
    });
    this.#running = this.#next.catch(() => undefined);
    return this.#next;
  }

  async #reload(because: number): Promise<ReloadAnswer> {
    this.#refuseWhileBusy();
    const loaded = await attempt(() => this.#options.load());
    if (!loaded.ok) return this.#refused(loaded.problems, because);
    const old = this.#options.running();
    const read = effective(old, loaded.config);
    // Large configurations take their time: between two steps everything else gets its turn.
    await this.#turn();
    const changes = await this.#inTurns(differInSteps(old, read));
    const next = withKept(old, read, changes);
    if (changes.length === 0) await this.makeHash();
    const hash = changes.length > 0 ? await this.#inTurns(configHashInSteps(next)) : this.status.hash;
    const problems = changes.length === 0 ? [] : await this.#make(next);
    if (problems.length > 0) return this.#refused(problems, because);
    const restart = restartKeys(old, loaded.config);
    const outcome = this.#apply({ next, restart, changes, hash }, because);
    return { ...outcome, restart, warnings: loaded.warnings };
  }

  /** Makes what is new, where nothing keeps it from being run. */
  async #make(next: Config): Promise<readonly string[]> {
    await this.#turn();
    const problems = await this.#options.refuse(next);
    if (problems.length > 0) return problems;
    await this.#turn();
    return await this.#options.make(next);
  }

  /** What `steps` do, with everything else between them. @throws {BusyError} */
  async #inTurns<T>(steps: Generator<void, T>): Promise<T> {
    for (let endMs = this.#options.clock.now() + SLICE_MS;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (this.#options.clock.now() < endMs) continue;
      await this.#turn();
      endMs = this.#options.clock.now() + SLICE_MS;
    }
  }

  /** Everything else gets its turn. */
  async #turn(): Promise<void> {
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turnOver = clock.at(clock.now(), resolve);
    this.#endTurn = resolve;
    await promise;
    this.#refuseWhileBusy();
  }

  /** One that waits for its turn is not made any more. */
  [Symbol.dispose](): void {
    this.#turnOver?.[Symbol.dispose]();
    this.#endTurn();
  }

  #apply(
    { next, restart, changes, hash }: {
      readonly next: Config;
      readonly restart: readonly string[];
      readonly changes: readonly ConfigChange[];
      readonly hash: string;
    },
    because: number,
  ) {
    const { clock, events, apply } = this.#options;
    const isChanged = changes.length > 0;
    const result = isChanged ? "applied" : "unchanged";
    const cause = isChanged
      ? `${changes.length} change${changes.length === 1 ? "" : "s"}`
      : "it is the running one";
    const lines = changeLines(changes);
    this.#hash = hash;
    const told = { kind: "reload", to: result, hash, details: lines, restart, cause } as const;
    const errors = events.ahead(() => {
      const { id } = events.publish(told, because);
      return isChanged ? events.because(id, () => apply(next, id)) : [];
    });
    if (isChanged) this.#loadedMs = clock.now();
    this.#restart = restart;
    this.#last = { atMs: clock.now(), successful: true, cause };
    return { result, hash, changes: lines, errors } as const;
  }

  #refused(problems: readonly string[], because: number): ReloadAnswer {
    const { clock, events } = this.#options;
    const cause = `${
      problems.length === 1 ? "a problem" : `${problems.length} problems`
    } in the new configuration`;
    this.#last = { atMs: clock.now(), successful: false, cause: problems[0] ?? cause };
    events.publish(
      {
        kind: "reload",
        to: "refused",
        hash: this.status.hash,
        details: problems,
        restart: this.#restart,
        cause,
      },
      because,
    );
    return { result: "invalid", problems };
  }

  #refuseWhileBusy(): void {
    const busy = this.#options.busy();
    if (busy !== undefined) throw new BusyError(busy);
  }
}

/** Services that mean the same are the same objects, so that whoever goes over to `next` sees at once what stays. */
function withKept(old: Config, next: Config, changes: readonly ConfigChange[]): Config {
  const changed = new Set(changes.flatMap((change) => change.of === "service" ? [change.service] : []));
  const kept = new Map(old.services.map((service) => [service.name, service]));
  const services = next.services.map((service) =>
    changed.has(service.name) ? service : kept.get(service.name) ?? service
  );
  return { ...next, services };
}

/** What `load` gives; where it throws, that is the problem. */
async function attempt(load: () => Loaded | Promise<Loaded>): Promise<Loaded> {
  try {
    return await load();
  } catch (error) {
    return { ok: false, problems: [messageOf(error)] };
  }
}
