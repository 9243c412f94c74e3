/**
 * The moves of a BGP session's machine: what happens to timers and counters, and what is sent, on the way from one
 * state to another (RFC 4271 section 8.2.2).
 */
import {
  isUsable,
  negotiate,
  type Negotiated,
  openMessage,
  type OpenOffer,
  wholeOffer,
} from "./negotiate.ts";
import { NOTHING_OMITTED, refusalOf } from "./omission.ts";
import type { Env, SessionAction, SessionState, Step } from "./session_state.ts";
import {
  connectRetryDelayMs,
  idleHoldDelayMs,
  keepaliveDelayMs,
  LARGE_HOLD_TIME_MS,
  silenceDelayMs,
  STABLE_SESSION_MS,
  STOPPED,
} from "./timers.ts";
import { CeaseSubcode, ErrorCode } from "../wire/constants.ts";
import {
  describeNotification,
  hardReset,
  NotificationError,
  type NotificationMessage,
} from "../wire/notification.ts";
import type { OpenMessage } from "../wire/open.ts";

/** A session that ends in silence within so many hold times has not stood. */
const SHORT_HOLD_TIMES = 3;
const LEAST_HOLD_TIME_MS = 20_000;

/** Closes the connection. */
export const DROP: SessionAction = { type: "drop" };
/** The Cease subcode of a collision that was lost. */
export const COLLISION = CeaseSubcode.CONNECTION_COLLISION_RESOLUTION;

/** Nothing but the state changes. */
export function stay(state: SessionState): Step {
  return { state, actions: [] };
}

/** Starts: connects, or waits for the peer where the session is passive. */
export function start(state: SessionState, env: Env, cause: string): Step {
  if (!state.config.passive) return openConnection(state, env, cause, []);
  return stay({ ...state, name: "Active", deadlines: STOPPED, cause });
}

/** Opens a connection and runs the ConnectRetryTimer meanwhile. */
export function openConnection(
  state: SessionState,
  env: Env,
  cause: string,
  before: readonly SessionAction[],
): Step {
  const delay = connectRetryDelayMs(state.config.connectRetryTimeMs, state.connectFailures, env.random);
  const deadlines = { ...STOPPED, connectRetry: env.now + delay };
  return {
    state: { ...state, name: "Connect", deadlines, cause },
    actions: [...before, { type: "connect" }],
  };
}

function offer(state: SessionState, env: Env): OpenOffer {
  return {
    omission: state.omission,
    restarting: env.now < state.restart.restartingUntilMs,
    forwarding: state.restart.forwarding,
  };
}

/** Sends our OPEN and waits for the peer's. */
export function sendOpen(state: SessionState, env: Env): Step {
  const deadlines = { ...STOPPED, hold: env.now + LARGE_HOLD_TIME_MS };
  const offered = offer(state, env);
  const message = openMessage(state.config, offered);
  const { restarting, forwarding } = offered;
  const saidRestart = { restarting, forwarding, because: state.restart.because };
  const next: SessionState = { ...state, name: "OpenSent", deadlines, cause: "connected", saidRestart };
  return { state: next, actions: [{ type: "send", message }] };
}

/** Judges the peer's OPEN; a good one leads to OpenConfirm. */
export function receiveOpen(state: SessionState, env: Env, open: OpenMessage): Step {
  const negotiated = negotiate(state.config, offer(state, env), open);
  if (negotiated instanceof NotificationError) {
    return idleAfterFault(state, env, negotiated.message, negotiated.notification());
  }
  const next: SessionState = {
    ...state,
    name: "OpenConfirm",
    cause: "OPEN received",
    connectFailures: 0,
    negotiated,
    deadlines: {
      ...STOPPED,
      // With hold time 0 only this bounds the wait for the peer's KEEPALIVE.
      hold: env.now +
        (negotiated.holdTimeSeconds === 0 ? LARGE_HOLD_TIME_MS : negotiated.holdTimeSeconds * 1000),
      keepalive: keepaliveDeadline(negotiated, env),
    },
  };
  return { state: next, actions: [{ type: "send", message: { type: "KEEPALIVE" } }] };
}

/** The session stands. */
export function establish(state: SessionState, env: Env): Step {
  const { negotiated } = state;
  if (negotiated === undefined) return idleAfterFault(state, env, "nothing negotiated", undefined);
  const { holdTimeSeconds } = negotiated;
  const next: SessionState = {
    ...state,
    name: "Established",
    cause: "KEEPALIVE received",
    establishedAtMs: env.now,
    deadlines: {
      ...STOPPED,
      hold: holdTimeSeconds === 0 ? undefined : env.now + holdTimeSeconds * 1000,
      keepalive: state.deadlines.keepalive,
      sendHold: sendHoldDeadline(state, env),
    },
  };
  return stay(next);
}

