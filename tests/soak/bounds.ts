/** How the soak's services are checked and taken down, and the bounds that follow from it. */

/** Of every check. */
export const CHECK = { intervalMs: 1_000, fastIntervalMs: 200, timeoutMs: 1_000, rise: 2, fall: 3 } as const;
/** Of every service. */
export const STOP = { convergeMs: 500, quiesceMs: 3_000 } as const;
/** What an object must be left alone for, once it was repaired too often. */
export const CONTENTION = { limit: 6, windowMs: 30_000, holdMs: 3_000 } as const;
export const HOLD_TIME_S = 9;
export const RESTART_TIME_S = 60;

/** For one processor that a dozen programs share, in an emulated machine that is one of several. */
const SLACK_MS = 5_000;
/** The agent looks at virtual services so often; of links and addresses it is told. */
const IPVS_PERIOD_MS = 5_000;

/** What may take how long. */
export interface Bounds {
  /** From a fault that nobody tells of to the route gone: the next probe, its timeout, and the rest of the failures. */
  readonly withdrawMs: number;
  /** From the end of every fault to the route back: the same for passes. */
  readonly announceMs: number;
  /** From a fault in the kernel to its repair. */
  readonly repairMs: number;
  /** From the agent's or router's return to a session that has told everything. */
  readonly sessionMs: number;
  /** From the end of all troubles to everything as before. */
  readonly recoverMs: number;
  /** Between what is seen on a router and what the journal says of it. */
  readonly journalMs: number;
  /** What the last half of a life may have more of than its first. */
  readonly growthKiB: number;
  readonly growthDescriptors: number;
  /** Lives that are shorter, or the beginning of one, say nothing of memory. */
  readonly warmUpMs: number;
}

/** As configured. */
export const BOUNDS: Bounds = {
  withdrawMs: CHECK.intervalMs + CHECK.timeoutMs +
    (CHECK.fall - 1) * (CHECK.fastIntervalMs + CHECK.timeoutMs) +
    SLACK_MS,
  announceMs: CHECK.intervalMs + CHECK.rise * CHECK.timeoutMs + SLACK_MS,
  repairMs: IPVS_PERIOD_MS + SLACK_MS,
  // BIRD and the agent try again after some seconds each, and where both lost count, the hold time passes first.
  sessionMs: (HOLD_TIME_S + 10) * 1_000 + SLACK_MS,
  recoverMs: 45_000,
  journalMs: HOLD_TIME_S * 1_000 + SLACK_MS,
  // Now and then V8 gives free pages back, up to 9 MiB of them, and has them again within a minute.
  growthKiB: 12 * 1024,
  // On a busy machine some probe is under way at every moment.
  growthDescriptors: 8,
  warmUpMs: 90_000,
};
