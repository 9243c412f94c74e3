/**
 * The kernel as it was last read, and which services have not seen that yet: where it is another one for very many of them,
 * they are told some in each turn.
 */
import type { ActualKernel } from "../kernel/state.ts";
import { type KernelNews, kernelNews, type KernelTroubles } from "./kernel_news.ts";
import type { Services } from "./services.ts";

/** So many are told in one turn. */
const SERVICES_A_TURN = 100;

/** What services see of the kernel. */
export class KernelView {
  readonly #services: Services;
  #actual: ActualKernel | undefined;
  #isBlind = false;
  /** What was found with it. */
  #troubles: KernelTroubles = {};
  #unseen: readonly string[] = [];

  constructor(services: Services) {
    this.#services = services;
  }

  /** As last read; undefined: it never was. */
  get actual(): ActualKernel | undefined {
    return this.#actual;
  }

  /** It was not read since, or not since more was wanted: what comes waits until it is. */
  get isBlind(): boolean {
    return this.#isBlind;
  }

  /** Whether every service has seen it. */
  get isSeen(): boolean {
    return this.#unseen.length === 0;
  }

  /** More is wanted of it. */
  expectMore(): void {
    this.#isBlind = true;
  }

  /** It is so, and no service is told yet. */
  set(actual: ActualKernel): void {
    this.#actual = actual;
  }

  /** It was read, or undefined: it could not be. What to tell services of it in this turn; those without news are not asked. */
  read(actual: ActualKernel | undefined, troubles: KernelTroubles): KernelNews["events"] {
    this.#actual = actual ?? this.#actual;
    this.#isBlind = actual === undefined;
    this.#troubles = troubles;
    const { events, counted } = kernelNews(this.#services.all, actual, troubles);
    for (const state of counted) this.#services.set(state);
    this.#unseen = [...events.keys()].slice(SERVICES_A_TURN);
    for (const name of this.#unseen) events.delete(name);
    return events;
  }

  /** What to tell some of those that have not seen it. */
  next(): KernelNews["events"] {
    const some = this.#services.named(this.#unseen.slice(0, SERVICES_A_TURN));
    this.#unseen = this.#unseen.slice(SERVICES_A_TURN);
    return kernelNews(some, this.#actual, this.#troubles).events;
  }

  /** Nobody is told of it any more. */
  close(): void {
    this.#unseen = [];
  }
}
