/** Plans of reloads: reads what a reload would read, refuses what it would refuse, and looks where it would go. */
import type { Config } from "../config/config.ts";
import type { NamedText } from "../config/load.ts";
import { effective } from "../config/restart.ts";
import { BusyError } from "../control/orders.ts";
import type { PlanAnswer } from "../control/plan_route.ts";
import type { Kernel, Managed } from "../kernel/kernel.ts";
import { Reconciler } from "../kernel/reconciler.ts";
import type { ServiceDriver } from "../service/driver.ts";
import type { ServiceEntry } from "../service/state.ts";
import { comingKernel, planReload } from "./plan_reload.ts";
import type { Loaded } from "./ports.ts";

/** What plans look at. */
export interface PlanSource {
  running(): Config;
  load(file: NamedText | undefined): Loaded | Promise<Loaded>;
  /** What keeps `next` from being run here; empty: nothing does. */
  refuse(next: Config): Promise<readonly string[]>;
  entriesOf(config: Config): readonly ServiceEntry[];
  readonly services: Pick<ServiceDriver, "states" | "desiredKernel" | "preview">;
  readonly managed: Managed;
  readonly kernel: Kernel | undefined;
  /** Why nothing can be reloaded now. */
  busy(): string | undefined;
}

/** What a reload would do, of `file` or the agent's own. Changes nothing. @throws {BusyError} */
export async function planFor(file: NamedText | undefined, source: PlanSource): Promise<PlanAnswer> {
  const busy = source.busy();
  if (busy !== undefined) throw new BusyError(busy);
  const loaded = await source.load(file);
  if (!loaded.ok) return { result: "invalid", problems: loaded.problems };
  const problems = await source.refuse(effective(source.running(), loaded.config));
  if (problems.length > 0) return { result: "invalid", problems };
  const { kernel, managed } = source;
  const seen = await look();
  // In one turn: what is, and what would become of it.
  return { result: "plan", plan: planReload({ ...viewed(), ...seen }) };

  function viewed() {
    const old = source.running();
    const next = loaded.ok ? loaded.config : old;
    const { states, desiredKernel: desired } = source.services;
    const preview = source.services.preview(source.entriesOf(effective(old, next)));
    return { old, next, managed, states, desired, preview };
  }

  async function look() {
    const { warnings } = loaded.ok ? loaded : { warnings: [] };
    if (kernel === undefined) return { actual: undefined, warnings };
    const { actual, problems } = await Reconciler.examine(kernel, comingKernel(viewed()), managed);
    return { actual, warnings: [...warnings, ...problems] };
  }
}
