/** How much happens in a second, told by the counters of two statuses of the same agent. Pure. */
import type { StatusDocument } from "./document.ts";

/** Each a second. */
export interface Rates {
  readonly probes: number;
  readonly failures: number;
  /** UPDATEs that were sent. */
  readonly updates: number;
  /** All messages of BGP, both ways. */
  readonly messages: number;
}

/** Undefined where the two say nothing about each other: no time between them, or another start of the agent. */
export function ratesBetween(
  before: StatusDocument,
  after: StatusDocument,
  elapsedMs: number,
): Rates | undefined {
  if (elapsedMs <= 0 || before.journal.run !== after.journal.run) return undefined;
  const rate = (count: (status: StatusDocument) => ReadonlyMap<string, number>) =>
    grown(count(before), count(after)) * 1000 / elapsedMs;
  return {
    probes: rate((status) => eachCheck(status, (check) => check.passes + check.failures + check.unknowns)),
    failures: rate((status) => eachCheck(status, ({ failures }) => failures)),
    updates: rate(({ peers }) => new Map(peers.map(({ name, messages }) => [name, messages.sent.UPDATE]))),
    messages: rate(({ peers }) =>
      new Map(peers.map(({ name, messages: { sent, received } }) => [name, sum(sent) + sum(received)]))
    ),
  };
}

type Check = StatusDocument["services"][number]["checks"][number];

function eachCheck(
  { services }: StatusDocument,
  count: (check: Check) => number,
): ReadonlyMap<string, number> {
  return new Map(
    services.flatMap(({ name, checks }) =>
      checks.map((check) => [JSON.stringify([name, check.name]), count(check)] as const)
    ),
  );
}

/** Over what is in both; what came or went between them, or counts anew, has no say. */
function grown(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number {
  let all = 0;
  for (const [key, count] of after) all += Math.max(0, count - (before.get(key) ?? count));
  return all;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
