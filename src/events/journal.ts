/**
 * The journal: the newest events of this run, bounded in number and octets. Whoever reads it keeps a place of its own in
 * it, and what is gone by then is told as a number; so no reader can hold anything up or make it grow.
 */
import type { Clock, Random } from "../time/clock.ts";
import { Pending } from "../time/pending.ts";
import { type AgentEvent, type EventKind, isBulk } from "./event.ts";
import { type EventRecord, recordOf } from "./record.ts";

/** One event as it is kept. */
export interface JournalEntry {
  readonly id: number;
  readonly kind: EventKind;
  readonly record: EventRecord;
  /** The record as JSON in one line of ASCII. */
  readonly text: string;
}

/** What comes after some place. */
export interface JournalSlice {
  /** In order. */
  readonly entries: readonly JournalEntry[];
  /** So many events between the place and the last of these are not kept any more. */
  readonly missing: number;
}

/** Bounds of a journal. */
export interface JournalLimits {
  readonly entries: number;
  readonly octets: number;
  /** Of the entries, so many may be attempts at sessions that never came up: they come by themselves, and for ever. */
  readonly attempts: number;
}

/** How much a slice has at most. */
export interface SliceLimits {
  readonly entries: number;
  readonly octets: number;
}

const DEFAULT_LIMITS: JournalLimits = { entries: 4096, octets: 2 * 1024 * 1024, attempts: 1024 };
const RUN_DIGITS = 8;

/** Keeps the newest events. Disposing ends its followers' waiting. */
export class Journal implements Disposable {
  /** Tells the agent's runs apart. */
  readonly run: string;
  readonly #clock: Clock;
  readonly #limits: JournalLimits;
  /** In order of their IDs. */
  readonly #entries: JournalEntry[] = [];
  readonly #followers = new Set<() => void>();
  #octets = 0;
  #attempts = 0;
  #newest = 0;
  #dropped = 0;
  readonly #turn: Pending;
  #ended = false;

  constructor(
    ports: { readonly clock: Clock; readonly random: Random },
    limits: Partial<JournalLimits> = {},
  ) {
    this.#clock = ports.clock;
    this.#turn = new Pending(ports.clock, () => this.#tell());
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    const digits = Array.from({ length: RUN_DIGITS }, () => Math.floor(ports.random() * 36).toString(36));
    this.run = digits.join("");
  }

  /** ID of the oldest event that is kept; where none is, that of the next one. */
  get oldest(): number {
    return this.#entries[0]?.id ?? this.#newest + 1;
  }

  /** ID of the newest event. */
  get newest(): number {
    return this.#newest;
  }

  /** Events that were kept and are no more. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Nothing comes any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Keeps an event, and tells followers in a later turn: whoever published it is not kept waiting for them. */
  append(event: AgentEvent): void {
    if (isBulk(event.kind) || event.id <= this.#newest || this.#ended) return;
    const wallMs = this.#clock.wallTime().getTime() + event.at - this.#clock.now();
    const { record, text } = recordOf(event, new Date(wallMs));
    const entry = { id: event.id, kind: event.kind, record, text };
    this.#newest = event.id;
    this.#entries.push(entry);
    this.#count(entry, 1);
    while (this.#entries.length > this.#limits.entries || this.#octets > this.#limits.octets) this.#drop();
    if (this.#followers.size > 0) this.#turn.want();
  }

  /** What follows on the event `id`, as far as the limits allow. */
  since(id: number, limits: SliceLimits = this.#limits): JournalSlice {
    const from = this.#placeAfter(id);
    let octets = 0;
    let to = from;
    for (let entry = this.#entries[to]; entry !== undefined; entry = this.#entries[++to]) {
      octets += entry.text.length;
      // One at least, or there would be no end.
      if (to > from && (octets > limits.octets || to - from >= limits.entries)) break;
    }
    const entries = this.#entries.slice(from, to);
    const last = entries.at(-1)?.id ?? Math.max(id, this.#newest);
    return { entries, missing: last - id - entries.length };
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    return this.#turn.dueMs;
  }

  /** Calls back in a turn of its own when there is something new, or there will be nothing more, until it is disposed. */
  subscribe(follower: () => void): Disposable {
    // A function of its own for each: the same one may follow twice.
    const own = () => follower();
    this.#followers.add(own);
    return { [Symbol.dispose]: () => void this.#followers.delete(own) };
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#turn[Symbol.dispose]();
    this.#tell();
    this.#followers.clear();
  }

  #tell(): void {
    for (const follower of [...this.#followers]) follower();
  }

  /** Drops the oldest event; of attempts the oldest of those, where they are too many. */
  #drop(): void {
    const at = this.#attempts > this.#limits.attempts ? this.#entries.findIndex(isAttempt) : 0;
    for (const entry of this.#entries.splice(at, 1)) this.#count(entry, -1);
    this.#dropped++;
  }

  #count(entry: JournalEntry, by: 1 | -1): void {
    this.#octets += by * entry.text.length;
    if (isAttempt(entry)) this.#attempts += by;
  }

  /** The place of the first entry behind `id`. */
  #placeAfter(id: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.id ?? Infinity) <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether it tells of a session that was not up before, and is not now. */
function isAttempt({ kind, record: { from, to } }: JournalEntry): boolean {
  return (kind === "peer-state" || kind === "session-ended") && from !== "Established" &&
    to !== "Established";
}
