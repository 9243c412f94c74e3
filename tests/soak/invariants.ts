/** The invariants, as a table of judges over what was seen. Each says how much it has judged: who judged nothing says nothing. */
import type { Bounds } from "./bounds.ts";
import { causeJudge } from "./cause_judge.ts";
import type { Observed, Place, Span } from "./observed.ts";
import { processJudge } from "./process_judge.ts";
import { common, covers, spansWhere, stretched, total, union, without } from "./spans.ts";

/** What is wrong, and from when on it was. */
export interface Violation {
  readonly atMs: number;
  readonly words: string;
}

/** What a judge says of a round. */
export interface Judged {
  /** In the invariant's own unit. */
  readonly judged: number;
  readonly violations: readonly Violation[];
}

/** One of them. */
export interface Invariant {
  readonly name: string;
  readonly unit: string;
  judge(observed: Observed, bounds: Bounds): Judged;
}

/** All of them. */
export const INVARIANTS: readonly Invariant[] = [
  { name: "never announced while unserved", unit: "s of routes", judge: announcedUnserved },
  { name: "never unannounced while served", unit: "s of routes", judge: unannouncedServed },
  { name: "nothing of others is touched", unit: "looks", judge: othersTouched },
  { name: "planned events lose nothing", unit: "requests", judge: plannedLose },
  { name: "memory and descriptors are flat", unit: "looks", judge: processJudge },
  { name: "every transition has a cause", unit: "events and changes", judge: causeJudge },
  { name: "everything comes back, and a stop leaves nothing", unit: "recoveries", judge: comesBack },
];

/** When that host's route to the place was at that router. */
export function announcedAt(observed: Observed, place: Place, router: string): Span[] {
  const nextHop = place.nextHops[router] ?? "";
  const changes = observed.routes.filter((each) =>
    each.router === router && each.prefix.split("/")[0] === place.address
  );
  return spansWhere(changes, observed.untilMs, ({ nextHops }) => nextHops.includes(nextHop));
}

/** When a router's view of a host was nothing that the host's agent could change, and so long after. */
function excused(observed: Observed, { host }: Place, router: string, { sessionMs }: Bounds): Span[] {
  return union([
    ...stretched(observed.away.filter((each) => each.host === host), sessionMs),
    ...stretched(
      observed.apart.filter((each) => each.router === router && (each.host ?? host) === host),
      sessionMs,
    ),
  ]);
}

/** When nothing behind the place worked: a node that is broken serves nobody. */
function allBroken({ broken }: Observed, { host, nodes }: Place): Span[] {
  const all = [{ fromMs: -Infinity, untilMs: Infinity }];
  const brokenFor = (node: string) =>
    broken.filter((each) => each.node === node && (each.host ?? host) === host);
  return nodes.reduce<Span[]>((left, node) => common(left, brokenFor(node)), all);
}

/** When the host's kernel would not have led anybody to a server: looks in a row. */
function lackingInKernel(observed: Observed, { host, address }: Place): Span[] {
  const looks = observed.kernels.filter((look) => look.host === host);
  return spansWhere(
    looks,
    looks.at(-1)?.atMs ?? 0,
    ({ lacks }) => lacks.some((each) => each.address === address),
  );
}

function drainedSpans(observed: Observed, { host, service }: Place): Span[] {
  return observed.drained.filter((each) => each.host === host && (each.service ?? service) === service);
}

/** The times in which both are so for longer than `boundMs` at a stretch, none of it excused. */
function tooLong(
  these: readonly Span[],
  those: readonly Span[],
  excuse: readonly Span[],
  boundMs: number,
): Span[] {
  return without(common(these, those), excuse).filter(({ fromMs, untilMs }) => untilMs - fromMs > boundMs);
}

