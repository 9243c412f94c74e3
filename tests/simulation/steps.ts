/** What happens in a run, as plain data that a seed gives: it can be replayed, and parts of it left out. */
import type { Config } from "../../src/config/config.ts";
import { type BackendState } from "./backends.ts";
import {
  anotherConfig,
  BACKEND_PORTS,
  ROUTERS,
  SERVICE_NAMES,
  someConfig,
  someDegraded,
} from "./configurations.ts";
import { Dice } from "./dice.ts";
import { FIELD_MEDDLINGS, type Meddling, MEDDLINGS } from "./meddling.ts";

/** What a router does, or what happens to it. */
export type RouterTrouble =
  | "resets"
  | "ceases"
  | "is silent"
  | "reads nothing"
  | "restarts"
  | "refreshes"
  | "cannot be reached";

/** Something that happens. */
export type Deed =
  | { readonly do: "backend"; readonly port: number; readonly state: BackendState }
  | { readonly do: "meddle"; readonly what: Meddling; readonly dice: number }
  /** Undoes every repair of one object. */
  | { readonly do: "fight"; readonly dice: number; readonly forMs: number }
  | { readonly do: "refuse"; readonly share: number; readonly forMs: number }
  | { readonly do: "fail reads"; readonly forMs: number }
  | { readonly do: "router"; readonly router: string; readonly what: RouterTrouble; readonly forMs: number }
  | { readonly do: "connections"; readonly count: number }
  | { readonly do: "stall"; readonly ms: number }
  | { readonly do: "kill"; readonly restartMs: number; readonly config: number; readonly torn: boolean }
  | { readonly do: "handover"; readonly restartMs: number; readonly config: number }
  | { readonly do: "stop"; readonly restartMs: number; readonly config: number }
  | { readonly do: "fail disk"; readonly forMs: number }
  /** None are named: all. */
  | { readonly do: "drain"; readonly services: readonly string[]; readonly forMs: number | undefined }
  | { readonly do: "undrain" | "check now"; readonly services: readonly string[] }
  /** -1: the file is not valid; `SAME`: it is the running one. */
  | { readonly do: "reload"; readonly config: number }
  | { readonly do: "order handover" };

/** A deed at its moment. */
export type Step = Deed & { readonly atMs: number };

/** How a run ends. */
export type Ending = "stop" | "handover" | "kill";

/** One run. */
export interface Scenario {
  readonly seed: number;
  /** The first one is what the agent starts with. */
  readonly configs: readonly Config[];
  readonly steps: readonly Step[];
  /** What each backend is in the end, by port. */
  readonly finally: ReadonlyMap<number, BackendState>;
  /** Where routers connect, too, and help at restarts. */
  readonly routers: ReadonlyMap<
    string,
    { readonly connects: boolean; readonly helps: boolean; readonly holdTimeSeconds: number }
  >;
  readonly latencyMs: number;
  readonly bufferLength: number;
  /** When all is still: the file that is read then, services that are drained, and whether a fresh agent is compared with. */
  readonly epilogue: {
    readonly reload: number;
    readonly drain: readonly string[];
    readonly compares: boolean;
  };
  readonly ending: Ending;
}

/** Stands for the configuration that is in force. */
export const SAME = -2;
/** The seed of the first run; the others follow. */
export const SEED = 20_261_126;
/** Steps come within this time. */
export const TROUBLE_MS = 40_000;

/** The run of a seed. */
export function scenarioOf(seed: number): Scenario {
  const dice = new Dice(seed);
  const configs = [someConfig(dice)];
  const first = configs[0];
  for (let more = dice.below(4); more > 0 && first !== undefined; more--) {
    configs.push(anotherConfig(configs.at(-1) ?? first, dice));
  }
  const steps = Array.from({ length: dice.below(18) }, (): Step => {
    return { atMs: dice.below(dice.chance(0.2) ? 3000 : TROUBLE_MS), ...someDeed(configs.length, dice) };
  });
  return {
    seed,
    configs: someDegraded(configs, new Dice(Math.imul(seed, 0xc2b2_ae35) >>> 0)),
    steps: [...steps, ...fightsOf(seed), ...fieldsOf(seed), ...fluttersOf(seed, first)].sort((a, b) =>
      a.atMs - b.atMs
    ),
    finally: new Map(BACKEND_PORTS.map((port) => [port, dice.chance(0.85) ? "up" : dice.pick(DEAD)])),
    routers: new Map(ROUTERS.map(({ name }) => [name, {
      connects: dice.chance(0.5) ||
        configs.some(({ bgp }) => bgp.peers.some((peer) => peer.passive && peer.name === name)),
      helps: dice.chance(0.6),
      holdTimeSeconds: dice.pick([9, 30, 90]),
    }])),
    latencyMs: dice.pick([1, 5, 30]),
    bufferLength: dice.pick([40, 100, 400, 65_536]),
    epilogue: {
      reload: someIndex(configs.length, dice),
      drain: dice.some(SERVICE_NAMES, 0.5),
      compares: dice.chance(0.25),
    },
    ending: dice.pick(["stop", "stop", "handover", "kill"]),
  };
}

