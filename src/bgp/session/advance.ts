/** One session of a peer is stepped, and what its new state means for the peer and for the other session, pure. */
import {
  none,
  type NotificationWay,
  type PeerAction,
  type PeerState,
  type PeerStep,
  type Place,
  RANK,
  rivalOf,
  then,
} from "./peer_state.ts";
import { step } from "./session.ts";
import type { SessionConfig } from "./negotiate.ts";
import {
  type Env,
  isUnconnected,
  type Restart,
  type SessionAction,
  type SessionEvent,
} from "./session_state.ts";

/** Steps the session at `place` and names its link in the actions. */
export function advance(state: PeerState, place: Place, event: SessionEvent, env: Env): PeerStep {
  const before = state[place];
  if (before === undefined) return none(state);
  const { state: fsm, actions: asked } = step(before.fsm, event, env);
  if (asked.length === 0 && fsm.name === before.fsm.name) {
    return fsm === before.fsm ? none(state) : none({ ...state, [place]: { ...before, fsm } });
  }
  const actions: PeerAction[] = [];
  let { link, origin } = before;
  let { nextLink } = state;
  let dropped = false;
  for (const action of asked) {
    switch (action.type) {
      case "connect":
        [link, origin, nextLink] = [nextLink, "outgoing", nextLink + 1];
        actions.push({ type: "connect", link });
        break;
      case "drop":
        if (link !== 0) actions.push({ type: "drop", link });
        dropped = link !== 0;
        link = 0;
        break;
      case "send":
        actions.push({ type: "send", link, message: action.message });
        break;
      case "refresh":
        actions.push({ type: "refresh", link, message: action.message });
        break;
      default:
        action satisfies never;
    }
  }
  const { name, cause } = fsm;
  // An attempt that we give up ourselves, for a better one or none, is no failure.
  const isGivenUp = event.type === "AutomaticStop" && isUnconnected(before.fsm.name);
  if (!isGivenUp && (dropped || RANK[name] < RANK[before.fsm.name])) {
    actions.push({ type: "ended", from: before.fsm.name, cause, noted: notedBy(event, asked) });
  }
  const next: PeerStep = {
    state: { ...state, nextLink, [place]: { fsm, link, origin, deferred: undefined } },
    actions,
  };
  if (name === "Established" && before.fsm.name !== "Established") return establishAlone(next, place, env);
  if (place !== "secondary" || link !== 0) return next;
  return { state: withoutSecondary(next.state, event.type === "NotifMsg"), actions };
}

/** The session at `place` wins: the other one ends by `event`, and the winner is the primary one from now on. */
export function promote(won: PeerStep, place: Place, event: SessionEvent, env: Env): PeerStep {
  const lost = then(won, (state) => advance(state, rivalOf(place), event, env));
  const { primary, secondary } = lost.state;
  return { ...lost, state: { ...lost.state, primary: secondary ?? primary, secondary: undefined } };
}

/** The session at `place` is Established: the other one ends, and the next OPEN is that of a speaker that has not restarted. */
function establishAlone(won: PeerStep, place: Place, env: Env): PeerStep {
  const alone = promote(won, place, { type: "OpenCollisionDump" }, env);
  const { primary } = alone.state;
  const fsm = { ...primary.fsm, restart: notRestarted(primary.fsm.config) };
  const actions = [...alone.actions];
  const { negotiated } = fsm;
  if (negotiated !== undefined) actions.push({ type: "established", link: primary.link, negotiated });
  return { state: { ...alone.state, primary: { ...primary, fsm } }, actions };
}

/** This process goes on: a session that is lost from now on is begun anew over what has forwarded all the time. */
function notRestarted({ families: forwarding }: SessionConfig): Restart {
  const because = "this process has not restarted since the session before";
  return { restartingUntilMs: -Infinity, forwarding, because };
}

/** The secondary session has failed; the primary one keeps what it learned of the peer, where that said something. */
function withoutSecondary(state: PeerState, hasLearned: boolean): PeerState {
  const { omission } = ((hasLearned ? state.secondary : undefined) ?? state.primary).fsm;
  const primary = { ...state.primary, fsm: { ...state.primary.fsm, omission } };
  return { ...state, primary, secondary: undefined };
}

/** Which way did a NOTIFICATION go? */
function notedBy(event: SessionEvent, actions: readonly SessionAction[]): NotificationWay | undefined {
  if (event.type === "NotifMsg" || event.type === "NotifMsgVerErr") return "received";
  const sent = actions.some((action) => action.type === "send" && action.message.type === "NOTIFICATION");
  return sent ? "sent" : undefined;
}
