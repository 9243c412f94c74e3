/** Long work in slices: between them the event loop gets to run, so that nothing that must be on time waits for it. */
import { type Clock, NEXT_TURN, sleep } from "./clock.ts";

/** The event loop waits for no longer than this, and one piece of work; a timer that is due just after a turn waits for two. */
const SLICE_MS = 3;

/** The slices of one kind of work. */
export class Slices {
  /** That they are measured by. */
  readonly clock: Clock;
  #endMs: number;

  constructor(clock: Clock) {
    this.clock = clock;
    this.#endMs = clock.now() + SLICE_MS;
  }

  /** The work begins, or goes on after something was waited for. */
  begin(): void {
    this.#endMs = this.clock.now() + SLICE_MS;
  }

  /** To be waited for before the next piece of work; undefined while the slice lasts. */
  pause(): Promise<void> | undefined {
    return this.clock.now() < this.#endMs ? undefined : this.#nextTurn();
  }

  /** Lets others run for so long; the next slice begins after it. */
  async wait(ms: number): Promise<void> {
    await sleep(this.clock, ms);
    this.begin();
  }

  async #nextTurn(): Promise<void> {
    await new Promise<void>((resolve) => void this.clock.at(NEXT_TURN, resolve));
    this.begin();
  }
}
