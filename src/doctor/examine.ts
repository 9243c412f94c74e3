/** Looks at a host, row by row, and puts together what was found: problems first. A row that fails says so of itself alone. */
import { messageOf } from "../text/error_message.ts";
import type { Finding, FindingStatus, Row } from "./finding.ts";
import { type Host, NotSeenError } from "./host.ts";
import type { Subject } from "./subject.ts";

/** A finding with the row that it is of. */
export interface NamedFinding extends Finding {
  readonly name: string;
}

/** Everything that was found; the document of `--json`. */
export interface Examination {
  /** Nothing keeps what is configured from working. */
  readonly fit: boolean;
  /** What the host was held against; undefined: the host alone. */
  readonly file: string | undefined;
  /** The agent that runs, in words. */
  readonly agent: string | undefined;
  readonly findings: readonly NamedFinding[];
}

const ORDER: readonly FindingStatus[] = ["problem", "warning", "unknown", "ok"];

/** What `rows` find on `host` for `subject`, the worst first, else in the order of the rows. Never throws. */
export async function examine(
  rows: readonly Row[],
  host: Host,
  subject: Subject,
): Promise<readonly NamedFinding[]> {
  const findings: NamedFinding[] = [];
  for (const row of rows) {
    if (!row.applies(subject)) continue;
    const found = await lookBy(row, host, subject);
    findings.push(...found.map((finding) => ({ name: row.name, ...finding })));
  }
  return ORDER.flatMap((status) => findings.filter((finding) => finding.status === status));
}

/** Whether nothing keeps what is configured from working. */
export function isFit(findings: readonly Finding[]): boolean {
  return !findings.some(({ status }) => status === "problem");
}

async function lookBy(row: Row, host: Host, subject: Subject): Promise<readonly Finding[]> {
  try {
    return await row.look(host, subject);
  } catch (error) {
    const found = error instanceof NotSeenError ? error.message : `failed: ${messageOf(error)}`;
    return [{ status: "unknown", found: `could not be looked at: ${found}` }];
  }
}
