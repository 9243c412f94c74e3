/** A gate of the chain in one line, for every view that shows them. Pure. */
import { type Piece, toned } from "../text/style.ts";
import { age } from "../text/table.ts";

/** What is shown of a gate. */
export interface ShownGate {
  readonly name: string;
  readonly open: boolean;
  readonly degraded?: boolean | undefined;
  /** What it saw, in words. */
  readonly saw: string;
  /** ISO 8601; undefined: that is not known. */
  readonly since: string | undefined;
}

/** `yes NAME: what it saw`, and how long it has been so where that is not as it should be. */
export function gateLine(
  { name, open, degraded = false, saw, since }: ShownGate,
  indent: string,
  now: Date,
): Piece {
  const text = `${indent}${open ? "yes" : "NO "} ${name}: ${degraded ? "degraded: " : ""}${saw}`;
  if (open && !degraded) return text;
  return toned(since === undefined ? text : `${text} (for ${age(since, now)})`, open ? "changing" : "bad");
}
