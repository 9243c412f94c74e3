/** An event's record, as the journal gives it, in one line of words. Pure. */

/** One event in words. */
export interface EventLine {
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly text: string;
}

/** What an event is about: its details of these names, in this order. */
const SUBJECTS = ["service", "address", "check", "peer", "server", "order", "part"] as const;

/** The event of one line of JSON; undefined where it is none. */
export function eventLine(json: string): EventLine | undefined {
  try {
    const record: unknown = JSON.parse(json);
    if (typeof record !== "object" || record === null) return undefined;
    const details = new Map<string, unknown>(Object.entries(record));
    const [id, at, kind] = [details.get("id"), details.get("at"), details.get("kind")];
    if (typeof id !== "number" || typeof at !== "string" || typeof kind !== "string") return undefined;
    if (Number.isNaN(Date.parse(at))) return undefined;
    const text = (name: string) => {
      const value = details.get(name);
      return typeof value === "string" && value !== "" ? value : undefined;
    };
    const words = [...SUBJECTS.map(text), text("to") && `→ ${text("to")}`].filter((word) =>
      word !== undefined
    );
    return { id, at, text: `${[kind, ...words].join(" ")}: ${text("cause") ?? ""}` };
  } catch {
    return undefined;
  }
}
