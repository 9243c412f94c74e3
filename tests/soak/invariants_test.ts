// Each invariant is seen to hold in a sound round, to break in a round that has one thing wrong, and to let be what is excused.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { BOUNDS } from "./bounds.ts";
import { INVARIANTS, type Violation } from "./invariants.ts";
import type { EventSeen, Observed, Place, ProcessSeen } from "./observed.ts";
import { tailOf } from "./tail.ts";

const place: Place = {
  host: "h1",
  service: "web",
  address: "10.99.0.1",
  nodes: ["s1", "s2"],
  nextHops: { r1: "10.0.1.2" },
};
const END_MS = 120_000;
const PREFIX = "10.99.0.1/32";

function event(id: number, atMs: number, more: Partial<EventSeen> = {}): EventSeen {
  return {
    atMs,
    host: "h1",
    run: "a",
    id,
    kind: "route",
    cause: "a reason",
    service: "web",
    address: "10.99.0.1",
    ...more,
  };
}

function look(atMs: number, more: Partial<ProcessSeen> = {}): ProcessSeen {
  return { atMs, host: "h1", pid: 5, residentKiB: 80_000, descriptors: 40, children: 0, calm: true, ...more };
}

const looks = Array.from({ length: 81 }, (_, index) => ({ atMs: index * 1_500, index }));

/** Announced and served all along; one order, and a request each second. */
const sound: Observed = {
  fromMs: 0,
  untilMs: END_MS,
  places: [place],
  troubles: [],
  planned: [{ order: "drain", host: "h1", fromMs: 90_000, untilMs: 110_000 }],
  routes: [{ atMs: 0, router: "r1", prefix: PREFIX, nextHops: ["10.0.1.2", "10.0.2.2"] }],
  kernels: looks.map(({ atMs }) => ({ atMs, host: "h1", lacks: [], missing: [], strange: [] })),
  broken: [],
  away: [],
  apart: [],
  drained: [],
  requests: Array.from(
    { length: 120 },
    (_, second) => ({ atMs: second * 1000, to: "10.99.0.1", host: "s1" }),
  ),
  events: [event(1, 10), event(2, 20, { kind: "verdict", to: "healthy" }), event(3, 30, { because: 2 })],
  gaps: [],
  processes: looks.map(({ atMs }) => look(atMs * 4)),
  recoveries: [{ fromMs: 60_000, untilMs: 61_000, lacking: undefined }],
  leftovers: [],
};

/** Violations by the invariant's place in the table, counted from 1. */
function broken(observed: Observed): Map<number, readonly Violation[]> {
  const all = INVARIANTS.map(({ judge }, index) => [index + 1, judge(observed, BOUNDS).violations] as const);
  return new Map(all.filter(([, violations]) => violations.length > 0));
}

/** Exactly that one breaks, and says so in these words. */
function breaks(invariant: number, words: RegExp, change: Partial<Observed>): void {
  const found = broken({ ...sound, ...change });
  deepEqual([...found.keys()], [invariant], JSON.stringify([...found]));
  match(found.get(invariant)?.[0]?.words ?? "", words);
}

function holds(change: Partial<Observed>): void {
  deepEqual([...broken({ ...sound, ...change })], []);
}

/** From `fromMs` to `untilMs` the route is not there. */
function withdrawn(fromMs: number, untilMs: number): Observed["routes"] {
  return [
    ...sound.routes,
    { atMs: fromMs, router: "r1", prefix: PREFIX, nextHops: ["10.0.2.2"] },
    { atMs: untilMs, router: "r1", prefix: PREFIX, nextHops: ["10.0.1.2", "10.0.2.2"] },
  ];
}

/** The journal that tells of that. */
function told(fromMs: number, untilMs: number): Observed["events"] {
  return [...sound.events, event(4, fromMs), event(5, untilMs)];
}

const bothBroken = (fromMs: number, untilMs: number) =>
  ["s1", "s2"].map((node) => ({ node, how: "hangs", fromMs, untilMs }));

Deno.test("a sound round breaks nothing, and every invariant has judged something", () => {
  holds({});
  for (const { name, judge } of INVARIANTS) ok(judge(sound, BOUNDS).judged > 0, name);
});

Deno.test("never announced while unserved: the bound, by servers, the kernel and orders", () => {
  const late = 20_000 + BOUNDS.withdrawMs;
  breaks(1, /10\.99\.0\.1 of h1 at r1: announced though no server/, {
    broken: bothBroken(20_000, late + 2_000),
  });
  holds({ broken: bothBroken(20_000, late) });
  holds({ broken: bothBroken(20_000, 60_000).slice(1) });
  breaks(1, /kernel lacks it/, {
    kernels: sound.kernels.map((each) =>
      each.atMs >= 30_000 && each.atMs < 42_000
        ? { ...each, lacks: [{ address: "10.99.0.1", what: "its link" }] }
        : each
    ),
  });
  breaks(1, /it is drained/, { drained: [{ host: "h1", service: "web", fromMs: 20_000, untilMs: 60_000 }] });
  holds({ drained: [{ host: "h1", service: "shop", fromMs: 20_000, untilMs: 60_000 }] });
});

Deno.test("never announced while unserved: not where no agent ran, or the router could not be told", () => {
  const unserved = { broken: bothBroken(20_000, 60_000) };
  holds({ ...unserved, away: [{ host: "h1", how: "killed", fromMs: 15_000, untilMs: 45_000 }] });
  holds({ ...unserved, apart: [{ router: "r1", host: undefined, fromMs: 15_000, untilMs: 45_000 }] });
  breaks(1, /no server/, {
    ...unserved,
    away: [{ host: "h2", how: "killed", fromMs: 15_000, untilMs: 45_000 }],
  });
  breaks(1, /no server/, {
    ...unserved,
    apart: [{ router: "r2", host: "h1", fromMs: 15_000, untilMs: 45_000 }],
  });
});

