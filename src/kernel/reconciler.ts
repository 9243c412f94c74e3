/**
 * The only writer of the kernel: read, diff, apply, read back, report. It runs when something else is wanted, when the
 * kernel tells of a change of links or addresses, and periodically (IPVS tells nobody of changes); what failed is tried
 * again and what is fought over is repaired again object by object, so that neither slows the repair of anything else.
 * Nothing that happens to the kernel makes it throw or stop.
 */
import type { KernelError } from "../netlink/transport.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { Slices } from "../time/slices.ts";
import { inSlices, mapInSteps } from "../time/steps.ts";
import { retryMs } from "./back_off.ts";
import { type Change, describeChange } from "./change.ts";
import type { ContentionLimits, Contested } from "./contested.ts";
import { Differ, type Difference } from "./diff.ts";
import type { Conflict } from "./diff_links.ts";
import { examine, kernelError } from "./examination.ts";
import { EVERYTHING, type Interest, interestIn, type Kernel, type Managed, type Notice } from "./kernel.ts";
import type { KernelObject } from "./kernel_object.ts";
import { isIpvsChange } from "./ipvs_hints.ts";
import { Lingering } from "./lingering.ts";
import { NOTHING, within } from "./merge.ts";
import { type Refusal, refusalOfAll, refusalOfConflict } from "./refusal.ts";
import { Repairs } from "./repairs.ts";
import { changedThemselves } from "./selection.ts";
import { type ActualKernel, type DesiredKernel, virtualServiceKey } from "./state.ts";
import type { Suspects } from "./suspects.ts";

export type { HostFitness } from "./examination.ts";

/** One run of the reconciler. */
export interface KernelReport {
  /** On the clock's scale. */
  readonly at: number;
  /** As read back after the changes, or as last read where reading failed; undefined before the first read. */
  readonly actual: ActualKernel | undefined;
  /** `actual` was read in this run. */
  readonly isRead: boolean;
  /** What was changed, in words. */
  readonly changes: readonly string[];
  /** Which objects were made as they should be after somebody else had changed them. */
  readonly repairs: readonly KernelObject[];
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
  /** From how many repairs on an object is contested. Default: more than 5 within a minute, and until a minute of quiet. */
  readonly contention?: () => ContentionLimits;
  /** Who it may be that changes something. Default: nobody knows. */
  readonly suspects?: Suspects | undefined;
  /** Between runs while virtual services are desired. Default 5,000 ms: their only way to be repaired. */
  readonly ipvsPeriodMs?: number;
  /** Between runs otherwise. Default 30,000 ms. */
  readonly periodMs?: number;
}

/** What the last pass has left. */
interface LastPass {
  readonly desired: DesiredKernel;
  readonly interest: Interest;
  readonly actual: ActualKernel;
  /** What differed still; undefined where that is not known. */
  readonly pending: readonly Change[] | undefined;
}

/** Notifications within this time are answered together. */
const QUIET_MS = 10;
/** It doubles up to this while they come closely and lead to nothing. */
const LONGEST_QUIET_MS = 40;
const CLOSE_MS = 1_000;
/** No run takes longer, whatever the kernel does: it answers in the turn of the question, or is read in slices. */
const LONGEST_RUN_MS = 60_000;
const CONTENTION: ContentionLimits = { limit: 5, windowMs: 60_000, holdMs: 60_000 };

/** Makes the kernel what it should be, and keeps it so. */
export class Reconciler implements AsyncDisposable {
  readonly #options: ReconcilerOptions;
  readonly #managed: Managed;
  /** Of a pass as a whole: its parts follow one another. */
  readonly #slices: Slices;
  readonly #repairs: Repairs;
  readonly #lingering = new Lingering();
  readonly #differ = new Differ();
  #desired: DesiredKernel | undefined;
  /** `#desired` with everything that is owned. */
  #wanted: DesiredKernel = NOTHING;
  #interest: Interest = interestIn(NOTHING);
  #actual: ActualKernel | undefined;
  #last: LastPass | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<KernelReport> | undefined;
  /** Since when a run is under way. */
  #busySinceMs: number | undefined;
  #timer: Disposable | undefined;
  /** When the timer is to fire. */
  #dueMs = Infinity;
  /** When to answer what was notified; Infinity: nothing was. */
  #noticedMs = Infinity;
  /** Answers to notifications that led to nothing, one closely after the other, and when the last one was. */
  #idle = { count: 0, atMs: -Infinity };
  #blindSinceMs: number | undefined;
  #watch: Disposable | undefined;
  #disposed = false;

