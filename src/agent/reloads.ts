/**
 * Reloads, one after the other: the file is read and checked whole before anything changes; what is wrong with it keeps the
 * running configuration, and is told. Those who ask while one waits for its turn get the same answer.
 */
import type { Config } from "../config/config.ts";
import { type ConfigChange, differ } from "../config/difference.ts";
import { configHash } from "../config/hash.ts";
import { effective, restartKeys } from "../config/restart.ts";
import { BusyError, type ReloadAnswer } from "../control/orders.ts";
import type { EventStream } from "../events/stream.ts";
import { changeLines } from "../status/change_text.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import type { Loaded } from "./ports.ts";

/** What reloads act on. */
export interface ReloadsOptions {
  readonly clock: Clock;
  readonly events: EventStream;
  /** The configuration that is in force. */
  running(): Config;
  load(): Loaded;
  /** What keeps `next` from being run here; empty: nothing does. */
  refuse(next: Config): Promise<readonly string[]>;
  /** Makes what `next` needs beside what there is; resolves to what of it could not be done yet. @throws {BusyError} */
  prepare(next: Config): Promise<readonly string[]>;
  /** Goes over to `next`, which was prepared; resolves to what went wrong. Never throws. */
  apply(next: Config, because: number): Promise<readonly string[]>;
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
export class Reloads {
  readonly #options: ReloadsOptions;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<ReloadAnswer> | undefined;
  /** Of the running configuration, once it was asked for. */
  #hash: string | undefined;
  #loadedMs: number;
  #restart: readonly string[] = [];
  #last: LastReload | undefined;

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
    return { hash: this.#hash, loadedMs: this.#loadedMs, last: this.#last, restart: this.#restart };
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
    const { running, load, refuse } = this.#options;
    this.#refuseWhileBusy();
    const loaded = attempt(load);
    if (!loaded.ok) return this.#refused(loaded.problems, because);
    const old = running();
    const next = effective(old, loaded.config);
    const problems = await refuse(next);
    if (problems.length > 0) return this.#refused(problems, because);
    this.#refuseWhileBusy();
    const restart = restartKeys(old, loaded.config);
    return await this.#apply(
      { next, restart, warnings: loaded.warnings, changes: differ(old, next) },
      because,
    );
  }

  async #apply(
    { next, restart, warnings, changes }: {
      readonly next: Config;
      readonly restart: readonly string[];
      readonly warnings: readonly string[];
      readonly changes: readonly ConfigChange[];
    },
    because: number,
  ): Promise<ReloadAnswer> {
    const { clock, events, prepare, apply } = this.#options;
    const hash = configHash(next);
    const unchanged = changes.length === 0;
    const missing = unchanged ? [] : await prepare(next);
    const result = unchanged ? "unchanged" : "applied";
    const cause = unchanged ? "it is the running one" : `${changes.length} changes`;
    const lines = changeLines(changes);
    const { id } = events.publish(
      { kind: "reload", to: result, hash, details: lines, restart, cause },
      because,
    );
    const errors = unchanged ? [] : [...missing, ...await apply(next, id)];
    this.#hash = hash;
    this.#loadedMs = unchanged ? this.#loadedMs : clock.now();
    this.#restart = restart;
    this.#last = { atMs: clock.now(), successful: true, cause };
    return { result, hash, changes: lines, restart, errors, warnings };
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

/** What `load` gives; where it throws, that is the problem. */
function attempt(load: () => Loaded): Loaded {
  try {
    return load();
  } catch (error) {
    return { ok: false, problems: [messageOf(error)] };
  }
}
