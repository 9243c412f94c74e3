/**
 * What an agent that is gone has left in the kernel: found by the rules of ownership (marks on interfaces, addresses on them,
 * the record on the disk, what is configured), and removed by the reconciler. While it is looked at no agent starts.
 */
import { EventStream } from "../events/stream.ts";
import type { Kernel, Managed } from "../kernel/kernel.ts";
import { NOTHING, ours, owns } from "../kernel/merge.ts";
import { type OwnedPlaces, together } from "../kernel/owned_places.ts";
import { Reconciler } from "../kernel/reconciler.ts";
import {
  type ActualKernel,
  isOurs,
  serviceOf,
  virtualServiceKey,
  virtualServiceText,
} from "../kernel/state.ts";
import type { Streams } from "../net/sockets.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import type { StateFiles } from "./drain_keeper.ts";
import { OwnedKeeper } from "./owned_keeper.ts";
import { HostNotFitError } from "./ports.ts";
import { removeOurs } from "./removal.ts";
import { SoleAgent } from "./sole_agent.ts";

/** An object of ours in the kernel. */
export type OwnObject =
  | {
    readonly kind: "interface";
    readonly name: string;
    readonly service: string;
    readonly addresses: readonly string[];
  }
  | {
    readonly kind: "virtual service";
    readonly name: string;
    readonly destinations: number;
    readonly activeConnections: number;
  };

/** What became of it. */
export interface Removal {
  readonly removed: readonly OwnObject[];
  readonly stays: readonly OwnObject[];
  /** Why something stays, or may. */
  readonly errors: readonly string[];
}

/** The host, and what on it is to be ours. */
export interface CleanupOptions {
  readonly kernel: Kernel;
  readonly clock: Clock;
  /** Where agents find each other. */
  readonly streams: Streams;
  /** User ID of this process; undefined where it may not know. */
  readonly user: number | undefined;
  readonly files: StateFiles;
  /** `state.directory`, where an agent keeps where its virtual services are. */
  readonly directory: string | undefined;
  readonly managed: Managed;
  /** Where virtual services are ours besides. */
  readonly configured: OwnedPlaces;
}

/** What was left behind. Until it is disposed of no agent starts. */
export class LeftBehind implements AsyncDisposable {
  readonly objects: readonly OwnObject[];
  /** What is told of the way here. */
  readonly warnings: readonly string[];
  readonly #options: CleanupOptions;
  readonly #places: OwnedPlaces;
  readonly #record: OwnedKeeper;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    options: CleanupOptions,
    found: { readonly objects: readonly OwnObject[]; readonly places: OwnedPlaces },
    parts: {
      readonly record: OwnedKeeper;
      readonly stack: AsyncDisposableStack;
      readonly warnings: readonly string[];
    },
  ) {
    this.objects = found.objects;
    this.warnings = parts.warnings;
    this.#options = options;
    this.#places = found.places;
    this.#record = parts.record;
    this.#stack = parts.stack;
  }

  /**
   * Looks for it; changes nothing.
   * @throws {HostNotFitError} an agent manages this kernel, or that cannot be known
   * @throws {KernelError} the kernel cannot be read
   */
  static async find(options: CleanupOptions): Promise<LeftBehind> {
    const { clock, streams, user, files, directory, managed, configured, kernel } = options;
    const stack = new AsyncDisposableStack();
    try {
      const events = new EventStream(clock);
      const warnings: string[] = [];
      stack.use(events.subscribe("warnings", (event) => {
        if (event.kind === "warning") warnings.push(event.cause);
      }));
      const sole = stack.use(
        new SoleAgent({ streams, clock, events, socketFiles: { user } }, () => "stopping"),
      );
      await sole.claim();
      const [doubt] = warnings;
      if (doubt !== undefined) throw new HostNotFitError(doubt);
      const record = new OwnedKeeper({ clock, files, events, directory });
      stack.defer(() => record.close());
      const kept = managed.ipvs ? [await record.load(false)] : [];
      const found = await look(kernel, together([configured, ...kept]), managed);
      return new LeftBehind(options, found, { record, stack, warnings });
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  /** Removes it; whatever that meets is part of the answer. */
  async remove(): Promise<Removal> {
    const { kernel, clock, managed } = this.#options;
    const faults: string[] = [];
    const reconciler = new Reconciler({
      kernel,
      clock,
      managed,
      onReport: (report) => managed.ipvs && this.#record.observe(report),
      onFault: (cause) => faults.push(cause),
    });
    await using _reconciler = reconciler;
    await reconciler.want({ ...NOTHING, ...this.#places });
    const errors = [...await removeOurs(reconciler, clock), ...faults];
    try {
      const { objects: stays } = await look(kernel, this.#places, managed);
      const left = new Set(stays.map(keyOf));
      return { removed: this.objects.filter((object) => !left.has(keyOf(object))), stays, errors };
    } catch (error) {
      return { removed: [], stays: this.objects, errors: [...errors, messageOf(error)] };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** What is ours, and where: with the places that our interfaces tell of. */
async function look(
  kernel: Kernel,
  known: OwnedPlaces,
  managed: Managed,
): Promise<{ readonly objects: readonly OwnObject[]; readonly places: OwnedPlaces }> {
  const actual = await kernel.read({
    interfaceNames: new Set(),
    addresses: new Set(known.ownedAddresses.map(({ text }) => text)),
    fwmarks: new Set(known.ownedFwmarks.map(virtualServiceKey)),
    managed,
  });
  const places = together([known, ours(actual, known)]);
  return { objects: objectsIn(actual, places), places };
}

function objectsIn({ interfaces, virtualServices }: ActualKernel, places: OwnedPlaces): readonly OwnObject[] {
  return [
    ...interfaces.filter(isOurs).map((link): OwnObject => ({
      kind: "interface",
      name: link.name,
      service: serviceOf(link),
      addresses: link.addresses.map(({ address, prefixLength }) => `${address.text}/${prefixLength}`),
    })),
    ...virtualServices.filter(owns(places)).map((service): OwnObject => ({
      kind: "virtual service",
      name: virtualServiceText(service),
      destinations: service.destinations.length,
      activeConnections: service.destinations.reduce((sum, each) => sum + each.activeConnections, 0),
    })),
  ];
}

function keyOf({ kind, name }: OwnObject): string {
  return `${kind} ${name}`;
}
