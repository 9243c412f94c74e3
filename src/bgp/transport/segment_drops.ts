/**
 * What the kernel dropped for a signature or a TTL: the only trace that a wrong password or GTSM leaves on this host. Read
 * from /proc/net/netstat, which counts for all connections of the network namespace. Pure.
 */

/** Counters of TcpExt, by the kernel's spelling, and what each is told as. */
const COUNTERS = {
  /** A key is set for the other end, and the segment has no signature. */
  unsigned: ["TCPMD5NotFound", "TCPAORequired"],
  /** The segment has a signature, and no key is set for the other end. */
  unexpected: ["TCPMD5Unexpected", "TCPAOKeyNotFound"],
  /** Both have keys, and they differ. */
  mismatched: ["TCPMD5Failure", "TCPAOBad"],
  /** The TTL was below the least one (GTSM). */
  lowTtl: ["TCPMinTTLDrop"],
} as const satisfies Record<string, readonly string[]>;

/** How many segments were dropped, by why. */
export type SegmentDrops = { readonly [Why in keyof typeof COUNTERS]: number };

/** Nothing was dropped, or nobody can know. */
export const NO_DROPS: SegmentDrops = { unsigned: 0, unexpected: 0, mismatched: 0, lowTtl: 0 };

/** What the text of /proc/net/netstat counts; a counter that this kernel does not have is 0. */
export function parseSegmentDrops(netstat: string): SegmentDrops {
  const [names = [], values = []] = netstat.split("\n").filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  const sum = (counters: readonly string[]) =>
    counters.reduce((total, name) => total + (Number(values[names.indexOf(name)] ?? 0) || 0), 0);
  return {
    unsigned: sum(COUNTERS.unsigned),
    unexpected: sum(COUNTERS.unexpected),
    mismatched: sum(COUNTERS.mismatched),
    lowTtl: sum(COUNTERS.lowTtl),
  };
}

/** What was dropped between the two. */
export function dropsBetween(before: SegmentDrops, after: SegmentDrops): SegmentDrops {
  return {
    unsigned: Math.max(0, after.unsigned - before.unsigned),
    unexpected: Math.max(0, after.unexpected - before.unexpected),
    mismatched: Math.max(0, after.mismatched - before.mismatched),
    lowTtl: Math.max(0, after.lowTtl - before.lowTtl),
  };
}
