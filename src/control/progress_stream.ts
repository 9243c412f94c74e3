/**
 * How far an order has got, as lines of JSON (NDJSON): an answer first where there is one, then the progress whenever it
 * changes, and at least each second while something counts down. It ends after the line in which all is done, when the
 * reader goes, or when the agent ends. Who reads slowly gets the newest state, and none of those between.
 */
import { onAbort } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";
import { UnknownNameError } from "../status/views.ts";
import type { Orders, Progress, Selection } from "./orders.ts";

/** What a stream is made of. */
export interface ProgressStreamOptions {
  readonly orders: Pick<Orders, "progress" | "onProgress">;
  readonly selection: Selection;
  /** The first line; undefined: none. */
  readonly answer: unknown;
  readonly clock: Clock;
  /** Aborts when nobody reads any more. */
  readonly signal: AbortSignal;
  /** Told once when it has ended, however. */
  onEnd(): void;
}

/** While something counts down. */
const TICK_MS = 1000;
/** While nothing does: whoever reads knows by it that the agent lives. */
const HEARTBEAT_MS = 10_000;
/** However fast it changes, it is not told more often. */
const PACE_MS = 100;

/** The stream; reading it asks for the next line. */
export function progressStream(options: ProgressStreamOptions): ReadableStream<Uint8Array> {
  const lines = new ProgressLines(options);
  return new ReadableStream({
    async pull(controller) {
      const line = await lines.next();
      if (line !== undefined) controller.enqueue(new TextEncoder().encode(`${line}\n`));
      if (lines.ended) controller.close();
    },
    cancel: () => lines[Symbol.dispose](),
  }, { highWaterMark: 0 });
}

class ProgressLines implements Disposable {
  readonly #options: ProgressStreamOptions;
  readonly #stack = new DisposableStack();
  #answered: boolean;
  /** What was told last, without what counts down, and when. */
  #told: { readonly said: string; readonly atMs: number } | undefined;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(options: ProgressStreamOptions) {
    this.#options = options;
    this.#answered = options.answer === undefined;
    this.#stack.use(options.orders.onProgress(() => this.#wake?.()));
    this.#stack.use(onAbort(options.signal, () => this[Symbol.dispose]()));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The next line; undefined where there is none any more. */
  async next(): Promise<string | undefined> {
    if (!this.#answered) {
      this.#answered = true;
      return JSON.stringify(this.#options.answer);
    }
    try {
      return await this.#nextProgress();
    } catch (error) {
      this[Symbol.dispose]();
      // A reload may have removed what this is about.
      if (error instanceof UnknownNameError) return undefined;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stack.dispose();
    this.#wake?.();
    this.#options.onEnd();
  }

  async #nextProgress(): Promise<string | undefined> {
    const { orders, selection, clock } = this.#options;
    for (;;) {
      const told = this.#told;
      if (told !== undefined) await this.#until(told.atMs + PACE_MS, false);
      if (this.#ended) return undefined;
      const progress = orders.progress(selection);
      const said = JSON.stringify(progress, (key, value: unknown) => key === "leftMs" ? undefined : value);
      const dueMs = (told?.atMs ?? -Infinity) + (countsDown(progress) ? TICK_MS : HEARTBEAT_MS);
      if (said !== told?.said || clock.now() >= dueMs) {
        this.#told = { said, atMs: clock.now() };
        if (progress.every(({ done }) => done)) this[Symbol.dispose]();
        return JSON.stringify(progress);
      }
      await this.#until(dueMs, true);
    }
  }

  /** Waits for that moment, or for the end; `orChange`: or for a change. */
  async #until(atMs: number, orChange: boolean): Promise<void> {
    const { clock } = this.#options;
    if (clock.now() >= atMs || this.#ended) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = clock.at(atMs, resolve);
    this.#wake = () => {
      if (orChange || this.#ended) resolve();
    };
    await promise;
    this.#wake = undefined;
  }
}

function countsDown(progress: readonly Progress[]): boolean {
  return progress.some(({ done, leftMs }) => !done && leftMs !== undefined);
}
