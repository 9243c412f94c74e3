/** Which checks of destinations are the same: those that differ in nothing but their names, for they ask the same target the same. */
import { canonical } from "../config/canonical.ts";
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { ServiceConfig } from "../config/config.ts";

/** The same for checks that are the same. */
export function checkIdentity(config: CheckConfig): string {
  const texts = Object.entries(config).map(([key, value]) => {
    if (key === "name" || value === undefined) return "";
    return `${key}:${typeof value === "number" ? value : canonical(value, key)}`;
  });
  return texts.join("\n");
}

/** The checks of all destinations, each that is the same once. */
export function destinationChecks(services: readonly Pick<ServiceConfig, "ports">[]): readonly CheckConfig[] {
  const all = services.flatMap(({ ports }) => ports.flatMap(({ destinations }) => destinations));
  const checks = all.flatMap((destination) => destination.checks);
  return [...new Map(checks.map((check) => [checkIdentity(check), check])).values()];
}
