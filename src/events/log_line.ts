/**
 * Events in words for the log: a sentence, its level and the details as fields, and which lines others than the operator
 * can cause in any number. One row for each kind. Pure.
 */
import type { AgentEvent } from "./event.ts";

/** How loud a line is. */
export type LineLevel = "debug" | "info" | "warning" | "error";

/** One line. `{name}` in the message stands for that field. */
export interface LogLine {
  /** The part of the agent that the line is of. */
  readonly logger: "agent" | "bgp" | "health" | "kernel" | "service";
  readonly level: LineLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /**
   * Lines with the same key are told once in a period, with a count of those left out; undefined: the line is a
   * transition, and is always told.
   */
  readonly repeats: string | undefined;
}

/** So many changes of one pass have a line each; of more, one line names the first few. */
export const CHANGES_EACH = 20;
const CHANGES_NAMED = 5;

const ROUTE_WORDS = {
  announced: "announce",
  degraded: "announce as degraded",
  withdrawn: "withdraw",
} as const;

/** The lines of an event; none where it is for counting alone. */
export function logLines(event: AgentEvent): readonly LogLine[] {
  switch (event.kind) {
    case "agent-state":
      return agentLines(event);
    case "handover":
      return [line(event, "agent", "info", {
        message: "handing over: sessions close silently, the kernel stays as it is",
        fields: { cause: event.cause },
      })];
    case "abort":
      return [line(event, "agent", "warning", { message: "ending as it is: {cause}" })];
    case "host-not-fit":
      return [line(event, "agent", "error", { message: "this host is not fit: {cause}" })];
    case "stop-failed":
      return [line(event, "agent", "error", { message: "{cause}" })];
    case "request-refused":
      return [line(event, "agent", "warning", { message: "{cause}" })];
    case "warning":
      return [line(event, "agent", "warning", { message: "{cause}", repeats: event.cause })];
    case "route":
      return [
        line(event, "service", event.to === "degraded" ? "warning" : "info", {
          message: ROUTE_WORDS[event.to],
        }),
      ];
    case "phase":
      return [line(event, "service", "info", { message: "service is {to}" })];
    case "destination":
      return [
        line(event, "service", event.to === "live" ? "info" : "warning", { message: "destination is {to}" }),
      ];
    case "verdict":
      return [
        line(event, "health", verdictLevel(event), { message: "check is {to}" }),
      ];
    case "probe":
      return [];
    case "check-blind":
      return [
        event.blind
          ? line(event, "health", "warning", {
            message: "check cannot be made, its verdict stays: {cause}",
            repeats: `${event.service} ${event.destination ?? ""} ${event.check}`,
          })
          : line(event, "health", "info", {
            message: "check is made again",
            repeats: `${event.service} ${event.destination ?? ""} ${event.check}`,
          }),
      ];
    case "check-flapping":
      return [
        line(event, "health", event.flapping ? "warning" : "info", {
          message: event.flapping ? "check is flapping" : "check is flapping no more",
        }),
      ];
    case "kernel-changed":
      return changeLines(event);
    case "kernel-contested":
      return contestedLines(event);
    case "kernel-error":
      return [line(event, "kernel", "error", { message: "{cause}" })];
    case "kernel-recovered":
      return [line(event, "kernel", "info", { message: "as it should be again" })];
    case "peer-state":
      return [
        event.from === "Established"
          ? line(event, "bgp", "warning", { message: "session is {to}, it was Established" })
          : line(event, "bgp", event.to === "Established" ? "info" : "debug", { message: "session is {to}" }),
      ];
    case "bfd-state":
      return [
        event.from === "Up"
          ? line(event, "bgp", "warning", { message: "BFD is {to}, it was Up" })
          : line(event, "bgp", event.to === "Up" ? "info" : "debug", { message: "BFD is {to}" }),
      ];
    case "peer-stuck":
      return [
        event.stuck
          ? line(event, "bgp", "warning", { message: "what is sent is not acknowledged" })
          : line(event, "bgp", "info", { message: "what is sent is acknowledged again" }),
      ];
    case "session-ended":
      return [
        event.from === "Established"
          ? line(event, "bgp", "info", { message: "session ended" })
          : line(event, "bgp", "info", {
            message: "attempt at a session ended",
            repeats: `${event.peer} ${event.cause}`,
          }),
      ];
    case "updates-sent":
      return [
        line(event, "bgp", "info", {
          message: "told the peer: {announced} announced, {withdrawn} withdrawn",
        }),
      ];
    case "end-of-rib-sent":
      return [line(event, "bgp", "debug", { message: "End-of-RIB sent" })];
    case "routes-held":
      return [
        event.count === 0
          ? line(event, "bgp", "info", { message: "no route is held back any more" })
          : line(event, "bgp", "warning", { message: "routes cannot go to this peer: {count}" }),
      ];
    case "peer-discovered":
      return [line(event, "bgp", "info", { message: "the peer is at {address}: {cause}" })];
    case "next-hop-shortened":
      return [
        line(event, "bgp", "warning", {
          message: "no link-local next hop goes to this peer any more: {cause}",
        }),
      ];
    case "notification-received":
      return [line(event, "bgp", "warning", {
        message: "NOTIFICATION received: {cause}",
        repeats: `${event.peer} received ${event.code}/${event.subcode}`,
      })];
    case "notification-sent":
      return [line(event, "bgp", "warning", {
        message: "NOTIFICATION sent: {cause}",
        repeats: `${event.peer} sent ${event.code}/${event.subcode}`,
      })];
    case "listener":
      return [
        event.to === "failed"
          ? line(event, "bgp", "error", { message: "cannot listen on {address} port {port}" })
          : line(event, "bgp", "info", { message: "listening on {address} port {port}" }),
      ];
    case "accept-failed":
      return [line(event, "bgp", "error", {
        message: "cannot accept connections on {address} port {port}, {count} times: {cause}",
        repeats: `accept ${event.address} ${event.port}`,
      })];
    case "connection-refused":
      return [line(event, "bgp", "warning", {
        message: "connections refused: {count}, the first from {address}: {cause}",
        repeats: `connection-refused ${event.reason} ${event.cause}`,
      })];
    case "server":
      return [line(event, "agent", event.to === "failed" ? "error" : "info", {
        message: "{cause}",
      })];
    case "leaving":
      return [line(event, "service", "info", {
        message: "{what} is {to}",
        fields: { service: event.service, what: event.what.join(", "), to: event.to, cause: event.cause },
      })];
    case "order":
      return [line(event, "agent", "info", {
        message: "order: {order} {services}",
        fields: { order: event.order, services: event.services?.join(", ") ?? "all", cause: event.cause },
      })];
    case "drained":
    case "undrained":
      return [line(event, "service", "info", {
        message: `${event.kind}: {services}`,
        fields: { services: event.services?.join(", ") ?? "all", until: event.until, cause: event.cause },
      })];
    case "reload":
      return reloadLines(event);
    case "hook-failed":
      return [line(event, "service", "warning", {
        message: "onChange failed: {cause}",
        repeats: `${event.service} ${event.cause}`,
      })];
    case "reader-cut":
      return [line(event, "agent", "info", {
        message: "{reader} was cut off: {cause}",
        repeats: `${event.reader} ${event.cause}`,
      })];
    case "fault":
      return [line(event, "agent", "error", {
        message: "unexpected in {part} {name}: {cause}",
        repeats: `${event.part} ${event.name} ${event.cause}`,
      })];
    default:
      return event satisfies never;
  }
}

