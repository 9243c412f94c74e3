/**
 * The only writer of the kernel: read, diff, apply, read back, report. It runs when something else is wanted, when the
 * kernel tells of a change of links or addresses, and periodically (IPVS tells nobody of changes); after errors again
 * with back-off. Nothing that happens to the kernel makes it throw or stop.
 */
import { ERRNO } from "../netlink/errno.ts";
import { KernelError } from "../netlink/transport.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { type Change, describeChange } from "./change.ts";
import { diff } from "./diff.ts";
import type { Contested } from "./contested.ts";
import type { Conflict } from "./diff_links.ts";
import { merge, NOTHING, owns, within, without } from "./merge.ts";
import { type Refusal, refusalOfAll, refusalOfConflict, refusalsOf } from "./refusal.ts";
import { EVERYTHING, interestIn, type Kernel, type Managed } from "./kernel.ts";
import { type ActualKernel, type DesiredKernel, isOurs, markedFwmarks } from "./state.ts";

/** One run of the reconciler. */
export interface KernelReport {
  /** On the clock's scale. */
  readonly at: number;
  /** As read back after the changes, or as last read where reading failed; undefined before the first read. */
  readonly actual: ActualKernel | undefined;
  /** What was changed, in words. */
  readonly changes: readonly string[];
  readonly errors: readonly KernelError[];
  readonly conflicts: readonly Conflict[];
  /** The same by the objects that they are about. */
  readonly refusals: readonly Refusal[];
  /** What somebody else changes again and again. */
  readonly contested: readonly Contested[];
  /** Everything is as desired. */
  readonly converged: boolean;
}

/** What a reconciler needs. Times have defaults that suit. */
export interface ReconcilerOptions {
  readonly kernel: Kernel;
  readonly clock: Clock;
  /** Called after every run. What it throws goes to `onFault`, and the next run comes all the same. */
  readonly onReport: (report: KernelReport) => void;
  readonly onFault: (cause: string) => void;
  /** What the configuration's `network` leaves to us. Default: all. */
  readonly managed?: Managed;
  /** Between runs while virtual services are desired. Default 5,000 ms: their only way to be repaired. */
  readonly ipvsPeriodMs?: number;
  /** Between runs otherwise. Default 30,000 ms. */
  readonly periodMs?: number;
}

/** What a look at the host says before anything is changed. */
export interface HostFitness {
  /** What keeps anything from ever working, each with its cure. */
  readonly hopeless: readonly string[];
  /** What keeps all of it from working as the host is now, each with its cure. */
  readonly problems: readonly string[];
  /** Why there is no `actual`. */
  readonly error: KernelError | undefined;
  /** Objects of an earlier run are there and will be adopted. */
  readonly adopted: boolean;
  /** What there is; undefined where it could not be read. */
  readonly actual: ActualKernel | undefined;
}

/** What a first run would do. */
export interface KernelForecast {
  /** In the order in which they would be made. */
  readonly changes: readonly Change[];
  /** What would be in the way, each with its cure. */
  readonly problems: readonly string[];
}

/** Notifications within this time are answered together. */
const QUIET_MS = 10;
/** After this many repairs on notification the quiet time doubles with each one: somebody keeps undoing them. */
const PROMPT_REPAIRS = 5;
const LONGEST_QUIET_MS = 1_000;
/** Repairs further apart than this are not a fight. */
const FIGHT_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

/** Where every virtual service is ours. */
type Owned = Pick<DesiredKernel, "ownedAddresses" | "ownedFwmarks">;

