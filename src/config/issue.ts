/** A problem of a configuration file, where it is, and how it is printed: `FILE:LINE:COLUMN: path.to.key: what`. */
import { escapeUnprintable } from "../text/escapes.ts";
import type { Path, Position } from "./values/finding.ts";

/** A problem. An error keeps the file from being used; a warning does not. */
export interface Issue {
  readonly severity: "error" | "warning";
  readonly file: string;
  /** Undefined where the file has no such place: it could not be read, or a command-line option is wrong. */
  readonly position: Position | undefined;
  readonly path: Path;
  readonly message: string;
}

/** The line that people see. */
export function formatIssue(issue: Issue): string {
  const place = issue.position === undefined
    ? issue.file
    : `${issue.file}:${issue.position.line}:${issue.position.column}`;
  const kind = issue.severity === "warning" ? "warning: " : "";
  const path = issue.path.length === 0 ? "" : `${formatPath(issue.path)}: `;
  return `${place}: ${kind}${path}${issue.message}`;
}

/** `bgp.peers[0].as`; keys that are not plain words are quoted. */
export function formatPath(path: Path): string {
  return path.map((step, index) => {
    if (typeof step === "number") return `[${step}]`;
    const word = /^[A-Za-z_-][A-Za-z0-9_-]*$/.test(step) ? step : formatValue(step);
    return index === 0 ? word : `.${word}`;
  }).join("");
}

/** A value of the file as an error shows it: one line, short, control characters escaped. */
export function formatValue(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return String(value);
  const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value;
  return escapeUnprintable(JSON.stringify(shown));
}
