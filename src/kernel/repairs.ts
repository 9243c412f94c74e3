/**
 * What the reconciler remembers of single objects between its passes: which were changed by somebody else, which are
 * fought over, which the kernel refused. It says which of the needed changes are due.
 */
import type { KernelError } from "../netlink/transport.ts";
import type { Clock } from "../time/clock.ts";
import { BackOff } from "./back_off.ts";
import type { Change } from "./change.ts";
import {
  afterPass,
  type Contention,
  contentionEndMs,
  type ContentionLimits,
  type Contested,
  contestedIn,
  nextLookMs,
  NO_CONTENTION,
  quietUntilMs,
} from "./contested.ts";
import type { Notice } from "./kernel.ts";
import {
  carriedBy,
  foundationOf,
  type KernelObject,
  type ObjectKind,
  objectOf,
  objectText,
} from "./kernel_object.ts";
import type { Refusal } from "./refusal.ts";
import { changedThemselves, select, type Selection } from "./selection.ts";
import type { Suspects } from "./suspects.ts";

/** What it needs. */
export interface RepairsOptions {
  readonly clock: Clock;
  readonly limits: () => ContentionLimits;
  readonly suspects: Suspects | undefined;
}

/** What became of a pass's changes. */
export interface PassOutcome {
  /** Those that were tried, and what the kernel had against each. */
  readonly changes: readonly Change[];
  readonly outcomes: readonly (KernelError | undefined)[];
  /** What is still needed as read back; undefined where that failed. */
  readonly pending: readonly Change[] | undefined;
}

const NOTHING_SELECTED: Selection = { changes: [], withheld: new Set(), nextMs: Infinity };

/** The memory of objects. */
export class Repairs {
  readonly #options: RepairsOptions;
  readonly #backOff = new BackOff();
  #contention: Contention = NO_CONTENTION;
  /** What somebody else has changed, and was not repaired yet. */
  #disturbed: ReadonlySet<string> = new Set();
  #selection: Selection = NOTHING_SELECTED;
  #isPrompt = false;

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** What refused changes failed with last. */
  get errors(): readonly KernelError[] {
    return this.#backOff.errors;
  }

  /** The same by the objects that they are about. */
  get refusals(): readonly Refusal[] {
    return this.#backOff.refusals;
  }

