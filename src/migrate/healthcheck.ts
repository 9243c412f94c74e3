/** One `exabgp healthcheck` as a service of ours: its options, each translated or told. */
import { hostBits, parseAddress } from "../net/address.ts";
import { formatDuration } from "../time/duration.ts";
import { Block, type Directive, type Place, SourceProblem } from "./directive.ts";
import { PLACEHOLDER } from "./file.ts";
import type { Names } from "./names.ts";
import { Section } from "./section.ts";
import { duration, milliseconds, number, shellCommand, shellQuoted } from "./values.ts";

/** Where the options of a healthcheck come from, and what around them matters to it. */
export interface Healthcheck {
  readonly options: readonly Directive[];
  readonly place: Place;
  /** What it is called where it has no name of its own. */
  readonly process: string;
  /** Neighbors that its routes are for; undefined: all. */
  readonly neighbors: readonly string[] | undefined;
  /** Our AS number, where it is known. */
  readonly as: string | undefined;
}

/** What its services need of the rest of the file. */
export interface HealthcheckResult {
  readonly services: readonly Section[];
  readonly nextHop: string | undefined;
  /** False: it was to bind no addresses. */
  readonly setup: boolean;
  /** Neighbors that it names. */
  readonly neighbors: readonly string[];
}

/** Each may become a service. */
const MAX_ADDRESSES = 1024;
/** Networks of so many addresses are written out as theirs, at most. */
const MAX_DEAGGREGATED = 256;

const OWN_LOG = "has no equivalent: bgp-lb logs to standard error, one level for all (log.level)";
const NO_API = "means nothing here: bgp-lb speaks BGP itself";
/** What is left out, and why. */
const REASONS: Readonly<Record<string, string>> = {
  silent: OWN_LOG,
  debug: OWN_LOG,
  "syslog-facility": OWN_LOG,
  "no-syslog": OWN_LOG,
  "no-ack": NO_API,
  debounce: "is always so here: a route is told when it changes",
  sudo: "means nothing here: the agent itself binds addresses, and needs CAP_NET_ADMIN for it",
  pid: "means nothing here: there is one agent for all services, and systemd knows it",
  group: "has no equivalent: a check has the groups of its user",
  "ip-ifname": "has no equivalent: addresses are bound to an interface of their own, named like the service",
  "dynamic-ip-setup": "has no equivalent: the address stays on this host while the service is unhealthy",
  "label-exact-match": "means nothing here: addresses are named, not found by a label",
  "path-id": "has no equivalent: no ADD-PATH",
  config: "names a file of options that was not given: name it after this one (bgp-lb migrate FILE OPTIONS)",
};

/** The services that do what the healthcheck did: one, or one for each address where their MEDs differ. */
export function healthcheckServices(check: Healthcheck, names: Names): HealthcheckResult {
  const options = new Block(check.options);
  const text = (name: string) => options.last(name)?.values[0]?.text;
  const addresses = addressesOf(options);
  if (addresses.length > MAX_ADDRESSES) {
    throw new SourceProblem(check.place, `has more than ${MAX_ADDRESSES} addresses: migrate it in parts`);
  }
  const base = text("name") ?? check.process;
  const increase = options.last("increase");
  const step = Number(increase?.values[0]?.text ?? "1");
  const start = Number(text("start-ip") ?? "0");
  const turned = addresses.map((_, index) => addresses[(index + start) % addresses.length] ?? "");
  const split = turned.length > 1 && step !== 0;
  const neighbors = options.every("neighbor").flatMap(({ values }) => values.map((value) => value.text));
  const peers = neighbors.length > 0 ? neighbors : check.neighbors;
  const parts = (split ? turned.map((address) => [address]) : [turned]).map((some, index) => ({
    section: new Section(),
    addresses: some,
    more: index * step,
  }));
  const setup = options.last("no-ip-setup") === undefined;
  const nextHop = text("next-hop");
  for (const { section, addresses: some, more } of parts) {
    const name = names.give(base);
    const source = options.last("name");
    if (name !== base && source !== undefined) {
      section.remark(source.place, `${base} is called ${name} here: the name is also that of an interface`);
    }
    section.set("name", name);
    setAddresses(section, some, options, check.place);
    section.set("announce", announceOf(options, { more, peers, as: check.as }));
    const checks = checksOf(options, section);
    if (checks.length > 0) section.set("checks", checks);
    const program = onChangeOf(options, section);
    section.set("onChange", program);
  }
  const [first] = parts;
  if (first !== undefined) {
    if (split) {
      const place = increase?.place ?? check.place;
      first.section.remark(
        place,
        `increase: each address has a MED of its own, so it is a service of its own, with checks of its own; with increase 0 they are one`,
      );
    }
    first.section.remarkRest(options, REASONS);
  }
  return { services: parts.map(({ section }) => section), nextHop, setup, neighbors };
}

