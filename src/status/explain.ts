/**
 * `bgp-lb explain`: the chain of gates between a service and each peer, in the order in which they are asked, with what
 * each saw, since when, and what would open it; behind an open chain, what may keep a router from using the route. Pure.
 */
import { familyKey } from "../bgp/session/omission.ts";
import { checkCure, gateCure } from "./gate_cure.ts";
import { routeNotes } from "./route_notes.ts";
import { downReason } from "./peers_text.ts";
import { failedAttemptWords, waitingWords } from "./attempt_words.ts";
import { sessionCure } from "./session_cure.ts";
import type { CheckStatusEntry, PeerEntry, RouteStatus, ServiceStatus, Status } from "./status.ts";
import { onlyPeer, onlyService } from "./views.ts";

/** One gate of the chain. */
export interface Step {
  readonly name: string;
  readonly open: boolean;
  /** Open all the same, but what it guards is announced as something worse. */
  readonly degraded: boolean;
  /** What it saw, in words. */
  readonly saw: string;
  /** Since when it is as it is, in ISO 8601; undefined: that is not known. */
  readonly since: string | undefined;
  /** What would open it, or make it wholly so, in words; undefined where it is. */
  readonly opens: string | undefined;
}

/** The gates of one peer. */
export interface PeerChain {
  readonly peer: string;
  readonly steps: readonly Step[];
  /** What can be known of why the router may not use what it was sent; empty where it was sent nothing. */
  readonly notes: readonly string[];
}

/** The gates of one address. */
export interface RouteChain {
  readonly prefix: string;
  readonly steps: readonly Step[];
  readonly peers: readonly PeerChain[];
}

/** A shut gate, and between what it is. */
export interface ShutGate extends Step {
  readonly prefix: string;
  /** Undefined: the address is announced to nobody. */
  readonly peer: string | undefined;
}

/** A check of the service, and what its last probes found, newest first. */
export interface ExplainedCheck extends Pick<CheckStatusEntry, "name" | "verdict" | "recent"> {
  /** What it has to do for the service to be healthy, in words; undefined: it has. */
  readonly opens: string | undefined;
}

/** The answer. */
export interface Explanation {
  readonly service: string;
  /** The first shut one of all; undefined: everything is open. */
  readonly shut: ShutGate | undefined;
  /** The first one that is open and degraded; undefined: none is, or the address is not announced. */
  readonly degraded: ShutGate | undefined;
  readonly routes: readonly RouteChain[];
  readonly checks: readonly ExplainedCheck[];
  /** What nobody on this side can know; empty where no peer was sent anything. */
  readonly notKnown: readonly string[];
}

/**
 * Explains `service` to every peer that it is for, or to the one that is asked for.
 * @throws {UnknownNameError} where there is no such service or peer
 */
export function explain(status: Status, service: string, peer: string | undefined, now: Date): Explanation {
  const [wanted] = onlyService(status, service).services;
  if (wanted === undefined) {
    return { service, shut: undefined, degraded: undefined, routes: [], checks: [], notKnown: [] };
  }
  const asked = peer === undefined ? undefined : onlyPeer(status, peer).peers;
  const routes = wanted.routes.map((route): RouteChain => ({
    prefix: route.prefix,
    steps: serviceSteps(status, wanted, route, now),
    peers: (asked ?? status.peers.filter(({ name }) => isTarget(route, name))).map((each) =>
      peerChain(status, { service: wanted, route, peer: each }, now)
    ),
  }));
  const sent = routes.some(({ peers }) => peers.some(({ steps }) => steps.every(({ open }) => open)));
  const degraded = wanted.degraded ? firstOf(routes, (step) => step.degraded) : undefined;
  const checks = wanted.checks.map((check): ExplainedCheck => {
    const { name, verdict, recent } = check;
    return { name, verdict, recent, opens: verdict === "healthy" ? undefined : checkCure(check, now) };
  });
  const notKnown = sent ? NOT_KNOWN : [];
  return { service: wanted.name, shut: firstShut(routes), degraded, routes, checks, notKnown };
}

const NOT_KNOWN: readonly string[] = [
  "whether the router's import policy takes it",
  "whether the router finds another route better",
  "whether the router's multipath is on, and has room for one more next hop",
  "whether the router can reach the next hop",
];

/** A gate of the service is asked before one of a peer, whatever the address. */
function firstShut(routes: readonly RouteChain[]): ShutGate | undefined {
  const own = firstOf(routes, ({ open }) => !open);
  if (own !== undefined) return own;
  for (const { prefix, peers } of routes) {
    for (const { peer, steps } of peers) {
      const step = steps.find(({ open }) => !open);
      if (step !== undefined) return { ...step, prefix, peer };
    }
  }
  return undefined;
}

