/**
 * The BFD session machine, asynchronous mode (RFC 5880 section 6.8; RFC 5882 section 3.2 for AdminDown). Pure: an event and the
 * time in, a state and what to do out. Demand mode is never asked for; a peer that asks for it gets what section 6.8.7 says:
 * polls and answers to its polls. Echo is not offered, and C is 0: this process is the control plane.
 */
import { Diagnostic, remoteDiagnosticWords } from "./diagnostic.ts";
import type { BfdStateName, ControlPacket } from "./packet.ts";
import {
  type Env,
  type SessionAction,
  type SessionConfig,
  type SessionEvent,
  type SessionState,
  type Step,
  UNKNOWN_REMOTE,
} from "./session_state.ts";
import {
  detectionTimeMs,
  jitteredMs,
  receiveIntervalUs,
  transmitIntervalUs,
  wantedIntervals,
} from "./timers.ts";
import { formatDuration } from "../time/duration.ts";

/** A session that begins; `localDiscr` is nonzero and no other session's. */
export function createSession(config: SessionConfig, localDiscr: number, env: Env): SessionState {
  const intervals = wantedIntervals(config, false);
  const state: SessionState = {
    config,
    name: "Down",
    sinceMs: env.now,
    cause: "nothing was heard from the peer yet",
    localDiscr,
    localDiag: Diagnostic.None,
    ...intervals,
    transmitUs: intervals.desiredMinTxUs,
    receiveUs: intervals.requiredMinRxUs,
    remote: UNKNOWN_REMOTE,
    poll: undefined,
    pollAllowedMs: -Infinity,
    sentMs: -Infinity,
    receivedMs: -Infinity,
    extended: false,
    farewells: 0,
    transmitAtMs: Infinity,
    detectAtMs: Infinity,
  };
  // Sessions that begin together do not send together.
  const wait = jitteredMs(state.transmitUs, config.detectMult, env.random) * env.random();
  return config.passive ? state : { ...state, transmitAtMs: env.now + wait };
}

/** What an event makes of a session. */
export function step(state: SessionState, event: SessionEvent, env: Env): Step {
  switch (event.type) {
    case "packet":
      return state.name === "AdminDown" ? { state, actions: [] } : onPacket(state, event.packet, env);
    case "time":
      return onTime(state, event.heldMs, env);
    case "configure":
      return state.name === "AdminDown" ? { state, actions: [] } : onConfigure(state, event.config, env);
    case "admin-down":
      return onAdminDown(state, event.farewells, env);
    default:
      return event satisfies never;
  }
}

/** When `step` wants to be told the time; Infinity: never. */
export function nextDeadlineMs({ transmitAtMs, detectAtMs }: SessionState): number {
  return Math.min(transmitAtMs, detectAtMs);
}

/** Whether a session that was told to end has nothing more to say. */
export function isFinished({ name, farewells }: SessionState): boolean {
  return name === "AdminDown" && farewells === 0;
}

/** RFC 5880 section 6.8.6, from where the packet's session is known. */
function onPacket(before: SessionState, packet: ControlPacket, env: Env): Step {
  const heard: SessionState = {
    ...before,
    remote: {
      discr: packet.myDiscriminator,
      name: packet.state,
      diag: packet.diagnostic,
      minTxUs: packet.desiredMinTxUs,
      minRxUs: packet.requiredMinRxUs,
      detectMult: packet.detectMult,
      demand: packet.demand,
      controlPlaneIndependent: packet.controlPlaneIndependent,
    },
    receivedMs: env.now,
    extended: false,
  };
  const answered = packet.final && heard.poll?.sentMs !== undefined ? endPoll(heard, env) : heard;
  const moved = move(answered, packet, env);
  const state = pace(reviseIntervals(moved, env), before, env);
  const actions = changes(before, state);
  // An answer carries a new state as well, and P and F never go together (section 6.5).
  if (packet.poll) {
    return { state, actions: [...actions, { type: "send", packet: packetOf(state, "final") }] };
  }
  return state.name === before.name ? { state, actions } : send(state, actions, env);
}

