/**
 * Where the program begins and ends: exceptions that nobody expected end the turn that they came in and nothing more, and
 * only here the process exits. Imports are static ones, here and in the commands: what is behind a dynamic one is parsed
 * twice in the bundle, which costs more than it saves.
 */
import { signals } from "./src/main/first_moment.ts";
import { ExitStatus } from "./src/cli/exit_status.ts";
import { runCommand, stderr } from "./src/main/commands.ts";
import { ExceptionDesk } from "./src/os/exceptions.ts";

if (import.meta.main) {
  const print = (error: unknown) => stderr(`unexpected: ${error instanceof Error ? error.stack : error}\n`);
  const exceptions = new ExceptionDesk(print);
  const status = await runCommand(Deno.args, { signals, exceptions }).catch((error) => {
    print(error);
    return ExitStatus.FAILED;
  });
  Deno.exit(status);
}
