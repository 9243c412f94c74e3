/** What doctor finds: rows that look at a host, and findings with what was found, why it matters and what mends it. */
import type { Host } from "./host.ts";
import type { Subject } from "./subject.ts";

/** How bad it is: a problem keeps what is configured from working; unknown could not be looked at. */
export type FindingStatus = "problem" | "warning" | "unknown" | "ok";

/** One thing that was looked at. */
export interface Finding {
  readonly status: FindingStatus;
  /** What was found. */
  readonly found: string;
  /** Why it matters for what is configured; undefined where all is well. */
  readonly why?: string;
  /** What else is to be known about the cure, or the cure where no command mends it. */
  readonly cure?: string;
  /** A command line for a shell that mends it. */
  readonly command?: string;
}

/** What mends it, in words, by a command, or both. */
export type Cure = Pick<Finding, "cure" | "command">;

/** One row of the table. */
export interface Row {
  readonly name: string;
  /** Whether it matters for what is configured. */
  applies(subject: Subject): boolean;
  /** None: there is nothing to say. @throws {NotSeenError} */
  look(host: Host, subject: Subject): readonly Finding[] | Promise<readonly Finding[]>;
}

/** All is well. */
export function ok(found: string): Finding {
  return { status: "ok", found };
}

/** It works, but worse, or only until something happens. */
export function warning(found: string, why: string, cure: Cure): Finding {
  return { status: "warning", found, why, ...cure };
}

/** What is configured does not work. */
export function problem(found: string, why: string, cure: Cure): Finding {
  return { status: "problem", found, why, ...cure };
}

/** So many names are said, */
const SAID = 6;
/** and of more so many. */
const SAID_OF_MORE = 4;

/** Several names as one phrase: `a, b and c`, or `a, b, c, d and 96 more`. */
export function listed(names: readonly string[]): string {
  const said = names.length > SAID
    ? [...names.slice(0, SAID_OF_MORE), `${names.length - SAID_OF_MORE} more`]
    : names;
  const last = said.at(-1) ?? "";
  return said.length < 2 ? last : `${said.slice(0, -1).join(", ")} and ${last}`;
}
