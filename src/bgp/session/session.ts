/**
 * The machine of one BGP session over one TCP connection at a time (RFC 4271 section 8; RFC 5492, 6608, 7313, 8538,
 * 9687), pure: a function for each state, deadlines as data; with DampPeerOscillations and PassiveTcpEstablishment.
 * Collision (section 6.8) is the peer's. It differs from the letter in two things: a passive session runs no
 * ConnectRetryTimer, and header errors keep their own code in Established (section 6.1, event 21).
 */
import { NOTHING_OMITTED } from "./omission.ts";
import type { Env, SessionEvent, SessionState, Step } from "./session_state.ts";
import { earliest, expired, STOPPED, type TimerEvent } from "./timers.ts";
import {
  COLLISION,
  connectFailed,
  DROP,
  establish,
  idleAfterFault,
  idleAfterRefusal,
  idleAfterSilence,
  idleAfterUnexpected,
  idleUndamped,
  messageSent,
  notification,
  openConnection,
  receivedWords,
  receiveOpen,
  restartHoldTimer,
  sendKeepalive,
  sendOpen,
  start,
  stay,
  stop,
  waitForPeer,
  withHardReset,
} from "./transitions.ts";
import { CeaseSubcode, ErrorCode, FsmSubcode } from "../wire/constants.ts";
import { cease } from "../wire/notification.ts";

/** NOTIFICATIONs of a peer that did not hear us, or could not be heard. */
const SILENCE: readonly number[] = [ErrorCode.HOLD_TIMER_EXPIRED, ErrorCode.SEND_HOLD_TIMER_EXPIRED];
/** What the kernel says of a connection whose segments nobody acknowledges. */
const TIMED_OUT = /timed out|ETIMEDOUT/i;

/** The next moment at which the session wants `dueEvent`, or undefined. */
export function nextDeadline(state: SessionState): number | undefined {
  return earliest(state.deadlines);
}

/** The timer event that is due, or undefined. */
export function dueEvent(state: SessionState, now: number): TimerEvent | undefined {
  return expired(state.deadlines, now);
}

/** The reaction of a session to an event. Never throws. */
export function step(state: SessionState, event: SessionEvent, env: Env): Step {
  switch (state.name) {
    case "Idle":
      return idle(state, event, env);
    case "Connect":
      return connect(state, event, env);
    case "Active":
      return active(state, event, env);
    case "OpenSent":
      return openSent(state, event, env);
    case "OpenConfirm":
      return openConfirm(state, event, env);
    case "Established":
      return established(state, event, env);
    default:
      return state.name satisfies never;
  }
}

function idle(state: SessionState, event: SessionEvent, env: Env): Step {
  switch (event.type) {
    case "ManualStart":
      return start(forgetful(state), env, "started");
    case "IdleHoldTimer_Expires":
      return start(state, env, "trying again");
    case "ManualStop":
    case "AutomaticStop":
      return stay({ ...state, deadlines: STOPPED });
    case "ConnectRetryTimer_Expires":
    case "HoldTimer_Expires":
    case "KeepaliveTimer_Expires":
    case "SendHoldTimer_Expires":
    case "Tcp_CR_Acked":
    case "TcpConnectionConfirmed":
    case "TcpConnectionFails":
    case "BGPOpen":
    case "BGPHeaderErr":
    case "BGPOpenMsgErr":
    case "OpenCollisionDump":
    case "NotifMsgVerErr":
    case "NotifMsg":
    case "KeepAliveMsg":
    case "UpdateMsg":
    case "UpdateMsgErr":
    case "RouteRefreshMsg":
    case "MessageSent":
    case "InternalFault":
      return stay(state);
    default:
      return event satisfies never;
  }
}

/** A TCP connection is being opened. */
function connect(state: SessionState, event: SessionEvent, env: Env): Step {
  switch (event.type) {
    case "ConnectRetryTimer_Expires": {
      const failed = { ...state, connectFailures: state.connectFailures + 1 };
      return openConnection(failed, env, unanswered(state), [DROP]);
    }
    default:
      return beforeOpen(state, event, env);
  }
}