  /** What somebody else changes again and again. */
  get contested(): readonly Contested[] {
    return contestedIn(this.#contention);
  }

  /** When a pass has to look at single objects again. */
  get nextMs(): number {
    const endMs = contentionEndMs(this.#contention, this.#options.limits());
    const lookMs = nextLookMs(this.#contention, this.#options.clock.now());
    return Math.min(this.#backOff.nextMs, this.#selection.nextMs, endMs, lookMs);
  }

  /** The next pass makes everything, whatever failed or is fought over. */
  release(): void {
    this.#isPrompt = true;
  }

  /** What is `needed` and was not `expected` to be: somebody else has changed it. */
  observe(needed: readonly Change[], isExpected: (object: string, change: Change) => boolean): void {
    if (needed.length === 0 && this.#disturbed.size === 0) return;
    const themselves = [...changedThemselves(needed)];
    this.#disturbed = new Set(
      themselves.filter(([object, change]) => this.#disturbed.has(object) || !isExpected(object, change))
        .map(([object]) => object),
    );
  }

  /** Those of the needed changes that are due. */
  select(needed: readonly Change[]): readonly Change[] {
    this.#selection = NOTHING_SELECTED;
    const isPrompt = this.#isPrompt;
    this.#isPrompt = false;
    if (isPrompt || (this.#backOff.isEmpty && this.#contention.size === 0)) return needed;
    const dueMs = (object: string, change: Change) =>
      Math.max(this.#backOff.dueMs(object, change), quietUntilMs(this.#contention, object));
    this.#selection = select(needed, dueMs, this.#options.clock.now());
    return this.#selection.changes;
  }

  /** Counts what was repaired, and gives it; what failed waits. */
  conclude({ changes, outcomes, pending }: PassOutcome): readonly KernelObject[] {
    const failed = this.#noteFailures(changes, outcomes);
    const isIdle = this.#disturbed.size === 0 && this.#backOff.isEmpty && this.#contention.size === 0;
    if (isIdle && (pending === undefined || pending.length === 0)) return [];
    const made = changedThemselves(changes.filter((_, index) => outcomes[index] === undefined));
    const needed = pending === undefined ? undefined : changedThemselves(pending);
    const repaired = [...made].filter(([object]) => this.#disturbed.has(object))
      .map(([, change]) => objectOf(change));
    this.#disturbed = new Set([...this.#disturbed].filter((object) => !made.has(object)));
    if (needed !== undefined) this.#noteUndone(needed, failed);
    this.#count(repaired, new Set([...needed?.keys() ?? [], ...failed]));
    return repaired;
  }

  /**
   * Somebody tells of changes of links or addresses; without notices it may be any. When to answer, where that is after
   * `quietMs` otherwise: what is fought over waits longer.
   */
  hear(notices: readonly Notice[], linkOf: (index: number) => string | undefined, quietMs: number): number {
    const nowMs = this.#options.clock.now();
    const heard = notices.map(({ index, address, port }) => ({ link: linkOf(index), address, port }));
    const isKnown = heard.length > 0 && heard.every(({ link }) => link !== undefined);
    this.#backOff.hear(isKnown ? concernedBy(heard) : (object) => nameOnLink(object) !== undefined, nowMs);
    for (const { link, address, port } of heard) {
      for (const text of link === undefined ? [] : textsOf(link, address)) this.#suspect(text, port);
    }
    if (!isKnown) return nowMs + quietMs;
    const quietEnds = heard.map(({ link = "", address }) =>
      Math.max(...textsOf(link, address).map((text) => quietUntilMs(this.#contention, text)))
    );
    return Math.max(nowMs + quietMs, Math.min(...quietEnds));
  }

  /** Each object that failed by itself; what rests on it has the same error. */
  #noteFailures(
    changes: readonly Change[],
    outcomes: readonly (KernelError | undefined)[],
  ): ReadonlySet<string> {
    const nowMs = this.#options.clock.now();
    const carriers = new Map<unknown, KernelError>();
    const failed = new Set<string>();
    for (const [index, error] of outcomes.entries()) {
      const change = changes[index];
      if (change === undefined || error === undefined) continue;
      const foundation = foundationOf(change);
      if (foundation !== undefined && carriers.get(foundation) === error) continue;
      const carrier = carriedBy(change);
      if (carrier !== undefined) carriers.set(carrier, error);
      const object = objectText(objectOf(change));
      this.#backOff.failed(object, change, error, nowMs);
      failed.add(object);
    }
    return failed;
  }

  /**
   * What is needed and neither failed nor waits: somebody has changed it since this pass began. Of IPVS nobody hears, so
   * that nobody can be that quick: there it is the kernel that did not keep it.
   */
  #noteUndone(needed: ReadonlyMap<string, Change>, failed: ReadonlySet<string>): void {
    const nowMs = this.#options.clock.now();
    const { withheld } = this.#selection;
    const undone = [...needed].filter(([object]) => !failed.has(object) && !withheld.has(object));
    for (const [object, change] of undone) this.#backOff.failed(object, change, undefined, nowMs);
    const disturbed = undone.filter(([, change]) => objectOf(change).virtualService === undefined);
    if (disturbed.length > 0) {
      this.#disturbed = new Set([...this.#disturbed, ...disturbed.map(([object]) => object)]);
    }
    this.#backOff.keep(new Set(needed.keys()));
  }

  #count(repaired: readonly KernelObject[], differing: ReadonlySet<string>): void {
    const { clock, limits, suspects } = this.#options;
    if (repaired.some(({ virtualService }) => virtualService !== undefined)) suspects?.lookForTools();
    this.#contention = afterPass(this.#contention, {
      now: clock.now(),
      limits: limits(),
      repaired,
      differing,
      suspectOf: (object) => suspects?.of(object),
    });
    suspects?.forget();
  }

  /** Whoever is told of for the first time may be anybody: nothing is asked until it comes again. */
  #suspect(object: string, port: number): void {
    if (this.#contention.has(object)) this.#options.suspects?.note(object, port);
  }
}

/** The objects that a notice may be about, by `objectText`: an address, its route, and what both are on. */
function textsOf(link: string, address: string | undefined): readonly string[] {
  const carrier = objectText({ kind: "interface", name: link });
  if (address === undefined) return [carrier];
  const name = `${address} on ${link}`;
  return [objectText({ kind: "address", name }), objectText({ kind: "local route", name }), carrier];
}

/** Tells by its text whether an object was heard of; who hears of an interface hears of what is on it, too. */
function concernedBy(
  heard: readonly { readonly link: string | undefined; readonly address: string | undefined }[],
): (object: string) => boolean {
  const links = new Set<string>();
  const placed = new Set<string>();
  for (const { link = "", address } of heard) {
    if (address === undefined) links.add(link);
    else placed.add(`${address} on ${link}`);
  }
  return (object) => {
    const name = nameOnLink(object);
    return name !== undefined && (placed.has(name) || links.has(name.slice(name.lastIndexOf(" ") + 1)));
  };
}

const LINK_KINDS: readonly ObjectKind[] = ["interface", "address", "local route"];

/** Of an interface its name, of an address or a route `10.99.0.1 on web`; undefined for what is of IPVS. */
function nameOnLink(object: string): string | undefined {
  const kind = LINK_KINDS.find((each) => object.startsWith(`${each} `));
  return kind && object.slice(kind.length + 1);
}
