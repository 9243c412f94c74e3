/**
 * Where the program begins and ends: the agent's signals are caught before anything else is even loaded, exceptions that
 * nobody expected end the turn that they came in and nothing more, and only here the process exits.
 */
import { hasVariable } from "./ffi/environment.ts";
import { ignoreSignal } from "./ffi/signals.ts";
import type { Signal } from "./src/cli/run.ts";
import { closeDebugger } from "./src/os/debugger.ts";
import { ExceptionDesk } from "./src/os/exceptions.ts";
import { SignalDesk } from "./src/os/signals.ts";

/** The statuses of src/cli/program.ts, without what loading it would cost here. */
const FAILED = 1;
const SIGNALS: readonly Signal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"];

/** `run` is the default command. */
function isRun([first]: readonly string[]): boolean {
  if (first === undefined || first === "run") return true;
  return first.startsWith("-") && !["-h", "--help", "-V", "--version"].includes(first);
}

if (import.meta.main) {
  const signals = isRun(Deno.args) ? new SignalDesk(SIGNALS) : undefined;
  // It belongs to the runtime, and would open a debugger to everybody on this host.
  ignoreSignal("SIGUSR1");
  // The other way to have it opened, which the runtime follows whatever else of the environment it ignores.
  if (hasVariable("NODE_OPTIONS") !== false) await closeDebugger();
  const { runCommand, stderr } = await import("./src/main/commands.ts");
  const print = (error: unknown) => stderr(`unexpected: ${error instanceof Error ? error.stack : error}\n`);
  const exceptions = new ExceptionDesk(print);
  const status = await runCommand(Deno.args, { signals, exceptions }).catch((error) => {
    print(error);
    return FAILED;
  });
  Deno.exit(status);
}
