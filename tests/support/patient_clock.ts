/**
 * A clock for tests that need real sockets and still say when something must happen. It goes on with the turns of the
 * event loop, so many milliseconds for each, however long a turn takes: sockets on loopback need a few turns, and
 * where the machine is slow or busy with something else, so is the time.
 */
import { VirtualClock } from "./virtual_clock.ts";

/** A virtual clock that advances by itself. Disposing stops it. */
export class PatientClock extends VirtualClock implements AsyncDisposable {
  #on = true;
  readonly #running: Promise<void>;

  /** @param stepMs what one turn of the event loop counts for; a turn takes a millisecond at least */
  constructor(stepMs: number) {
    super();
    this.#running = this.#run(stepMs);
  }

  /** Resolves after `ms` of this clock. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.at(this.now() + ms, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#on = false;
    await this.#running;
  }

  async #run(stepMs: number): Promise<void> {
    while (this.#on) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await this.advance(stepMs);
    }
  }
}
