/** The manual page bgp-lb(8), made of the table of commands. Pure. */
import { type CommandRow, COMMANDS, type OptionRow } from "../../src/cli/command_table.ts";
import { ExitStatus } from "../../src/cli/exit_status.ts";
import { head, macro, prose, word } from "./mdoc.ts";

const STATUS_WORDS: Readonly<Record<keyof typeof ExitStatus, string>> = {
  OK: "It went well.",
  FAILED: "It failed, or was stopped at once.",
  USAGE: "Wrong usage, or an invalid configuration.",
  HOST_NOT_FIT: "This host is not fit: a module, a library or a capability is missing.",
  HANDED_OVER: "The agent has handed over, and the service manager is to start the next one.",
};

const FILES: readonly (readonly [string, string])[] = [
  ["/etc/bgp-lb/config.yaml", "The configuration; config.json is read where it is not there."],
  ["/run/bgp-lb/control.sock", "Where commands reach the agent."],
  ["/var/lib/bgp-lb", "What must outlive the agent."],
  ["/var/cache/bgp-lb", "The caches of the runtime."],
];

/** The page. @param date ISO 8601 */
export function commandPage(date: string): string {
  return [
    ...head("bgp-lb", 8, date, "anycast load-balancer agent"),
    ".Sh SYNOPSIS",
    ...COMMANDS.flatMap(synopsis),
    ".Sh DESCRIPTION",
    macro("Nm"),
    ...prose(
      "owns service addresses, programs IPVS, checks health and speaks BGP. One process runs on each host; its other commands " +
        "ask it, or tell it what to do. The commands are:",
    ),
    ".Bl -tag -width Ds",
    ...COMMANDS.flatMap(entry),
    ".El",
    ".Pp",
    ...prose("Each takes -h, --help; without a command -V, --version prints the version."),
    ".Sh SIGNALS",
    ".Bl -tag -width Ds",
    ".It Dv SIGTERM , SIGINT",
    ...prose(
      "Stop in order: withdraw, wait for connections to end, remove what is ours. A second one stops at once.",
    ),
    ".It Dv SIGUSR2",
    ...prose("Hand over to the next process: routers keep the routes, and the kernel its objects."),
    ".It Dv SIGHUP",
    ...prose("Read the configuration again, and apply what differs."),
    ".El",
    ".Sh FILES",
    ".Bl -tag -width Ds",
    ...FILES.flatMap(([path, about]) => [macro("It", "Pa", word(path)), ...prose(about)]),
    ".El",
    ".Sh EXIT STATUS",
    ".Bl -tag -width Ds",
    ...statuses().flatMap(([status, words]) => [macro("It", String(status)), ...prose(words)]),
    ".El",
    ".Sh SEE ALSO",
    ".Xr systemctl 1 ,",
    ".Xr bgp-lb.yaml 5 ,",
    ".Xr ipvsadm 8",
    "",
  ].join("\n");
}

function statuses(): readonly (readonly [number, string])[] {
  return [
    [ExitStatus.OK, STATUS_WORDS.OK],
    [ExitStatus.FAILED, STATUS_WORDS.FAILED],
    [ExitStatus.USAGE, STATUS_WORDS.USAGE],
    [ExitStatus.HOST_NOT_FIT, STATUS_WORDS.HOST_NOT_FIT],
    [ExitStatus.HANDED_OVER, STATUS_WORDS.HANDED_OVER],
  ];
}

function synopsis(command: CommandRow): readonly string[] {
  return [
    macro("Nm"),
    macro("Cm", word(command.name)),
    ...visible(command).map((option) => macro("Op", ...flag(option))),
    ...argument(command),
  ];
}

function entry(command: CommandRow): readonly string[] {
  const { name, description } = command;
  const options = visible(command);
  return [
    macro("It", "Cm", word(name)),
    ...prose(sentence(description)),
    ...options.length === 0 ? [] : [
      ".Bl -tag -width Ds -compact",
      ...options.flatMap((option) => [macro("It", ...flag(option)), ...prose(sentence(option.description))]),
      ".El",
    ],
  ];
}

function visible({ options }: CommandRow): readonly OptionRow[] {
  return options.filter(({ hidden }) => hidden !== true);
}

/** `Fl -name Ns = Ns Ar value`: the first dash is the macro's. */
function flag({ name, value, implied }: OptionRow): readonly string[] {
  const words = ["Fl", `-${name}`];
  if (value === undefined) return words;
  const called = word(value.toLowerCase());
  return implied === undefined
    ? [...words, "Ar", called]
    : [...words, "Ns", "Oo", "=", "Ns", "Ar", called, "Oc"];
}

function argument({ argument, argumentRequired, argumentRepeats }: CommandRow): readonly string[] {
  if (argument === undefined) return [];
  const words = ["Ar", word(argument.toLowerCase()), ...argumentRepeats === true ? ["Ns", "..."] : []];
  return [argumentRequired === true ? macro(...split(words)) : macro("Op", ...words)];
}

function split(words: readonly string[]): [string, ...string[]] {
  const [first = "", ...rest] = words;
  return [first, ...rest];
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(capital) ? capital : `${capital}.`;
}
