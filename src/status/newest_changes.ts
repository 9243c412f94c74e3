/** What changed last, as far as a status says: for whoever cannot ask for events. Pure. */
import type { StatusDocument } from "./document.ts";
import type { TopEvent } from "./top_text.ts";

/** One line for each thing that has been as it is since a moment; newest last. */
export function newestChanges({ services, peers }: StatusDocument): readonly TopEvent[] {
  const changes: TopEvent[] = peers.map(({ name, state, since, cause }) => ({
    at: since,
    text: `${name} is ${state}: ${cause}`,
  }));
  for (const { name, phase, checks, routes } of services) {
    if (phase.name !== "serving") {
      changes.push({ at: phase.since, text: `${name} is ${phase.name}: ${phase.reason ?? ""}` });
    }
    for (const check of checks) {
      changes.push({
        at: check.since,
        text: `${name} check ${check.name} is ${check.verdict}: ${check.cause}`,
      });
    }
    for (const { prefix, announce, degraded, since, gates } of routes) {
      changes.push({ at: since, text: `${name} ${prefix} is ${announce ? "announced" : "not announced"}` });
      const worse = degraded ? gates.find((gate) => gate.degraded) : undefined;
      if (worse === undefined) continue;
      changes.push({ at: worse.since, text: `${name} ${prefix} is degraded: ${worse.reason}` });
    }
  }
  return changes.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
}