/** Makes the kernel what it should be, and keeps it so. */
export class Reconciler implements AsyncDisposable {
  readonly #options: ReconcilerOptions;
  readonly #managed: Managed;
  #desired: DesiredKernel | undefined;
  /** Addresses that were ours and still have virtual services of ours. */
  #lingering: Owned = { ownedAddresses: [], ownedFwmarks: [] };
  #actual: ActualKernel | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<KernelReport> | undefined;
  #timer: Disposable | undefined;
  #watch: Disposable | undefined;
  #quiet = false;
  #failingSinceMs: number | undefined;
  #repairs = 0;
  #lastRepairAt = -Infinity;
  #disposed = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#managed = options.managed ?? EVERYTHING;
  }

  /**
   * Whether `kernel` can hold `desired`, and whether it has something of ours already. Changes nothing.
   * @param needs what nothing of it works without. Default: all that some of it needs
   */
  static async examine(
    kernel: Kernel,
    desired: DesiredKernel,
    managed = EVERYTHING,
    needs = needsOf(desired, managed),
  ): Promise<HostFitness> {
    const { actual, ...found } = await look(kernel, desired, managed, needs);
    const adopted = actual !== undefined &&
      (actual.interfaces.some(isOurs) || (!managed.interfaces && actual.virtualServices.length > 0));
    return { ...found, adopted, actual };
  }

  /** What the first run would do with `desired`. Changes nothing. */
  static async foretell(
    kernel: Kernel,
    desired: DesiredKernel,
    managed = EVERYTHING,
  ): Promise<KernelForecast> {
    const { problems, actual } = await look(kernel, desired, managed, needsOf(desired, managed));
    return { changes: actual === undefined ? [] : diff(within(managed, desired), actual).changes, problems };
  }

  /** Sets what should be and makes it so. Resolves to the report of the first run that begins after this call. */
  want(desired: DesiredKernel): Promise<KernelReport> {
    this.#linger(desired);
    this.#desired = within(this.#managed, desired);
    return this.#run();
  }

  /** Removes everything that is ours, and keeps it away. */
  removeAll(): Promise<KernelReport> {
    return this.want({ ...NOTHING, ...this.#owned() });
  }

  /** Ends; the kernel stays as it is. Resolves when a run that is under way is over. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#watch?.[Symbol.dispose]();
    await this.#running;
  }

  /** The same as `dispose`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** A run that begins after now: runs never overlap, and those asked for meanwhile are one. */
  #run(): Promise<KernelReport> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#reconcile();
    });
    this.#running = this.#next.catch(() => undefined);
    return this.#next;
  }

  async #reconcile(): Promise<KernelReport> {
    const { clock, onReport, onFault } = this.#options;
    if (this.#disposed || this.#desired === undefined) return this.#report([], [], [], [], false);
    this.#timer?.[Symbol.dispose]();
    const notified = this.#quiet;
    this.#quiet = false;
    const desired = { ...this.#desired, ...this.#owned() };
    const report = await this.#makeSo(desired).catch((caught) => {
      const error = kernelError("reconcile", caught);
      return this.#report([], [error], [], [refusalOfAll(error)], false);
    });
    if (report.errors.length === 0) this.#forget();
    if (notified && report.changes.length > 0) {
      this.#repairs = clock.now() - this.#lastRepairAt <= FIGHT_MS ? this.#repairs + 1 : 1;
      this.#lastRepairAt = clock.now();
    }
    const retry = report.errors.length > 0 || (!report.converged && report.conflicts.length === 0);
    this.#failingSinceMs = retry ? this.#failingSinceMs ?? clock.now() : undefined;
    if (!this.#disposed) {
      // What was notified during the run is answered soon, not after a period.
      if (!this.#quiet) this.#arm(retry ? this.#retryMs() : this.#periodMs(desired));
      try {
        onReport(report);
      } catch (error) {
        onFault(messageOf(error));
      }
    }
    return report;
  }

  async #makeSo(desired: DesiredKernel): Promise<KernelReport> {
    const { kernel } = this.#options;
    const errors: KernelError[] = [];
    try {
      if (!this.#disposed) this.#watch ??= kernel.watch(() => this.#notified());
    } catch (error) {
      errors.push(kernelError("watch the kernel", error));
    }
    const interest = interestIn(desired, this.#managed);
    this.#actual = await kernel.read(interest);
    let { changes, conflicts } = diff(desired, this.#actual);
    if (changes.length === 0) return this.#report([], errors, conflicts, [], conflicts.length === 0);
    const outcomes = await kernel.apply(changes);
    const refused = refusalsOf(changes, outcomes);
    const made = changes.filter((_, index) => outcomes[index] === undefined).map(describeChange);
    // A change that rests on a failed one has the same error.
    errors.push(...new Set(outcomes.filter((outcome) => outcome !== undefined)));
    try {
      this.#actual = await kernel.read(interest);
      ({ changes, conflicts } = diff(desired, this.#actual));
    } catch (error) {
      errors.push(kernelError("read back", error));
    }
    const converged = errors.length === 0 && changes.length === 0 && conflicts.length === 0;
    return this.#report(made, errors, conflicts, refused, converged);
  }

  #report(
    changes: readonly string[],
    errors: readonly KernelError[],
    conflicts: readonly Conflict[],
    refused: readonly Refusal[],
    converged: boolean,
  ): KernelReport {
    return {
      at: this.#options.clock.now(),
      actual: this.#actual,
      changes,
      errors,
      conflicts,
      refusals: [...refused, ...conflicts.map(refusalOfConflict)],
      contested: [],
      converged,
    };
  }

  #notified(): void {
    if (this.#disposed || this.#quiet || this.#next !== undefined) return;
    const { clock } = this.#options;
    const fight = clock.now() - this.#lastRepairAt <= FIGHT_MS ? this.#repairs : 0;
    const quietMs = QUIET_MS * 2 ** Math.max(0, fight - PROMPT_REPAIRS);
    this.#arm(Math.min(quietMs, LONGEST_QUIET_MS));
    this.#quiet = true;
  }

  #arm(delayMs: number): void {
    const { clock } = this.#options;
    this.#timer?.[Symbol.dispose]();
    this.#timer = clock.at(clock.now() + delayMs, () => void this.#run());
  }

  /** Grows with the time that it fails, and not with attempts: what others change meanwhile must not make it later. */
  #retryMs(): number {
    const nowMs = this.#options.clock.now();
    return Math.min(FIRST_RETRY_MS + nowMs - (this.#failingSinceMs ?? nowMs), LONGEST_RETRY_MS);
  }

  #periodMs({ virtualServices }: DesiredKernel): number {
    const { ipvsPeriodMs = 5_000, periodMs = 30_000 } = this.#options;
    return virtualServices.length > 0 ? ipvsPeriodMs : periodMs;
  }

  #owned(): Owned {
    const { ownedAddresses = [], ownedFwmarks = [] } = this.#desired ?? {};
    const { ownedAddresses: addresses, ownedFwmarks: marks } = this.#lingering;
    return { ownedAddresses: [...ownedAddresses, ...addresses], ownedFwmarks: [...ownedFwmarks, ...marks] };
  }

  /** Addresses and marks that were ours stay so until their virtual services are gone. */
  #linger(desired: DesiredKernel): void {
    const before = this.#owned();
    const onOurs = this.#actual?.interfaces.filter(isOurs)
      .flatMap(({ addresses }) => addresses.map(({ address }) => address)) ?? [];
    const ownedFwmarks = this.#actual?.interfaces.flatMap(markedFwmarks) ?? [];
    const all = merge([{ ...NOTHING, ...before }, { ...NOTHING, ownedAddresses: onOurs, ownedFwmarks }]);
    this.#lingering = without(all, desired);
  }

  #forget(): void {
    const services = this.#actual?.virtualServices ?? [];
    const { ownedAddresses, ownedFwmarks } = this.#lingering;
    const isBusy = (owned: Partial<Owned>) => services.some(owns({ ...NOTHING, ...owned }));
    this.#lingering = {
      ownedAddresses: ownedAddresses.filter((address) => isBusy({ ownedAddresses: [address] })),
      ownedFwmarks: ownedFwmarks.filter((mark) => isBusy({ ownedFwmarks: [mark] })),
    };
  }
}

