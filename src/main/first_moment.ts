/**
 * The first moment of the program. It is the first import of main.ts and the only module that does something when it is
 * imported: all others take some tens of milliseconds to come up, and a signal in that time would act by its default.
 */
import { hasVariable } from "../../ffi/environment.ts";
import { ignoreSignal } from "../../ffi/signals.ts";
import type { Signal } from "../cli/run.ts";
import { closeDebugger } from "../os/debugger.ts";
import { SignalDesk } from "../os/signals.ts";

const SIGNALS: readonly Signal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"];

/** `run` is the default command. */
function isRun([first]: readonly string[]): boolean {
  if (first === undefined || first === "run") return true;
  return first.startsWith("-") && !["-h", "--help", "-V", "--version"].includes(first);
}

/** The signals of the agent, from now on; other commands leave them to the system. */
export const signals: SignalDesk<Signal> | undefined = isRun(Deno.args) ? new SignalDesk(SIGNALS) : undefined;

// It belongs to the runtime, and would open a debugger to everybody on this host.
ignoreSignal("SIGUSR1");
// The other way to have it opened, which the runtime follows whatever else of the environment it ignores.
if (hasVariable("NODE_OPTIONS") !== false) await closeDebugger();
