/** Judges an agent's process by what the kernel says of it: no life may have more at its end than in its middle. Pure. */
import type { Bounds } from "./bounds.ts";
import type { Judged, Violation } from "./invariants.ts";
import type { Observed, ProcessSeen } from "./observed.ts";

/** Memory by the highest of each half of a life, descriptors and children by calm moments alone. */
export function processJudge({ processes }: Observed, bounds: Bounds): Judged {
  const lives = Map.groupBy(processes, ({ host, pid }) => `${host} ${pid}`);
  return {
    judged: processes.length,
    violations: [...lives.values()].flatMap((looks) => judgeLife(looks, bounds)),
  };
}

function judgeLife(looks: readonly ProcessSeen[], bounds: Bounds): Violation[] {
  const [first] = looks;
  if (first === undefined) return [];
  const calm = looks.filter((look) => look.calm);
  const { host, pid } = first;
  const process = `${host}, process ${pid}`;
  const warm = looks.filter(({ atMs }) => atMs >= first.atMs + bounds.warmUpMs);
  return [
    ...grown(warm, bounds.growthKiB, ({ residentKiB }) => residentKiB)
      .map(({ atMs, by }) => ({ atMs, words: `${process}: resident memory grew by ${by} KiB` })),
    ...grown(calm, bounds.growthDescriptors, ({ descriptors }) => descriptors)
      .map(({ atMs, by }) => ({
        atMs,
        words: `${process}: ${by} descriptors more than before, and nothing going on`,
      })),
    ...calm.filter(({ children }) => children > 0)
      .map(({ atMs, children }) => ({
        atMs,
        words: `${process}: ${children} children, and nothing going on`,
      })),
  ];
}

/** By how much the highest of the last half is above that of the first, where that is too much. */
function grown(
  looks: readonly ProcessSeen[],
  bound: number,
  of: (look: ProcessSeen) => number,
): { readonly atMs: number; readonly by: number }[] {
  const half = looks.length >> 1;
  const last = looks.slice(half);
  const [begin] = last;
  if (half === 0 || begin === undefined) return [];
  const by = Math.max(...last.map(of)) - Math.max(...looks.slice(0, half).map(of));
  return by > bound ? [{ atMs: begin.atMs, by }] : [];
}
