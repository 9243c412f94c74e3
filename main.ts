/**
 * Where the program begins and ends: the agent's signals are caught before anything else is done, exceptions that nobody
 * expected end the turn that they came in and nothing more, and only here the process exits. Every import is a static
 * one, here and in the commands: what is behind a dynamic one is parsed twice in the bundle, which costs more than it saves.
 */
import { ignoreSignal } from "./ffi/signals.ts";
import { ExitStatus } from "./src/cli/exit_status.ts";
import type { Signal } from "./src/cli/run.ts";
import { runCommand, stderr } from "./src/main/commands.ts";
import { SignalDesk } from "./src/os/signals.ts";

const SIGNALS: readonly Signal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"];

/** `run` is the default command. */
function isRun([first]: readonly string[]): boolean {
  if (first === undefined || first === "run") return true;
  return first.startsWith("-") && !["-h", "--help", "-V", "--version"].includes(first);
}

/** An exception that nobody expected ends the turn that it came in, and never the agent. */
function surviveExceptions(tell: (error: unknown) => void): void {
  addEventListener("error", (event) => {
    event.preventDefault();
    tell(event.error);
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    tell(event.reason);
  });
}

if (import.meta.main) {
  const signals = isRun(Deno.args) ? new SignalDesk(SIGNALS) : undefined;
  // It belongs to the runtime, and would open a debugger to everybody on this host.
  ignoreSignal("SIGUSR1");
  const tell = (error: unknown) => stderr(`unexpected: ${error instanceof Error ? error.stack : error}\n`);
  surviveExceptions(tell);
  const status = await runCommand(Deno.args, signals).catch((error) => {
    tell(error);
    return ExitStatus.FAILED;
  });
  Deno.exit(status);
}
