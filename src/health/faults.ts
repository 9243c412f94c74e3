/** What throws in a check where nothing should: kept for the status, and nothing else is held up by it. */
import { messageOf } from "../text/error_message.ts";
import { foreignText } from "../text/foreign.ts";
import type { Clock } from "../time/clock.ts";
import type { CheckFault } from "./check_status.ts";

/** The faults of one check. */
export class CheckFaults {
  readonly #clock: Pick<Clock, "now">;
  #newest: CheckFault | undefined;
  #count = 0;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** The newest one; undefined once something went well without. */
  get newest(): CheckFault | undefined {
    return this.#newest;
  }

  /** All since the start. */
  get count(): number {
    return this.#count;
  }

  keep(error: unknown): void {
    this.#count++;
    this.#newest = { text: foreignText(messageOf(error)), atMs: this.#clock.now(), count: this.#count };
  }

  /** Does `work`, and keeps what it throws. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.keep(error);
    }
  }

  /** It went well: since there were `count` of them there was none. */
  clearSince(count: number): void {
    if (this.#count === count) this.#newest = undefined;
  }
}
