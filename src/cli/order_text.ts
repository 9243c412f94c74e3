/** What an order came to, in words for people. Pure. */
import type { CheckNowAnswer, DrainAnswer, Progress, ReloadAnswer } from "../control/orders.ts";
import { escapeUnprintable } from "../text/escapes.ts";

/** Lines for standard output and for standard error. */
export interface OrderText {
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** A drain that was ordered. @param duration as it was asked for, such as `2h` */
export function drainText(answer: DrainAnswer, all: boolean, duration: string | undefined): OrderText {
  const until = duration === undefined ? "" : `; undone by itself after ${duration}`;
  return drained("draining", answer, all, `${all ? ", and what comes later" : ""}${until}`);
}

/** An undrain that was ordered. */
export function undrainText(answer: DrainAnswer, all: boolean): OrderText {
  return drained("undrained", answer, all, "");
}

function drained(verb: string, { services, lost }: DrainAnswer, all: boolean, rest: string): OrderText {
  const names = services.length === 0 ? "there is no service" : services.join(", ");
  return {
    out: [`${verb}${all ? " all" : ""}: ${names}${rest}`],
    err: lost === undefined ? [] : [`this will not outlive the agent: ${lost}`],
  };
}

/** What is looked at once. */
export function checkNowText({ services, kernel }: CheckNowAnswer): OrderText {
  const probed = services.length === 0
    ? "there is no check to run"
    : `probed at once: ${services.join(", ")}`;
  return {
    out: [probed, ...kernel ? ["the kernel is read at once, and repaired where it differs"] : []],
    err: [],
  };
}

/** How a reload went; of an invalid configuration the problems alone, as `check` has them. */
export function reloadText(answer: ReloadAnswer): OrderText {
  if (answer.result === "invalid") {
    return { out: [], err: [...answer.problems, "the running configuration stays"] };
  }
  const { result, hash, changes, restart, warnings, errors } = answer;
  return {
    out: [
      result === "applied"
        ? `configuration ${hash} is in force`
        : `nothing has changed: configuration ${hash}`,
      ...changes.map((change) => `  ${change}`),
      ...restart.map((key) => `${key} needs a restart to take effect`),
    ],
    err: [
      ...warnings,
      ...errors.map((error) => `could not be done, and is tried again: ${error}`),
    ],
  };
}

/** One service on its way: `web quiescing, 3 connections, 12 s left`. */
export function stepText({ service, phase, connections, leftMs, done }: Progress): string {
  const parts = [`${service} ${phase}`];
  if (!done && connections !== undefined) {
    parts.push(`${connections} connection${connections === 1 ? "" : "s"}`);
  }
  if (!done && leftMs !== undefined) parts.push(`${Math.ceil(leftMs / 1000)} s left`);
  return parts.join(", ");
}

/** All services on their way in one line of at most `columns`, those that are not done first. */
export function progressLine(progress: readonly Progress[], columns: number): string {
  const open = progress.filter(({ done }) => !done);
  const done = progress.length - open.length;
  const count = progress.length === 1
    ? ""
    : `${done} of ${progress.length} done${open.length > 0 ? ": " : ""}`;
  const steps = progress.length === 1 ? progress : open;
  return clipped(escapeUnprintable(count + steps.map(stepText).join("; ")), columns);
}

/** What fits, where a character that is not ASCII may take two columns. */
function clipped(text: string, columns: number): string {
  const characters = [...text];
  const widths = characters.map((character) => /[ -~]/.test(character) ? 1 : 2);
  if (widths.reduce<number>((sum, width) => sum + width, 0) <= columns) return text;
  let used = 1;
  const end = widths.findIndex((width) => (used += width) > columns);
  return `${characters.slice(0, end).join("")}…`;
}