/** The state machine of RFC 5880 section 6.2, as section 6.8.6 spells it. */
function move(state: SessionState, packet: ControlPacket, env: Env): SessionState {
  const { name } = state;
  if (packet.state === "AdminDown") {
    return name === "Down"
      ? { ...state, cause: TURNED_OFF_THERE }
      : enter(state, "Down", TURNED_OFF_THERE, env, Diagnostic.NeighborSignaledSessionDown);
  }
  if (name === "Down") {
    if (packet.state === "Down") {
      return enter(state, "Init", "the peer is heard, and has not heard us yet", env);
    }
    return packet.state === "Init" ? enter(state, "Up", "both ends hear each other", env) : state;
  }
  if (name === "Init") {
    return packet.state === "Down" ? state : enter(state, "Up", "both ends hear each other", env);
  }
  if (packet.state !== "Down") return state;
  const words = `the peer says down (${remoteDiagnosticWords(packet.diagnostic)})`;
  return enter(state, "Down", words, env, Diagnostic.NeighborSignaledSessionDown);
}

const TURNED_OFF_THERE = "BFD was turned off at the peer (AdminDown), which says nothing of the way";

function enter(
  state: SessionState,
  name: BfdStateName,
  cause: string,
  env: Env,
  localDiag: number = Diagnostic.None,
): SessionState {
  return {
    ...state,
    name,
    sinceMs: env.now,
    cause,
    localDiag,
    // What an answer to an earlier one would end counts already where the session was not Up.
    poll: state.poll && { sentMs: undefined },
    pollAllowedMs: -Infinity,
  };
}

function onTime(before: SessionState, heldMs: number, env: Env): Step {
  if (before.detectAtMs <= env.now) {
    if (mayHaveMissed(before, heldMs)) return extend(before, heldMs, env);
    return onSilence(before, env);
  }
  if (before.transmitAtMs > env.now) return { state: before, actions: [] };
  return send(reviseIntervals(before, env), [], env);
}

/** Whether a packet may have come, and been lost, while this process was held: it sends no less often. */
function mayHaveMissed(state: SessionState, heldMs: number): boolean {
  return !state.extended && heldMs > 0 && heldMs >= receiveIntervalUs(state) / 1000;
}

function extend(before: SessionState, heldMs: number, env: Env): Step {
  const state = { ...before, extended: true, detectAtMs: env.now + detectionTimeMs(before) };
  return { state, actions: [{ type: "extended", heldMs }] };
}

/** RFC 5880 sections 6.8.4 and 6.8.1: nothing came for a detection time, so nothing is known of the peer any more. */
function onSilence(before: SessionState, env: Env): Step {
  const forgotten: SessionState = { ...before, remote: UNKNOWN_REMOTE, poll: undefined };
  const cause = `nothing came from the peer for ${formatDuration(Math.round(detectionTimeMs(before)))}`;
  const lost = before.name === "Down"
    ? { ...forgotten, cause }
    : enter(forgotten, "Down", cause, env, Diagnostic.ControlDetectionTimeExpired);
  const state = pace(reviseIntervals(lost, env), before, env);
  const actions = changes(before, state);
  // It may hear us though we do not hear it.
  const told = actions.length > 0 && transmitIntervalUs(state) < Infinity;
  return told ? send(state, actions, env) : { state, actions };
}

function onConfigure(before: SessionState, config: SessionConfig, env: Env): Step {
  const configured = { ...before, config };
  const state = pace(reviseIntervals(configured, env), before, env);
  return { state, actions: [] };
}

/** RFC 5880 section 6.8.16. As many go out as fit into a second, so that a lost one does no harm and nobody waits for long. */
function onAdminDown(before: SessionState, most: number, env: Env): Step {
  if (before.name === "AdminDown") return { state: before, actions: [] };
  const intervalUs = transmitIntervalUs(before);
  const fits = 1 + Math.floor(FAREWELL_US / intervalUs);
  const heard = before.name !== "Down";
  const silent = before.remote.discr === 0 && before.config.passive;
  const entered: SessionState = {
    ...enter(before, "AdminDown", "BFD was turned off here", env, Diagnostic.AdministrativelyDown),
    desiredMinTxUs: wantedIntervals(before.config, false).desiredMinTxUs,
    poll: undefined,
    transmitAtMs: Infinity,
    detectAtMs: Infinity,
    farewells: silent ? 0 : heard ? Math.min(most, fits) : 1,
  };
  const actions = changes(before, entered);
  return silent ? { state: entered, actions } : send(entered, actions, env);
}

