/** An outcome turned round, for checks of what must not be there: a failure is a pass, also where nothing answered in time. */
import type { ProbeOutcome } from "./probe.ts";

/** Pass for fail and fail for pass, said in front of the words; what says nothing of the service still says nothing. */
export function inverted({ kind, detail }: Pick<ProbeOutcome, "kind" | "detail">): ProbeOutcome {
  if (kind === "unknown") return { kind, detail };
  return kind === "pass"
    ? { kind: "fail", detail: `inverted: ${detail}` }
    : { kind: "pass", detail: `inverted: ${detail}` };
}