function announcedUnserved(observed: Observed, bounds: Bounds): Judged {
  return overRoutes(observed, (place, router) => {
    const excuse = excused(observed, place, router, bounds);
    const announced = announcedAt(observed, place, router);
    const reasons = [
      { why: "no server behind it works", spans: allBroken(observed, place), boundMs: bounds.withdrawMs },
      {
        why: "its host's kernel lacks it",
        spans: lackingInKernel(observed, place),
        boundMs: bounds.repairMs,
      },
      { why: "it is drained", spans: drainedSpans(observed, place), boundMs: bounds.withdrawMs },
    ];
    return {
      judged: without(announced, excuse),
      violations: reasons.flatMap(({ why, spans, boundMs }) =>
        tooLong(announced, spans, excuse, boundMs).map((span) =>
          describe(place, router, span, `announced though ${why}`)
        )
      ),
    };
  });
}

function unannouncedServed(observed: Observed, bounds: Bounds): Judged {
  return overRoutes(observed, (place, router) => {
    const { host } = place;
    const contested = observed.events.filter((event) =>
      event.host === host && event.kind === "kernel-contested"
    )
      .map(({ atMs }) => ({ fromMs: atMs, untilMs: atMs }));
    // Whoever was out of service has passes to count, and whoever was repaired has to be read back.
    const excuse = union([
      ...excused(observed, place, router, bounds),
      ...stretched(allBroken(observed, place), bounds.announceMs),
      ...stretched(drainedSpans(observed, place), bounds.announceMs),
      ...stretched(lackingInKernel(observed, place), bounds.repairMs, bounds.repairMs),
      ...stretched(contested, bounds.repairMs + CONTESTED_MS),
    ]);
    const round = [{ fromMs: observed.fromMs, untilMs: observed.untilMs }];
    const unannounced = without(round, announcedAt(observed, place, router));
    return {
      judged: without(round, excuse),
      violations: tooLong(unannounced, round, excuse, bounds.announceMs)
        .map((span) => describe(place, router, span, "not announced though served")),
    };
  });
}

/** How long an object that is fought over may keep its service out, beyond a repair. */
const CONTESTED_MS = 10_000;

function describe(
  { host, address }: Place,
  router: string,
  { fromMs, untilMs }: Span,
  what: string,
): Violation {
  const seconds = ((untilMs - fromMs) / 1000).toFixed(1);
  return { atMs: fromMs, words: `${address} of ${host} at ${router}: ${what}, for ${seconds} s` };
}

function overRoutes(
  { places }: Observed,
  judge: (place: Place, router: string) => { judged: readonly Span[]; violations: readonly Violation[] },
): Judged {
  const all = places.flatMap((place) => Object.keys(place.nextHops).map((router) => judge(place, router)));
  return {
    judged: Math.round(all.reduce((sum, { judged }) => sum + total(judged), 0) / 1000),
    violations: all.flatMap(({ violations }) => violations),
  };
}

function othersTouched({ kernels }: Observed): Judged {
  return {
    judged: kernels.length,
    violations: kernels.flatMap(({ atMs, host, missing, strange }) => [
      ...missing.map((what) => ({ atMs, words: `${host}: of others is no longer there: ${what}` })),
      ...strange.map((what) => ({ atMs, words: `${host}: of others was not there before: ${what}` })),
    ]),
  };
}

function plannedLose({ planned, requests, troubles }: Observed): Judged {
  // What overlaps with a fault says nothing.
  const windows = planned.filter((window) => common([window], troubles).length === 0);
  const judged = requests.filter(({ atMs }) => covers(windows, atMs));
  return {
    judged: judged.length,
    violations: judged.flatMap(({ atMs, to, host, failure }) => {
      if (failure === undefined) return [];
      const window = windows.find((each) => covers([each], atMs));
      return [{
        atMs,
        words: `a request to ${to} failed (${failure}${
          host === undefined ? "" : `, ${host}`
        }) during: ${window?.order} of ${window?.host}`,
      }];
    }),
  };
}

function comesBack({ recoveries, leftovers, untilMs }: Observed): Judged {
  return {
    judged: recoveries.length,
    violations: [
      ...recoveries.flatMap(({ fromMs, untilMs, lacking }) =>
        lacking === undefined
          ? []
          : [{ atMs: fromMs, words: `not back after ${Math.round((untilMs - fromMs) / 1000)} s: ${lacking}` }]
      ),
      ...leftovers.map((words) => ({ atMs: untilMs, words: `left behind by the stop: ${words}` })),
    ],
  };
}
