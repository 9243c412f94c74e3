/** A check whose findings become events, and whose verdicts are told in the turn in which they are known. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { EventStream } from "../events/stream.ts";
import { Check } from "../health/check.ts";
import type { Probe } from "../health/kinds/probe.ts";
import type { LoopDelay } from "../health/loop_delay.ts";
import type { Spread } from "../health/schedule.ts";
import type { CheckTarget } from "../health/target.ts";
import type { Verdict } from "../health/threshold.ts";
import { destinationName } from "../config/destination_name.ts";
import type { Clock } from "../time/clock.ts";

/** What a check says. */
export interface Said {
  readonly verdict: Verdict;
  readonly cause: string;
  /** What it gives its destination. */
  readonly weight: number | undefined;
}

/** What checks are made with. */
export interface CheckSurroundings {
  readonly clock: Clock;
  /** Undefined: each check has its own. */
  readonly loopDelay?: LoopDelay | undefined;
  readonly events: EventStream;
  readonly probe: (config: CheckConfig, target: CheckTarget) => Probe;
}

/** A check of `target`; what is shared by several targets is told as of this one. */
export function toldCheck(
  { target, config, spread, tell }: {
    readonly target: CheckTarget;
    readonly config: CheckConfig;
    readonly spread: Spread;
    readonly tell: (said: Said) => void;
  },
  { clock, loopDelay, events, probe }: CheckSurroundings,
): Check {
  const { name: check } = config;
  const { service } = target;
  const subject = target.type === "service"
    ? { service, check }
    : { service, destination: destinationName(target), check };
  return new Check({
    name: check,
    target,
    config,
    probe: probe(config, target),
    clock,
    loopDelay,
    spread,
    onResult({ kind, durationMs, detail: cause }, { verdict, weight, fault }, before) {
      events.publish({ kind: "probe", ...subject, result: kind, durationMs, cause });
      const blind = kind === "unknown";
      if (blind !== (before.lastResult?.kind === "unknown")) {
        events.publish({ kind: "check-blind", ...subject, blind, cause });
      }
      if (fault !== undefined && fault.count !== before.fault?.count) {
        const name = Object.values(subject).join(" ");
        events.publish({ kind: "fault", part: "check", name, cause: fault.text });
      }
      // Where nothing is known at all the gate says why.
      if (blind && verdict === "unknown") tell({ verdict, cause, weight });
      const isOther = weight !== before.weight && verdict === before.verdict;
      if (isOther && verdict === "healthy") tell({ verdict, cause, weight });
    },
    // The route first, before anybody is told: a log line is not worth a microsecond of it.
    onVerdict({ from, verdict, cause, weight, flapping }) {
      const told = () => tell({ verdict, cause, weight });
      const changed = from === verdict
        ? told
        : () => events.causing({ kind: "verdict", ...subject, from, to: verdict, cause }, told);
      if (flapping === undefined) return changed();
      events.causing({ kind: "check-flapping", ...subject, flapping, cause }, changed);
    },
  });
}
