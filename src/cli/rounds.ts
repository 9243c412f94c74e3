/** Something that is done again and again until somebody ends it: by a signal, a key, or by taking the terminal away. */
import { onAbort, untilAborted } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";
import { canRedraw, type Terminal } from "./terminal.ts";

/** Keys that end it; the third is Ctrl-C, where the terminal makes no signal of it. */
const END_KEYS: readonly string[] = ["q", "Q", "\u0003"];

/** Rounds, from when they are made until they are disposed. */
export class Rounds implements Disposable {
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  readonly #heard = new DisposableStack();
  #wake: (() => void) | undefined;

  constructor({ terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock }) {
    this.#clock = clock;
    this.#heard.use(terminal.onEnd(() => this.end()));
    this.#heard.use(terminal.onResize(() => this.#wake?.()));
    // Where the output goes elsewhere the keys are for whatever shows it.
    if (canRedraw(terminal)) {
      this.#heard.use(terminal.onKey((key) => END_KEYS.includes(key) && this.end()));
    }
  }

  get over(): boolean {
    return this.#ended.signal.aborted;
  }

  end(): void {
    this.#ended.abort();
    this.#wake?.();
  }

  /** What `work` comes to; undefined where the rounds end before. */
  async unlessOver<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await untilAborted(work, this.#ended.signal);
    } catch (error) {
      if (this.over) return undefined;
      throw error;
    }
  }

  /** Waits until `untilMs` on the clock; less long where the rounds end, or the terminal gets another size. */
  async pause(untilMs: number): Promise<void> {
    if (this.over) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.#clock.at(untilMs, resolve);
    using _end = onAbort(this.#ended.signal, resolve);
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }

  [Symbol.dispose](): void {
    this.#heard.dispose();
  }
}
