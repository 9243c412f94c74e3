/** The agent's log, read as it is written: JSON lines, kept with the times that the agent itself put on them. */
import { z } from "zod";
import { waitFor } from "../support/until.ts";

const record = z.looseObject({
  time: z.string(),
  level: z.string(),
  logger: z.string(),
  message: z.string(),
});

/** One line. Properties such as `service`, `cause` or `peer` are beside the four fixed fields. */
export type LogEntry = z.infer<typeof record> & { readonly atMs: number };

/** All lines that agents of one host have written, over restarts. */
export class AgentLog {
  readonly entries: LogEntry[] = [];
  /** Everything, as it was written; what is not JSON is only here. */
  readonly lines: string[] = [];

  add(text: string): void {
    this.lines.push(text);
    const entry = parseEntry(text);
    if (entry !== undefined) this.entries.push(entry);
  }

  /** The first entry since `sinceMs` that `matches`. */
  find(sinceMs: number, matches: (entry: LogEntry) => boolean): LogEntry | undefined {
    return this.entries.find((entry) => entry.atMs >= sinceMs && matches(entry));
  }

  /** Waits for an entry. @throws after the limit */
  until(
    what: string,
    sinceMs: number,
    limitMs: number,
    matches: (entry: LogEntry) => boolean,
  ): Promise<LogEntry> {
    return waitFor(`log: ${what}`, limitMs, () => this.find(sinceMs, matches));
  }
}

function parseEntry(text: string): LogEntry | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const parsed = record.safeParse(JSON.parse(text)).data;
    return parsed === undefined ? undefined : { ...parsed, atMs: Date.parse(parsed.time) };
  } catch {
    return undefined;
  }
}
