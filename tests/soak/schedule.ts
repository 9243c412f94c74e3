/**
 * Which faults come when: the same seed gives the same rounds, whatever the machine does with them. A round is a storm, in which
 * faults overlap, then calm, in which all must come back, then orders one at a time, which must cost nobody anything. Pure.
 */
import { Dice } from "../support/dice.ts";

/** What a fault is done to. */
export type TargetKind = "host" | "server" | "node" | "router";

/** A row of the table of faults. */
export interface FaultRow {
  readonly target: TargetKind;
  /** How long it lasts at least and at most. */
  readonly lastsMs: readonly [number, number];
  /** How much more often than others. */
  readonly share?: number;
  /** It ends the agent's process: never done to the host whose process lives through the whole soak. */
  readonly endsLife?: true;
}

/** Every fault, by name. `node` is whatever runs a server: a host or a real server. */
export const FAULTS = {
  // Servers.
  "server-errors": { target: "node", lastsMs: [3_000, 9_000], share: 2 },
  "server-hangs": { target: "node", lastsMs: [3_000, 9_000], share: 2 },
  "server-lies": { target: "node", lastsMs: [3_000, 9_000], share: 2 },
  "server-half-answers": { target: "node", lastsMs: [3_000, 9_000] },
  "server-resets": { target: "node", lastsMs: [3_000, 9_000] },
  "server-flaps": { target: "node", lastsMs: [4_000, 10_000], share: 2 },
  "server-dies": { target: "node", lastsMs: [2_000, 6_000] },
  "server-frozen": { target: "node", lastsMs: [3_000, 8_000] },
  "maintenance-file": { target: "host", lastsMs: [3_000, 8_000] },
  // Routers and links.
  "router-killed": { target: "router", lastsMs: [500, 4_000] },
  "router-restarted": { target: "router", lastsMs: [500, 3_000] },
  "link-down": { target: "host", lastsMs: [1_000, 12_000] },
  "link-silent": { target: "host", lastsMs: [1_000, 12_000] },
  // Somebody else's hands in the kernel.
  "address-deleted": { target: "host", lastsMs: [0, 0], share: 2 },
  "interface-down": { target: "host", lastsMs: [0, 0] },
  "interface-deleted": { target: "host", lastsMs: [0, 0] },
  "ipvs-cleared": { target: "host", lastsMs: [0, 0], share: 2 },
  "scheduler-changed": { target: "host", lastsMs: [0, 0] },
  "destination-weighed": { target: "host", lastsMs: [0, 0] },
  "foreign-objects": { target: "host", lastsMs: [2_000, 12_000], share: 2 },
  // The agent's process.
  "agent-stopped-still": { target: "host", lastsMs: [500, 14_000], share: 2 },
  "agent-killed": { target: "host", lastsMs: [0, 6_000], endsLife: true },
  "agent-restarted": { target: "host", lastsMs: [0, 3_000], endsLife: true },
  "agent-handed-over": { target: "host", lastsMs: [0, 3_000], endsLife: true },
  // Orders while all this goes on.
  "drained": { target: "host", lastsMs: [2_000, 8_000] },
  "reloaded": { target: "host", lastsMs: [2_000, 8_000] },
  "reloaded-invalid": { target: "host", lastsMs: [2_000, 5_000] },
  // Clients of the agent's own surfaces.
  "scraped": { target: "host", lastsMs: [3_000, 8_000] },
  "hung-readers": { target: "host", lastsMs: [5_000, 15_000], share: 2 },
  "half-open-clients": { target: "host", lastsMs: [5_000, 15_000] },
  "control-questions": { target: "host", lastsMs: [2_000, 6_000] },
  "log-stalled": { target: "host", lastsMs: [3_000, 12_000] },
} as const satisfies Readonly<Record<string, FaultRow>>;

/** The name of one. */
export type FaultName = keyof typeof FAULTS;

/** Orders that cost nobody anything. */
export const ORDERS = [
  "calm",
  "drain",
  "reload-weights",
  "reload-service",
  "check-now",
  "handover",
  "stop",
] as const;
/** The name of one. */
export type OrderName = typeof ORDERS[number];

/** What there is to do faults to. */
export interface Targets {
  readonly hosts: readonly string[];
  readonly servers: readonly string[];
  readonly routers: readonly string[];
}

/** A fault of a round. */
export interface Trouble {
  /** Counted through all rounds, from 1. */
  readonly number: number;
  /** After the beginning of the storm. */
  readonly atMs: number;
  readonly forMs: number;
  readonly fault: FaultName;
  readonly target: string;
  /** From 0 to 1: which of several ways. */
  readonly chance: number;
}

/** An order of a round. */
export interface Planned {
  readonly order: OrderName;
  readonly host: string;
}

