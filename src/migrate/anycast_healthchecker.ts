/** anycast-healthchecker: its own file with DEFAULT and daemon, and sections of services in it or in files of their own. */
import {
  Block,
  checkDirectives,
  type Directive,
  type Place,
  type SourceFile,
  SourceProblem,
} from "./directive.ts";
import { fileOf, type MigratedParts, PLACEHOLDER } from "./file.ts";
import { Names } from "./names.ts";
import { Section } from "./section.ts";
import { duration, number, pathCommand, shellWords, truth } from "./values.ts";

const BIRD = "means nothing here: bgp-lb speaks BGP itself, and takes no part in BIRD's configuration";
const LOG = "has no equivalent: bgp-lb logs to standard error, which journald or another keeps";
/** Keys of the daemon's section, and why they are left out. */
function daemonReasons(): Readonly<Record<string, string>> {
  const birds = ["conf", "variable", "reconfigure_cmd", "keep_changes", "changes_counter"];
  const bird = [
    ...["bird", "bird6"].flatMap((daemon) => birds.map((key) => `${daemon}_${key}`)),
    ...["dummy_ip_prefix", "dummy_ip6_prefix", "purge_ip_prefixes"],
  ];
  const log = [
    ...["log_file", "log_maxbytes", "log_backups", "stderr_file", "log_server", "log_server_port"],
    ...["json_stdout", "json_log_file", "json_log_server"],
  ];
  return {
    ...Object.fromEntries(bird.map((name) => [name, BIRD])),
    ...Object.fromEntries(log.map((name) => [name, LOG])),
    pidfile: "means nothing here: systemd knows the process",
    ipv4: "means nothing here: the families are those of the addresses",
    ipv6: "means nothing here: the families are those of the addresses",
  };
}

const LEVELS: Readonly<Record<string, string>> = { critical: "error" };
const SERVICE_REASONS: Readonly<Record<string, string>> = {
  interface: "has no equivalent: the address is bound to an interface of its own, named like the service",
  ip_check_disabled:
    "has no equivalent: the agent binds the address itself, and announces it only while it is there",
};

/** Keys of services. */
const KNOWN: readonly string[] = [
  ...[
    "check_cmd",
    "check_interval",
    "check_timeout",
    "check_rise",
    "check_fail",
    "check_disabled",
    "on_disabled",
  ],
  ...["ip_prefix", ...Object.keys(SERVICE_REASONS)],
];

/** The files as parts of ours. @throws {SourceProblem} */
export function migrateAnycastHealthchecker(files: readonly SourceFile[]): MigratedParts {
  const sections = files.flatMap(readIni);
  const remarks = fileOf("anycast-healthchecker");
  const defaults = sections.filter(({ name }) => name === "DEFAULT").flatMap(({ block }) => block);
  const services: Section[] = [];
  const names = new Names();
  let level: string | undefined;
  const unused = new Set(defaults);
  for (const section of sections) {
    if (section.name === "DEFAULT") continue;
    if (section.name === "daemon") {
      const block = new Block(section.block);
      const given = block.last("loglevel")?.values[0]?.text.toLowerCase();
      level = given === undefined ? level : LEVELS[given] ?? given;
      remarks.remarkRest(block, daemonReasons());
      continue;
    }
    const own = new Set(section.block.map(({ name }) => name));
    const inherited = defaults.filter(({ name }) => KNOWN.includes(name) && !own.has(name));
    for (const directive of inherited) unused.delete(directive);
    services.push(serviceOf(section, inherited, names));
  }
  for (const { place, name } of unused) {
    remarks.remark(
      place,
      `${name}: ${KNOWN.includes(name) ? "every service has its own" : "is not known to migrate: left out"}`,
    );
  }
  remarks.say("Addresses are bound to an interface of each service's own: take them off lo.");
  return { remarks, speaker: { peers: [] }, level, services };
}

type IniSection = Directive & { readonly block: readonly Directive[] };

