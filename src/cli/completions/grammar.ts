/** What can stand where on a command line, told by the table of commands: what completions are made of. Pure. */
import { FORMATS } from "../../migrate/format.ts";
import { type CommandRow, COMMANDS, DEFAULT_COMMAND, type OptionRow } from "../command_table.ts";

/** What a word can be. */
export type Word =
  /** Anything; nothing is offered. */
  | { readonly type: "any" }
  | { readonly type: "file" }
  | { readonly type: "words"; readonly words: readonly string[] }
  /** Names of the running agent's services or peers. */
  | { readonly type: "names"; readonly kind: NameKind };

/** What the running agent can be asked for the names of. */
export type NameKind = "services" | "peers";

/** An option of one command. */
export interface OptionGrammar {
  readonly name: string;
  readonly description: string;
  /** Undefined: it takes no value. */
  readonly value: Word | undefined;
  /** The value is a word of its own; else it stands behind `=`, or is left out. */
  readonly separate: boolean;
}

/** A command. */
export interface CommandGrammar {
  readonly name: string;
  readonly description: string;
  readonly argument: Word;
  readonly options: readonly OptionGrammar[];
}

/** Shells that completions are there for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** Every command; help, which is none of the table, has those as its words. */
export function commandGrammars(): readonly CommandGrammar[] {
  const commands = COMMANDS.map(commandGrammar);
  const words = COMMANDS.map(({ name }) => name);
  const help = {
    name: "help",
    description: "print help",
    argument: { type: "words", words },
    options: [],
  } as const;
  return [...commands, help];
}

/** The command whose options stand without a command, too. */
export function defaultGrammar(): CommandGrammar | undefined {
  return commandGrammars().find(({ name }) => name === DEFAULT_COMMAND);
}

function commandGrammar({ name, description, argument, options }: CommandRow): CommandGrammar {
  const shown = options.filter(({ hidden }) => hidden !== true);
  return { name, description, argument: wordOf(argument), options: shown.map(optionGrammar) };
}

function optionGrammar({ name, description, value, implied }: OptionRow): OptionGrammar {
  return {
    name,
    description,
    value: value === undefined ? undefined : wordOf(value),
    separate: value !== undefined && implied === undefined,
  };
}

/** Told by what the table calls it. */
function wordOf(called: string | undefined): Word {
  const name = called?.replace(/\.+$/, "") ?? "";
  if (/^[a-z]+(\|[a-z]+)+$/.test(name)) return { type: "words", words: name.split("|") };
  switch (name) {
    case "FILE":
    case "PATH":
      return { type: "file" };
    case "SERVICE":
      return { type: "names", kind: "services" };
    case "PEER":
      return { type: "names", kind: "peers" };
    case "FORMAT":
      return { type: "words", words: FORMATS };
    case "SHELL":
      return { type: "words", words: SHELLS };
    case "LEVEL":
      return { type: "words", words: ["debug", "info", "warning", "error"] };
    default:
      return { type: "any" };
  }
}

/** `text` as one word of any of the shells, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
