/** When this process started, for those who count from it: a wall clock that is stepped takes that moment along. */
import type { Clock } from "./clock.ts";

/** What differs by less is the clocks' own grain, and nobody's restart. */
const STEP_MS = 1000;

/** Gives the wall-clock seconds of `startedMs` (on the scale of `clock.now()`): the same until the wall clock is stepped. */
export function startTime(clock: Clock, startedMs: number): () => number {
  const wallMs = () => clock.wallTime().getTime() - (clock.now() - startedMs);
  let toldMs = wallMs();
  return () => {
    const nowMs = wallMs();
    if (Math.abs(nowMs - toldMs) >= STEP_MS) toldMs = nowMs;
    return toldMs / 1000;
  };
}
