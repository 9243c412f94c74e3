/**
 * What should be, on its way to the speaker and the reconciler: routes first. What cannot be handed over is owed and tried
 * again; weights that change in swarms are handed over together; and while connections are waited for the kernel is told
 * again and again, for it is read with that and tells nobody of their end.
 */
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";

/** Who is handed what. */
export interface Takers {
  readonly clock: Clock;
  /** Of these services. */
  readonly routes: (services: ReadonlySet<string>) => void;
  readonly kernel: () => void;
  /** Undefined: nothing of the kernel is ours. */
  readonly managesKernel: boolean;
  readonly onFault: (cause: string) => void;
}

/** How often connections are counted while something quiesces. */
const QUIESCE_POLL_MS = 200;
/** What could not be handed over is tried again in this time. */
const RETRY_MS = 1000;
/** Weights that change one after the other are handed over together, once in this time. */
const WEIGHTS_MS = 20;

/** What is owed to whom. */
export class HandOver {
  readonly #takers: Takers;
  /** Services whose routes may be others than were handed over. */
  #rerouted: ReadonlySet<string> = new Set();
  #owesKernel = false;
  /** When what is owed is tried again. */
  #retryMs = Infinity;
  /** Weights have changed, and were not handed over yet: that waits until then. */
  #weightsDueMs = Infinity;
  /** When the kernel was last told, or should have been. */
  #kernelMs = -Infinity;

  constructor(takers: Takers) {
    this.#takers = takers;
  }

  /** The routes of these services may be others. */
  oweRoutes(services: readonly string[]): void {
    if (services.length > 0) this.#rerouted = new Set([...this.#rerouted, ...services]);
  }

  /** What the kernel should have is something else. */
  oweKernel(): void {
    this.#owesKernel ||= this.#takers.managesKernel;
  }

  /** Weights alone are others: at once where none were handed over a moment ago, for the whole of what should be is much. */
  oweWeights(): void {
    if (!this.#takers.managesKernel || this.#weightsDueMs !== Infinity) return;
    this.#weightsDueMs = Math.max(this.#takers.clock.now(), this.#kernelMs + WEIGHTS_MS);
  }

  /** Hands over what is owed. @param isQuiescing connections are waited for */
  run(isQuiescing: boolean): void {
    const { clock, managesKernel } = this.#takers;
    const now = clock.now();
    const isDue = this.#weightsDueMs <= now || (isQuiescing && now >= this.#kernelMs + QUIESCE_POLL_MS);
    this.#owesKernel ||= isDue && managesKernel;
    this.#retryMs = Infinity;
    if (this.#rerouted.size > 0) this.#handRoutes();
    if (this.#owesKernel) this.#handKernel(now);
  }

  /** When it wants to run again. */
  deadlineMs(isQuiescing: boolean): number {
    const polls = isQuiescing && this.#takers.managesKernel;
    const pollMs = polls ? this.#kernelMs + QUIESCE_POLL_MS : Infinity;
    return Math.min(this.#retryMs, this.#weightsDueMs, pollMs);
  }

  /** Whoever is told of something may throw: that is a fault, and keeps nobody else from hearing. @returns whether it did not */
  attempt(call: () => void): boolean {
    try {
      call();
      return true;
    } catch (error) {
      this.#takers.onFault(messageOf(error));
      return false;
    }
  }

  // What is owed is so no more before the call: it may come back here with news of its own.

  #handRoutes(): void {
    const rerouted = this.#rerouted;
    this.#rerouted = new Set();
    if (this.attempt(() => this.#takers.routes(rerouted))) return;
    this.oweRoutes([...rerouted]);
    this.#retryMs = this.#takers.clock.now() + RETRY_MS;
  }

  #handKernel(now: number): void {
    this.#owesKernel = false;
    this.#weightsDueMs = Infinity;
    this.#kernelMs = now;
    if (this.attempt(this.#takers.kernel)) return;
    this.#owesKernel = true;
    this.#retryMs = this.#takers.clock.now() + RETRY_MS;
  }
}
