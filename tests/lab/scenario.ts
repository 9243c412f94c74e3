/** What a scenario is, and how a list of them is run and reported. */
import { deepEqual } from "node:assert/strict";
import type { LabWorld } from "./lab_world.ts";
import type { LoadFigures, Report } from "./report.ts";

/** Whom a scenario tells what it does and measures, while it does it. */
export interface Narrator {
  say(text: string): void;
  figure(name: string, value: number, unit: string): void;
  load(figures: LoadFigures): void;
}

/** One thing that must be true of the whole. It throws where it is not, and says in a sentence what it saw. */
export interface Scenario<W> {
  readonly name: string;
  /** Where it fails, nothing after it can be judged. */
  readonly essential?: boolean;
  run(world: W, narrator: Narrator): Promise<string>;
}

/** Thrown by a scenario that cannot run here; the message says why. */
export class Skipped extends Error {}

/** `deepEqual`, with what it is about in front of the difference. @throws where they differ */
export function same(actual: unknown, expected: unknown, what: string): void {
  try {
    deepEqual(actual, expected);
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * Runs scenarios one after the other. Those after the failure of an essential one, or with `stopAtFailure` of any, are
 * reported as skipped.
 */
export async function runScenarios<W extends Pick<LabWorld, "evidence">>(
  scenarios: readonly Scenario<W>[],
  world: W,
  report: Report,
  stopAtFailure = false,
): Promise<{ ran: number; failed: number }> {
  let ran = 0;
  let failed = 0;
  let over = false;
  for (const { name, essential, run } of scenarios) {
    if (over) {
      report({
        type: "result",
        name,
        outcome: "skipped",
        ms: 0,
        message: "one before it failed",
        evidence: [],
      });
      continue;
    }
    report({ type: "scenario", name });
    const begin = performance.now();
    const end = (outcome: "passed" | "failed" | "skipped", message: string, evidence: string[]) =>
      report({ type: "result", name, outcome, ms: performance.now() - begin, message, evidence });
    try {
      const message = await run(
        world,
        {
          say: (text) => report({ type: "say", text }),
          figure: (figure, value, unit) => report({ type: "figure", name: figure, value, unit }),
          load: (figures) => report({ type: "load", ...figures }),
        },
      );
      ran++;
      end("passed", message, []);
    } catch (error) {
      if (error instanceof Skipped) {
        end("skipped", error.message, []);
        continue;
      }
      ran++;
      failed++;
      over = stopAtFailure || essential === true;
      end("failed", error instanceof Error ? error.message : String(error), world.evidence());
    }
  }
  return { ran, failed };
}