/** Sends a KEEPALIVE and runs the timer to the next. */
export function sendKeepalive(state: SessionState, env: Env): Step {
  const keepalive = state.negotiated === undefined ? undefined : keepaliveDeadline(state.negotiated, env);
  const next = { ...state, deadlines: { ...state.deadlines, keepalive } };
  return { state: next, actions: [{ type: "send", message: { type: "KEEPALIVE" } }] };
}

function keepaliveDeadline(negotiated: Negotiated, env: Env): number | undefined {
  if (negotiated.holdTimeSeconds === 0) return undefined;
  return env.now + keepaliveDelayMs(negotiated.keepaliveTimeSeconds, env.random);
}

/** A session without KEEPALIVEs has nothing to send for any time (RFC 9687 section 4.3). */
function sendHoldDeadline({ config, negotiated }: SessionState, env: Env): number | undefined {
  const { sendHoldTimeSeconds } = config;
  const never = sendHoldTimeSeconds === 0 || negotiated?.holdTimeSeconds === 0;
  return never ? undefined : env.now + sendHoldTimeSeconds * 1000;
}

/** The peer lives. */
export function restartHoldTimer(state: SessionState, env: Env): SessionState {
  if (state.deadlines.hold === undefined || state.negotiated === undefined) return state;
  const hold = env.now + state.negotiated.holdTimeSeconds * 1000;
  return hold === state.deadlines.hold ? state : { ...state, deadlines: { ...state.deadlines, hold } };
}

/** The socket took a message: the peer reads. An UPDATE stands for a KEEPALIVE (RFC 4271 section 8.2.2). */
export function messageSent(state: SessionState, env: Env, update: boolean): SessionState {
  const { negotiated, deadlines } = state;
  if (negotiated === undefined || negotiated.holdTimeSeconds === 0) return state;
  const sendHold = sendHoldDeadline(state, env);
  const keepalive = update ? keepaliveDeadline(negotiated, env) : deadlines.keepalive;
  return { ...state, deadlines: { ...deadlines, sendHold, keepalive } };
}

/** The connection attempt failed: Idle for ConnectRetryTime, which doubles. */
export function connectFailed(state: SessionState, env: Env, cause: string): Step {
  const { config, connectFailures, connectRetryCounter } = state;
  const idleHold = env.now + connectRetryDelayMs(config.connectRetryTimeMs, connectFailures, env.random);
  const next = { connectFailures: connectFailures + 1, connectRetryCounter: connectRetryCounter + 1 };
  return { state: { ...toIdle(state, cause, idleHold), ...next }, actions: [DROP] };
}

/** The connection is gone before the session began: wait in Active and connect again later. */
export function waitForPeer(state: SessionState, env: Env, cause: string): Step {
  const delay = connectRetryDelayMs(state.config.connectRetryTimeMs, state.connectFailures, env.random);
  const connectRetry = state.config.passive ? undefined : env.now + delay;
  const next: SessionState = {
    ...toIdle(state, cause, undefined),
    name: "Active",
    connectFailures: state.connectFailures + 1,
    deadlines: { ...STOPPED, connectRetry },
  };
  return { state: next, actions: [DROP] };
}

/** Ends the session over a fault, with peer oscillation damping. */
export function idleAfterFault(
  state: SessionState,
  env: Env,
  cause: string,
  message: NotificationMessage | undefined,
): Step {
  const stable = state.establishedAtMs !== undefined && env.now - state.establishedAtMs >= STABLE_SESSION_MS;
  const oscillations = stable ? 0 : state.oscillations;
  const idleHold = env.now + idleHoldDelayMs(state.config.connectRetryTimeMs, oscillations, env.random);
  const next: SessionState = {
    ...toIdle(state, cause, idleHold),
    connectRetryCounter: state.connectRetryCounter + 1,
    oscillations: oscillations + 1,
  };
  return { state: next, actions: closing(message) };
}

/**
 * Ends a session in which one side did not hear the other. A path that takes small packets and loses large ones lets sessions
 * come up, and costs each of them after a hold time: routers that try again at once would have their routes come and go.
 */
