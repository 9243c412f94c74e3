/**
 * Keeps operators' drains: in a file, before anybody is told that they are kept, so that they outlive this process; and until
 * their time is over. What the file system does is a reported state, and nothing waits for it longer than a moment.
 */
import type { EventStream } from "../events/stream.ts";
import {
  decodeDrains,
  type Drained,
  drainOf,
  type Drains,
  encodeDrains,
  firstEnd,
  NO_DRAINS,
  unexpired,
  withDrain,
  withoutDrain,
} from "../service/drains.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { withinDiskLimit } from "./disk.ts";

/** Files of ours that outlive the process. */
export interface StateFiles {
  /** Undefined where there is none. @throws {Error} in words for people */
  read(path: string): Promise<Uint8Array | undefined>;
  /** The file as a whole, on the disk when this resolves, or as it was. @throws {Error} in words for people */
  replace(path: string, octets: Uint8Array): Promise<void>;
  /** Gives a file that cannot be used another name. @throws {Error} */
  setAside(path: string): Promise<void>;
}

/** What a keeper is made of. */
export interface DrainKeeperOptions {
  readonly clock: Clock;
  readonly files: StateFiles;
  readonly events: EventStream;
  /** `state.directory`; undefined: nothing is kept. */
  readonly directory: string | undefined;
  /** Drains that have ended by themselves. */
  readonly onEnd: (ended: Drains) => void;
}

/** What could not be written is tried again. */
const RETRY_MS = 10_000;

/** The drains of one agent. */
export class DrainKeeper implements Disposable {
  readonly #options: DrainKeeperOptions;
  #directory: string | undefined;
  #drains: Drains = NO_DRAINS;
  /** Why what is ordered does not outlive this process; undefined: it does. */
  #lost: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #loaded = Promise.withResolvers<void>();
  #timer: Disposable | undefined;
  #retry: Disposable | undefined;
  #disposed = false;

  constructor(options: DrainKeeperOptions) {
    this.#options = options;
    this.#directory = options.directory;
    this.#lost = lostWithout(options.directory);
  }

  /** All drains. */
  get drains(): Drains {
    return this.#drains;
  }

  /** Why they do not outlive this process. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** Why an operator wants this service out of service. */
  of(service: string): Drained | undefined {
    return drainOf(this.#drains, service);
  }

  /** Resolves when it is known what an earlier process kept: an order before that would be lost, or lose that. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  /** Reads what an earlier process kept. Never throws: what cannot be read is told, and set aside. */
  async load(): Promise<void> {
    await this.#load();
    this.#loaded.resolve();
  }

  async #load(): Promise<void> {
    const path = this.#path;
    if (path === undefined) return;
    const { files, events } = this.#options;
    let file: Uint8Array | undefined;
    try {
      file = await this.#bounded(files.read(path));
    } catch (error) {
      this.#lost = messageOf(error);
      events.publish({
        kind: "warning",
        cause: `${path} cannot be read, so that no service counts as drained: ${this.#lost}`,
      });
      return;
    }
    if (file === undefined) return;
    try {
      this.#drains = decodeDrains(file, this.#moment());
    } catch (error) {
      events.publish({
        kind: "warning",
        cause: `${path} cannot be used, so that no service counts as drained: ${messageOf(error)}; ` +
          "it is kept beside as drains.damaged",
      });
      await this.#bounded(files.setAside(path)).catch(() => {});
    }
    this.#arm();
  }

  /** Another folder from now on, that gets what there is; the old one is left with nothing that might come back. */
  configure(directory: string | undefined): void {
    if (directory === this.#directory) return;
    const left = this.#path;
    const before = this.#writing;
    this.#directory = directory;
    this.#lost = lostWithout(directory);
    this.#retry?.[Symbol.dispose]();
    // The old disk may hang for ever.
    this.#writing = Promise.resolve();
    void this.#keep();
    if (left !== undefined) void this.#empty(left, before);
  }

  /** Takes `names`, or all, out of service; resolves to why that will not outlive this process. */
  async drain(names: readonly string[], drained: Drained): Promise<string | undefined> {
    this.#drains = withDrain(this.#drains, names, drained);
    return await this.#keep();
  }

  /** Puts `names`, or all, back into service. */
  async undrain(names: readonly string[]): Promise<string | undefined> {
    this.#drains = withoutDrain(this.#drains, names);
    return await this.#keep();
  }

  /** Resolves to why what was ordered so far will not outlive this process. */
  async kept(): Promise<string | undefined> {
    try {
      await this.#bounded(this.#writing);
      return this.#lost;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Writes no more; what is being written is waited for, for a moment. */
  async close(): Promise<void> {
    this[Symbol.dispose]();
    await this.#bounded(this.#writing).catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
  }

  get #path(): string | undefined {
    return this.#directory === undefined ? undefined : `${this.#directory}/drains`;
  }

  #moment() {
    const { clock } = this.#options;
    return { wallMs: clock.wallTime().getTime(), nowMs: clock.now() };
  }

  /** Writes what there is, after what is being written. */
  async #keep(): Promise<string | undefined> {
    this.#arm();
    const path = this.#path;
    if (path === undefined) return this.#lost;
    const { files } = this.#options;
    this.#writing = this.#writing.catch(() => {}).then(() =>
      files.replace(path, encodeDrains(this.#drains, this.#moment()))
    );
    const writing = this.#writing;
    writing.then(() => this.#written(path, undefined), (error) => this.#written(path, messageOf(error)));
    try {
      await this.#bounded(writing);
      return undefined;
    } catch (error) {
      // It may be on the disk in the end; until it is, nobody may count on it.
      if (this.#writing === writing) this.#lost = messageOf(error);
      return messageOf(error);
    }
  }

  /** Once what is written there, `before`, and to the folder that follows it is on the disk. */
  async #empty(path: string, before: Promise<void>): Promise<void> {
    const { files } = this.#options;
    const [, follows] = await Promise.allSettled([before, this.#writing]);
    try {
      if (follows.status === "rejected" || path === this.#path) return;
      if (await files.read(path) === undefined) return;
      await files.replace(path, encodeDrains(NO_DRAINS, this.#moment()));
    } catch (error) {
      const cause = `${path} is used no more, and still has drains in it: ${messageOf(error)}`;
      this.#options.events.publish({ kind: "warning", cause });
    }
  }

  #written(path: string, problem: string | undefined): void {
    const { events, clock } = this.#options;
    if (path !== this.#path) return;
    if (problem !== undefined && problem !== this.#lost) {
      const cause =
        `drains will not outlive this process: ${path} cannot be written: ${problem}; it is tried again`;
      events.publish({ kind: "warning", cause });
    }
    this.#lost = problem;
    this.#retry?.[Symbol.dispose]();
    this.#retry = undefined;
    if (problem === undefined || this.#disposed) return;
    this.#retry = clock.at(clock.now() + RETRY_MS, () => void this.#keep());
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const endMs = firstEnd(this.#drains);
    if (endMs === Infinity || this.#disposed) return;
    this.#timer = this.#options.clock.at(endMs, () => this.#end());
  }

  #end(): void {
    const before = this.#drains;
    this.#drains = unexpired(before, this.#options.clock.now());
    void this.#keep();
    this.#options.onEnd(before);
  }

  #bounded<T>(work: Promise<T>): Promise<T> {
    return withinDiskLimit(work, this.#options.clock);
  }
}

function lostWithout(directory: string | undefined): string | undefined {
  return directory === undefined ? "state.directory is turned off" : undefined;
}
