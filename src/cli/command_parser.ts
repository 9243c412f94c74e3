/**
 * Arguments to a command, read by the table: `--name value`, `--name=value`, the single dashes of Go's flag package
 * (`-config FILE`, `-ipvs-setup=true`); help, version, and what is wrong, with the nearest. By hand, as the agent starts
 * through it: the usual libraries load six modules of node: before the first word is read.
 */
import { escapeUnprintable } from "../text/escapes.ts";
import { nearest } from "../text/nearest.ts";
import { commandHelp, optionTerm, programHelp } from "./command_help.ts";
import {
  type Command,
  type CommandLine,
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

/** What is wrong with a command line. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

const VERSION: readonly (string | undefined)[] = ["-V", "--version"];
const HELP: readonly (string | undefined)[] = ["-h", "--help"];

/** Reads the arguments behind the program's name: the command line, or the exit status where there is nothing to run. */
export function parseCommandLine(args: readonly string[], output: ProgramOutput): CommandLine | number {
  try {
    const read = readWords(doubleDashed(args), output.version);
    if (typeof read !== "string") return read;
    output.stdout(read);
    return ExitStatus.OK;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    output.stderr(`error: ${escapeUnprintable(error.message)}\n(bgp-lb --help shows all commands)\n`);
    return ExitStatus.USAGE;
  }
}

/** A command line, or a text to print. @throws {UsageError} */
function readWords(words: readonly string[], version: string): CommandLine | string {
  const [first, second] = words;
  if (VERSION.includes(first)) return `${version}\n`;
  if (HELP.includes(first)) return programHelp();
  if (first === "help") return second === undefined ? programHelp() : commandHelp(commandNamed(second));
  const isNamed = COMMANDS.some(({ name }) => name === first);
  return isNamed
    ? readCommand(commandNamed(first ?? ""), words.slice(1))
    : readCommand(commandNamed(DEFAULT_COMMAND), words);
}

/** @throws {UsageError} */
function commandNamed(word: string): Command {
  const command = COMMANDS.find(({ name }) => name === word);
  if (command === undefined) throw new UsageError(unknownCommand(word));
  return command;
}

/** The words behind a command: options anywhere, of which the last one of a name counts, until `--` ends them. */
function readCommand(command: Command, words: readonly string[]): CommandLine | string {
  const options = new Map<string, string>();
  const found: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (HELP.includes(word)) return commandHelp(command);
    if (word === "--") found.push(...rest.splice(0));
    else if (/^-./.test(word)) options.set(...readOption(word, rest, command));
    else found.push(word);
    // The default command gets whatever is no command: what is wrong then is the word, not its place.
    const [stray] = found;
    if (command.name === DEFAULT_COMMAND && stray !== undefined) throw new UsageError(unknownCommand(stray));
  }
  refuseWrongNumber(command, found);
  return { command: command.name, argument: found[0], argumentList: found, options };
}

/** An option's name and value, which may be the first word of `rest`. @throws {UsageError} */
function readOption(word: string, rest: string[], { options }: Command): readonly [string, string] {
  const [, name, attached] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
  const option = options.find((row) => row.name === name);
  if (option === undefined) {
    const guess = nearest(word.replace(/^--?/, "").replace(/=.*/s, ""), options.map((row) => row.name));
    const cure = guess === undefined ? "" : `, did you mean --${guess}?`;
    throw new UsageError(`unknown option ${JSON.stringify(word)}${cure}`);
  }
  if (option.value === undefined) {
    if (attached !== undefined) throw new UsageError(`option '${optionTerm(option)}' takes no value`);
    return [option.name, "true"];
  }
  const value = attached ?? valueBehind(option, rest);
  if (/^-./.test(value)) {
    const rule = `argument '${value}' is invalid. It needs a value of its own.`;
    throw new UsageError(`option '${optionTerm(option)}' ${rule}`);
  }
  return [option.name, value];
}

/** The next word; where a value is implied, only if it looks like one. @throws {UsageError} */
function valueBehind(option: OptionRow, rest: string[]): string {
  const [next] = rest;
  const { implied, taken = /^(true|false)$/ } = option;
  if (implied !== undefined && (next === undefined || !taken.test(next))) return implied;
  if (next === undefined) throw new UsageError(`option '${optionTerm(option)}' argument missing`);
  rest.shift();
  return next;
}

/** @throws {UsageError} */
function refuseWrongNumber(command: Command, found: readonly string[]): void {
  const { name, argument, argumentRequired, argumentRepeats } = command;
  if (argumentRequired === true && found.length === 0) {
    throw new UsageError(`missing required argument '${argument?.toLowerCase()}'`);
  }
  if (argumentRepeats === true) return;
  const most = argument === undefined ? 0 : 1;
  if (found.length <= most) return;
  const expected = most === 1 ? "1 argument" : "no argument";
  throw new UsageError(
    `too many arguments for '${name}'. Expected ${expected} but got ${found.length}: ${found.join(", ")}.`,
  );
}

function unknownCommand(name: string): string {
  const shown = JSON.stringify(name);
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
function doubleDashed(args: readonly string[]): readonly string[] {
  return args.map((arg) => /^-[a-z][a-z-]+(=|$)/.test(arg) ? `-${arg}` : arg);
}