/** The first such gate of the service. */
function firstOf(routes: readonly RouteChain[], isMeant: (step: Step) => boolean): ShutGate | undefined {
  for (const { prefix, steps } of routes) {
    const step = steps.find(isMeant);
    if (step !== undefined) return { ...step, prefix, peer: undefined };
  }
  return undefined;
}

function serviceSteps(
  status: Status,
  service: ServiceStatus,
  route: RouteStatus,
  now: Date,
): readonly Step[] {
  return route.gates.map((gate) => ({
    name: gate.name,
    open: gate.open,
    degraded: gate.degraded,
    saw: gate.reason,
    since: gate.since,
    opens: gate.open && !gate.degraded ? undefined : gateCure(gate, { status, service, now }),
  }));
}

/** What the gates of a peer look at. */
interface PeerFacts {
  readonly service: ServiceStatus;
  readonly route: RouteStatus;
  readonly peer: PeerEntry;
}

function peerChain(status: Status, facts: PeerFacts, now: Date): PeerChain {
  const { route, service, peer } = facts;
  const steps: Step[] = [];
  for (const look of PEER_GATES) {
    const step = look(status, facts, now);
    steps.push(step);
    // What comes behind a shut one was never asked.
    if (!step.open) break;
  }
  const sent = route.announce && steps.every(({ open }) => open);
  return { peer: peer.name, steps, notes: sent ? routeNotes(service, route, peer, now) : [] };
}

type PeerGate = (status: Status, facts: PeerFacts, now: Date) => Step;

const PEER_GATES: readonly PeerGate[] = [target, established, familyNegotiated, carried, sent];

function target({ config }: Status, { service, route, peer }: PeerFacts): Step {
  const open = isTarget(route, peer.name);
  return step("target", open, {
    saw: open
      ? route.targets === undefined ? "announced to all peers" : `announce.peers has ${peer.name}`
      : `announce.peers of ${service.name} has ${route.targets?.join(", ") ?? ""}, and not ${peer.name}`,
    since: config.loadedAt,
    opens:
      `add ${peer.name} to announce.peers of ${service.name}, or leave announce.peers out; then bgp-lb reload`,
  });
}

function established(status: Status, { peer }: PeerFacts, now: Date): Step {
  const reason = downReason(peer, now);
  const means = (failedAttemptWords(peer) ?? waitingWords(peer))?.sentence;
  return step("session Established", reason === undefined, {
    saw: reason === undefined
      ? "Established"
      : `${peer.state}: ${reason}${means === undefined ? "" : ` (${means})`}`,
    since: peer.since.toISOString(),
    opens: sessionCure(peer, status),
  });
}

function familyNegotiated(_status: Status, { route, peer }: PeerFacts): Step {
  const family = route.prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast";
  const families = peer.negotiated?.families ?? [];
  const open = families.includes(family);
  const { refusedCapabilities: refused, name } = peer;
  const isRefused = refused === "all" || refused.includes(familyKey(family));
  return step("family negotiated", open, {
    saw: open
      ? family
      : `${family} is not among what was negotiated: ${families.join(", ") || "nothing"}${
        isRefused ? `, as ${name} refused an OPEN with it` : ""
      }`,
    since: peer.since.toISOString(),
    opens: isRefused
      ? `turn ${family} on for us at ${name}, and begin the session anew (a reload that changes ${name}, or a restart)`
      : `add ${family} to the families of ${name} on both sides; both open the session anew then`,
  });
}

function carried(_status: Status, { route, peer }: PeerFacts): Step {
  const reason = route.held.find(({ name }) => name === peer.name)?.reason;
  const at = reason?.lastIndexOf(": ") ?? -1;
  return step("can be carried", reason === undefined, {
    saw: reason === undefined ? "next hop and attributes fit" : at < 0 ? reason : reason.slice(0, at),
    since: undefined,
    opens: reason === undefined || at < 0 ? "see the reason" : reason.slice(at + 2),
  });
}

function sent({ state }: Status, { route, peer }: PeerFacts): Step {
  const nextHop = route.peers.find(({ name }) => name === peer.name)?.nextHop;
  const waiting = state === "starting"
    ? "the agent is starting: routes go out when all of it is up"
    : route.announce
    ? "waits behind what is sent before it: the peer's socket takes nothing more for now"
    : "nothing to send while a gate of the service is shut";
  return step("sent", nextHop !== undefined, {
    saw: nextHop === undefined ? waiting : `with next hop ${nextHop}`,
    since: undefined,
    opens: route.announce
      ? `comes by itself; where it does not, ${peer.name} does not read, and sendHoldTime ends the session`
      : "the gates of the service, above",
  });
}

function step(
  name: string,
  open: boolean,
  { saw, since, opens }: { readonly saw: string; readonly since: string | undefined; readonly opens: string },
): Step {
  return { name, open, degraded: false, saw, since, opens: open ? undefined : opens };
}

function isTarget({ targets }: RouteStatus, peer: string): boolean {
  return targets?.includes(peer) ?? true;
}