/** One round. */
export interface Round {
  readonly number: number;
  readonly storm: readonly Trouble[];
  readonly planned: readonly Planned[];
}

/** What a schedule is made from. */
export interface ScheduleOptions {
  readonly seed: number;
  readonly targets: Targets;
  /** How many rounds. */
  readonly rounds: number;
  /** Only these; undefined: all. */
  readonly faults?: readonly FaultName[] | undefined;
  /** Only those of these numbers; the dice fall as if all were done. */
  readonly only?: readonly [number, number] | undefined;
  /** How many faults a storm has, at least and at most. */
  readonly perStorm: readonly [number, number];
  readonly ordersPerRound: number;
  readonly stormMs: number;
}

/** Is there a fault of that name? */
export function isFault(name: string): name is FaultName {
  return name in FAULTS;
}

/** The host whose process is never ended, so that its memory can be judged over the whole soak. */
export function longLived({ seed, targets: { hosts } }: Pick<ScheduleOptions, "seed" | "targets">): string {
  return hosts[Math.abs(seed) % hosts.length] ?? "";
}

/** All rounds. */
export function scheduleOf(options: ScheduleOptions): Round[] {
  const { seed, rounds, only } = options;
  let number = 0;
  return Array.from({ length: rounds }, (_, index) => {
    const dice = new Dice(seed, index);
    const storm = stormOf(dice, options).map((trouble) => ({ ...trouble, number: ++number }));
    return {
      number: index + 1,
      storm: storm.filter((trouble) =>
        only === undefined || trouble.number >= only[0] && trouble.number <= only[1]
      ),
      planned: ordersOf(dice, options),
    };
  });
}

function stormOf(dice: Dice, options: ScheduleOptions): Omit<Trouble, "number">[] {
  const [fewest, most] = options.perStorm;
  const bag = faultBag(options.faults);
  const count = fewest + dice.below(most - fewest + 1);
  const troubles = Array.from({ length: count }, () => {
    const fault = dice.pick(bag);
    const { lastsMs: [least, longest], ...row }: FaultRow = FAULTS[fault];
    const target = dice.pick(targetsOf(row, options));
    const forMs = least + dice.below(longest - least + 1);
    return { fault, target, forMs, atMs: dice.below(options.stormMs), chance: dice.random() };
  });
  return withoutClashes(troubles.sort((a, b) => a.atMs - b.atMs));
}

/** Each fault as often as its share says. */
function faultBag(wanted: readonly FaultName[] | undefined): FaultName[] {
  return Object.keys(FAULTS).filter(isFault).flatMap((name) => {
    const { share = 1 }: FaultRow = FAULTS[name];
    return wanted === undefined || wanted.includes(name) ? Array.from({ length: share }, () => name) : [];
  });
}

function targetsOf(
  { target, endsLife }: Omit<FaultRow, "lastsMs">,
  options: ScheduleOptions,
): readonly string[] {
  const { hosts, servers, routers } = options.targets;
  switch (target) {
    case "host":
      return endsLife === true ? hosts.filter((host) => host !== longLived(options)) : hosts;
    case "server":
      return servers;
    case "node":
      return [...hosts, ...servers];
    case "router":
      return routers;
  }
}

/** Of two that do the same thing to the same target at once, or both to its process or server, the later one is left out. */
function withoutClashes<T extends Omit<Trouble, "number">>(troubles: readonly T[]): T[] {
  const kept: T[] = [];
  for (const trouble of troubles) {
    const clash = kept.some((each) =>
      each.target === trouble.target && subject(each.fault) === subject(trouble.fault) &&
      each.atMs + each.forMs + BETWEEN_MS > trouble.atMs
    );
    if (!clash) kept.push(trouble);
  }
  return kept;
}

/** Between two faults of one kind at one place. */
const BETWEEN_MS = 1_500;

/** What a fault takes hold of: it is one thing at a time, however long that takes. */
export function subject(fault: FaultName): string {
  if (fault.startsWith("server-")) return "server";
  if (fault.startsWith("router-")) return "router";
  // Whoever does not run can neither be ordered nor hold a log back.
  if (/^(agent-|drained|reloaded|log-)/.test(fault)) return "agent";
  return fault;
}

function ordersOf(dice: Dice, options: ScheduleOptions): Planned[] {
  const left: OrderName[] = [...ORDERS];
  return Array.from({ length: Math.min(options.ordersPerRound, left.length) }, () => {
    const order = dice.pick(left);
    left.splice(left.indexOf(order), 1);
    const ends = order === "handover" || order === "stop";
    return {
      order,
      host: dice.pick(targetsOf(ends ? { target: "host", endsLife: true } : { target: "host" }, options)),
    };
  });
}
