/** Why a check has its verdict, in words. Pure. */
import type { FlapLimits } from "../config/checks/base.ts";
import { formatDuration } from "../time/duration.ts";
import type { Judged } from "./judgement.ts";
import type { Run } from "./threshold.ts";

/** `detail` is of the newest result. */
export function verdictCause({ because }: Judged, detail: string, flap: FlapLimits | undefined): string {
  switch (because.type) {
    case "run":
      return runText(because.run, detail);
    case "flapping": {
      const within = flap === undefined ? "" : ` within ${formatDuration(flap.windowMs)}`;
      const until = flap === undefined ? "" : `, held until ${formatDuration(flap.holdMs)} without more`;
      return `flapping: ${because.hold.changes} changes of outcome${within}${until}; the last result then: ${detail}`;
    }
    case "calm":
      return `flapping no more: ${runText(because.run, detail)}`;
    default:
      return because satisfies never;
  }
}

function runText(run: Run | undefined, detail: string): string {
  const { count = 1, pass = false } = run ?? {};
  const noun = `${pass ? "pass" : "failure"}${count === 1 ? "" : pass ? "es" : "s"}`;
  return count === 1 ? detail : `${count} consecutive ${noun}, the last one: ${detail}`;
}
