/** The speaker's events as log lines: a sentence for people, `event` and the details as fields. */
import type { Logger } from "@logtape/logtape";
import type { SpeakerEvent } from "../bgp/speaker.ts";
import { refusalText } from "../status/refusal_text.ts";

/** Writes one line for one event. */
export function logSpeakerEvent(log: Logger, event: SpeakerEvent): void {
  const { type, ...details } = event;
  const fields = { event: type, ...details };
  switch (event.type) {
    case "peer-state":
      return event.from === "Established"
        ? log.warning("session is {to}, it was Established", fields)
        : log[event.to === "Established" ? "info" : "debug"]("session is {to}", fields);
    case "session-ended":
      return log.info(event.from === "Established" ? "session ended" : "attempt at a session ended", fields);
    case "updates-sent":
      return log.info("told the peer: {announced} announced, {withdrawn} withdrawn", fields);
    case "end-of-rib-sent":
      return log.debug("End-of-RIB sent", fields);
    case "routes-held":
      return event.count === 0
        ? log.info("no route is held back any more", fields)
        : log.warning("routes cannot go to this peer: {count}", fields);
    case "notification-received":
      return log.warning("NOTIFICATION received: {text}", fields);
    case "notification-sent":
      return log.warning("NOTIFICATION sent: {text}", fields);
    case "listen-failed":
      return log.error("cannot listen on {address} port {port}: {kind}", fields);
    case "listening":
      return log.info("listening on {address} port {port}", fields);
    case "accept-failed":
      return log.error("cannot accept connections on {address} port {port}, {count} times: {cause}", fields);
    case "connection-refused":
      return log.warning("connections refused: {count}, the first from {address}: {why}", {
        ...fields,
        why: refusalText(event.reason),
      });
    case "peer-fault":
      return log.error("internal error: {cause}", fields);
    default:
      return event satisfies never;
  }
}