function addressesOf(options: Block): readonly string[] {
  const deaggregate = options.last("deaggregate-networks") !== undefined;
  return options.every("ip").flatMap(({ values }) =>
    values.flatMap(({ text }) => spelled(text, deaggregate))
  );
}

/** Without the length of a host prefix; a network by its addresses where that is wanted, and they are not too many. */
function spelled(text: string, deaggregate: boolean): readonly string[] {
  const [host = "", lengthText] = text.split("/");
  const address = parseAddress(host);
  if (address === undefined) return [text];
  const bits = hostBits(address);
  const length = lengthText === undefined ? bits : Number(lengthText);
  if (length === bits) return [host];
  const count = 2 ** (bits - length);
  if (!deaggregate || !Number.isInteger(length) || count > MAX_DEAGGREGATED || address.family === 6) {
    return [text];
  }
  const last = address.bytes.at(-1) ?? 0;
  const front = host.slice(0, host.lastIndexOf(".") + 1);
  return Array.from({ length: count }, (_, index) => `${front}${last + index}`);
}

function setAddresses(section: Section, addresses: readonly string[], options: Block, place: Place): void {
  const label = options.last("label");
  if (label !== undefined) {
    section.remark(label.place, "label: has no equivalent, addresses are named and bound by the agent");
  }
  const deaggregate = options.last("deaggregate-networks");
  const networks = addresses.some((text) => text.includes("/"));
  if (deaggregate !== undefined && networks) {
    section.remark(
      deaggregate.place,
      "deaggregate-networks: is left to you for a network as large as this one",
    );
  } else if (deaggregate !== undefined && addresses.length <= options.every("ip").length) {
    section.remark(deaggregate.place, "deaggregate-networks: there is no network");
  } else if (networks) {
    section.remark(
      place,
      "ip: of a network the address is bound that is named here; each other one is yours to bind",
    );
  }
  if (addresses.length === 0) {
    section.say("Fill in: without ip it was every address on lo (of that label).");
  }
  section.set("addresses", addresses.length === 0 ? [PLACEHOLDER] : addresses);
}

interface AnnounceFacts {
  /** On top of every metric. */
  readonly more: number;
  readonly peers: readonly string[] | undefined;
  readonly as: string | undefined;
}

function announceOf(options: Block, { more, peers, as }: AnnounceFacts): Section {
  const announce = new Section();
  const metric = (name: string, usual: number) => {
    const given = number(options.last(name)?.values[0]?.text ?? String(usual));
    return typeof given === "number" ? given + more : given;
  };
  announce.set("med", metric("up-metric", 100));
  const preference = options.last("local-preference");
  const preferred = preference?.values[0]?.text;
  if (preference !== undefined && preferred?.startsWith("-") === true) {
    announce.remark(preference.place, `local-preference: ${preferred} is none, which is the default here`);
  } else announce.set("localPreference", preferred === undefined ? undefined : number(preferred));
  const list = (name: string) =>
    options.last(name)?.values[0]?.text.split(/[\s,]+/).filter((one) => one !== "");
  announce.set("communities", list("community"));
  announce.set("extendedCommunities", list("extended-community")?.map(extendedCommunity));
  announce.set("largeCommunities", list("large-community"));
  const prepend = (name: string, place: Section) => {
    const option = options.last(name);
    const path = option?.values[0]?.text.split(/\s+/).filter((one) => one !== "") ?? [];
    if (option === undefined) return undefined;
    if (as !== undefined && path.length > 0 && path.every((one) => one === as)) return path.length - 1;
    place.remark(
      option.place,
      `${name}: has no equivalent, but a repetition of the own AS (asPathPrepend); AS_PATH is the usual one here`,
    );
    return undefined;
  };
  const always = prepend("as-path", announce);
  announce.set("asPathPrepend", prepend("up-as-path", announce) ?? always);
  if (peers !== undefined) announce.set("peers", peers);
  const worse = new Section();
  const down = metric("down-metric", 1000);
  const disabled = options.last("disabled-metric");
  const withdrawn = options.last("withdraw-on-down");
  const disabledCommunities = list("disabled-community");
  const names = ["down-metric", "disabled-metric", "disabled-community", "down-as-path", "disabled-as-path"];
  if (withdrawn !== undefined) {
    for (const name of names) {
      const option = options.last(name);
      if (option !== undefined) announce.remark(option.place, `${name}: had no effect with withdraw-on-down`);
    }
    return announce.set("whenUnhealthy", "withdraw");
  }
  if (disabled !== undefined) {
    worse.remark(
      disabled.place,
      "disabled-metric: a disabled service is announced like one that is down here",
    );
  }
  worse.set("med", down);
  worse.set("communities", disabledCommunities);
  worse.set("asPathPrepend", prepend("down-as-path", worse));
  const disabledPath = options.last("disabled-as-path");
  if (disabledPath !== undefined) {
    worse.remark(
      disabledPath.place,
      "disabled-as-path: a disabled service is announced like one that is down here",
    );
  }
  return announce.set("whenUnhealthy", worse);
}

