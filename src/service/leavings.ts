/** All that is wanted no more and on its way out. What is asked of all of them at each event is found once for each change. */
import { type Leaving, type LeavingEvent, stepLeavings, withLimit } from "./leaving.ts";

/** What leaves, together. */
export class Leavings {
  #all: readonly Leaving[] = [];
  #nextMs = Infinity;
  #quiesces = false;
  #awaitsTold = false;

  /** Each of them. */
  get all(): readonly Leaving[] {
    return this.#all;
  }

  /** When the first of them wants a `time` event; Infinity: none does. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** The connections of some are waited for. */
  get quiesces(): boolean {
    return this.#quiesces;
  }

  /** Some wait for the sockets of routers to have taken their withdrawal. */
  get awaitsTold(): boolean {
    return this.#awaitsTold;
  }

  /** These leave now, and no others. */
  set(all: readonly Leaving[]): void {
    this.#all = all;
    this.#nextMs = all.reduce((first, { phase }) => Math.min(first, phase.deadlineMs), Infinity);
    this.#quiesces = all.some(({ phase }) => phase.name === "quiescing");
    this.#awaitsTold = all.some(({ phase, told, toldBy }) =>
      phase.name === "withdrawn" && !told && toldBy === "told"
    );
  }

  /** Routers are waited for until `untilMs` at the latest. */
  limit(untilMs: number): void {
    this.set(this.#all.map((leaving) => withLimit(leaving, untilMs)));
  }

  /** Takes one event in; gives those that have moved on, and drops what is down. */
  step(event: LeavingEvent, nowMs: number): readonly Leaving[] {
    if (this.#all.length === 0) return [];
    const before = this.#all;
    const after = stepLeavings(before, event, { now: nowMs });
    this.set(after.filter(({ phase }) => phase.name !== "down"));
    return after.filter(({ phase }, index) => phase.name !== before[index]?.phase.name);
  }
}
