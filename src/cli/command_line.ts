/**
 * Arguments to a command, by the table: `--name value`, `--name=value`, the single dashes of Go's flag package
 * (`-config FILE`, `-ipvs-setup=true`), `--` before what only looks like an option. What is wrong is said with the nearest.
 */
import { nearest } from "../text/nearest.ts";
import {
  type CommandName,
  type CommandRow,
  COMMANDS,
  COMMON_OPTIONS,
  DEFAULT_COMMAND,
  findCommand,
  type OptionRow,
} from "./command_table.ts";

/** What was asked for. */
export interface CommandLine {
  readonly command: CommandName;
  /** False where it is the default. */
  readonly named: boolean;
  readonly argument: string | undefined;
  /** By name without dashes; of an option that is given twice the last one counts. */
  readonly options: ReadonlyMap<string, string>;
}

/** A command line, or why it is none. */
export type ParsedCommandLine = CommandLine | { readonly problem: string };

/** Reads the arguments behind the program's name. */
export function parseCommandLine(args: readonly string[]): ParsedCommandLine {
  const words = splitWords(args);
  if ("problem" in words) return words;
  const [name = DEFAULT_COMMAND, argument, ...more] = words.positional;
  const command = findCommand(name);
  if (command === undefined) return { problem: unknownCommand(name) };
  for (const option of words.options.keys()) {
    if (optionsOf(command).some((row) => row.name === option)) continue;
    return { problem: `${command.name} has no option --${option}` };
  }
  const row: CommandRow = command;
  const surplus = row.argument === undefined ? argument : more[0];
  if (surplus !== undefined) return { problem: `too much for ${row.name}: ${JSON.stringify(surplus)}` };
  const asksForHelp = words.options.has("help") || words.options.has("version");
  if (row.argumentRequired === true && argument === undefined && !asksForHelp) {
    return { problem: `${row.name} needs a ${row.argument}` };
  }
  return { command: command.name, named: words.positional.length > 0, argument, options: words.options };
}

interface Words {
  readonly positional: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

const KNOWN: readonly OptionRow[] = [
  ...COMMON_OPTIONS,
  ...COMMANDS.flatMap<OptionRow>(({ options }) => options),
];

/** Options apart from the rest. What an option takes does not depend on the command, so the command may come later. */
function splitWords(args: readonly string[]): Words | { readonly problem: string } {
  const positional: string[] = [];
  const options = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (word === "--") {
      positional.push(...args.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      positional.push(word);
      continue;
    }
    const [, dashes = "", name = "", , given] = /^(-{1,2})([^=]*)(=(.*))?$/s.exec(word) ?? [];
    const option = findOption(dashes, name);
    if (option === undefined) return { problem: unknownOption(word, name, positional[0]) };
    if (option.value === undefined && given !== undefined) {
      return { problem: `--${option.name} takes no value` };
    }
    const next = args[at + 1];
    const value = given ?? impliedValue(option, next) ?? next;
    if (value === undefined || (given === undefined && /^-./.test(value))) {
      return { problem: `--${option.name} needs a value: --${option.name} ${option.value}` };
    }
    if (given === undefined && value === next && option.value !== undefined) at++;
    options.set(option.name, value);
  }
  return { positional, options };
}

/** The value of an option that stands alone; undefined where the next word is its value. */
function impliedValue(option: OptionRow, next: string | undefined): string | undefined {
  if (option.value === undefined) return "true";
  const follows = next === "true" || next === "false";
  return option.implied === undefined || follows ? undefined : option.implied;
}

function findOption(dashes: string, name: string): OptionRow | undefined {
  return KNOWN.find((option) => option.name === name || (dashes === "-" && option.short === name));
}

function optionsOf(command: CommandRow): readonly OptionRow[] {
  return [...command.options, ...COMMON_OPTIONS];
}

function unknownCommand(name: string): string {
  const shown = JSON.stringify(name);
  if (/^[\u2010-\u2015\u2212]/.test(name)) return `${shown} begins with a character that only looks like a -`;
  const guess = nearest(name, COMMANDS.map((command) => command.name));
  if (guess !== undefined) return `unknown command ${shown}, did you mean ${guess}?`;
  const cure = /[./]/.test(name) ? `; the agent's file is given by --config ${name}` : "";
  return `unknown command ${shown}${cure}`;
}

function unknownOption(word: string, name: string, command: string | undefined): string {
  const options = optionsOf(findCommand(command ?? DEFAULT_COMMAND) ?? COMMANDS[0]);
  const guess = nearest(name, options.map((option) => option.name)) ??
    nearest(name, KNOWN.map((option) => option.name));
  const shown = JSON.stringify(word.replace(/=.*/s, ""));
  return guess === undefined
    ? `unknown option ${shown}`
    : `unknown option ${shown}, did you mean --${guess}?`;
}
