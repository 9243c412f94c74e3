/**
 * An event as a record for whoever is not this process: plain, dated, bounded in octets, and in ASCII, so that a
 * terminal, a log shipper and a browser read the same. Pure.
 */
import type { AgentEvent, EventKind } from "./event.ts";

/** What every record has; the details of its kind stand beside it. */
export interface EventRecord {
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly kind: EventKind;
  readonly cause: string;
  /** ID of the event that caused this one. */
  readonly because?: number;
  /** Of lists that are too long: how many of each are left out. */
  readonly leftOut?: Readonly<Record<string, number>>;
  readonly [detail: string]: unknown;
}

/** No record is longer. */
export const MAX_RECORD_OCTETS = 8192;

/** What is kept of long lists and texts: the first of these rows with which the record is short enough. */
const CUTS = [
  { items: 100, characters: 2000 },
  { items: 20, characters: 500 },
  { items: 5, characters: 200 },
  { items: 0, characters: 60 },
] as const;
type Cut = (typeof CUTS)[number];

/** The record of an event that happened at `at`, and its text. */
export function recordOf(
  event: AgentEvent,
  at: Date,
): { readonly record: EventRecord; readonly text: string } {
  for (const cut of CUTS) {
    const record = cutRecord(event, at, cut);
    const text = asciiJson(record);
    if (text.length <= MAX_RECORD_OCTETS) return { record, text };
  }
  // Of no kind that there is; whoever adds one with more texts is told so by a test.
  const { id, kind } = event;
  const record = { id, at: at.toISOString(), kind, cause: "its details are too long" };
  return { record, text: asciiJson(record) };
}

function cutRecord(event: AgentEvent, at: Date, cut: Cut): EventRecord {
  const { id, at: _at, kind, cause, because, ...details } = event;
  const shown: Record<string, unknown> = {};
  const leftOut: Record<string, number> = {};
  for (const [name, value] of Object.entries(details)) {
    if (value === undefined) continue;
    shown[name] = shortened(value, cut);
    if (Array.isArray(value) && value.length > cut.items) leftOut[name] = value.length - cut.items;
  }
  return {
    id,
    at: at.toISOString(),
    kind,
    ...shown,
    cause: shortText(cause, cut),
    ...because === undefined ? {} : { because },
    ...Object.keys(leftOut).length === 0 ? {} : { leftOut },
  };
}

function shortened(value: unknown, cut: Cut): unknown {
  if (typeof value === "string") return shortText(value, cut);
  if (Array.isArray(value)) return value.slice(0, cut.items).map((item) => shortened(item, cut));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shortened(inner, cut)]));
}

function shortText(text: string, { characters }: Cut): string {
  if (text.length <= characters) return text;
  // Not in the middle of a character that has two units.
  return `${text.slice(0, characters - 1).replace(/[\ud800-\udbff]$/, "")}\u2026`;
}

/** JSON in one line of printable ASCII: as many octets as characters. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
