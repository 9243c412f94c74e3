/**
 * The log as a reader of events: each becomes its lines, within a rate of ours, through the logging library. In a turn of
 * its own: what happens is not kept waiting for the words about it, least of all a withdrawal for the line that says why.
 */
import type { Logger } from "@logtape/logtape";
import { type AgentEvent, isBulk } from "../events/event.ts";
import { LineLimiter } from "../events/line_limiter.ts";
import { logLines } from "../events/log_line.ts";
import type { EventStream } from "../events/stream.ts";
import type { Clock } from "../time/clock.ts";

/** Logs every event from now on. Disposing tells what waits and what was counted last, and ends it. */
export function logEvents(events: EventStream, log: Logger, clock: Clock): Disposable {
  const loggers = new Map<string, Logger>();
  const loggerOf = (name: string) => {
    const known = loggers.get(name) ?? log.getChild(name);
    loggers.set(name, known);
    return known;
  };
  const limiter = new LineLimiter(clock, ({ logger, level, message, fields }) => {
    loggerOf(logger)[level](message, { ...fields });
  });
  const waiting: AgentEvent[] = [];
  let turn: Disposable | undefined;
  const tell = () => {
    turn?.[Symbol.dispose]();
    turn = undefined;
    for (const event of waiting.splice(0)) logLines(event).forEach((line) => limiter.line(line));
  };
  const subscription = events.subscribe("log", (event) => {
    // A thousand a second that have no line.
    if (isBulk(event.kind)) return;
    waiting.push(event);
    turn ??= clock.at(clock.now(), tell);
  });
  return {
    [Symbol.dispose]() {
      subscription[Symbol.dispose]();
      tell();
      limiter[Symbol.dispose]();
    },
  };
}
