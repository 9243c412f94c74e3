/**
 * The way of a service out of service and back, a pure machine (CONTRACT Drain): serving → withdrawn (until the routers'
 * sockets have the withdrawal) → converging → quiescing (weight 0, until the connections have ended or a limit passes) →
 * down. A phase with nothing to do is left out. The other half of the ordering rule: withdraw before break.
 */
import type { PhaseName } from "../events/event.ts";

/** How long the phases may take. */
export interface DrainLimits {
  readonly convergeMs: number;
  readonly quiesceMs: number;
}

/** Why a service is on its way out, and its limits. */
export interface Drain {
  /** In words, such as `stopping`. */
  readonly reason: string;
  readonly limits: DrainLimits;
}

/** Where a service is. `deadlineMs` ends the phase at the latest; Infinity: nothing but an event ends it. */
export interface Phase {
  readonly name: PhaseName;
  readonly sinceMs: number;
  readonly deadlineMs: number;
  /** Undefined while it is serving. */
  readonly drain: Drain | undefined;
}

/** What the phases depend on besides time. */
export interface PhaseFacts {
  /** When the last of its routes was withdrawn; undefined: none ever was announced, or some still is. */
  readonly withdrawnMs: number | undefined;
  /** The sockets have taken the withdrawals. */
  readonly told: boolean;
  /** It has virtual services that can be quiesced. */
  readonly quiesces: boolean;
  /** On its destinations while all of them have weight 0; undefined where that is not known. */
  readonly activeConnections: number | undefined;
}

/** The sockets of routers may take so long to take a withdrawal. */
export const WITHDRAWN_LIMIT_MS = 5000;

/** In service. */
export function serving(nowMs: number): Phase {
  return { name: "serving", sinceMs: nowMs, deadlineMs: Infinity, drain: undefined };
}

/** The withdrawal was decided just now, or earlier. */
export function withdrawn(drain: Drain, nowMs: number): Phase {
  return { name: "withdrawn", sinceMs: nowMs, deadlineMs: nowMs + WITHDRAWN_LIMIT_MS, drain };
}

/** Moves on as far as time and facts allow. */
export function advancePhase(phase: Phase, facts: PhaseFacts, nowMs: number): Phase {
  const next = follow(phase, facts, nowMs);
  return next === undefined ? phase : advancePhase(next, facts, nowMs);
}

/** The phase after this one where this one is over. */
function follow(phase: Phase, facts: PhaseFacts, nowMs: number): Phase | undefined {
  const { name, drain, sinceMs, deadlineMs } = phase;
  if (drain === undefined) return undefined;
  const over = nowMs >= deadlineMs;
  const { convergeMs, quiesceMs } = drain.limits;
  const enter = (next: PhaseName, limitMs: number): Phase => {
    return { name: next, sinceMs: nowMs, deadlineMs: limitMs, drain };
  };
  switch (name) {
    case "serving":
      return undefined;
    case "withdrawn": {
      if (facts.withdrawnMs === undefined) return enter("converging", nowMs);
      if (!facts.told && !over) return undefined;
      // The time to converge is the routers'; theirs began when the withdrawal was out, and that may be a while ago.
      return enter("converging", facts.withdrawnMs + (nowMs - sinceMs) + convergeMs);
    }
    case "converging":
      if (!over) return undefined;
      return facts.quiesces ? enter("quiescing", nowMs + quiesceMs) : enter("down", Infinity);
    case "quiescing":
      return over || facts.activeConnections === 0 ? enter("down", Infinity) : undefined;
    case "down":
      return undefined;
    default:
      return name satisfies never;
  }
}

/** Whether its destinations have weight 0. */
export function isQuiesced({ name }: Phase): boolean {
  return name === "quiescing" || name === "down";
}
