/** The shortest tail of a round that failed: what was done and what the journal said, from the last moment at which all held. Pure. */
import type { Violation } from "./invariants.ts";
import type { Observed } from "./observed.ts";

/** No more lines than that, the last ones. */
const MOST_LINES = 120;
/** So much before the first violation is shown. */
const BEFORE_MS = 15_000;
const AFTER_MS = 5_000;

/** Lines in order of time: faults that were going on or had been a moment ago, routes, events. */
export function tailOf(observed: Observed, violations: readonly Violation[]): string[] {
  const firstMs = Math.min(...violations.map(({ atMs }) => atMs));
  const lastMs = Math.max(...violations.map(({ atMs }) => atMs));
  const [fromMs, untilMs] = [firstMs - BEFORE_MS, lastMs + AFTER_MS];
  const rows = [
    ...observed.troubles.flatMap(({ number, fault, target, words, ...span }) => [
      { atMs: span.fromMs, text: `fault ${number}: ${fault} of ${target} ${words}`, until: span.untilMs },
      { atMs: span.untilMs, text: `fault ${number} is over`, until: span.untilMs },
    ]),
    ...observed.planned.map((each) => ({
      atMs: each.fromMs,
      text: `order: ${each.order} of ${each.host}`,
      until: each.untilMs,
    })),
    ...observed.routes.map(({ atMs, router, prefix, nextHops }) => ({
      ...{ atMs, until: atMs },
      text: `${router}: ${prefix} via ${nextHops.join(" ") || "nothing"}`,
    })),
    ...observed.events.map((
      { atMs, host, id, kind, cause, because, service, destination, address, peer, to },
    ) => ({
      ...{ atMs, until: atMs },
      text: [
        ...[
          `${host}: ${id}${because === undefined ? "" : ` (of ${because})`} ${kind}`,
          service,
          address,
          destination,
        ],
        ...[peer, to === undefined ? undefined : `-> ${to}`, `: ${cause}`],
      ].filter((each) => each !== undefined).join(" "),
    })),
  ].filter(({ atMs, until }) => until >= fromMs && atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
  return rows.slice(-MOST_LINES).map(({ atMs, text }) =>
    `${new Date(atMs).toISOString().slice(11, 23)} ${text}`
  );
}