/** No connection; the peer may connect. */
function active(state: SessionState, event: SessionEvent, env: Env): Step {
  switch (event.type) {
    case "ConnectRetryTimer_Expires":
      return openConnection(state, env, "trying again", []);
    default:
      return beforeOpen(state, event, env);
  }
}

/** What Connect and Active have in common. */
function beforeOpen(
  state: SessionState,
  event: Exclude<SessionEvent, { type: "ConnectRetryTimer_Expires" }>,
  env: Env,
): Step {
  switch (event.type) {
    case "ManualStop":
      return stop(state, undefined, "stopped");
    case "AutomaticStop":
      return stop(state, undefined, event.cause);
    case "Tcp_CR_Acked":
    case "TcpConnectionConfirmed":
      return sendOpen(state, env);
    case "TcpConnectionFails":
      return connectFailed(state, env, event.cause);
    case "BGPHeaderErr":
    case "BGPOpenMsgErr":
    case "UpdateMsgErr":
      return idleAfterFault(state, env, event.error.message, undefined);
    case "NotifMsgVerErr":
      return idleAfterFault(state, env, receivedWords(event.message), undefined);
    case "NotifMsg":
      return idleAfterRefusal(state, env, event.message);
    case "BGPOpen":
    case "KeepAliveMsg":
    case "UpdateMsg":
    case "RouteRefreshMsg":
      return idleAfterFault(state, env, `${messageName(event.type)} before our OPEN`, undefined);
    case "InternalFault":
      return idleAfterFault(state, env, event.cause, undefined);
    case "OpenCollisionDump":
      return idleUndamped(state, env, "collision: the other connection stays");
    case "HoldTimer_Expires":
    case "KeepaliveTimer_Expires":
    case "IdleHoldTimer_Expires":
    case "SendHoldTimer_Expires":
      return idleAfterFault(state, env, event.type, undefined);
    case "ManualStart":
    case "MessageSent":
      return stay(state);
    default:
      return event satisfies never;
  }
}

/** Our OPEN is out; the peer's is awaited. */
function openSent(state: SessionState, event: SessionEvent, env: Env): Step {
  switch (event.type) {
    case "BGPOpen":
      return receiveOpen(state, env, event.message);
    case "TcpConnectionFails":
      return waitForPeer(state, env, event.cause);
    case "NotifMsg":
      return idleAfterRefusal(state, env, event.message);
    case "KeepaliveTimer_Expires":
      return idleAfterUnexpected(state, env, event.type, FsmSubcode.UNSPECIFIED);
    case "KeepAliveMsg":
    case "UpdateMsg":
    case "UpdateMsgErr":
    case "RouteRefreshMsg":
      return idleAfterUnexpected(
        state,
        env,
        `${messageName(event.type)} in OpenSent`,
        FsmSubcode.UNEXPECTED_MESSAGE_IN_OPENSENT,
      );
    case "MessageSent":
      return stay(state);
    default:
      return whileConnected(state, event, env);
  }
}

/** Both OPENs are through; the peer's KEEPALIVE is awaited. */
function openConfirm(state: SessionState, event: SessionEvent, env: Env): Step {
  switch (event.type) {
    case "KeepAliveMsg":
      return establish(state, env);
    case "KeepaliveTimer_Expires":
      return sendKeepalive(state, env);
    case "TcpConnectionFails":
      return idleAfterFault(state, env, event.cause, undefined);
    case "NotifMsg":
      return idleAfterRefusal(state, env, event.message);
    case "BGPOpen":
    case "UpdateMsg":
    case "UpdateMsgErr":
    case "RouteRefreshMsg":
      return idleAfterUnexpected(
        state,
        env,
        `${messageName(event.type)} in OpenConfirm`,
        FsmSubcode.UNEXPECTED_MESSAGE_IN_OPENCONFIRM,
      );
    case "MessageSent":
      return stay(state);
    default:
      return whileConnected(state, event, env);
  }
}

