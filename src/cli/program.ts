/** From the arguments to the command that they name, and to the exit status. */
import { escapeUnprintable } from "../text/escapes.ts";
import type { Overrides } from "../config/overrides.ts";
import { DEFAULT_CONTROL_SOCKET } from "../config/values/socket_path.ts";
import type { Question } from "./ask.ts";
import { type CommandLine, parseCommandLine } from "./command_line.ts";
import { findCommand } from "./command_table.ts";
import { ExitStatus } from "./exit_status.ts";
import { helpText } from "./help.ts";

/** What each command does; each resolves to the exit status. */
export interface Commands {
  run(file: string | undefined, overrides: Overrides): Promise<number>;
  check(file: string, print: boolean, overrides: Overrides): Promise<number>;
  migrate(file: string, overrides: Overrides): Promise<number>;
  schema(): Promise<number>;
  ask(question: Question): Promise<number>;
}

/** Where help and complaints about the command line go. */
export interface ProgramOutput {
  readonly version: string;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Parses `args`, runs the command that they name, and resolves to the exit status. */
export function runProgram(
  args: readonly string[],
  commands: Commands,
  output: ProgramOutput,
): Promise<number> {
  const line = parseCommandLine(args);
  const problem = "problem" in line ? line.problem : misuse(line);
  if ("problem" in line || problem !== undefined) {
    output.stderr(`error: ${escapeUnprintable(problem ?? "")}\n(bgp-lb --help shows all commands)\n`);
    return Promise.resolve(ExitStatus.USAGE);
  }
  return perform(line, commands, output);
}

/** What is wrong with arguments that can be read. */
function misuse({ command, argument, options }: CommandLine): string | undefined {
  if (command === "help" && argument !== undefined && findCommand(argument) === undefined) {
    const asCommand = parseCommandLine([argument]);
    return "problem" in asCommand ? asCommand.problem : undefined;
  }
  return command === "run" && options.get("config") === "-"
    ? "run cannot have its configuration from standard input: a reload reads it again"
    : undefined;
}

function perform(line: CommandLine, commands: Commands, output: ProgramOutput): Promise<number> {
  const { argument = "", options } = line;
  const command = options.has("help") ? "help" : options.has("version") ? "version" : line.command;
  switch (command) {
    case "run":
      return commands.run(options.get("config"), overridesOf(options));
    case "check":
      return commands.check(argument, options.has("print"), overridesOf(options));
    case "migrate":
      return commands.migrate(argument, overridesOf(options));
    case "schema":
      return commands.schema();
    case "status":
    case "peers":
    case "routes":
      return commands.ask({
        view: command,
        name: line.argument,
        json: options.has("json"),
        socket: options.get("control-socket") ?? DEFAULT_CONTROL_SOCKET,
      });
    case "help":
      output.stdout(helpText(helpTopic(line)));
      return Promise.resolve(ExitStatus.OK);
    case "version":
      output.stdout(`${output.version}\n`);
      return Promise.resolve(ExitStatus.OK);
    default:
      return command satisfies never;
  }
}

/** `bgp-lb --help` is about the program; `bgp-lb run --help` and `bgp-lb help run` are about the command. */
function helpTopic({ command, named, argument }: CommandLine): string | undefined {
  if (command === "help") return argument;
  return named ? command : undefined;
}

function overridesOf(options: CommandLine["options"]): Overrides {
  return {
    logLevel: options.get("log-level"),
    networkSetup: options.get("network-setup"),
    ipvsSetup: options.get("ipvs-setup"),
    metricsAddress: options.get("metrics-address"),
    controlSocket: options.get("control-socket"),
  };
}
