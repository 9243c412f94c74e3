/**
 * The kernel as it was last read, and which services have not seen that yet: where it is another one for very many of them,
 * they are told some in each turn.
 */
import type { ActualKernel } from "../kernel/state.ts";
import { type KernelNews, kernelNews, type KernelTroubles } from "./kernel_news.ts";
import type { Services } from "./services.ts";
import { changedSpots } from "./slices.ts";
import type { ServiceState } from "./state.ts";

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
    const states = this.#concerned(actual, troubles);
    this.#actual = actual ?? this.#actual;
    this.#isBlind = actual === undefined;
    this.#troubles = troubles;
    const { events, counted } = kernelNews(states, actual, troubles);
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

  /** Services for which there may be news: of thousands most often few, where what is the same is the same object. */
  #concerned(
    actual: ActualKernel | undefined,
    { refusals = [], contested = [] }: KernelTroubles,
  ): readonly ServiceState[] {
    const isTroubled = refusals.length + contested.length > 0;
    if (actual === undefined || this.#actual === undefined || isTroubled) return this.#services.all;
    const names = new Set([...this.#unseen, ...this.#services.names("watching")]);
    for (const spot of changedSpots(this.#actual, actual)) {
      for (const name of this.#services.at(spot)) names.add(name);
    }
    return this.#services.named(names);
  }

  /** Nobody is told of it any more. */
  close(): void {
    this.#unseen = [];
  }
}
