/**
 * A file of ours in `state.directory`: one write at a time, of what there is by then; a disk that fails is told once, and one
 * that hangs has no more than one write waiting, and holds nothing up for longer than a moment.
 */
import type { EventStream } from "../events/stream.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { withinDiskLimit } from "./disk.ts";
import type { StateFiles } from "./drain_keeper.ts";

/** What a file is made of. */
export interface StateFileOptions {
  readonly clock: Clock;
  readonly files: StateFiles;
  readonly events: EventStream;
  /** `state.directory`; undefined: nothing is kept. */
  readonly directory: string | undefined;
  readonly pathIn: (directory: string) => string;
  /** What is to be kept, as of now; undefined: that cannot be said. `kept` is called once it is on the disk. */
  readonly contents: () => { readonly octets: Uint8Array; readonly kept?: () => void } | undefined;
  /** What may come of it where it cannot be written, behind "so that". */
  readonly consequence: string;
}

/** One file. */
export class StateFile {
  readonly #options: StateFileOptions;
  #directory: string | undefined;
  #problem: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** What waits for its turn, and writes what there is by then. */
  #queued: Promise<void> | undefined;

  constructor(options: StateFileOptions) {
    this.#options = options;
    this.#directory = options.directory;
  }

  /** Undefined: nothing is kept. */
  get path(): string | undefined {
    return this.#directory === undefined ? undefined : this.#options.pathIn(this.#directory);
  }

  /** The last write has failed, and that is told. */
  get isFailing(): boolean {
    return this.#problem !== undefined;
  }

  /** Where it is from now on; true where that is another place. Nothing is written there by that alone. */
  moveTo(directory: string | undefined): boolean {
    if (directory === this.#directory) return false;
    this.#directory = directory;
    this.#problem = undefined;
    // The old disk may hang for ever.
    this.#writing = Promise.resolve();
    this.#queued = undefined;
    return true;
  }

  /** Resolves when it is on the disk, or that is told to have failed. */
  async write(): Promise<void> {
    const { path } = this;
    if (path === undefined) return;
    const { clock, events, consequence } = this.#options;
    const writing = this.#queued ??= this.#writeAfter(this.#writing, path);
    this.#writing = writing;
    try {
      await withinDiskLimit(writing, clock);
    } catch (error) {
      const problem = messageOf(error);
      if (problem === this.#problem || path !== this.path) return;
      this.#problem = problem;
      const cause = `${path} cannot be written, so that ${consequence}: ${problem}; it is tried again`;
      events.publish({ kind: "warning", cause });
    }
  }

  /** Resolves, whatever became of it, when what is being written is done. */
  async written(): Promise<void> {
    await this.#writing.catch(() => {});
  }

  /** The same, but after a moment all the same. */
  async close(): Promise<void> {
    await withinDiskLimit(this.written(), this.#options.clock).catch(() => {});
  }

  async #writeAfter(before: Promise<void>, path: string): Promise<void> {
    await before.catch(() => {});
    // Another folder may have taken the place of this one, and has its own.
    if (path === this.path) this.#queued = undefined;
    const contents = this.#options.contents();
    if (contents === undefined) return;
    await this.#options.files.replace(path, contents.octets);
    if (path !== this.path) return;
    this.#problem = undefined;
    contents.kept?.();
  }
}
