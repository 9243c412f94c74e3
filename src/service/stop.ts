/**
 * The order of a stop, a pure machine: withdraw → wait for routers to converge → quiesce (weight 0, until the
 * connections have ended or a limit passes) → remove. The other half of the ordering rule: withdraw before break.
 */

/** How long one service may take. */
export interface StopLimits {
  readonly convergeMs: number;
  readonly quiesceMs: number;
}

/** Where the stop of one service is. */
export type StopPhase = "converging" | "quiescing" | "removing";

/** Where a stop is. `deadlineMs` ends the phase at the latest. */
export interface StopState {
  readonly phase: StopPhase;
  readonly deadlineMs: number;
  readonly limits: StopLimits;
}

/** The routes were withdrawn just now. With nothing to wait for, `convergeMs` and `quiesceMs` are 0. */
export function beginStop(limits: StopLimits, now: number): StopState {
  return stepStop({ phase: "converging", deadlineMs: now + limits.convergeMs, limits }, undefined, now);
}

/**
 * Moves on as far as time and connections allow.
 * @param activeConnections on the service's destinations as last read, undefined where they are not known
 */
export function stepStop(state: StopState, activeConnections: number | undefined, now: number): StopState {
  const over = now >= state.deadlineMs;
  switch (state.phase) {
    case "converging": {
      if (!over) return state;
      const { limits } = state;
      return stepStop({ phase: "quiescing", deadlineMs: now + limits.quiesceMs, limits }, undefined, now);
    }
    case "quiescing":
      return over || activeConnections === 0 ? { ...state, phase: "removing" } : state;
    case "removing":
      return state;
    default:
      return state.phase satisfies never;
  }
}
