/**
 * Where the program begins and ends: exceptions that nobody expected end the turn that they came in and nothing more, and
 * only here the process exits. Imports are static ones, here and in the commands: what is behind a dynamic one is parsed
 * twice in the bundle, which costs more than it saves.
 */
<<<<<<< HEAD
import { signals } from "./src/main/first_moment.ts";
import { ExitStatus } from "./src/cli/exit_status.ts";
import { runCommand, stderr } from "./src/main/commands.ts";
import { ExceptionDesk } from "./src/os/exceptions.ts";
=======
import { ignoreSignal } from "./ffi/signals.ts";
import { ExitStatus } from "./src/cli/exit_status.ts";
import type { Signal } from "./src/cli/run.ts";
import { ExceptionDesk } from "./src/os/exceptions.ts";
import { SignalDesk } from "./src/os/signals.ts";

const SIGNALS: readonly Signal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"];

/** `run` is the default command. */
function isRun([first]: readonly string[]): boolean {
  if (first === undefined || first === "run") return true;
  return first.startsWith("-") && !["-h", "--help", "-V", "--version"].includes(first);
}
>>>>>>> review

if (import.meta.main) {
  const print = (error: unknown) => stderr(`unexpected: ${error instanceof Error ? error.stack : error}\n`);
  const exceptions = new ExceptionDesk(print);
  const status = await runCommand(Deno.args, { signals, exceptions }).catch((error) => {
    print(error);
    return ExitStatus.FAILED;
  });
  Deno.exit(status);
}