/** ExaBGP calls them target and origin, too. */
function extendedCommunity(text: string): string {
  return text.replace(/^target:/, "rt:").replace(/^origin:/, "ro:").replace(/^0x/i, "0x");
}

function checksOf(options: Block, section: Section): readonly Section[] {
  const text = (name: string) => options.last(name)?.values[0]?.text;
  const intervalText = text("interval") ?? "5";
  const interval = milliseconds(intervalText);
  const fast = milliseconds(text("fast-interval") ?? "1");
  const timing = (check: Section, fall: string) => {
    if (interval === 0) {
      const place = options.last("interval")?.place;
      if (place !== undefined) {
        check.remark(place, "interval: 0 ended it after one announcement; here it goes on");
      }
    } else check.set("interval", duration(intervalText));
    if (fast !== undefined && interval !== undefined && fast > interval && interval > 0) {
      const place = options.last("fast-interval")?.place;
      if (place !== undefined) {
        check.remark(place, "fast-interval: cannot be longer than the interval, so it is that");
      }
    } else {check.set(
        "fastInterval",
        fast === undefined || fast === 0 ? text("fast-interval") : formatDuration(fast),
      );}
    return check.set("rise", number(text("rise") ?? "3")).set("fall", number(fall));
  };
  const checks: Section[] = [];
  const command = options.last("command");
  if (command !== undefined) {
    const check = new Section().set("type", "exec");
    check.say(
      "A shell reads it, as it did: what needs none is better named itself, or is a check of another type.",
    );
    check.set("command", shellCommand(command.values[0]?.text ?? ""));
    check.set("user", text("user"));
    const timeout = options.last("timeout");
    if (timeout?.values[0]?.text === "0") {
      check.remark(timeout.place, "timeout: 0 was none at all; here there is always one");
      check.set("timeout", "10m");
    } else check.set("timeout", duration(timeout?.values[0]?.text ?? "5"));
    checks.push(timing(check, text("fall") ?? "3"));
  } else section.say("There was no command: it counts as healthy.");
  const disable = options.last("disable");
  if (disable !== undefined) {
    const check = new Section().say("disable: who creates it takes the service out.").set("type", "file");
    check.set("path", disable.values[0]?.text ?? "").set("absent", true);
    checks.push(timing(check, "1"));
  }
  return checks;
}

/** One program for all that was run at changes, by a shell, as they were. */
function onChangeOf(options: Block, section: Section): readonly string[] | undefined {
  const commands = (name: string) =>
    options.every(name).flatMap(({ values }) => values.map(({ text }) => text));
  const [always, up, down, disabled] = ["execute", "up-execute", "down-execute", "disabled-execute"].map(
    commands,
  );
  const lines = (state: string, some: readonly string[] = []) =>
    [...some, ...always ?? []].map((text) => `STATE=${state} /bin/sh -c ${shellQuoted(text)}`);
  const [whenUp, whenDown, whenDisabled] = [
    lines("UP", up),
    lines("DOWN", down),
    lines("DISABLED", disabled),
  ];
  if (whenUp.length + whenDown.length + whenDisabled.length === 0) return undefined;
  const file = options.last("disable")?.values[0]?.text;
  const below = (indent: string, some: readonly string[]) =>
    (some.length === 0 ? [":"] : some).map((line) => `${indent}${line}`);
  const notUp = file === undefined ? below("    ", whenDown) : [
    `    if [ -e ${shellQuoted(file)} ]; then`,
    ...below("      ", whenDisabled),
    "    else",
    ...below("      ", whenDown),
    "    fi",
  ];
  const [first] = options.every("execute", "up-execute", "down-execute", "disabled-execute");
  if (first !== undefined) {
    section.remark(
      first.place,
      "execute: is run when the route changes; not at RISING, FALLING and INIT, and once for each address",
    );
  }
  const script = [
    `[ "$BGP_LB_EVENT" = route ] || exit 0`,
    `case "$BGP_LB_TO" in`,
    "  announced)",
    ...below("    ", whenUp),
    "    ;;",
    "  *)",
    ...notUp,
    "    ;;",
    "esac",
  ];
  return shellCommand(`${script.join("\n")}\n`);
}
