/** Measures how late the event loop does what is due: a timer each second, and by how much each came too late. */
import type { Clock } from "../time/clock.ts";

const EVERY_MS = 1000;

/** Tells each lag in milliseconds and the moment, until it is disposed; a loop that stood still for long tells it once. */
export function measureLoopLag(
  clock: Clock,
  tell: (nowMs: number, lagMs: number) => void,
): Disposable & { readonly dueMs: number } {
  let dueMs = clock.now() + EVERY_MS;
  let timer: Disposable;
  const beat = () => {
    const nowMs = clock.now();
    try {
      tell(nowMs, nowMs - dueMs);
    } finally {
      dueMs = nowMs + EVERY_MS;
      timer = clock.at(dueMs, beat);
    }
  };
  timer = clock.at(dueMs, beat);
  return {
    get dueMs() {
      return dueMs;
    },
    [Symbol.dispose]() {
      dueMs = Infinity;
      timer[Symbol.dispose]();
    },
  };
}