export function idleAfterSilence(
  state: SessionState,
  env: Env,
  cause: string,
  message: NotificationMessage | undefined,
): Step {
  const { establishedAtMs, negotiated, config } = state;
  if (establishedAtMs === undefined || negotiated === undefined) {
    return idleAfterFault(state, env, cause, message);
  }
  const shortMs = SHORT_HOLD_TIMES * Math.max(negotiated.holdTimeSeconds * 1000, LEAST_HOLD_TIME_MS);
  const silences = env.now - establishedAtMs < shortMs ? state.silences + 1 : 1;
  const delayMs = silenceDelayMs(config.connectRetryTimeMs, silences, env.random);
  if (delayMs === 0) return idleAfterFault({ ...state, silences }, env, cause, message);
  const words = `${cause}; so ended ${silences} sessions in a row: the next one waits ${
    Math.ceil(delayMs / 1000)
  } s`;
  const ended = idleAfterFault({ ...state, silences }, env, words, message);
  const aloneUntilMs = env.now + delayMs;
  const idleHold = Math.max(ended.state.deadlines.idleHold ?? 0, aloneUntilMs);
  return { ...ended, state: { ...ended.state, aloneUntilMs, deadlines: { ...STOPPED, idleHold } } };
}

/** Ends the session without holding it against the peer: damping stays as it is. */
export function idleUndamped(
  state: SessionState,
  env: Env,
  cause: string,
  message?: NotificationMessage,
): Step {
  const idleHold = env.now + idleHoldDelayMs(state.config.connectRetryTimeMs, state.oscillations, env.random);
  return { state: toIdle(state, cause, idleHold), actions: closing(message) };
}

/** Ends the session for good: only a start event leads out of it. */
export function stop(state: SessionState, message: NotificationMessage | undefined, cause: string): Step {
  const next = { ...toIdle(state, cause, undefined), connectRetryCounter: 0 };
  return { state: next, actions: closing(message) };
}

/** The peer refused our OPEN; where that was for what is offered in it, the next one does without (RFC 5492). */
export function idleAfterRefusal(state: SessionState, env: Env, message: NotificationMessage): Step {
  const { config, omission: before } = state;
  const whole = wholeOffer(config, offer(state, env));
  const refusal = refusalOf(message, whole, before, (left) => isUsable(config, left));
  const words = receivedWords(message);
  const cause = refusal === undefined ? words : `${words}; ${refusal.words}`;
  const omission = refusal?.omission;
  // What has not helped is offered again.
  if (omission === undefined || omission === before) {
    const next = omission ?? (message.code === ErrorCode.OPEN_MESSAGE ? NOTHING_OMITTED : before);
    return idleAfterFault({ ...state, omission: next }, env, cause, undefined);
  }
  return idleUndamped({ ...state, omission }, env, cause);
}

/** Ends the session over a message or timer that the state does not allow (RFC 6608). */
export function idleAfterUnexpected(state: SessionState, env: Env, cause: string, subcode: number): Step {
  return idleAfterFault(state, env, cause, notification(ErrorCode.FINITE_STATE_MACHINE, subcode));
}

/** The last words, where there are any, and the end of the connection. */
function closing(message: NotificationMessage | undefined): readonly SessionAction[] {
  return message === undefined ? [DROP] : [{ type: "send", message }, DROP];
}

function toIdle(state: SessionState, cause: string, idleHold: number | undefined): SessionState {
  return {
    ...state,
    name: "Idle",
    cause,
    deadlines: { ...STOPPED, idleHold },
    negotiated: undefined,
    establishedAtMs: undefined,
  };
}

/** Ceases after which the peer should not wait for us (RFC 8538 section 3.1), nor send to us (RFC 9384 section 4). */
const FINAL_CEASES: readonly number[] = [
  CeaseSubcode.ADMINISTRATIVE_SHUTDOWN,
  CeaseSubcode.PEER_DECONFIGURED,
  CeaseSubcode.BFD_DOWN,
];

/** Where both sides have the N bit, only a Hard Reset makes the peer drop our routes (RFC 8538 section 3). */
export function withHardReset(state: SessionState, message: NotificationMessage): NotificationMessage {
  const final = message.code === ErrorCode.CEASE && FINAL_CEASES.includes(message.subcode);
  return final && state.negotiated?.gracefulRestart?.notification === true ? hardReset(message) : message;
}

/** A NOTIFICATION without data. */
export function notification(code: number, subcode: number): NotificationMessage {
  return { type: "NOTIFICATION", code, subcode, data: new Uint8Array() };
}

/** What the peer sent, in words. */
export function receivedWords(message: NotificationMessage): string {
  return `peer sent ${describeNotification(message)}`;
}
