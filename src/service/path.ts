/** What checks through the data plane and those beside it say together: whether it is the way that is broken. Pure. */
import type { ServiceFacts } from "./state.ts";

/** What is said where what serves is well, and what clients get is not. */
export const PATH_BROKEN = "backend well, path broken";

/** What a service's health is known by. */
export type HealthFacts = Pick<ServiceFacts, "config" | "verdicts" | "ports" | "phase">;

/**
 * Whether everything that is asked straight is well, a check of the service or of a destination, and what goes through
 * the service alone has failed. Where nothing is asked straight, or somebody who is asked says otherwise, nobody can tell.
 */
export function isPathBroken({ config, verdicts, ports, phase }: HealthFacts): boolean {
  // What is on its way out has no destination of weight.
  if (phase.drain !== undefined) return false;
  const verdictOf = ({ name }: { readonly name: string }) => verdicts.get(name)?.verdict;
  // One that is inverted tells of what should not be there.
  const telling = config.checks.filter(({ invert }) => !invert);
  const through = telling.filter((check) => check.through.length > 0).map(verdictOf);
  const straight = telling.filter((check) => check.through.length === 0).map(verdictOf);
  if (!through.includes("unhealthy")) return false;
  const ofDestinations = [...ports.values()].flatMap(({ destinations }) => [...destinations.values()])
    .flatMap(({ checks }) => [...checks.values()].map(({ verdict }) => verdict));
  const asked = [...straight, ...ofDestinations];
  return asked.length > 0 && asked.every((verdict) => verdict === "healthy");
}