/** The start is told by what it does. */
function agentLines(event: Extract<AgentEvent, { kind: "agent-state" }>): readonly LogLine[] {
  const { to, cause, version, services, peers } = event;
  switch (to) {
    case "starting":
      return [];
    case "running":
      return [line(event, "agent", "info", { message: "running", fields: { version, services, peers } })];
    case "stopping":
      return [line(event, "agent", "info", { message: "stopping: {cause}", fields: { cause } })];
    case "stopped":
      return [line(event, "agent", "info", { message: "stopped", fields: { cause } })];
    default:
      return to satisfies never;
  }
}

function reloadLines(event: Extract<AgentEvent, { kind: "reload" }>): readonly LogLine[] {
  const { to, hash, details, restart, cause } = event;
  const first = line(event, "agent", to === "refused" ? "error" : "info", {
    message: to === "refused"
      ? "reload refused, the running configuration stays: {cause}"
      : "configuration {to}: {cause}",
    fields: { to, hash, cause },
  });
  const level = to === "refused" ? "error" : "info";
  const rest = details.map((detail) =>
    line(event, "agent", level, { message: "{detail}", fields: { detail } })
  );
  const needed = restart.map((key) =>
    line(event, "agent", "warning", { message: "{key} needs a restart to take effect", fields: { key } })
  );
  return [first, ...rest.slice(0, CHANGES_EACH), ...needed];
}

/** Of a destination's check the destination's own line tells, but where it was never live. */
function verdictLevel({ from, to, destination }: Extract<AgentEvent, { kind: "verdict" }>): LineLevel {
  if (destination !== undefined && (from !== "unknown" || to === "healthy")) return "debug";
  return to === "unhealthy" ? "warning" : "info";
}

function changeLines(event: Extract<AgentEvent, { kind: "kernel-changed" }>): readonly LogLine[] {
  const { changes } = event;
  if (changes.length <= CHANGES_EACH) {
    return changes.map((change) =>
      line(event, "kernel", "info", { message: "changed: {change}", fields: { change } })
    );
  }
  const fields = { count: changes.length, first: changes.slice(0, CHANGES_NAMED).join("; ") };
  return [
    line(event, "kernel", "info", { message: "changed: {count} objects, the first ones: {first}", fields }),
  ];
}

function contestedLines(event: Extract<AgentEvent, { kind: "kernel-contested" }>): readonly LogLine[] {
  const { to, objects, cause } = event;
  const level = to === "contested" ? "warning" : "info";
  const words = to === "contested"
    ? "{object} is changed by somebody else again and again, repaired {repairs} times: {cause}"
    : "{object} was let alone";
  const told = objects.slice(0, CHANGES_EACH).map(({ object, repairs, suspect }) =>
    line(event, "kernel", level, {
      message: words,
      fields: { object, to, repairs, cause: suspect === undefined ? cause : `most likely ${suspect}` },
    })
  );
  const count = objects.length - told.length;
  return count === 0 ? told : [
    ...told,
    line(event, "kernel", level, { message: "and {count} more objects", fields: { to, count } }),
  ];
}

/** A line with the event's own details as fields, or those given; `event` is its kind. */
function line(
  event: AgentEvent,
  logger: LogLine["logger"],
  level: LineLevel,
  { message, fields, repeats }: {
    readonly message: string;
    readonly fields?: Readonly<Record<string, unknown>>;
    readonly repeats?: string;
  },
): LogLine {
  const { kind, at: _at, id: _id, because: _because, ...details } = event;
  return { logger, level, message, fields: { event: kind, ...fields ?? details }, repeats };
}
