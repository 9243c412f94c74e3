/**
 * Keeps where virtual services are ours: in a file, before the first one is made there, so that whatever ends this process
 * the next one knows them, also those that its configuration does not have. A disk that fails is told, and holds nothing up
 * for longer than a moment.
 */
import type { EventStream } from "../events/stream.ts";
import type { Change } from "../kernel/change.ts";
import type { Kernel } from "../kernel/kernel.ts";
import {
  decodePlaces,
  encodePlaces,
  NO_PLACES,
  type OwnedPlaces,
  placesKey,
  placesOf,
  placesPath,
  together,
} from "../kernel/owned_places.ts";
import type { KernelReport } from "../kernel/reconciler.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { withinDiskLimit } from "./disk.ts";
import type { StateFiles } from "./drain_keeper.ts";
import { StateFile } from "./state_file.ts";

/** What a keeper is made of. */
export interface OwnedKeeperOptions {
  readonly clock: Clock;
  readonly files: StateFiles;
  readonly events: EventStream;
  /** `state.directory`; undefined: nothing is kept. */
  readonly directory: string | undefined;
}

const NOT_KEPT =
  "state.directory is turned off: if this process is killed, virtual services stay that the next one does " +
  "not have in its configuration";

/** Where virtual services of one agent are. */
export class OwnedKeeper {
  readonly #options: OwnedKeeperOptions;
  readonly #file: StateFile;
  #places = NO_PLACES;
  /** The key of what is on the disk; undefined where that is not known. */
  #kept: string | undefined;

  constructor(options: OwnedKeeperOptions) {
    this.#options = options;
    this.#file = new StateFile({
      ...options,
      pathIn: placesPath,
      contents: () => {
        const places = this.#places;
        return { octets: encodePlaces(places), kept: () => this.#kept = placesKey(places) };
      },
      consequence: "virtual services may stay if this process is killed and the next one does not have them",
    });
  }

  /**
   * What an earlier process had; none where that is not known, which is told.
   * @param alone nothing else would tell what of it is ours
   */
  async load(alone: boolean): Promise<OwnedPlaces> {
    const { files, events, clock } = this.#options;
    const { path } = this.#file;
    if (path === undefined && alone) events.publish({ kind: "warning", cause: NOT_KEPT });
    if (path === undefined) return NO_PLACES;
    const unknown = (error: unknown) => {
      const cause =
        `${path} cannot be used, so that virtual services of an earlier configuration may stay: ` +
        messageOf(error);
      events.publish({ kind: "warning", cause });
      return NO_PLACES;
    };
    try {
      const file = await withinDiskLimit(files.read(path), clock);
      this.#places = file === undefined ? NO_PLACES : decode(file, unknown);
    } catch (error) {
      return unknown(error);
    }
    this.#kept = placesKey(this.#places);
    return this.#places;

    function decode(file: Uint8Array, unknown: (error: unknown) => OwnedPlaces): OwnedPlaces {
      try {
        return decodePlaces(file);
      } catch (error) {
        void withinDiskLimit(files.setAside(path ?? ""), clock).catch(() => {});
        return unknown(error);
      }
    }
  }

  /** The same kernel, where a virtual service is made only once it is kept where. */
  guard(kernel: Kernel): Kernel {
    return {
      read: (interest) => kernel.read(interest),
      apply: async (changes) => {
        await this.#cover(changes);
        return await kernel.apply(changes);
      },
      watch: (onChange) => kernel.watch(onChange),
      traffic: () => kernel.traffic(),
      probe: (needs) => kernel.probe(needs),
      [Symbol.dispose]: () => kernel[Symbol.dispose](),
    };
  }

  /** What is there now, where all is as it should be, is all that is ours. */
  observe({ converged, actual }: KernelReport): void {
    if (!converged || actual === undefined) return;
    const places = placesOf(actual.virtualServices);
    if (placesKey(places) !== this.#kept) void this.#keep(places);
  }

  /** Another folder from now on. */
  configure(directory: string | undefined): void {
    if (!this.#file.moveTo(directory)) return;
    this.#kept = undefined;
    if (placesKey(this.#places) !== "") void this.#keep(this.#places);
  }

  /** What is being written is waited for, for a moment. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async #cover(changes: readonly Change[]): Promise<void> {
    const made = changes.flatMap((change) => change.type === "create-service" ? [change.service] : []);
    const places = together([this.#places, placesOf(made)]);
    if (made.length === 0 || placesKey(places) === this.#kept) return;
    const keeping = this.#keep(places);
    // A disk that fails or hangs has been told of, and is waited for once.
    if (!this.#file.isFailing) await keeping;
  }

  /** Resolves when it is on the disk, or that is told to have failed. */
  async #keep(places: OwnedPlaces): Promise<void> {
    this.#places = places;
    await this.#file.write();
  }
}
