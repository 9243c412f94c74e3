/** What --help prints, made of the table. Pure. */
import { type Command, COMMANDS, type OptionRow } from "./command_table.ts";

const WIDTH = 80;
const HELP: Row = ["-h, --help", "print this help"];

/** A term and what it means. */
type Row = readonly [string, string];

/** All commands. */
export function programHelp(): string {
  return [
    "Usage: bgp-lb [options] [command]\n",
    ...wrapped(
      "Anycast load-balancer agent: owns service addresses, programs IPVS, checks health, speaks BGP.",
      WIDTH,
    ),
    ...section("Options", [["-V, --version", "print the version"], HELP]),
    ...section("Commands", [
      ...COMMANDS.map((command): Row => [usage(command), command.description]),
      ["help [command]", "print this help, or that of a command"],
    ]),
  ].map((line) => `${line}\n`).join("");
}

/** One command and its options. */
export function commandHelp(command: Command): string {
  const options = command.options.filter(({ hidden }) => hidden !== true).map((
    option,
  ): Row => [optionTerm(option), option.description]);
  return [
    `Usage: bgp-lb ${usage(command)}\n`,
    ...wrapped(command.description, WIDTH),
    ...section("Options", [...options, HELP]),
  ].map((line) => `${line}\n`).join("");
}

/** An option and what its value is called: `--config <file>`. */
export function optionTerm({ name, value, implied }: OptionRow): string {
  if (value === undefined) return `--${name}`;
  return `--${name} ${implied === undefined ? `<${value.toLowerCase()}>` : `[${value}]`}`;
}

function usage({ name, options, argument, argumentRequired, argumentRepeats }: Command): string {
  const words: string[] = [name];
  if (options.length > 0) words.push("[options]");
  const called = argument && `${argument.toLowerCase()}${argumentRepeats === true ? "..." : ""}`;
  if (called !== undefined) words.push(argumentRequired === true ? `<${called}>` : `[${called}]`);
  return words.join(" ");
}

/** A heading and its rows, the meanings under each other. */
function section(heading: string, rows: readonly Row[]): readonly string[] {
  const indent = Math.max(...rows.map(([term]) => term.length)) + 4;
  return [
    `\n${heading}:`,
    ...rows.map(([term, meaning]) =>
      `  ${term}`.padEnd(indent) + wrapped(meaning, WIDTH - indent).join(`\n${" ".repeat(indent)}`)
    ),
  ];
}

/** `text` in lines of at most `width`, broken between words. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
