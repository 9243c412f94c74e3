/** Help texts, made of the table of commands. */
import { type CommandRow, COMMANDS, COMMON_OPTIONS, findCommand, type OptionRow } from "./command_table.ts";

/** What the program is, and all of its commands; or one command with its options. */
export function helpText(name: string | undefined): string {
  const command = name === undefined ? undefined : findCommand(name);
  return command === undefined ? programHelp() : commandHelp(command);
}

function programHelp(): string {
  return [
    "Usage: bgp-lb [COMMAND] [options]",
    "",
    "Anycast load-balancer agent: owns service addresses, programs IPVS, checks health, speaks BGP.",
    "",
    "Commands:",
    ...columns(COMMANDS.map((command) => [synopsis(command), command.description])),
    "",
    "Options of run, the default command, and of all commands:",
    ...columns([...COMMANDS[0].options, ...COMMON_OPTIONS].map(optionRow)),
    "",
    "bgp-lb COMMAND --help shows the options of a command.",
    "",
  ].join("\n");
}

function commandHelp(command: CommandRow): string {
  return [
    `Usage: bgp-lb ${synopsis(command)} [options]`,
    "",
    command.description,
    "",
    "Options:",
    ...columns([...command.options, ...COMMON_OPTIONS].map(optionRow)),
    "",
  ].join("\n");
}

function synopsis({ name, argument, argumentRequired }: CommandRow): string {
  if (argument === undefined) return name;
  return argumentRequired === true ? `${name} ${argument}` : `${name} [${argument}]`;
}

function optionRow({ name, short, value, implied, description }: OptionRow): readonly [string, string] {
  const letter = short === undefined ? "" : `-${short}, `;
  const suffix = value === undefined ? "" : implied === undefined ? ` ${value}` : `[=${value}]`;
  return [`${letter}--${name}${suffix}`, description];
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
