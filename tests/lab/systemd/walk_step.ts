/** What the walk through a booted system reports to the outside: one line for each step, on the console. */

/** One step. */
export interface WalkStep {
  readonly name: string;
  /** What went wrong; undefined: nothing. */
  readonly problem: string | undefined;
  readonly ms: number;
}

const MARK = "walk: step ";

/** As a line. */
export function encodeStep(step: WalkStep): string {
  return MARK + JSON.stringify(step);
}

/** Undefined where the line is none. */
export function decodeStep(line: string): WalkStep | undefined {
  const at = line.indexOf(MARK);
  if (at < 0) return undefined;
  const { name, problem, ms }: { name: string; problem?: string; ms: number } = JSON.parse(
    line.slice(at + MARK.length),
  );
  return { name, problem, ms };
}