const FAREWELL_US = 1_000_000;

/** The poll has been answered: the peer goes by the new intervals, and so may we. */
function endPoll(state: SessionState, env: Env): SessionState {
  const tookMs = env.now - (state.poll?.sentMs ?? env.now);
  return {
    ...state,
    poll: undefined,
    transmitUs: state.desiredMinTxUs,
    receiveUs: state.requiredMinRxUs,
    // More packets with P may be under way; their answers come no later than this one did.
    pollAllowedMs: env.now + tookMs,
  };
}

/**
 * Tells the peer other intervals where the state or the configuration want that, by a poll (RFC 5880 section 6.8.3). While one
 * is under way in Up, the next waits. What makes either end more patient counts at once, the rest when the poll has ended.
 */
function reviseIntervals(state: SessionState, env: Env): SessionState {
  const up = state.name === "Up";
  const wanted = wantedIntervals(state.config, up);
  const same = wanted.desiredMinTxUs === state.desiredMinTxUs &&
    wanted.requiredMinRxUs === state.requiredMinRxUs;
  if (same) return state;
  if (up && (state.poll?.sentMs !== undefined || env.now < state.pollAllowedMs)) return state;
  return {
    ...state,
    ...wanted,
    transmitUs: up ? Math.min(state.transmitUs, wanted.desiredMinTxUs) : wanted.desiredMinTxUs,
    receiveUs: up ? Math.max(state.receiveUs, wanted.requiredMinRxUs) : wanted.requiredMinRxUs,
    poll: state.remote.discr === 0 ? undefined : { sentMs: undefined },
  };
}

/** The deadlines that follow from what is known now. Jitter is drawn anew only where the interval is another one. */
function pace(state: SessionState, before: SessionState, env: Env): SessionState {
  const intervalUs = transmitIntervalUs(state);
  const steady = intervalUs === transmitIntervalUs(before) &&
    state.config.detectMult === before.config.detectMult;
  const transmitAtMs = steady ? state.transmitAtMs : nextTransmitMs(state, intervalUs, env);
  const silentAtMs = state.receivedMs + detectionTimeMs(state);
  const extendedMs = state.extended ? state.detectAtMs : -Infinity;
  const detectAtMs = state.remote.discr === 0 ? Infinity : Math.max(silentAtMs, extendedMs);
  return { ...state, transmitAtMs, detectAtMs };
}

function nextTransmitMs(state: SessionState, intervalUs: number, env: Env): number {
  if (intervalUs === Infinity) return Infinity;
  const wait = jitteredMs(intervalUs, state.config.detectMult, env.random);
  return Math.max(env.now, state.sentMs + wait);
}

function changes(before: SessionState, after: SessionState): readonly SessionAction[] {
  return before.name === after.name ? [] : [{ type: "changed", from: before.name, to: after.name }];
}

/** Sends a packet of this state now; the next one follows an interval later. */
function send(state: SessionState, actions: readonly SessionAction[], env: Env): Step {
  const sent: SessionState = {
    ...state,
    sentMs: env.now,
    poll: state.poll && { sentMs: state.poll.sentMs ?? env.now },
    farewells: Math.max(0, state.farewells - 1),
  };
  const transmitAtMs = isFinished(sent) ? Infinity : nextTransmitMs(sent, transmitIntervalUs(sent), env);
  const packet = packetOf(state, "periodic");
  return { state: { ...sent, transmitAtMs }, actions: [...actions, { type: "send", packet }] };
}

/** RFC 5880 section 6.8.7. An answer goes out beside those that are sent periodically, and postpones none. */
function packetOf(state: SessionState, kind: "periodic" | "final"): ControlPacket {
  return {
    diagnostic: state.localDiag,
    state: state.name,
    poll: kind === "periodic" && state.poll !== undefined,
    final: kind === "final",
    controlPlaneIndependent: false,
    authenticated: false,
    demand: false,
    detectMult: state.config.detectMult,
    myDiscriminator: state.localDiscr,
    yourDiscriminator: state.remote.discr,
    desiredMinTxUs: state.desiredMinTxUs,
    requiredMinRxUs: state.requiredMinRxUs,
    requiredMinEchoRxUs: 0,
  };
}
