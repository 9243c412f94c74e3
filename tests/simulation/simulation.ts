/**
 * One run of the whole agent in a world of faults: a scenario is played, then it becomes calm, everything ends where it
 * should, nothing moves any more, and nothing is left.
 */
import type { Rule } from "./inspector.ts";
import { playEpilogue } from "./epilogue.ts";
import { endState } from "./end_state.ts";
import type { Scenario } from "./steps.ts";
import { TROUBLE_MS } from "./steps.ts";
import { World } from "./world.ts";

/** What came of a run. */
export interface Result {
  /** What was wrong; undefined: nothing. */
  readonly violation: string | undefined;
  readonly world: World;
  readonly counts: ReadonlyMap<Rule, number>;
  readonly steps: number;
  readonly virtualMs: number;
}

/** When everything has had its time. */
const CALM_MS = 60_000;
/** Nothing moves for so long. */
const STILL_MS = 10_000;

/** Plays a scenario. */
export async function simulate(scenario: Scenario): Promise<Result> {
  const world = new World(scenario);
  const { clock, inspector } = world;
  let played = 0;
  const until = (atMs: number) => world.pass(atMs - clock.now());
  world.begin();
  for (const step of scenario.steps) {
    await until(step.atMs);
    if (inspector.violation !== undefined) break;
    world.do(step);
    played++;
  }
  await until(TROUBLE_MS);
  if (inspector.violation === undefined) {
    world.calm();
    await until(clock.now() + CALM_MS);
    inspector.judge("ends as configured", endState(world));
    const before = movesOf(world);
    await until(clock.now() + STILL_MS);
    const after = movesOf(world);
    inspector.judge("stillness", before === after ? undefined : `${before} became ${after}`);
  }
  if (inspector.violation === undefined) await playEpilogue(world, scenario);
  if (inspector.violation === undefined) await world.end(scenario.ending);
  return {
    violation: inspector.violation,
    world,
    counts: inspector.counts,
    steps: played,
    virtualMs: clock.now(),
  };
}

/** What has moved so far. */
function movesOf({ kernel, routers }: World): string {
  return `${kernel.made.length} kernel changes, UPDATEs ${routers.map(({ updates }) => updates).join(" ")}`;
}
