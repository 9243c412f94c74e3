/** Every kind of check that the configuration knows, and what is done with a check of whatever kind it is. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import type { Finding, Path } from "../values/finding.ts";
import { renderBase, resolveBase } from "./base.ts";
import { httpCheck } from "./http.ts";
import type { CheckKind } from "./kind.ts";
import { pingCheck } from "./ping.ts";

const REGISTRY = { http: httpCheck, ping: pingCheck } as const;

type Registry = typeof REGISTRY;
/** The name of a kind. */
export type CheckType = keyof Registry;
/** What the schema reads, by kind. */
type FileOf = { readonly [Type in CheckType]: z.output<ReturnType<Registry[Type]["schema"]>> };
/** The checked configuration, by kind. */
export type CheckConfigOf = { readonly [Type in CheckType]: ReturnType<Registry[Type]["resolve"]> };
/** A check as the schema reads it. */
export type FileCheck = FileOf[CheckType];
/** A health check, told apart by `type`. */
export type CheckConfig = CheckConfigOf[CheckType];

/** The same registry, in a form where a check and its kind belong together for whatever kind it is. */
const KINDS: { readonly [Type in CheckType]: CheckKind<FileOf[Type], CheckConfigOf[Type]> } = REGISTRY;

/** One check of the file. */
export const checkSchema = lazily(() => {
  return z.discriminatedUnion("type", [REGISTRY.http.schema(), REGISTRY.ping.schema()]);
});

/** Kinds that the configuration will know and that do not exist yet. */
const LATER_TYPES: readonly string[] = ["tcp", "tls", "udp", "dns", "grpc", "exec", "file", "process"];

/** What is wrong with a `type` that is of no kind, or that it will be one. */
export function typeProblem(
  type: unknown,
): { readonly later: string } | { readonly known: readonly string[] } {
  const known = Object.keys(REGISTRY);
  return typeof type === "string" && LATER_TYPES.includes(type)
    ? { later: `is not supported yet, use ${known.join(" or ")}` }
    : { known };
}

/** The checks of one service at `path`, each with its name; a name that is given twice goes to `findings`. */
export function resolveChecks(
  checks: readonly FileCheck[],
  path: Path,
  findings: Finding[],
): readonly CheckConfig[] {
  const given = new Map<string, Path>();
  for (const [at, { name }] of checks.entries()) {
    if (name === undefined) continue;
    const place = [...path, at, "name"];
    const first = given.get(name);
    if (first === undefined) given.set(name, place);
    else findings.push({ path: place, message: "is the same name as that of", other: first });
  }
  const used = new Set(given.keys());
  return checks.map((check) => {
    const name = check.name ?? unusedName(placeOf(check), used);
    used.add(name);
    return resolveOne(check, name);
  });
}

/** One check as the file spells it, every default spelled out. */
export function renderCheck<Type extends CheckType>(
  check: CheckConfigOf[Type] & { readonly type: Type },
): Readonly<Record<string, unknown>> {
  const { name, ...timing } = renderBase(check);
  const all = { type: check.type, name, ...KINDS[check.type].render(check), ...timing };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** `base`, or `base #2` and so on where that is taken: two checks of the same place are told apart by their order. */
function unusedName(base: string, used: ReadonlySet<string>): string {
  for (let number = 2, name = base;; name = `${base} #${number++}`) if (!used.has(name)) return name;
}

function placeOf<Type extends CheckType>(check: FileOf[Type] & { readonly type: Type }): string {
  return KINDS[check.type].place(check);
}

function resolveOne<Type extends CheckType>(
  check: FileOf[Type] & { readonly type: Type },
  name: string,
): CheckConfigOf[Type] {
  return KINDS[check.type].resolve(check, resolveBase(check, name));
}
