/**
 * Arguments to a command by the command library, built from the table: `--name value`, `--name=value`, the single dashes
 * of Go's flag package (`-config FILE`, `-ipvs-setup=true`); help, version, and what is wrong, with the nearest.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { escapeUnprintable } from "../text/escapes.ts";
import { nearest } from "../text/nearest.ts";
import {
  type CommandLine,
  type CommandName,
  type CommandRow,
  COMMANDS,
  DEFAULT_COMMAND,
  type OptionRow,
} from "./command_table.ts";
import { ExitStatus } from "./exit_status.ts";

/** Where help and complaints about the command line go. */
export interface ProgramOutput {
  readonly version: string;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Reads the arguments behind the program's name: the command line, or the exit status where there is nothing to run. */
export async function parseCommandLine(
  args: readonly string[],
  output: ProgramOutput,
): Promise<CommandLine | number> {
  let line: CommandLine | undefined;
  const program = new Command("bgp-lb")
    .description(
      "Anycast load-balancer agent: owns service addresses, programs IPVS, checks health, speaks BGP.",
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.stdout(text),
      writeErr: (text) => output.stderr(escapeLines(text)),
    })
    .version(output.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print this help, or that of a command")
    .showHelpAfterError("(bgp-lb --help shows all commands)");
  for (const row of COMMANDS) {
    addCommand(program, row, (argument, options) => line = { command: row.name, argument, options });
  }
  try {
    await program.parseAsync(doubleDashed(args), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? ExitStatus.OK : ExitStatus.USAGE;
  }
  return line ?? ExitStatus.USAGE;
}

function addCommand(
  program: Command,
  row: CommandRow & { readonly name: CommandName },
  found: (argument: string | undefined, options: ReadonlyMap<string, string>) => void,
): void {
  const isDefault = row.name === DEFAULT_COMMAND;
  const command = program.command(row.name, { isDefault }).description(row.description);
  for (const option of row.options) command.addOption(optionOf(option));
  if (row.argument !== undefined) {
    command.argument(row.argumentRequired === true ? "<file>" : `[${row.argument.toLowerCase()}]`);
  }
  // The default command gets whatever is no command, and its options: what is wrong then is the word, not its place.
  if (isDefault) command.allowExcessArguments().allowUnknownOption();
  command.action((first: unknown) => {
    const [word] = command.args;
    if (isDefault && word !== undefined) program.error(`error: ${unknownWord(word, row)}`);
    const options = new Map<string, string>();
    for (const [name, value] of Object.entries(command.opts())) options.set(dashed(name), String(value));
    found(typeof first === "string" ? first : undefined, options);
  });
}

function optionOf({ name, value, implied, description }: OptionRow): Option {
  if (value === undefined) return new Option(`--${name}`, description);
  if (implied !== undefined) return new Option(`--${name} [${value}]`, description).preset(implied);
  return new Option(`--${name} <${value.toLowerCase()}>`, description).argParser((text: string) => {
    if (/^-./.test(text)) throw new InvalidArgumentError("It needs a value of its own.");
    return text;
  });
}

function unknownWord(name: string, { options }: CommandRow): string {
  const shown = JSON.stringify(name);
  if (/^-./.test(name)) {
    const guess = nearest(name.replace(/^--?/, "").replace(/=.*/s, ""), options.map((option) => option.name));
    return `unknown option ${shown}${guess === undefined ? "" : `, did you mean --${guess}?`}`;
  }
  if (/^[\u2010-\u2015\u2212]/.test(name)) return `${shown} begins with a character that only looks like a -`;
  if (COMMANDS.some((command) => command.name === name)) {
    return `the command ${name} stands before its options`;
  }
  const guess = nearest(name, COMMANDS.map((command) => command.name));
  if (guess !== undefined) return `unknown command ${shown}, did you mean ${guess}?`;
  const cure = /[./]/.test(name) ? `; the agent's file is given by --config ${name}` : "";
  return `unknown command ${shown}${cure}`;
}

/** `-config FILE` and `-ipvs-setup=true`, as Go's flag package takes them, spelled with two dashes. */
function doubleDashed(args: readonly string[]): string[] {
  return args.map((arg) => /^-[a-z][a-z-]+(=|$)/.test(arg) ? `-${arg}` : arg);
}

/** The library's `controlSocket` is the table's `control-socket`. */
function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Arguments that stand in a complaint cannot reach the terminal as more than text. */
function escapeLines(text: string): string {
  return text.split("\n").map(escapeUnprintable).join("\n");
}
