/** BGP sessions in every state, reached by events, and every event that there is. */
import { type SessionConfig, sessionConfig } from "../../src/bgp/session/negotiate.ts";
import { step } from "../../src/bgp/session/session.ts";
import {
  type Env,
  newSession,
  NOTHING_KNOWN,
  type SessionAction,
  type SessionEvent,
  type SessionState,
  type SessionStateName,
} from "../../src/bgp/session/session_state.ts";
import type { Capability } from "../../src/bgp/wire/capability.ts";
import { NotificationError, type NotificationMessage } from "../../src/bgp/wire/notification.ts";
import type { OpenMessage } from "../../src/bgp/wire/open.ts";
import { localBgp, peerConfig } from "./bgp.ts";

/** The peer's capabilities where it has all. */
export const CAPABILITIES: readonly Capability[] = [
  { type: "multiprotocol", family: { afi: 1, safi: 1 } },
  { type: "route-refresh" },
  { type: "four-octet-as", as: 65002 },
];

/** The OPEN of the peer at the other end: AS 65002, 10.0.0.2. */
export function openOf(rest: Partial<OpenMessage> = {}): OpenMessage {
  return {
    type: "OPEN",
    version: 4,
    myAs: 65002,
    holdTimeSeconds: 90,
    bgpIdentifier: 0x0a000002,
    capabilities: CAPABILITIES,
    ...rest,
  };
}

/** A NOTIFICATION of the peer's. */
export function notificationOf(code: number, subcode: number): NotificationMessage {
  return { type: "NOTIFICATION", code, subcode, data: new Uint8Array() };
}

/** The configuration of a session with that peer. */
export function configOf(rest: Partial<SessionConfig> = {}): SessionConfig {
  return { ...sessionConfig(localBgp(), peerConfig()), ...rest };
}

/** A moment, with jitter in the middle. */
export function at(now: number, random = 0.5): Env {
  return { now, random: () => random };
}

/** The state after `events`, all at the same moment. */
export function after(state: SessionState, events: readonly SessionEvent[], env: Env = at(0)): SessionState {
  return events.reduce((current, event) => step(current, event, env).state, state);
}

/** The events that lead from the start to each state, and to the variants that the optional attributes make. */
export const WAYS: ReadonlyMap<string, readonly SessionEvent[]> = new Map<string, readonly SessionEvent[]>([
  ["Idle", []],
  ["Idle held", [{ type: "ManualStart" }, { type: "TcpConnectionFails", cause: "refused" }]],
  ["Connect", [{ type: "ManualStart" }]],
  ["Active", [
    { type: "ManualStart" },
    { type: "Tcp_CR_Acked" },
    { type: "TcpConnectionFails", cause: "reset" },
  ]],
  ["OpenSent", [{ type: "ManualStart" }, { type: "Tcp_CR_Acked" }]],
  ["OpenConfirm", [
    { type: "ManualStart" },
    { type: "Tcp_CR_Acked" },
    { type: "BGPOpen", message: openOf() },
  ]],
  ["Established", [
    { type: "ManualStart" },
    { type: "Tcp_CR_Acked" },
    { type: "BGPOpen", message: openOf() },
    { type: "KeepAliveMsg" },
  ]],
]);

/** A session in the state that `way` leads to. */
export function sessionIn(way: SessionStateName | string, config: SessionConfig = configOf()): SessionState {
  const events = WAYS.get(way);
  if (events === undefined) throw new Error(`no way to ${way}`);
  return after(newSession(config, NOTHING_KNOWN), events);
}

/** One of each event. */
export const EVENTS: readonly SessionEvent[] = [
  { type: "ManualStart" },
  { type: "ManualStop", communication: "maintenance" },
  { type: "AutomaticStop", notification: notificationOf(6, 6), cause: "configuration changed" },
  { type: "AutomaticStop", notification: undefined, cause: "handover" },
  { type: "ConnectRetryTimer_Expires" },
  { type: "HoldTimer_Expires" },
  { type: "KeepaliveTimer_Expires" },
  { type: "IdleHoldTimer_Expires" },
  { type: "SendHoldTimer_Expires" },
  { type: "Tcp_CR_Acked" },
  { type: "TcpConnectionConfirmed" },
  { type: "TcpConnectionFails", cause: "Connection refused" },
  { type: "BGPOpen", message: openOf() },
  { type: "BGPOpen", message: openOf({ holdTimeSeconds: 0 }) },
  { type: "BGPOpen", message: openOf({ myAs: 65099, capabilities: [] }) },
  { type: "BGPHeaderErr", error: new NotificationError(1, 1, "bad marker") },
  { type: "BGPOpenMsgErr", error: new NotificationError(2, 1, "version 3", Uint8Array.of(0, 4)) },
  { type: "OpenCollisionDump" },
  { type: "NotifMsgVerErr", message: notificationOf(2, 1) },
  { type: "NotifMsg", message: notificationOf(6, 2) },
  { type: "NotifMsg", message: notificationOf(2, 4) },
  { type: "KeepAliveMsg" },
  { type: "UpdateMsg" },
  { type: "UpdateMsgErr", error: new NotificationError(3, 1, "malformed") },
  {
    type: "RouteRefreshMsg",
    message: { type: "ROUTE-REFRESH", family: { afi: 1, safi: 1 }, subtype: 0 },
  },
  { type: "MessageSent", update: true },
  { type: "MessageSent", update: false },
  { type: "InternalFault", cause: "internal error: for the test" },
];

/** What is done, in one word each: `connect`, `drop`, `OPEN`, `KEEPALIVE`, `NOTIFICATION 6/2`, `refresh`. */
export function words(actions: readonly SessionAction[]): string[] {
  return actions.map((action) => {
    if (action.type !== "send") return action.type;
    const { message } = action;
    return message.type === "NOTIFICATION" ? `NOTIFICATION ${message.code}/${message.subcode}` : message.type;
  });
}