function serviceOf(section: IniSection, inherited: readonly Directive[], names: Names): Section {
  const block = new Block([...inherited, ...section.block]);
  const text = (name: string) => block.last(name)?.values[0]?.text;
  const service = new Section();
  const name = names.give(section.name);
  if (name !== section.name) {
    service.remark(
      section.place,
      `${section.name} is called ${name} here: the name is also that of an interface`,
    );
  }
  service.set("name", name);
  const disabled = block.last("check_disabled");
  const onDisabled = block.last("on_disabled");
  const isDisabled = disabled === undefined || truth(disabled.values[0]?.text);
  const advertised = onDisabled?.values[0]?.text === "advertise";
  if (disabled === undefined) {
    service.remark(section.place, "check_disabled: is not given, and true by default: so it was not checked");
  }
  if (isDisabled && !advertised) service.set("enabled", false);
  if (!isDisabled && onDisabled !== undefined) {
    service.remark(
      onDisabled.place,
      "on_disabled: has no meaning while the check is on; here it is services[].enabled",
    );
  }
  const prefix = text("ip_prefix");
  if (prefix === undefined) service.say("Fill in: there was no ip_prefix.");
  service.set("addresses", [prefix?.replace(/(?<=\.\d+)\/32$|(?<=:[^/]*)\/128$/, "") ?? PLACEHOLDER]);
  const check = checkOf(block);
  if (isDisabled && advertised) {
    service.remark(onDisabled.place, "on_disabled: it is announced without its check, which was off");
    for (
      const { name, place } of block.every(
        ...["check_cmd", "check_interval", "check_timeout", "check_rise", "check_fail"],
      )
    ) {
      service.remark(place, `${name}: is left out with its check`);
    }
  } else if (check !== undefined) service.set("checks", [check]);
  return service.remarkRest(block, SERVICE_REASONS);
}

function checkOf(block: Block): Section | undefined {
  const command = block.last("check_cmd");
  const text = (name: string) => block.last(name)?.values[0]?.text;
  const [interval, timeout] = [text("check_interval") ?? "10", text("check_timeout") ?? "2"];
  const [rise, fall] = [text("check_rise") ?? "2", text("check_fail") ?? "2"];
  const [line] = command?.values ?? [];
  if (command === undefined || line === undefined) return undefined;
  const words = shellWords(line)?.map((word) => word.text);
  if (words === undefined) throw new SourceProblem(line.place, "check_cmd: a quote is not closed");
  const check = new Section().set("type", "exec");
  if (words[0]?.startsWith("/") !== true) {
    check.remark(
      command.place,
      "check_cmd: names a program without its path: env looks for it in the agent's PATH",
    );
  }
  check.set("command", pathCommand(words)).set("interval", duration(interval));
  return check.set("timeout", duration(timeout)).set("rise", number(rise)).set("fall", number(fall));
}

/** Sections of `name = value` or `name: value`, as Python's configparser reads them. @throws {SourceProblem} */
function readIni({ name: file, text }: SourceFile): readonly IniSection[] {
  const sections: { name: string; place: Directive["place"]; values: []; block: Directive[] }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const indent = line.length - line.trimStart().length;
    const place = { file, line: index + 1, column: indent + 1 };
    const content = line.trim();
    if (content === "" || /^[#;]/.test(content)) continue;
    const current = sections.at(-1);
    const before = current?.block.at(-1);
    if (indent > 0 && current !== undefined && before !== undefined) {
      // A value goes on in lines that are indented.
      const [value] = before.values;
      const whole = [value?.text ?? "", written(content, place)].filter((part) => part !== "").join(" ");
      current.block[current.block.length - 1] = {
        ...before,
        values: [{ text: whole, place: value?.place ?? place }],
      };
      continue;
    }
    const [, section] = /^\[([^\]]+)\]$/.exec(content) ?? [];
    if (section !== undefined) {
      sections.push({ name: section, place, values: [], block: [] });
      continue;
    }
    if (content.startsWith("[")) {
      throw new SourceProblem(place, "a section must be [NAME], alone in its line");
    }
    const [, key, behind, value] = /^([^=:]*?)\s*([=:]\s*)(.*)$/.exec(content) ?? [];
    if (key === undefined || key === "" || behind === undefined || value === undefined) {
      throw new SourceProblem(place, "must be NAME = VALUE");
    }
    if (current === undefined) throw new SourceProblem(place, `${key} stands before the first section`);
    const column = indent + 1 + content.length - value.length;
    const at = { ...place, column };
    current.block.push({ name: key.toLowerCase(), place, values: [{ text: written(value, at), place: at }] });
  }
  checkDirectives(sections);
  return sections;
}

/** `%%` is how a % is written. @throws {SourceProblem} where something was to be put in */
function written(value: string, place: Place): string {
  if (/(^|[^%])(%%)*%\([^)]*\)s/.test(value)) {
    throw new SourceProblem(place, "has a %(name)s, for which migrate puts nothing in: write it out");
  }
  return value.replaceAll("%%", "%");
}