/** What is there, and what is in the way of `desired`. */
async function look(
  kernel: Kernel,
  desired: DesiredKernel,
  managed: Managed,
  needs: Managed,
): Promise<Omit<HostFitness, "adopted">> {
  try {
    const missing = messagesOf(await kernel.probe(needs));
    const actual = await kernel.read(interestIn(desired, managed));
    const { conflicts } = diff(within(managed, desired), actual);
    return { hopeless: missing, problems: [...missing, ...messagesOf(conflicts)], error: undefined, actual };
  } catch (caught) {
    const error = kernelError("examine the host", caught);
    const problems = [error.message];
    return { hopeless: isForEver(error) ? problems : [], problems, error, actual: undefined };
  }
}

function needsOf({ virtualServices }: DesiredKernel, managed: Managed): Managed {
  return { ...managed, ipvs: managed.ipvs && virtualServices.length > 0 };
}

/** Whether this process, or this kernel, will never be able to. */
function isForEver({ errno }: KernelError): boolean {
  return errno === ERRNO.EPERM || errno === ERRNO.EACCES || errno === ERRNO.EPROTONOSUPPORT ||
    errno === ERRNO.EAFNOSUPPORT;
}

function messagesOf(faults: readonly { readonly message: string }[]): readonly string[] {
  return faults.map(({ message }) => message);
}

function kernelError(operation: string, error: unknown): KernelError {
  if (error instanceof KernelError) return error;
  return new KernelError(operation, { errno: 0, extendedAck: messageOf(error) });
}
