/** Peers that have something to be sent take turns, batch by batch, and yield to timers and sockets in between. */
import type { Clock } from "../time/clock.ts";

/** Somebody with something to send. */
export interface Sender {
  /** Sends what the next batch takes; true where there is more, and more would be taken now. Never throws. */
  sendNext(endOfRibReleased: boolean): boolean;
}

/** Sending yields after so much work. */
const TURN_MS = 10;

/** The senders whose turns are to come, in their order. */
export class SendTurns implements Disposable {
  /** May End-of-RIB go out? */
  endOfRibReleased = false;
  readonly #clock: Clock;
  readonly #onPause: () => void;
  readonly #due = new Set<Sender>();
  /** Ends this turn of the event loop. */
  #turn: Disposable | undefined;
  #turnMs = 0;

  /** `onPause` is called whenever this turn of the event loop takes no more. */
  constructor(clock: Clock, onPause: () => void) {
    this.#clock = clock;
    this.#onPause = onPause;
  }

  [Symbol.dispose](): void {
    this.#turn?.[Symbol.dispose]();
    this.#turn = undefined;
  }

  /** These, and whoever waits, send now, as far as this turn goes. */
  take(senders: Iterable<Sender>): void {
    for (const sender of senders) this.#due.add(sender);
    let now = this.#clock.now();
    for (const sender of this.#due) {
      if (this.#turnMs >= TURN_MS) break;
      this.#due.delete(sender);
      if (sender.sendNext(this.endOfRibReleased)) this.#due.add(sender);
      const before = now;
      now = this.#clock.now();
      this.#turnMs += now - before;
    }
    this.#onPause();
    this.#endTurn();
  }

  /** These send behind what else there is to do now. */
  takeNext(senders: Iterable<Sender>): void {
    for (const sender of senders) this.#due.add(sender);
    this.#endTurn();
  }

  #endTurn(): void {
    this.#turn ??= this.#clock.at(this.#clock.now(), () => {
      this.#turn = undefined;
      this.#turnMs = 0;
      if (this.#due.size > 0) this.take([]);
    });
  }
}
