/** A record of an event as one line for people. It may come of an agent that knows more kinds than this program. Pure. */
import { isRecord } from "../bytes/json.ts";
import { escapeUnprintable } from "../text/escapes.ts";

/** What was read as JSON: anything may be in it. */
export type ForeignRecord = Readonly<Record<string, unknown>>;

/** What the event is about, in this order. */
const SUBJECT = ["service", "destination", "check", "peer", "server", "order", "part", "name", "reader"];
const IDENTITY = ["id", "at", "kind", "because", "cause", "means", "cure", "from", "to", "leftOut"];
const KIND_WIDTH = 16;
const ITEMS_NAMED = 5;

/** `2026-01-01T00:00:00.000Z #7 verdict web http-1: unknown → healthy: status 200 (because #5)`. */
export function eventLine(record: ForeignRecord): string {
  const { id, at, kind, because, cause, means, cure } = record;
  const subject = SUBJECT.map((name) => record[name]).filter((value) => value !== undefined).map(textOf);
  const words = [...transitionOf(record), ...detailsOf(record)].join(", ");
  const why = [textOf(cause), textOf(means), cure === undefined ? "" : `cure: ${textOf(cure)}`];
  const sentence = [words, why.filter((text) => text !== "").join("; ")].filter((text) => text !== "").join(
    ": ",
  );
  const told = [subject.join(" "), sentence].filter((text) => text !== "").join("  ");
  const reason = because === undefined ? "" : ` (because #${textOf(because)})`;
  const line = `${textOf(at)} ${`#${textOf(id)}`.padEnd(6)} ${
    textOf(kind).padEnd(KIND_WIDTH)
  } ${told}${reason}`;
  return escapeUnprintable(line);
}

function transitionOf({ from, to }: ForeignRecord): readonly string[] {
  if (to === undefined) return from === undefined ? [] : [`was ${textOf(from)}`];
  return [from === undefined ? textOf(to) : `${textOf(from)} \u2192 ${textOf(to)}`];
}

/** What its kind alone has; lists of nothing are left out. */
function detailsOf(record: ForeignRecord): readonly string[] {
  return Object.entries(record)
    .filter(([name]) => !SUBJECT.includes(name) && !IDENTITY.includes(name))
    .flatMap(([name, value]) =>
      Array.isArray(value) ? listText(name, value, record.leftOut) : [`${name} ${textOf(value)}`]
    );
}

function listText(name: string, items: readonly unknown[], leftOut: unknown): readonly string[] {
  const named = items.slice(0, ITEMS_NAMED).map(textOf).join("; ");
  const unsent = isRecord(leftOut) ? Number(leftOut[name] ?? 0) : 0;
  const more = items.length - Math.min(items.length, ITEMS_NAMED) + unsent;
  if (items.length + unsent === 0) return [];
  return [more === 0 ? `${name} ${named}` : `${name} ${named}; and ${more} more`];
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (isRecord(value) && typeof value.repairs === "number") return contestedText(value);
  if (isRecord(value)) return Object.values(value).map(textOf).join(" ");
  return value === undefined ? "" : String(value);
}

/** An object that somebody else changes again and again. */
function contestedText({ object, repairs, suspect }: Readonly<Record<string, unknown>>): string {
  const who = suspect === undefined ? "" : `, most likely changed by ${textOf(suspect)}`;
  return `${textOf(object)} (repaired ${repairs === 1 ? "once" : `${repairs} times`}${who})`;
}
