/**
 * What the inside of the lab tells the outside, while it happens: one event a line, marked, on whatever stream is at
 * hand (a pipe, or a console of user-mode Linux where the kernel may write between the lines).
 */
import { z } from "zod";

const event = z.discriminatedUnion("type", [
  /** The inside runs. */
  z.object({ type: z.literal("hello"), kernel: z.string(), atMs: z.number() }),
  /** A sentence for people. */
  z.object({ type: z.literal("say"), text: z.string() }),
  /** A scenario begins. */
  z.object({ type: z.literal("scenario"), name: z.string() }),
  /** A measured figure. */
  z.object({ type: z.literal("figure"), name: z.string(), value: z.number(), unit: z.string() }),
  /** Something was done while clients made requests and one downloaded, and how they fared. */
  z.object({
    type: z.literal("load"),
    event: z.string(),
    requests: z.number(),
    failed: z.number(),
    unbroken: z.boolean(),
    worstMs: z.number(),
  }),
  /** A scenario ended; `evidence` are lines of logs and kernel state that explain a failure. */
  z.object({
    type: z.literal("result"),
    name: z.string(),
    outcome: z.enum(["passed", "failed", "skipped"]),
    ms: z.number(),
    message: z.string(),
    evidence: z.array(z.string()),
  }),
  /** All was run and everything was ended in order. */
  z.object({ type: z.literal("end"), ran: z.number(), failed: z.number() }),
]);

/** One event. */
export type LabEvent = z.infer<typeof event>;

/** How clients fared under something that was done. */
export type LoadFigures = Omit<Extract<LabEvent, { type: "load" }>, "type">;

/** The same for people: `drain: requests 400, failed 0, download unbroken yes, worst latency 31 ms`. */
export function describeLoad({ event, requests, failed, unbroken, worstMs }: LoadFigures): string {
  return `${event}: requests ${requests}, failed ${failed}, download unbroken ${unbroken ? "yes" : "no"}, ` +
    `worst latency ${Math.round(worstMs)} ms`;
}

const mark = "@lab ";

/** Where events go. */
export type Report = (event: LabEvent) => void;

/** The line of an event, with its line end. */
export function encodeEvent(value: LabEvent): string {
  return `${mark}${JSON.stringify(value)}\n`;
}

/** The event in a line, or undefined where the line is something else or is damaged. */
export function decodeEvent(line: string): LabEvent | undefined {
  const at = line.indexOf(mark);
  if (at < 0) return undefined;
  try {
    return event.safeParse(JSON.parse(line.slice(at + mark.length))).data;
  } catch {
    return undefined;
  }
}
