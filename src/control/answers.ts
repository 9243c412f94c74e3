/** What comes back over the control socket, read as what it is said to be; undefined where it is something else. Pure. */
import type { CheckNowAnswer, DrainAnswer, Progress, ReloadAnswer } from "./orders.ts";

/** An object of JSON. */
type Fields = Readonly<Record<string, unknown>>;

const PHASES: readonly Progress["phase"][] = [
  "serving",
  "shifting",
  "withdrawn",
  "converging",
  "quiescing",
  "down",
];

/** The answer to a drain or an undrain. */
export function readDrainAnswer(json: string): DrainAnswer | undefined {
  const { services, lost } = fieldsOf(parse(json));
  if (!isTexts(services) || !isTextOrNone(lost)) return undefined;
  return { services, lost };
}

/** The answer to a check-now. */
export function readCheckNowAnswer(json: string): CheckNowAnswer | undefined {
  const { services, kernel } = fieldsOf(parse(json));
  return isTexts(services) ? { services, kernel: kernel === true } : undefined;
}

/** The answer to a reload. */
export function readReloadAnswer(json: string): ReloadAnswer | undefined {
  const { result, hash, problems, changes, restart, errors, warnings } = fieldsOf(parse(json));
  if (result === "invalid") return isTexts(problems) ? { result, problems } : undefined;
  if (result !== "applied" && result !== "unchanged") return undefined;
  if (typeof hash !== "string" || !isTexts(changes) || !isTexts(restart)) return undefined;
  return isTexts(errors) && isTexts(warnings)
    ? { result, hash, changes, restart, errors, warnings }
    : undefined;
}

/** A line of progress. */
export function readProgress(json: string): readonly Progress[] | undefined {
  const list = parse(json);
  if (!Array.isArray(list)) return undefined;
  const steps = list.map((entry: unknown) => progressOf(fieldsOf(entry)));
  const known = steps.filter((each) => each !== undefined);
  return known.length === steps.length ? known : undefined;
}

/** The sentence of `{"error": SENTENCE}`. */
export function readRefusal(json: string): string | undefined {
  const { error } = fieldsOf(parse(json));
  return typeof error === "string" ? error : undefined;
}

function progressOf({ service, phase, leftMs, connections, done }: Fields): Progress | undefined {
  const known = PHASES.find((each) => each === phase);
  if (typeof service !== "string" || known === undefined || typeof done !== "boolean") return undefined;
  return { service, phase: known, leftMs: countOf(leftMs), connections: countOf(connections), done };
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}
