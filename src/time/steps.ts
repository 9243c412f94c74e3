/** Long work as steps: at once, or in slices between which the event loop does what else is due. */
import type { Clock } from "./clock.ts";
import { Slices } from "./slices.ts";

/** Steps that are this short are looked after together. */
const STEP = 256;

/** What the work gives that `steps` does, without an interruption. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** What the work gives that `steps` does; it may be interrupted wherever they yield, and at the end. It begins a slice, or goes on with one. */
export async function inSlices<T>(time: Clock | Slices, steps: Generator<void, T>): Promise<T> {
  const slices = time instanceof Slices ? time : new Slices(time);
  for (;;) {
    const step = steps.next();
    const pause = slices.pause();
    if (pause !== undefined) await pause;
    if (step.done === true) return step.value;
  }
}

/** What each of these works gives, one after the other. */
export function* inOrder<T>(works: readonly Generator<void, T>[]): Generator<void, T[]> {
  const given: T[] = [];
  for (const work of works) {
    given.push(yield* work);
    yield;
  }
  return given;
}

/** `values.map(call)`, to be interrupted. */
export function* mapInSteps<T, U>(values: readonly T[], call: (value: T) => U): Generator<void, U[]> {
  const mapped: U[] = [];
  for (const value of values) {
    mapped.push(call(value));
    if (mapped.length % STEP === 0) yield;
  }
  return mapped;
}
