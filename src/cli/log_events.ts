/** The log as a reader of events: each becomes its lines, within a rate of ours, through the logging library. */
import type { Logger } from "@logtape/logtape";
import { LineLimiter } from "../events/line_limiter.ts";
import { logLines } from "../events/log_line.ts";
import type { EventStream } from "../events/stream.ts";
import type { Clock } from "../time/clock.ts";

/** Logs every event from now on. Disposing tells what was counted last, and ends it. */
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
  const subscription = events.subscribe("log", (event) => {
    for (const line of logLines(event)) limiter.line(line);
  });
  return {
    [Symbol.dispose]() {
      subscription[Symbol.dispose]();
      limiter[Symbol.dispose]();
    },
  };
}
