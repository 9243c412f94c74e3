/** Which events a program of `onChange` is run for, and what it is told of them. Pure. */
import type { AgentEvent } from "../events/event.ts";
import { asciiJson, recordOf } from "../events/record.ts";
import { foreignText } from "../text/foreign.ts";

/** Where the programs that a script names are looked for. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** A cause has words from outside in it; more than a record's none has. */
const MAX_VALUE_LENGTH = 2000;

/** Services whose programs are run for `event`: those that it is a transition of. */
export function servicesOf(event: AgentEvent): readonly string[] | "all" {
  switch (event.kind) {
    case "route":
    case "phase":
    case "destination":
    case "verdict":
    case "leaving":
      return [event.service];
    case "drained":
    case "undrained":
      return event.services ?? "all";
    default:
      return [];
  }
}

/** What a program is told. */
export interface HookFacts {
  readonly environment: Readonly<Record<string, string>>;
  /** For its standard input: the event's record with the service in it, in one line of JSON. */
  readonly input: string;
}

/** What is told to the program of `service` of an event that happened at `at`: the record, and each of its facts as a variable. */
export function hookFacts(event: AgentEvent, service: string, at: Date): HookFacts {
  const record = { ...recordOf(event, at).record, service };
  const variables = Object.entries(record).flatMap(([name, value]) => {
    const text = plainText(value);
    return text === undefined ? [] : [[variable(name), foreignText(text, MAX_VALUE_LENGTH)]];
  });
  return {
    environment: Object.fromEntries([["PATH", PATH], ...variables]),
    input: `${asciiJson(record)}\n`,
  };
}

/** `cause` → `BGP_LB_CAUSE`; the kind is `BGP_LB_EVENT`. */
function variable(name: string): string {
  return `BGP_LB_${(name === "kind" ? "event" : name).toUpperCase()}`;
}

/** Lists as texts; undefined: it is no fact but says how the record was shortened. */
function plainText(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" || value === undefined ? undefined : String(value);
}
