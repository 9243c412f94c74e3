/**
 * Logs: one line per record on standard error, text on a terminal, JSON otherwise. Before a line to the systemd journal
 * stands its priority as sd-daemon(3) has it, which the journal takes off, of JSON as of text.
 */
import { configure, getLogger, type Logger, type LogRecord } from "@logtape/logtape";
import { escapeUnprintable } from "../text/escapes.ts";
import type { LogFormat, LogLevel } from "../config/config.ts";

/** Where lines go. */
export interface LogOutput {
  readonly isTerminal: boolean;
  /** It leads to the systemd journal. */
  readonly isJournal: boolean;
  /** `important`: the last to be dropped where the reader is slow. */
  write(line: string, important: boolean): void;
  /** Says how the line looks that tells how many were dropped. */
  setLostLine(line: (count: number) => string): void;
}

/** Of syslog(3). */
const PRIORITIES = { fatal: 2, error: 3, warning: 4, info: 6, debug: 7, trace: 7 } as const;

/** A line of `text` for standard error, as loud as an error or a warning. */
export function plainLine(text: string, level: "error" | "warning", { isJournal }: LogOutput): string {
  return `${isJournal ? `<${PRIORITIES[level]}>` : ""}${text}\n`;
}

/** Sets logging up and returns the agent's logger. May be called again when the configuration says otherwise. */
export async function openLog(level: LogLevel, form: LogFormat, output: LogOutput): Promise<Logger> {
  const text = form === "text" || (form === "auto" && output.isTerminal);
  const format = text ? textLine : jsonLine;
  const line = output.isJournal
    ? (record: LogRecord) => `<${PRIORITIES[record.level]}>${format(record)}`
    : format;
  let lastMs = 0;
  output.setLostLine((count) => line(lostRecord(count, lastMs)));
  await configure({
    reset: true,
    sinks: {
      stderr(record: LogRecord) {
        lastMs = record.timestamp;
        output.write(line(record), isImportant(record));
      },
    },
    loggers: [
      { category: ["logtape"], sinks: [], lowestLevel: "fatal" },
      { category: ["bgp-lb"], sinks: ["stderr"], lowestLevel: level },
    ],
  });
  return getLogger(["bgp-lb"]);
}

/** As of the last record that was logged. */
function lostRecord(count: number, timestamp: number): LogRecord {
  const message = `${count} log lines lost: nobody read them in time`;
  return {
    category: ["bgp-lb", "agent"],
    level: "warning",
    message: [message],
    rawMessage: message,
    timestamp,
    properties: { event: "lines-lost", count },
  };
}

/** Kinds of events that come in bulk, and that the status tells, too. */
const BULK: ReadonlySet<unknown> = new Set([
  "kernel-changed",
  "updates-sent",
  "end-of-rib-sent",
  "session-ended",
]);

/** Transitions and warnings are; bulk is not. */
function isImportant({ level, properties }: LogRecord): boolean {
  if (level === "debug" || level === "trace") return false;
  return level !== "info" || !BULK.has(properties.event);
}

/** One JSON object: `time`, `level`, `logger`, `message`, then the record's properties. */
function jsonLine(record: LogRecord): string {
  const { timestamp, level, category } = record;
  const head = {
    time: new Date(timestamp).toISOString(),
    level,
    logger: category.join("."),
    message: text(record),
  };
  return `${escapeUnprintable(JSON.stringify({ ...head, ...plain(record.properties) }))}\n`;
}

/** `TIME LEVEL LOGGER MESSAGE key=value …`, for people. */
function textLine(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString().slice(11, 23);
  const properties = Object.entries(plain(record.properties))
    .filter(([key, value]) => value !== undefined && !isSaid(record, key))
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? quoted(value) : JSON.stringify(value)}`);
  const name = record.category.slice(1).join(".");
  const line = `${time} ${record.level.padEnd(7)} ${name.padEnd(8)} ${text(record)}${properties.join("")}`;
  return `${escapeUnprintable(line)}\n`;
}

/** The sentence holds this property already. */
function isSaid({ rawMessage }: LogRecord, key: string): boolean {
  return typeof rawMessage === "string" && rawMessage.includes(`{${key}}`);
}

function text(record: LogRecord): string {
  return record.message.map((part) => typeof part === "string" ? part : String(part)).join("");
}

function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

/** Errors have no enumerable fields, so their message is taken. */
function plain(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [key, value instanceof Error ? value.message : value]),
  );
}
