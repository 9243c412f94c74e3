/** Checks with their names, by which they are known: those of a service, and those that are made for a destination. */
import { MAX_CHECK_NAME_LENGTH } from "./checks/base.ts";
import type { Address } from "../net/address.ts";
import type { CheckTarget } from "./checks/kind.ts";
import {
  aimCheck,
  type CheckConfig,
  type FileCheck,
  placeOf,
  resolveCheck,
  type UnaimedCheck,
} from "./checks/kinds.ts";
import { networkProblems } from "./check_network.ts";
import { destinationName } from "./destination_name.ts";
import type { Finding, Path } from "./values/finding.ts";

/** The checks at `path` of the service with these addresses, each with its name; a name that is given twice goes to `findings`. */
export function resolveChecks(
  checks: readonly FileCheck[],
  addresses: readonly Address[],
  path: Path,
  findings: Finding[],
): readonly CheckConfig[] {
  return named(checks.map((check, at) => ({ check, path: [...path, at] })), addresses, findings);
}

/** Checks of destinations, and where they stand. */
export interface UnaimedChecks {
  readonly checks: readonly UnaimedCheck[];
  readonly path: Path;
  /** They are the port's: made for each of its destinations, which tells them apart by its address. */
  readonly shared: boolean;
}

/** The checks of one destination; what keeps one from being made goes to `findings`. */
export function aimChecks(
  { checks, path, shared }: UnaimedChecks,
  target: CheckTarget,
  findings: Finding[],
): readonly CheckConfig[] {
  if (checks.length === 0) return [];
  const behind = shared ? ` ${destinationName(target)}` : "";
  const aimed = checks.flatMap((check, index): readonly Placed[] => {
    const place = [...path, index];
    const made = aimCheck(check, target);
    if ("problem" in made) {
      findings.push({ path: [...place, "port"], message: made.problem });
      return [];
    }
    const name = made.value.name === undefined ? undefined : `${made.value.name}${behind}`;
    if (name !== undefined && name.length > MAX_CHECK_NAME_LENGTH) {
      const message =
        `has more than ${MAX_CHECK_NAME_LENGTH} characters with the destination's address behind it`;
      findings.push({ path: [...place, "name"], message });
    }
    return [{ check: { ...made.value, name }, path: place }];
  });
  const resolved = named(aimed, [], findings);
  checkWeightHeaders(resolved, path, findings);
  return resolved;
}

interface Placed {
  readonly check: FileCheck;
  readonly path: Path;
}

function named(
  checks: readonly Placed[],
  addresses: readonly Address[],
  findings: Finding[],
): readonly CheckConfig[] {
  const given = new Map<string, Path>();
  for (const { check: { name }, path } of checks) {
    if (name === undefined) continue;
    const place = [...path, "name"];
    const first = given.get(name);
    if (first === undefined) given.set(name, place);
    else findings.push({ path: place, message: "is the same name as that of", other: first });
  }
  const used = new Set(given.keys());
  return checks.map(({ check, path }) => {
    const name = check.name ?? unusedName(placeOf(check), used);
    used.add(name);
    const config = resolveCheck(check, name, addresses);
    findings.push(...networkProblems(check, config, path));
    return config;
  });
}

/** `base`, or `base #2` and so on where that is taken: two checks of the same place are told apart by their order. */
function unusedName(base: string, used: ReadonlySet<string>): string {
  for (let number = 2, name = base;; name = `${base} #${number++}`) if (!used.has(name)) return name;
}

/** One destination has one weight. */
function checkWeightHeaders(checks: readonly CheckConfig[], path: Path, findings: Finding[]): void {
  const [first, second] = checks.flatMap((check, at) =>
    givesWeight(check) ? [[...path, at, "weightHeader"]] : []
  );
  if (first === undefined || second === undefined) return;
  findings.push({ path: second, message: "gives the same destination a weight as does", other: first });
}

/** Whether the destination's weight is what this check is told. */
export function givesWeight(check: CheckConfig): boolean {
  return check.type === "http" && check.weightHeader !== undefined;
}
