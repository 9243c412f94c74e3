/**
 * A listener that the agent can do without: whether it can be had is a state and never a condition. What fails is told
 * once and tried again, later and later; what is open is looked at on a slow beat, and opened anew where it is not
 * what it was.
 */
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";

/** How it is; times are on the scale of the clock. */
export type SideListenerState =
  | { readonly state: "off"; readonly sinceMs: number }
  | {
    readonly state: "listening";
    readonly sinceMs: number;
    readonly address: string;
    /** What it lacks all the same, in words; left out: nothing. */
    readonly shortfall?: string;
  }
  | {
    readonly state: "failed";
    readonly sinceMs: number;
    readonly address: string;
    readonly error: string;
    readonly retryAtMs: number;
  };

/** What was opened. Disposing closes it. */
export interface OpenedListener extends Disposable {
  /** What it lacks although it listens; undefined: nothing. */
  readonly shortfall?: string | undefined;
  /** Undefined while it is what it was, else why it has to be opened anew; cheap, and asked every two seconds. */
  problem(): string | undefined;
}

/** What a side listener needs and tells. */
export interface SideListenerOptions {
  readonly clock: Clock;
  /** Where it listens, as people read it. */
  readonly address: string;
  /** @throws {Error} in words for people, where it cannot be had */
  open(): OpenedListener | Promise<OpenedListener>;
  /** Told when the state or its words change, not at each retry. */
  onChange(state: SideListenerState): void;
}

type Attempt = { readonly opened: OpenedListener } | { readonly error: unknown };

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;
const LOOK_MS = 2000;
/** No attempt takes longer. */
const LONGEST_OPEN_MS = 60_000;

/** Keeps one listener open. */
export class SideListener implements Disposable {
  readonly #options: SideListenerOptions;
  #state: SideListenerState;
  #opened: OpenedListener | undefined;
  #timer: Disposable | undefined;
  #dueMs = Infinity;
  #retryMs = FIRST_RETRY_MS;
  #disposed = false;

  constructor(options: SideListenerOptions) {
    this.#options = options;
    this.#state = { state: "off", sinceMs: options.clock.now() };
  }

  /** How it is. */
  get state(): SideListenerState {
    return this.#state;
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    return this.#disposed ? Infinity : this.#dueMs;
  }

  /**
   * The first attempt; resolves when it has succeeded or failed.
   * @param isFinal errors that are no state: they are thrown, and nothing is tried again
   */
  async start(isFinal: (error: unknown) => boolean = () => false): Promise<void> {
    const attempt = await this.#attempt();
    if ("error" in attempt && isFinal(attempt.error)) throw attempt.error;
    this.#conclude(attempt);
  }

  /** Closes it for good. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    const opened = this.#opened;
    this.#opened = undefined;
    this.#state = { state: "off", sinceMs: this.#options.clock.now() };
    opened?.[Symbol.dispose]();
  }

  async #attempt(): Promise<Attempt> {
    this.#dueMs = this.#options.clock.now() + LONGEST_OPEN_MS;
    try {
      return { opened: await this.#options.open() };
    } catch (error) {
      return { error };
    }
  }

  #conclude(attempt: Attempt): void {
    if ("error" in attempt) return this.#failed(messageOf(attempt.error));
    if (this.#disposed) return attempt.opened[Symbol.dispose]();
    const { clock, address } = this.#options;
    this.#opened = attempt.opened;
    this.#after(LOOK_MS, () => this.#look());
    const { shortfall } = attempt.opened;
    const listening = { state: "listening", sinceMs: clock.now(), address } as const;
    this.#change(shortfall === undefined ? listening : { ...listening, shortfall });
  }

  #look(): void {
    const problem = this.#problem();
    if (problem === undefined) return this.#after(LOOK_MS, () => this.#look());
    const opened = this.#opened;
    this.#opened = undefined;
    // At once where that is news; who breaks it again and again does not choose how busy we are.
    this.#retryMs = this.#options.clock.now() - this.#state.sinceMs < LAST_RETRY_MS ? FIRST_RETRY_MS : 0;
    this.#failed(problem);
    opened?.[Symbol.dispose]();
  }

  #problem(): string | undefined {
    try {
      return this.#opened?.problem();
    } catch (error) {
      return messageOf(error);
    }
  }

  #failed(error: string): void {
    if (this.#disposed) return;
    const { clock, address } = this.#options;
    const now = clock.now();
    const retryAtMs = now + this.#retryMs;
    const sinceMs = this.#state.state === "failed" ? this.#state.sinceMs : now;
    this.#after(this.#retryMs, () => void this.#attempt().then((attempt) => this.#conclude(attempt)));
    this.#retryMs = Math.min(Math.max(this.#retryMs * 2, FIRST_RETRY_MS), LAST_RETRY_MS);
    this.#change({ state: "failed", sinceMs, address, error, retryAtMs });
  }

  #after(ms: number, callback: () => void): void {
    const { clock } = this.#options;
    this.#timer?.[Symbol.dispose]();
    this.#dueMs = clock.now() + ms;
    this.#timer = clock.at(this.#dueMs, callback);
  }

  #change(next: SideListenerState): void {
    const before = this.#state;
    this.#state = next;
    const same = before.state === next.state &&
      (before.state !== "failed" || next.state !== "failed" || before.error === next.error);
    if (!same) this.#options.onChange(next);
  }
}
