/** The bodies of orders: JSON objects with known keys, bounded in every part, or a sentence that says what is wrong. Pure. */
import { printableProblem } from "../text/characters.ts";
import { FOREIGN_LENGTH, foreignText } from "../text/foreign.ts";
import { nearest } from "../text/nearest.ts";
import type { Parsed } from "../text/parsed.ts";
import { durationSlip, formatDuration, parseDuration } from "../time/duration.ts";
import type { DrainOrder, Selection } from "./orders.ts";

/** A drain is undone after so long at the latest; for longer than a year, without an end. */
const MIN_DRAIN_MS = 1000;
const MAX_DRAIN_MS = 365 * 24 * 3_600_000;
/** No name is longer; what is cannot be a service. */
const MAX_NAME_LENGTH = 253;

/** The order of `POST /v1/drain`: `{services?, reason?, for?}`. */
export function readDrain(body: unknown): Parsed<DrainOrder> {
  const record = recordOf(body, ["services", "reason", "for"]);
  if ("problem" in record) return record;
  const { services, reason, for: duration } = record.value;
  const selection = readServices(services);
  if ("problem" in selection) return selection;
  const read = reason === undefined ? { value: undefined } : readReason(reason);
  if ("problem" in read) return { problem: `reason ${read.problem}` };
  const forMs = duration === undefined ? { value: undefined } : readDrainDuration(duration);
  if ("problem" in forMs) return { problem: `for ${forMs.problem}` };
  return { value: { services: selection.value, reason: read.value, forMs: forMs.value } };
}

/** Which services an order is about: `{services?}`. */
export function readSelection(body: unknown): Parsed<Selection> {
  const record = recordOf(body, ["services"]);
  if ("problem" in record) return record;
  const services = readServices(record.value["services"]);
  return "problem" in services ? services : { value: { services: services.value } };
}

/** The body of an order that says nothing more: `{}`. */
export function readNothing(body: unknown): Parsed<undefined> {
  const record = recordOf(body, []);
  return "problem" in record ? record : { value: undefined };
}

/** Why something is drained: one short line that people can read. */
export function readReason(reason: unknown): Parsed<string> {
  if (typeof reason !== "string") return { problem: `must be a text (got ${kindOf(reason)})` };
  if (reason.trim() === "") return { problem: "must not be empty: leave it out" };
  if ([...reason].length > FOREIGN_LENGTH) {
    return { problem: `must be at most ${FOREIGN_LENGTH} characters long (got ${[...reason].length})` };
  }
  const problem = reason.isWellFormed() ? printableProblem(reason) : "has half a character";
  return problem === undefined ? { value: reason } : { problem };
}

/** After how long a drain is undone, in milliseconds: a duration as configurations have it. */
export function readDrainDuration(duration: unknown): Parsed<number> {
  const rule = `must be a duration from ${formatDuration(MIN_DRAIN_MS)} to ${
    formatDuration(MAX_DRAIN_MS)
  }, such as 2h`;
  if (typeof duration !== "string" && typeof duration !== "number") {
    return { problem: `${rule} (got ${kindOf(duration)})` };
  }
  const ms = parseDuration(duration);
  if (ms !== undefined && ms >= MIN_DRAIN_MS && ms <= MAX_DRAIN_MS) return { value: ms };
  const slip = ms === undefined ? durationSlip(String(duration)) : undefined;
  return { problem: `${rule}${slip === undefined ? "" : `; ${slip}`} (got ${shown(String(duration))})` };
}

/** Names, each once. An empty list is not all: whoever made it has selected nothing. */
function readServices(services: unknown): Parsed<readonly string[]> {
  if (services === undefined) return { value: [] };
  if (!Array.isArray(services)) {
    return { problem: `services must be a list of names (got ${kindOf(services)})` };
  }
  if (services.length === 0) return { problem: "services is an empty list: leave it out to mean all" };
  const names = new Set<string>();
  for (const name of services) {
    if (typeof name !== "string") {
      return { problem: `services must be a list of names (it has ${kindOf(name)})` };
    }
    if (name === "") return { problem: "services has an empty name" };
    if (name.length > MAX_NAME_LENGTH) {
      return { problem: `services has a name longer than ${MAX_NAME_LENGTH} characters: ${shown(name)}` };
    }
    names.add(name);
  }
  return { value: [...names] };
}

function recordOf(body: unknown, keys: readonly string[]): Parsed<Readonly<Record<string, unknown>>> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return { problem: `the body must be a JSON object (got ${kindOf(body)})` };
  }
  const known = Object.entries(body);
  const unknown = known.find(([key]) => !keys.includes(key))?.[0];
  if (unknown === undefined) return { value: Object.fromEntries(known) };
  const guess = nearest(unknown, keys);
  const cure = guess !== undefined
    ? `did you mean ${guess}?`
    : `there is ${keys.length === 0 ? "none" : keys.join(", ")}`;
  return { problem: `unknown key ${shown(unknown)}, ${cure}` };
}

function shown(text: string): string {
  return JSON.stringify(foreignText(text, 40));
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? `the text ${shown(value)}` : String(value);
}
