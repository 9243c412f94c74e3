/** An event's record, as the journal gives it, in one line of words. Pure. */

/** One event in words. */
export interface EventLine {
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly text: string;
  /** Of an attempt at a session that did not come up: they come by themselves, and for ever. */
  readonly attempt: boolean;
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
    const services = details.get("services");
    const many = Array.isArray(services) ? services.join(", ") : undefined;
    const to = text("to");
    const words = [...SUBJECTS.map(text), many, to && `→ ${to}`].filter((word) => word !== undefined);
    const session = kind === "peer-state" || kind === "session-ended";
    const attempt = session && ![text("from"), to].includes("Established");
    return { id, at, text: `${[kind, ...words].join(" ")}: ${text("cause") ?? ""}`, attempt };
  } catch {
    return undefined;
  }
}
