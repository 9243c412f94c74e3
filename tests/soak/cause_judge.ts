/**
 * Judges the journal: no event is missing in what a reader got, each names a cause that was before it, what it says comes of
 * something that was really done, and what a router was seen to change is told in it. Pure.
 */
import type { Bounds } from "./bounds.ts";
import { announcedAt, type Judged, type Violation } from "./invariants.ts";
import type { EventSeen, Observed, Place, Span } from "./observed.ts";
import { covers, stretched, union } from "./spans.ts";

/** See the head of the file. */
export function causeJudge(observed: Observed, bounds: Bounds): Judged {
  const runs = [...Map.groupBy(observed.events, ({ host, run }) => `${host} ${run}`).values()];
  const seen = observed.places.flatMap((place) =>
    Object.keys(place.nextHops).flatMap((router) => unexplained(observed, bounds, place, router))
  );
  return {
    judged: observed.events.length + seen.length,
    violations: [
      ...observed.gaps.map(({ atMs, host, words }) => ({
        atMs,
        words: `${host}: the reader missed events: ${words}`,
      })),
      ...runs.flatMap(judgeRun),
      ...observed.events.flatMap((event) => baseless(observed, bounds, event)),
      ...seen.flatMap((violation) => violation ?? []),
    ],
  };
}

/** IDs without a gap, and causes that exist. */
function judgeRun(events: readonly EventSeen[]): Violation[] {
  const first = events[0]?.id ?? 1;
  return events.flatMap(({ atMs, host, id, kind, cause, because }, index) => {
    const name = `${host}: event ${id} (${kind})`;
    const previous = events[index - 1]?.id ?? id - 1;
    return [
      ...id === previous + 1 ? [] : [{ atMs, words: `${name} follows on ${previous}` }],
      ...cause === "" ? [{ atMs, words: `${name} has no cause` }] : [],
      ...because !== undefined && because >= id
        ? [{ atMs, words: `${name} came of ${because}, which is later` }]
        : [],
      ...because !== undefined && because >= first && !events.some((each) => each.id === because)
        ? [{ atMs, words: `${name} came of ${because}, which was not there` }]
        : [],
    ];
  });
}

/** A verdict against a server that nothing was done to. */
function baseless(observed: Observed, bounds: Bounds, event: EventSeen): Violation[] {
  const { kind, to, host, service, atMs, cause } = event;
  if (kind !== "verdict" || to !== "unhealthy" || atMs < observed.fromMs) return [];
  const nodes = observed.places.filter((place) => place.host === host && place.service === service)
    .flatMap((place) => place.nodes);
  const reasons = union(stretched([
    ...observed.broken.filter(({ node }) => nodes.includes(node)),
    ...observed.away.filter((each) => each.host === host),
    ...observed.troubles.filter(({ target }) => target === host || nodes.includes(target)),
  ], bounds.withdrawMs));
  // All share one processor: a server that nothing was done to may be late for want of it. How long that lasts has a bound.
  if (covers(reasons, atMs) || cause.includes("timed out")) return [];
  return [{
    atMs,
    words: `${host}: ${service} was found unhealthy (${cause}) though nothing was done to it`,
  }];
}

/** One row for each change of that route on that router: undefined where the journal or we ourselves explain it. */
function unexplained(
  observed: Observed,
  { journalMs, sessionMs }: Bounds,
  place: Place,
  router: string,
): (Violation | undefined)[] {
  const { host, address, service } = place;
  const ours: Span[] = union(stretched([
    ...observed.away.filter((each) => each.host === host),
    ...observed.apart.filter((each) => each.router === router && (each.host ?? host) === host),
  ], sessionMs));
  const told = observed.events.filter((event) =>
    event.host === host &&
    (event.kind === "route" && event.service === service && event.address?.split("/")[0] === address ||
      event.kind === "peer-state" && event.peer === router ||
      event.kind === "session-ended" && event.peer === router)
  );
  return announcedAt(observed, place, router).flatMap(({ fromMs, untilMs }) => [fromMs, untilMs])
    .filter((atMs) => atMs > observed.fromMs && atMs < observed.untilMs)
    .map((atMs) => {
      const explained = covers(ours, atMs) ||
        told.some((event) => event.atMs >= atMs - journalMs && event.atMs <= atMs + journalMs);
      return explained
        ? undefined
        : { atMs, words: `${address} of ${host} changed at ${router}, and no event of the journal says why` };
    });
}
