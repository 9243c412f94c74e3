/**
 * The search for the one router on a link, as a machine (RFC 4861 sections 6.1 to 6.3, as far as a neighbour goes): whom to
 * hold for it, when to solicit, when to advertise ourselves. The router of now stays for as long as it is spoken with, or answers
 * after it was; one that no session comes up with, such as another of our kind on a shared link, gives way to the others in turn.
 * Pure: deadlines are data.
 */
import type { Address } from "../net/address.ts";
import type { Random } from "../time/clock.ts";

/** A router that was heard. */
export interface HeardRouter {
  readonly address: Address;
  readonly heardMs: number;
  /** When it had to give way to another one; -Infinity: it never had. */
  readonly gaveWayMs: number;
}

/** What is known of a link, and what is due. */
export interface RouterSearch {
  /** We have a link-local address on it, and a socket. */
  readonly open: boolean;
  /** The neighbour's session is Established. */
  readonly inUse: boolean;
  readonly router: HeardRouter | undefined;
  /** Since when it is the one. */
  readonly chosenMs: number;
  /** The address of the last one that there was a session with. */
  readonly provenAt: string | undefined;
  /** Further ones, the last heard of last; at most `MAX_OTHERS`. */
  readonly others: readonly HeardRouter[];
  /** Solicitations since a router was heard last. */
  readonly unanswered: number;
  /** Of a round of solicitations, those that are left. */
  readonly solicitationsLeft: number;
  readonly solicitAtMs: number;
  readonly solicitedMs: number;
  /** When the round began that is to show whether the router is still there; undefined: there is none. */
  readonly doubtedMs: number | undefined;
  /** No doubt before then. */
  readonly trustedUntilMs: number;
  readonly initialAdvertisementsLeft: number;
  readonly advertiseAtMs: number;
  readonly advertisedMs: number;
}

/** What happens to it. */
export type SearchEvent =
  | { readonly type: "opened" }
  | { readonly type: "closed" }
  | { readonly type: "in-use"; readonly inUse: boolean }
  | { readonly type: "solicited" }
  | { readonly type: "advertised"; readonly from: Address }
  | { readonly type: "time" };

/** What is to be done. */
export type SearchAction = "solicit" | "advertise";

/** MAX_RTR_SOLICITATIONS, RTR_SOLICITATION_INTERVAL, MAX_INITIAL_RTR_ADVERTISEMENTS, MIN_DELAY_BETWEEN_RAS, MAX_RA_DELAY_TIME (RFC 4861 section 10). */
const [SOLICITATIONS, SOLICIT_MS, INITIAL_ADVERTISEMENTS, ADVERTISE_APART_MS, ANSWER_WITHIN_MS] = [
  3,
  4000,
  3,
  3000,
  500,
];
/** Behind a round a solicitation goes so often, for as long as there is no session. */
const SOLICIT_SLOWLY_MS = 60_000;
/** As routers that peer by interface do; with jitter of a tenth, as all of a rack may begin at once. */
const ADVERTISE_MS = 10_000;
/** A router that is not spoken with and was not heard for so long is gone: three slow solicitations. */
const EXPIRE_MS = 3 * SOLICIT_SLOWLY_MS;
/** A router that there was never a session with gives way to another one, where there is one, after so long. */
const TRY_MS = 30_000;
/** Others that are kept on a link. */
const MAX_OTHERS = 8;

/** A link that nothing is known of. */
export const NEW_SEARCH: RouterSearch = {
  open: false,
  inUse: false,
  router: undefined,
  chosenMs: -Infinity,
  provenAt: undefined,
  others: [],
  unanswered: 0,
  solicitationsLeft: 0,
  solicitAtMs: Infinity,
  solicitedMs: -Infinity,
  doubtedMs: undefined,
  trustedUntilMs: -Infinity,
  initialAdvertisementsLeft: 0,
  advertiseAtMs: Infinity,
  advertisedMs: -Infinity,
};

/** What a step is told beside the event. */
export interface SearchEnvironment {
  readonly now: number;
  readonly random: Random;
}

/** The state after the event, and what is to be done now. */
export function stepSearch(
  state: RouterSearch,
  event: SearchEvent,
  env: SearchEnvironment,
): { readonly state: RouterSearch; readonly actions: readonly SearchAction[] } {
  switch (event.type) {
    case "opened":
      return still({
        ...beginRound({ ...state, open: true, chosenMs: env.now }, env.now),
        initialAdvertisementsLeft: INITIAL_ADVERTISEMENTS,
        advertiseAtMs: Math.max(env.now, state.advertisedMs + ADVERTISE_APART_MS),
      });
    case "closed":
      return still({
        ...state,
        open: false,
        solicitAtMs: Infinity,
        advertiseAtMs: Infinity,
        doubtedMs: undefined,
      });
    case "in-use":
      return still(use(state, event.inUse, env.now));
    case "solicited": {
      if (!state.open) return still(state);
      const answerAtMs = Math.max(
        env.now + env.random() * ANSWER_WITHIN_MS,
        state.advertisedMs + ADVERTISE_APART_MS,
      );
      return still({ ...state, advertiseAtMs: Math.min(state.advertiseAtMs, answerAtMs) });
    }
    case "advertised":
      return still(hear(state, event, env.now));
    case "time":
      return act(expire(state, env.now), env);
    default:
      return event satisfies never;
  }
}

/** When `time` is due; Infinity: not at all. */
export function searchDeadline(state: RouterSearch): number {
  const { open, inUse, router, solicitAtMs, advertiseAtMs, doubtedMs } = state;
  if (!open) return Infinity;
  const expires = router === undefined || inUse ? Infinity : expiry(router);
  const doubtEnds = doubtedMs === undefined ? Infinity : doubtedMs + SOLICITATIONS * SOLICIT_MS;
  return Math.min(solicitAtMs, advertiseAtMs, expires, doubtEnds, givesWayAtMs(state));
}

