/**
 * The plain command line of the agent's start: `run` or nothing, then known options with values. It is read here, by the
 * table, as loading the command library would keep the first route waiting; whatever else there is, that library judges.
 */
import { type CommandLine, COMMANDS } from "./command_table.ts";

const [RUN] = COMMANDS;

/** What `args` ask of the agent; undefined where they are anything else than plain. */
export function plainRun(args: readonly string[]): CommandLine | undefined {
  const options = new Map<string, string>();
  for (let at = args[0] === "run" ? 1 : 0; at < args.length; at++) {
    const match = /^--?([a-z][a-z-]*)(?:=(.*))?$/s.exec(args[at] ?? "");
    const row = RUN.options.find(({ name }) => name === match?.[1]);
    if (row === undefined) return undefined;
    const value = match?.[2] ?? ("implied" in row ? undefined : args[++at]);
    if (value === undefined || value.startsWith("-")) return undefined;
    options.set(row.name, value);
  }
  return { command: "run", argument: undefined, options };
}