Deno.test("never unannounced while served: beyond the bound, and not while there is a reason", () => {
  const late = 20_000 + BOUNDS.announceMs + 1_000;
  breaks(2, /not announced though served/, { routes: withdrawn(20_000, late), events: told(20_000, late) });
  const soon = 20_000 + BOUNDS.announceMs - 1_000;
  holds({ routes: withdrawn(20_000, soon), events: told(20_000, soon) });
  const seen = { routes: withdrawn(20_000, 60_000), events: told(20_000, 60_000) };
  holds({ ...seen, broken: bothBroken(19_000, 55_000) });
  holds({ ...seen, drained: [{ host: "h1", service: undefined, fromMs: 19_000, untilMs: 55_000 }] });
});

Deno.test("nothing of others is touched: what is gone, and what is new", () => {
  const [first, ...rest] = sound.kernels;
  ok(first !== undefined);
  breaks(3, /no longer there: link foreign0/, {
    kernels: [...rest, { ...first, missing: ["link foreign0"] }],
  });
  breaks(3, /was not there before: -A -t/, {
    kernels: [...rest, { ...first, strange: ["-A -t 192.0.2.9:1"] }],
  });
});

Deno.test("planned events lose nothing: one request in a window, and not one outside or beside a fault", () => {
  const failing = (atMs: number) => ({
    requests: [...sound.requests, { atMs, to: "10.99.0.1", failure: "timed out" }],
  });
  breaks(4, /failed \(timed out\) during: drain of h1/, failing(95_000));
  holds(failing(80_000));
  const trouble = { number: 1, fault: "link-down", target: "h2", words: "", fromMs: 94_000, untilMs: 96_000 };
  holds({ ...failing(95_000), troubles: [trouble] });
});

Deno.test("memory and descriptors are flat: growth, children, each life by itself", () => {
  const { processes } = sound;
  const half = (more: Partial<ProcessSeen>) => ({
    processes: processes.map((each, index) => index > processes.length * 0.7 ? { ...each, ...more } : each),
  });
  breaks(5, /memory grew by 13000 KiB/, half({ residentKiB: 93_000 }));
  breaks(5, /10 descriptors more/, half({ descriptors: 50 }));
  breaks(5, /2 children/, half({ children: 2 }));
  holds(half({ residentKiB: 92_000 }));
  holds(half({ descriptors: 90, calm: false }));
  holds(half({ pid: 6, residentKiB: 120_000, descriptors: 90 }));
});

Deno.test("every transition has a cause: gaps, causes that are not there, verdicts out of nothing, silent changes", () => {
  breaks(6, /event 5 \(route\) follows on 3/, { events: [...sound.events, event(5, 40)] });
  breaks(6, /missed events: 12/, { gaps: [{ atMs: 5, host: "h1", words: "12 of them" }] });
  breaks(6, /event 4 \(route\) has no cause/, { events: [...sound.events, event(4, 40, { cause: "" })] });
  breaks(6, /came of 4, which is later/, { events: [...sound.events, event(4, 40, { because: 4 })] });
  const unhealthy = event(4, 60_000, { kind: "verdict", to: "unhealthy", cause: "status 503" });
  breaks(6, /web was found unhealthy \(status 503\) though nothing was done/, {
    events: [...sound.events, unhealthy],
  });
  holds({ events: [...sound.events, unhealthy], broken: bothBroken(57_000, 58_000).slice(1) });
  holds({ events: [...sound.events, { ...unhealthy, cause: "timed out" }] });
  breaks(6, /changed at r1, and no event/, {
    routes: withdrawn(20_000, 22_000),
    events: sound.events.map((each) => ({ ...each, atMs: 1 })).slice(0, 0),
  });
  holds({ routes: withdrawn(20_000, 22_000), events: told(20_000, 22_000) });
  holds({
    routes: withdrawn(50_000, 52_000),
    apart: [{ router: "r1", host: "h1", fromMs: 49_000, untilMs: 50_500 }],
  });
});

Deno.test("a run of its own begins with any number; within a run each follows on the one before", () => {
  const other = [event(9, 40, { run: "b" }), event(10, 41, { run: "b", because: 9 })];
  holds({ events: [...sound.events, ...other] });
  breaks(6, /follows on 9/, {
    events: [...sound.events, event(9, 40, { run: "b" }), event(11, 41, { run: "b" })],
  });
});

Deno.test("everything comes back, and a stop leaves nothing", () => {
  breaks(7, /not back after 45 s: r1 has no route/, {
    recoveries: [{ fromMs: 0, untilMs: 45_000, lacking: "r1 has no route" }],
  });
  breaks(7, /left behind by the stop: h1: link web/, { leftovers: ["h1: link web"] });
});

Deno.test("tailOf() begins shortly before the first violation, in order, with what was going on and what was told", () => {
  const trouble = {
    number: 3,
    fault: "link-down",
    target: "h2",
    words: "for 9 ms",
    fromMs: 10_000,
    untilMs: 58_000,
  };
  const lines = tailOf({ ...sound, troubles: [trouble], events: told(59_000, 60_000) }, [{
    atMs: 60_000,
    words: "",
  }]);
  deepEqual(lines.map((line) => line.slice(13)), [
    "fault 3: link-down of h2 for 9 ms",
    "fault 3 is over",
    "h1: 4 route web 10.99.0.1 : a reason",
    "h1: 5 route web 10.99.0.1 : a reason",
  ]);
  equal(tailOf(sound, [{ atMs: 60_000, words: "" }]).length, 0);
});
