/** The options of ExaBGP's `healthcheck`, as its command line spells them, each with the value that it has. */
import { type Directive, SourceProblem, type Word } from "./directive.ts";

/** Options with a value by their long names; others of their names point at it. */
const WITH_VALUE = [
  ...[
    "syslog-facility",
    "name",
    "config",
    "pid",
    "user",
    "group",
    "interval",
    "fast-interval",
    "timeout",
    "rise",
  ],
  ...["fall", "disable", "command", "next-hop", "ip", "ip-ifname", "local-preference", "label", "start-ip"],
  ...["up-metric", "down-metric", "disabled-metric", "increase", "community", "extended-community"],
  ...["large-community", "disabled-community", "as-path", "up-as-path", "down-as-path", "disabled-as-path"],
  ...["path-id", "neighbor", "execute", "up-execute", "down-execute", "disabled-execute"],
];
const WITHOUT_VALUE = [
  ...[
    "silent",
    "no-syslog",
    "debug",
    "no-ack",
    "sudo",
    "deaggregate-networks",
    "no-ip-setup",
    "dynamic-ip-setup",
  ],
  ...["label-exact-match", "withdraw-on-down", "debounce"],
];
const OTHER_NAMES: Readonly<Record<string, string>> = {
  cmd: "command",
  sF: "syslog-facility",
  n: "name",
  F: "config",
  p: "pid",
  i: "interval",
  f: "fast-interval",
  t: "timeout",
  c: "command",
  N: "next-hop",
  s: "silent",
  d: "debug",
  a: "no-ack",
};
const LONG_NAMES: readonly string[] = [...WITH_VALUE, ...WITHOUT_VALUE, "cmd"];

/** Whether it is the name of an option. */
export function isOption(name: string): boolean {
  return LONG_NAMES.includes(name);
}

/** The options that the words behind `healthcheck` are. @throws {SourceProblem} */
export function readOptions(words: readonly Word[]): readonly Directive[] {
  const options: Directive[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const { text, place } = word;
    const [, long, attached] = /^--([A-Za-z][A-Za-z-]*)(?:=(.*))?$/s.exec(text) ?? [];
    const short = /^-(sF|[A-Za-z])(.*)$/s.exec(text);
    if (long === undefined && short === null) {
      throw new SourceProblem(place, `${JSON.stringify(text)} is no option of healthcheck`);
    }
    const name = long === undefined ? canonicalName(short?.[1] ?? "") : canonicalName(unabbreviated(long));
    const behind = long === undefined && short?.[2] !== "" ? short?.[2] : attached;
    if (!WITH_VALUE.includes(name)) {
      options.push({ name, place, values: behind === undefined ? [] : [{ text: behind, place }] });
      continue;
    }
    const value = behind === undefined ? valueBehind(name, rest) : { text: behind, place };
    if (value === undefined && name !== "syslog-facility") {
      throw new SourceProblem(place, `${text} has no value behind it`);
    }
    options.push({ name, place, values: value === undefined ? [] : [value] });
  }
  return options;
}

/** The facility may be left out; every other value may look like anything but an option. */
function valueBehind(name: string, rest: Word[]): Word | undefined {
  const [next] = rest;
  if (next === undefined || (/^-/.test(next.text) && !/^-[0-9]/.test(next.text))) return undefined;
  return name === "syslog-facility" && isOption(next.text) ? undefined : rest.shift();
}

/** Python's argparse takes the beginning of a long name where there is only one that begins so. */
function unabbreviated(name: string): string {
  if (LONG_NAMES.includes(name)) return name;
  const [only, another] = LONG_NAMES.filter((long) => long.startsWith(name));
  return only === undefined || another !== undefined ? name : only;
}

/** The long name of an option. */
export function canonicalName(name: string): string {
  return OTHER_NAMES[name] ?? name;
}