/** By dice of their own: what else happens does not hang on them. */
function fightsOf(seed: number): readonly Step[] {
  // Seeds that follow each other begin alike.
  const dice = new Dice(Math.imul(seed, 0x9e37_79b1) >>> 0);
  if (!dice.chance(0.3)) return [];
  return Array.from({ length: dice.between(1, 2) }, () => {
    const forMs = dice.pick([1000, 5000, 25_000]);
    return { do: "fight", dice: dice.below(2 ** 30), forMs, atMs: dice.between(2000, TROUBLE_MS / 2) };
  });
}

/** Single fields of objects that others change, by dice of their own. */
function fieldsOf(seed: number): readonly Step[] {
  const dice = new Dice(Math.imul(seed, 0x85eb_ca6b) >>> 0);
  if (!dice.chance(0.5)) return [];
  return Array.from({ length: dice.between(1, 3) }, () => {
    return {
      do: "meddle",
      what: dice.pick(FIELD_MEDDLINGS),
      dice: dice.below(2 ** 30),
      atMs: dice.below(TROUBLE_MS),
    };
  });
}

/** Backends that work now and then for a while, by dice of their own: those of checks that may flap, first of all. */
function fluttersOf(seed: number, config: Config | undefined): readonly Step[] {
  const dice = new Dice(Math.imul(seed, 0xc2b2_ae35) >>> 0);
  const checks = config?.services.flatMap((service) => service.checks) ?? [];
  const ports = checks.flatMap((check) =>
    check.type === "http" && check.flap !== undefined && dice.chance(0.7) ? [check.port] : []
  );
  return ports.flatMap((port): readonly Step[] => {
    const atMs = dice.below(TROUBLE_MS / 2);
    return [
      { do: "backend", port, state: "flutters", atMs },
      { do: "backend", port, state: "up", atMs: atMs + dice.between(2000, 12_000) },
    ];
  });
}

const DEAD: readonly BackendState[] = ["refuses", "hangs", "late"];
const STATES: readonly BackendState[] = [
  "up",
  "up",
  ...DEAD,
  "refuses",
  "hangs",
  "blind",
  "throws",
  "flutters",
];
const TROUBLES: readonly RouterTrouble[] = [
  "resets",
  "resets",
  "ceases",
  "is silent",
  "reads nothing",
  "restarts",
  "refreshes",
  "cannot be reached",
];

type Make = (configs: number, dice: Dice) => Deed;

/** Each kind with how often it comes, against the others. */
const DEEDS: readonly (readonly [number, Make])[] = [
  [8, (_, dice) => ({ do: "backend", port: dice.pick(BACKEND_PORTS), state: dice.pick(STATES) })],
  [7, (_, dice) => ({ do: "meddle", what: dice.pick(MEDDLINGS), dice: dice.below(2 ** 30) })],
  [1, (_, dice) => ({ do: "refuse", share: dice.pick([0.3, 1]), forMs: dice.between(1, 8) * 1000 })],
  [1, (_, dice) => ({ do: "fail reads", forMs: dice.between(1, 8) * 1000 })],
  [4, (_, dice) => {
    const { name } = dice.pick(ROUTERS);
    return { do: "router", router: name, what: dice.pick(TROUBLES), forMs: dice.between(1, 20) * 1000 };
  }],
  [1, (_, dice) => ({ do: "connections", count: dice.below(3) })],
  [1, (_, dice) => ({ do: "stall", ms: dice.pick([200, 2000, 12_000]) })],
  [2, (configs, dice) => {
    const restartMs = dice.pick([100, 2000, 5000]);
    return { do: "kill", restartMs, config: someIndex(configs, dice), torn: dice.chance(0.1) };
  }],
  [
    1,
    (configs, dice) => ({
      do: "handover",
      restartMs: dice.pick([0, 100, 2000]),
      config: someIndex(configs, dice),
    }),
  ],
  [
    1,
    (configs, dice) => ({
      do: "stop",
      restartMs: dice.pick([0, 500, 3000]),
      config: someIndex(configs, dice),
    }),
  ],
  [1, (_, dice) => ({ do: "fail disk", forMs: dice.between(1, 8) * 1000 })],
  [
    4,
    (_, dice) => ({
      do: "drain",
      services: someNames(dice),
      forMs: dice.pick([undefined, undefined, 5000, 30_000]),
    }),
  ],
  [3, (_, dice) => ({ do: "undrain", services: someNames(dice) })],
  [1, (_, dice) => ({ do: "check now", services: someNames(dice) })],
  [6, (configs, dice) => ({ do: "reload", config: someFile(configs, dice) })],
  [1, () => ({ do: "order handover" })],
];

function someIndex(configs: number, dice: Dice): number {
  return dice.below(configs);
}

function someFile(configs: number, dice: Dice): number {
  const kind = dice.below(10);
  return kind === 0 ? -1 : kind === 1 ? SAME : someIndex(configs, dice);
}

function someNames(dice: Dice): readonly string[] {
  return dice.chance(0.3) ? [] : dice.some(SERVICE_NAMES, 0.35);
}

const WEIGHTS = DEEDS.reduce((sum, [weight]) => sum + weight, 0);

function someDeed(configs: number, dice: Dice): Deed {
  let left = dice.below(WEIGHTS);
  for (const [weight, make] of DEEDS) {
    if (left < weight) return make(configs, dice);
    left -= weight;
  }
  throw new RangeError("the weights do not add up");
}
