/**
 * Whether everything that goes on by itself still does. A loop stands still where it was to turn and has not, at two looks
 * one after the other: after a pause of the whole machine all are late at once, and catch up before the second look.
 */
import type { Loop } from "../time/loop.ts";

/** Every busy loop may be so late. */
const LATE_MS = 5_000;

type Turning = Pick<Loop, "dueMs"> | undefined;

/** Parts by what they are called, and those of the rooms that have many; undefined: there is none yet. */
export function loopsOf(
  parts: Readonly<Record<string, Turning>>,
  rooms: readonly ({ loops(): readonly Loop[] } | undefined)[],
): readonly Loop[] {
  const own = Object.entries(parts).flatMap(([name, part]) =>
    part === undefined ? [] : [{ name, dueMs: part.dueMs }]
  );
  return [...own, ...rooms.flatMap((room) => room?.loops() ?? [])];
}

/** A loop that does not turn any more. */
export interface Standstill {
  readonly name: string;
  /** When it was due. */
  readonly sinceMs: number;
}

/** One that is late, and what it was late for. */
type Late = Standstill & Loop;

/** Remembers from one look to the next who was late. */
export class Liveness {
  #late: ReadonlyMap<string, Late> = new Map();
  #standing: ReadonlySet<Late> = new Set();
  #lookedMs = -Infinity;

  /** Those that stand still. A look that follows closer than the time that all may be late has no new ones. */
  look(loops: Iterable<Loop>, nowMs: number): readonly Standstill[] {
    const before = this.#late;
    const late = new Map<string, Late>();
    for (const { name, dueMs } of loops) {
      if (dueMs > nowMs - LATE_MS) continue;
      const known = before.get(name);
      const sinceMs = dueMs === -Infinity ? nowMs : dueMs;
      late.set(name, known?.dueMs === dueMs ? known : { name, dueMs, sinceMs });
    }
    const isNewLook = nowMs - this.#lookedMs >= LATE_MS;
    const candidates = isNewLook ? new Set(before.values()) : this.#standing;
    this.#standing = new Set([...late.values()].filter((each) => candidates.has(each)));
    if (isNewLook) [this.#late, this.#lookedMs] = [late, nowMs];
    return [...this.#standing];
  }
}
