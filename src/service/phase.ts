/**
 * The way of a service out of service and back, a pure machine (CONTRACT Drain): serving → shifting (still announced, as
 * the worst choice) → withdrawn (until the routers' sockets have the withdrawal) → converging → quiescing (weight 0, until
 * the connections have ended or a limit passes) → down. A phase with nothing to do is left out. The other half of the
 * ordering rule: withdraw before break.
 */
import type { PhaseName } from "../events/event.ts";

/** How long the phases may take. */
export interface DrainLimits {
  readonly shiftMs: number;
  readonly convergeMs: number;
  readonly quiesceMs: number;
}

/** Why a service is on its way out, and its limits. */
export interface Drain {
  /** In words, such as `stopping`. */
  readonly reason: string;
  readonly limits: DrainLimits;
  /** ID of the event that ordered it. */
  readonly because?: number | undefined;
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
  /** Some of its routes is announced. */
  readonly announced: boolean;
  /** When the last of its routes was withdrawn; undefined: none ever was announced, or some still is. */
  readonly withdrawnMs: number | undefined;
  /** The sockets have taken the withdrawals. */
  readonly told: boolean;
  /** Until then routers may have its routes of an earlier process; -Infinity: they have none. */
  readonly staleUntilMs: number;
  /** Something of the kernel goes after it: the routers get their time to converge. */
  readonly converges: boolean;
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

/** On its way out from now on. */
export function draining(drain: Drain, nowMs: number): Phase {
  return drain.limits.shiftMs === 0
    ? withdrawn(drain, nowMs)
    : { name: "shifting", sinceMs: nowMs, deadlineMs: nowMs + drain.limits.shiftMs, drain };
}

/** The withdrawal was decided just now, or earlier. */
export function withdrawn(drain: Drain, nowMs: number, limitMs = WITHDRAWN_LIMIT_MS): Phase {
  return { name: "withdrawn", sinceMs: nowMs, deadlineMs: nowMs + limitMs, drain };
}

/** Nothing new is sent there from now on. */
export function quiescing(drain: Drain, nowMs: number): Phase {
  return { name: "quiescing", sinceMs: nowMs, deadlineMs: nowMs + drain.limits.quiesceMs, drain };
}

/** The phase after this one where time and facts end it; undefined: it goes on. */
export function nextPhase(phase: Phase, facts: PhaseFacts, nowMs: number): Phase | undefined {
  const { name, drain, sinceMs, deadlineMs } = phase;
  if (drain === undefined) return undefined;
  const over = nowMs >= deadlineMs;
  const enter = (next: PhaseName, limitMs: number): Phase => {
    return { name: next, sinceMs: nowMs, deadlineMs: limitMs, drain };
  };
  switch (name) {
    case "serving":
      return undefined;
    case "shifting":
      return over || !facts.announced ? withdrawn(drain, nowMs) : undefined;
    case "withdrawn": {
      if (facts.withdrawnMs === undefined || !facts.converges) return enter("converging", nowMs);
      if (nowMs < facts.staleUntilMs || (!facts.told && !over)) return undefined;
      // The time to converge is the routers'; theirs began when the withdrawal was out, and that may be a while ago.
      return enter("converging", facts.withdrawnMs + (nowMs - sinceMs) + drain.limits.convergeMs);
    }
    case "converging":
      if (!over) return undefined;
      return facts.quiesces ? quiescing(drain, nowMs) : enter("down", Infinity);
    case "quiescing":
      return over || facts.activeConnections === 0 ? enter("down", Infinity) : undefined;
    case "down":
      return undefined;
    default:
      return name satisfies never;
  }
}

/** When the phase ends at the latest. */
export function phaseEnd({ name, deadlineMs }: Phase, staleUntilMs: number): number {
  return name === "withdrawn" ? Math.max(deadlineMs, staleUntilMs) : deadlineMs;
}

/** Whether its routes may be announced. */
export function mayAnnounce({ name }: Phase): boolean {
  return name === "serving" || name === "shifting";
}

/** Whether its destinations have weight 0. */
export function isQuiesced({ name }: Phase): boolean {
  return name === "quiescing" || name === "down";
}