/** Routes go out. */
function established(state: SessionState, event: SessionEvent, env: Env): Step {
  switch (event.type) {
    case "KeepAliveMsg":
    case "UpdateMsg":
      return stay(restartHoldTimer(state, env));
    case "RouteRefreshMsg":
      return { state, actions: [{ type: "refresh", message: event.message }] };
    case "KeepaliveTimer_Expires":
      return sendKeepalive(state, env);
    case "MessageSent":
      return stay(messageSent(state, env, event.update));
    case "TcpConnectionFails":
      return TIMED_OUT.test(event.cause)
        ? idleAfterSilence(state, env, event.cause, undefined)
        : idleAfterFault(state, env, event.cause, undefined);
    case "NotifMsg":
      return SILENCE.includes(event.message.code)
        ? idleAfterSilence(state, env, receivedWords(event.message), undefined)
        : idleAfterFault(state, env, receivedWords(event.message), undefined);
    case "UpdateMsgErr":
      return idleAfterFault(state, env, event.error.message, event.error.notification());
    case "BGPOpen":
    case "BGPOpenMsgErr":
      return idleAfterUnexpected(
        state,
        env,
        "OPEN in Established",
        FsmSubcode.UNEXPECTED_MESSAGE_IN_ESTABLISHED,
      );
    default:
      return whileConnected(state, event, env);
  }
}

/** What OpenSent, OpenConfirm and Established have in common. */
function whileConnected(
  state: SessionState,
  event: Exclude<SessionEvent, {
    type:
      | "BGPOpen"
      | "TcpConnectionFails"
      | "NotifMsg"
      | "KeepAliveMsg"
      | "UpdateMsg"
      | "UpdateMsgErr"
      | "RouteRefreshMsg"
      | "KeepaliveTimer_Expires"
      | "MessageSent";
  }>,
  env: Env,
): Step {
  switch (event.type) {
    case "ManualStop": {
      const message = cease(CeaseSubcode.ADMINISTRATIVE_SHUTDOWN, event.communication);
      return stop(state, withHardReset(state, message), "stopped");
    }
    case "AutomaticStop":
      return stop(state, event.notification && withHardReset(state, event.notification), event.cause);
    case "HoldTimer_Expires": {
      const message = notification(ErrorCode.HOLD_TIMER_EXPIRED, 0);
      return idleAfterSilence(state, env, "hold timer expired: nothing heard from the peer", message);
    }
    case "SendHoldTimer_Expires": {
      const message = notification(ErrorCode.SEND_HOLD_TIMER_EXPIRED, 0);
      return idleAfterSilence(state, env, "send hold timer expired: the peer does not read", message);
    }
    case "BGPHeaderErr":
    case "BGPOpenMsgErr":
      return idleAfterFault(state, env, event.error.message, event.error.notification());
    case "InternalFault":
      return idleAfterFault(state, env, event.cause, cease(CeaseSubcode.OUT_OF_RESOURCES));
    case "OpenCollisionDump":
      return idleUndamped(state, env, "collision: the other connection stays", cease(COLLISION));
    case "NotifMsgVerErr":
      return idleUndamped(state, env, receivedWords(event.message));
    case "ConnectRetryTimer_Expires":
    case "IdleHoldTimer_Expires":
      return idleAfterUnexpected(state, env, event.type, FsmSubcode.UNSPECIFIED);
    case "ManualStart":
    case "Tcp_CR_Acked":
    case "TcpConnectionConfirmed":
      return stay(state);
    default:
      return event satisfies never;
  }
}

/** What was learned of the peer counts no more. */
function forgetful(state: SessionState): SessionState {
  return {
    ...state,
    connectRetryCounter: 0,
    connectFailures: 0,
    oscillations: 0,
    silences: 0,
    aloneUntilMs: -Infinity,
    omission: NOTHING_OMITTED,
  };
}

function unanswered({ config }: SessionState): string {
  return config.authenticated ? "SYN unanswered: TCP-MD5 mismatch suspected" : "SYN unanswered";
}

function messageName(
  type: "BGPOpen" | "KeepAliveMsg" | "UpdateMsg" | "UpdateMsgErr" | "RouteRefreshMsg",
): string {
  switch (type) {
    case "BGPOpen":
      return "OPEN";
    case "KeepAliveMsg":
      return "KEEPALIVE";
    case "UpdateMsg":
    case "UpdateMsgErr":
      return "UPDATE";
    case "RouteRefreshMsg":
      return "ROUTE-REFRESH";
    default:
      return type satisfies never;
  }
}