/** When the router of now has had its time; Infinity: it may stay. */
function givesWayAtMs(state: RouterSearch): number {
  const { inUse, router, others, chosenMs } = state;
  const stays = inUse || isProven(state) || router === undefined || others.length === 0;
  return stays ? Infinity : chosenMs + TRY_MS;
}

/** Whether there was a session with the router of now. */
export function isProven({ router, provenAt }: RouterSearch): boolean {
  return router !== undefined && router.address.text === provenAt;
}

function still(state: RouterSearch) {
  return { state, actions: [] };
}

/** Three solicitations, the first of them now unless one went just before. */
function beginRound(state: RouterSearch, now: number): RouterSearch {
  const solicitAtMs = state.open ? Math.max(now, state.solicitedMs + SOLICIT_MS) : Infinity;
  return { ...state, solicitationsLeft: SOLICITATIONS, solicitAtMs };
}

function use(state: RouterSearch, inUse: boolean, now: number): RouterSearch {
  if (state.inUse === inUse) return state;
  if (inUse) {
    const provenAt = state.router?.address.text ?? state.provenAt;
    return { ...state, inUse, provenAt, solicitAtMs: Infinity, doubtedMs: undefined };
  }
  const router = state.router && { ...state.router, heardMs: now };
  return beginRound({ ...state, inUse, router, unanswered: 0, trustedUntilMs: -Infinity }, now);
}

function hear(
  state: RouterSearch,
  { from: address }: Extract<SearchEvent, { type: "advertised" }>,
  now: number,
): RouterSearch {
  const { router, others: before } = state;
  const known = [router, ...before].find((each) => each?.address.text === address.text);
  const heard = { address, heardMs: now, gaveWayMs: known?.gaveWayMs ?? -Infinity };
  if (router === undefined) {
    return { ...choose(state, heard, now), others: without(before, address), unanswered: 0 };
  }
  if (known === router) return { ...state, router: heard, unanswered: 0 };
  // The right one is back, as after a restart.
  if (address.text === state.provenAt && !state.inUse) return exchange(state, heard, now);
  const next = { ...state, others: [...without(before, address), heard].slice(-MAX_OTHERS) };
  if (state.inUse || state.doubtedMs !== undefined || now < state.trustedUntilMs) return next;
  // Is the one that was there before still there? It is asked, and has the time of a round to answer.
  return beginRound({ ...next, doubtedMs: now }, now);
}

/** Those who have been silent for too long are forgotten, and who did not answer is replaced by who was heard last. */
function expire(state: RouterSearch, now: number): RouterSearch {
  const others = state.others.filter((other) => expiry(other) > now);
  const { router, doubtedMs, inUse } = state;
  const doubtEnds = doubtedMs !== undefined && now >= doubtedMs + SOLICITATIONS * SOLICIT_MS;
  const settled = doubtEnds
    ? { doubtedMs: undefined, trustedUntilMs: now + SOLICIT_SLOWLY_MS }
    : { doubtedMs, trustedUntilMs: state.trustedUntilMs };
  const known = { ...state, ...settled, others };
  if (router === undefined || inUse) return known;
  const silent = doubtEnds && router.heardMs <= (doubtedMs ?? now);
  if (silent || expiry(router) <= now) {
    const next = others.at(-1);
    const unanswered = next === undefined ? known.unanswered : 0;
    return { ...choose(known, next, now), others: others.slice(0, -1), unanswered };
  }
  // Who gave way longest ago is the next.
  const [next] = others.toSorted((one, other) => one.gaveWayMs - other.gaveWayMs);
  if (next === undefined || givesWayAtMs(known) > now) return known;
  return exchange(known, next, now);
}

function choose(state: RouterSearch, router: HeardRouter | undefined, now: number): RouterSearch {
  return { ...state, router, chosenMs: now };
}

/** The router of now becomes one of the others. */
function exchange(state: RouterSearch, next: HeardRouter, now: number): RouterSearch {
  const left = state.router === undefined ? [] : [{ ...state.router, gaveWayMs: now }];
  const others = [...without(state.others, next.address), ...left].slice(-MAX_OTHERS);
  return { ...choose(state, next, now), others, doubtedMs: undefined };
}

function act(state: RouterSearch, { now, random }: SearchEnvironment) {
  const actions: SearchAction[] = [];
  let next = state;
  if (state.solicitAtMs <= now) {
    actions.push("solicit");
    const solicitationsLeft = Math.max(0, state.solicitationsLeft - 1);
    const waitMs = solicitationsLeft > 0 ? SOLICIT_MS : SOLICIT_SLOWLY_MS;
    const unanswered = state.unanswered + 1;
    next = { ...next, solicitationsLeft, unanswered, solicitedMs: now, solicitAtMs: now + waitMs };
  }
  if (state.advertiseAtMs <= now) {
    actions.push("advertise");
    const left = Math.max(0, state.initialAdvertisementsLeft - 1);
    const waitMs = left > 0 ? ADVERTISE_APART_MS : ADVERTISE_MS * (0.9 + random() * 0.2);
    next = { ...next, initialAdvertisementsLeft: left, advertisedMs: now, advertiseAtMs: now + waitMs };
  }
  return { state: next, actions };
}

/** Whatever lifetime it gave to hosts: it was asked three times since. */
function expiry({ heardMs }: HeardRouter): number {
  return heardMs + EXPIRE_MS;
}

function without(routers: readonly HeardRouter[], { text }: Address): readonly HeardRouter[] {
  return routers.filter(({ address }) => address.text !== text);
}
