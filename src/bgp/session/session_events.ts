/** What arrived, as events of the session machine (RFC 4271 section 8.1): messages, the peer's faults, lost connections. */
import type { SessionEvent } from "./session_state.ts";
import { CeaseSubcode, ErrorCode, OpenSubcode } from "../wire/constants.ts";
import type { Message } from "../wire/message.ts";
import { NotificationError } from "../wire/notification.ts";

const UPDATE_MSG: SessionEvent = { type: "UpdateMsg" };

/** The event that a message is. */
export function eventOf(message: Message): SessionEvent {
  switch (message.type) {
    case "OPEN":
      return { type: "BGPOpen", message };
    case "UPDATE":
      return UPDATE_MSG;
    case "KEEPALIVE":
      return { type: "KeepAliveMsg" };
    case "NOTIFICATION": {
      const version = message.code === ErrorCode.OPEN_MESSAGE &&
        message.subcode === OpenSubcode.UNSUPPORTED_VERSION_NUMBER;
      return { type: version ? "NotifMsgVerErr" : "NotifMsg", message };
    }
    case "ROUTE-REFRESH":
      return { type: "RouteRefreshMsg", message };
    default:
      return message satisfies never;
  }
}

/** The event that whatever was thrown over the peer's bytes is. */
export function eventOfError(error: unknown): SessionEvent {
  if (!(error instanceof NotificationError)) {
    // A fault of ours, not the peer's: it costs this session and nothing else.
    const cause = `internal error: ${wordsOf(error)}`;
    const own = new NotificationError(ErrorCode.CEASE, CeaseSubcode.OUT_OF_RESOURCES, cause);
    return { type: "UpdateMsgErr", error: own };
  }
  if (error.code === ErrorCode.MESSAGE_HEADER) return { type: "BGPHeaderErr", error };
  return { type: error.code === ErrorCode.OPEN_MESSAGE ? "BGPOpenMsgErr" : "UpdateMsgErr", error };
}

/** How a connection ends that the peer closed. */
export const CLOSED = "the peer closed the connection";

/** How a connection was lost, in words. EPIPE is what a write finds where the peer has closed. */
export function lossOf(error: unknown): string {
  const words = wordsOf(error);
  if (/EPIPE|broken pipe/i.test(words)) return CLOSED;
  return /ECONNRESET|reset/i.test(words) ? "the peer reset the connection" : words;
}

/** An error's message. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