  constructor(options: ReconcilerOptions) {
    const { clock, contention = () => CONTENTION, suspects, managed = EVERYTHING } = options;
    this.#options = options;
    this.#managed = managed;
    this.#slices = new Slices(clock);
    this.#repairs = new Repairs({ clock, limits: contention, suspects });
  }

  /** Whether `kernel` can hold `desired`, and whether it has something of ours already. Changes nothing. */
  static readonly examine = examine;

  /** Sets what should be and makes it so. Resolves to the report of the first run that begins after this call. */
  want(desired: DesiredKernel): Promise<KernelReport> {
    this.#lingering.succeed(this.#desired, desired, this.#actual);
    this.#desired = within(this.#managed, desired);
    this.#prepare();
    return this.#run();
  }

  /** Looks at everything at once, and tries again what failed. Resolves as `want` does. */
  look(): Promise<KernelReport> {
    this.#repairs.release();
    return this.#run();
  }

  /** Removes everything that is ours, and keeps it away. */
  removeAll(): Promise<KernelReport> {
    this.#repairs.release();
    return this.want({
      ...NOTHING,
      ownedAddresses: this.#wanted.ownedAddresses,
      ownedFwmarks: this.#wanted.ownedFwmarks,
    });
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    if (this.#disposed) return Infinity;
    return this.#busySinceMs === undefined ? this.#dueMs : this.#busySinceMs + LONGEST_RUN_MS;
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
    if (this.#disposed || this.#desired === undefined) return this.#report({});
    this.#timer?.[Symbol.dispose]();
    this.#busySinceMs = clock.now();
    this.#slices.begin();
    const isAnswer = this.#noticedMs <= clock.now();
    this.#noticedMs = Infinity;
    const report = await this.#makeSo().catch((caught) => {
      const error = kernelError("reconcile", caught);
      return this.#report({ errors: [error], refusals: [refusalOfAll(error)] });
    });
    this.#busySinceMs = undefined;
    if (report.errors.length === 0 && this.#lingering.forget(this.#actual)) this.#prepare();
    if (isAnswer) this.#noteAnswer(report.changes.length === 0);
    if (!this.#disposed) {
      this.#arm(this.#nextMs());
      try {
        onReport(report);
      } catch (error) {
        onFault(messageOf(error));
      }
    }
    return report;
  }

  async #makeSo(): Promise<KernelReport> {
    const { kernel } = this.#options;
    const [desired, interest] = [this.#wanted, this.#interest];
    const watchErrors = this.#openWatch();
    this.#blindSinceMs ??= this.#options.clock.now();
    const before = this.#last;
    this.#actual = await kernel.read(interest);
    let { changes: needed, conflicts } = await this.#compare(desired, this.#actual);
    if (before !== undefined) this.#repairs.observe(needed, await this.#expectation(needed, desired, before));
    const changes = this.#repairs.select(needed);
    const outcomes = changes.length === 0 ? [] : await kernel.apply(changes);
    const errors: KernelError[] = [...watchErrors];
    let hasRead = true;
    if (changes.length > 0) {
      try {
        // Where links are read again that shows whatever was told until now, and that we wrote ourselves.
        if (!changes.every(isIpvsChange)) this.#noticedMs = Infinity;
        this.#actual = await kernel.read(interest, changes);
        ({ changes: needed, conflicts } = await this.#compare(desired, this.#actual));
      } catch (error) {
        errors.push(kernelError("read back", error));
        hasRead = false;
      }
    }
    const made = changes.filter((_, index) => outcomes[index] === undefined);
    const repairs = this.#repairs.conclude({ changes, outcomes, pending: hasRead ? needed : undefined });
    this.#last = { desired, interest, actual: this.#actual, pending: hasRead ? needed : undefined };
    if (errors.length === 0) this.#blindSinceMs = undefined;
    errors.push(...this.#repairs.errors);
    return this.#report({
      isRead: hasRead,
      changes: await inSlices(this.#slices, mapInSteps(made, describeChange)),
      repairs,
      errors,
      conflicts,
      refusals: [...this.#repairs.refusals, ...conflicts.map(refusalOfConflict)],
      converged: errors.length === 0 && needed.length === 0 && conflicts.length === 0,
    });
  }

  /** What differs, found in slices. */
  #compare(desired: DesiredKernel, actual: ActualKernel): Promise<Difference> {
    return inSlices(this.#slices, this.#differ.compare(desired, actual));
  }

  /** Tells which objects would differ had nobody else changed anything since the last pass. */
  async #expectation(
    needed: readonly Change[],
    desired: DesiredKernel,
    { desired: wanted, interest, actual, pending }: LastPass,
  ): Promise<(object: string, change: Change) => boolean> {
    const expected = needed.length === 0
      ? []
      : desired === wanted && pending !== undefined
      ? pending
      : (await this.#compare(desired, actual)).changes;
    const objects = changedThemselves(expected);
    return (object, change) => objects.has(object) || !concerns(interest, change);
  }

  #openWatch(): readonly KernelError[] {
    try {
      if (!this.#disposed) this.#watch ??= this.#options.kernel.watch((notices) => this.#notified(notices));
      return [];
    } catch (error) {
      return [kernelError("watch the kernel", error)];
    }
  }

  #report(of: Partial<KernelReport>): KernelReport {
    return {
      at: this.#options.clock.now(),
      actual: this.#actual,
      isRead: false,
      changes: [],
      repairs: [],
      errors: [],
      conflicts: [],
      refusals: [],
      contested: this.#repairs.contested,
      converged: false,
      ...of,
    };
  }

  #notified(notices: readonly Notice[]): void {
    if (this.#disposed) return;
    const isClose = this.#options.clock.now() - this.#idle.atMs <= CLOSE_MS;
    const quietMs = Math.min(QUIET_MS * 2 ** (isClose ? this.#idle.count : 0), LONGEST_QUIET_MS);
    const linkOf = (index: number) => this.#actual?.interfaces.find((link) => link.index === index)?.name;
    this.#noticedMs = Math.min(this.#noticedMs, this.#repairs.hear(notices, linkOf, quietMs));
    // A run that is to begin sees what was changed; after one that is under way there is another one.
    if (this.#busySinceMs === undefined && this.#next === undefined && this.#noticedMs < this.#dueMs) {
      this.#arm(this.#noticedMs);
    }
  }

  #noteAnswer(isIdle: boolean): void {
    const nowMs = this.#options.clock.now();
    const isClose = nowMs - this.#idle.atMs <= CLOSE_MS;
    this.#idle = { count: isIdle && isClose ? this.#idle.count + 1 : 0, atMs: nowMs };
  }

  /** When the next run is due; never at once, whatever has passed meanwhile. */
  #nextMs(): number {
    const nowMs = this.#options.clock.now();
    const periodicMs = nowMs + this.#periodMs(this.#wanted);
    // While the kernel cannot be read no other deadline can be met.
    const ownMs = this.#blindSinceMs === undefined
      ? this.#repairs.nextMs
      : nowMs + retryMs(nowMs - this.#blindSinceMs);
    return Math.max(Math.min(periodicMs, ownMs, this.#noticedMs), nowMs + QUIET_MS);
  }

  #arm(dueMs: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#dueMs = dueMs;
    this.#timer = this.#options.clock.at(dueMs, () => void this.#run());
  }

  #periodMs({ virtualServices }: DesiredKernel): number {
    const { ipvsPeriodMs = 5_000, periodMs = 30_000 } = this.#options;
    return virtualServices.length > 0 ? ipvsPeriodMs : periodMs;
  }

  #prepare(): void {
    this.#wanted = this.#lingering.with(this.#desired ?? NOTHING);
    this.#interest = interestIn(this.#wanted, this.#managed);
  }
}

/** Whether what a change is about was looked at. */
function concerns({ addresses, fwmarks }: Interest, change: Change): boolean {
  if (!("service" in change) || typeof change.service === "string") return true;
  const { fwmark, address } = change.service;
  return fwmark > 0 ? fwmarks.has(virtualServiceKey(change.service)) : addresses.has(address.text);
}
