/** What arrived, as events of the session machine (RFC 4271 section 8.1): messages, the peer's faults, lost connections. */
import { messageOf } from "../../text/error_message.ts";
import type { SessionEvent } from "./session_state.ts";
import { ErrorCode, OpenSubcode } from "../wire/constants.ts";
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

/** The event that whatever was thrown over the peer's bytes is; what is not the peer's fault is ours. */
export function eventOfError(error: unknown): SessionEvent {
  if (!(error instanceof NotificationError)) return internalFault(error);
  if (error.code === ErrorCode.MESSAGE_HEADER) return { type: "BGPHeaderErr", error };
  return { type: error.code === ErrorCode.OPEN_MESSAGE ? "BGPOpenMsgErr" : "UpdateMsgErr", error };
}

/** A fault of ours, not the peer's: it costs this session and nothing else. */
export function internalFault(error: unknown): SessionEvent {
  return { type: "InternalFault", cause: `internal error: ${messageOf(error)}` };
}

/** How a connection ends that the peer closed. */
export const CLOSED = "the peer closed the connection";

/** How a connection was lost, in words. EPIPE is what a write finds where the peer has closed. */
export function lossOf(error: unknown): string {
  const words = messageOf(error);
  if (/EPIPE|broken pipe/i.test(words)) return CLOSED;
  return /ECONNRESET|reset/i.test(words) ? "the peer reset the connection" : words;
}
