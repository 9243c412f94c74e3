/** Long work in slices, between which the event loop does what else is due. */
import { type Clock, sleep } from "../time/clock.ts";

/** The event loop waits for no longer than this, and one step. */
const SLICE_MS = 5;
/** Steps that are this short are looked after together. */
const STEP = 256;

/** What the work gives that `steps` does; it may be interrupted wherever they yield. */
export async function inSlices<T>(clock: Clock, steps: Generator<void, T>): Promise<T> {
  let endMs = clock.now() + SLICE_MS;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (clock.now() < endMs) continue;
    await sleep(clock);
    endMs = clock.now() + SLICE_MS;
  }
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
