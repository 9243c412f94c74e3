/** A virtual server of keepalived as a port of ours: scheduling, real servers with their checks, and who takes over. */
import { parseAddress, withPort } from "../net/address.ts";
import { Block, type Directive, SourceProblem } from "./directive.ts";
import { PLACEHOLDER } from "./file.ts";
import {
  CHECKER_NAMES,
  CHECKER_REASONS,
  type CheckerContext,
  checksOf,
  flagOf,
  numberOf,
  remarkChecker,
} from "./keepalived_checks.ts";
import { Section } from "./section.ts";
import { number, shellQuoted, shellWords } from "./values.ts";

/** Which packets the port is for. */
export type PortKey =
  | { readonly port: string | undefined }
  | { readonly fwmark: string; readonly family: 4 | 6 | undefined };

/** Something that was run at a change: a pattern of event, port, destination and new state, and the command. */
export interface Notification {
  readonly pattern: string;
  readonly command: string;
}

/** A port, and what is to be run at its changes. */
export interface PortResult {
  readonly section: Section;
  readonly notifications: readonly Notification[];
}

const FOR_CHECKS = "is for checks, and none needs it";
const MAIL = "has no equivalent: onChange of the service can send mail";
const SNMP = "has no equivalent: no SNMP, metrics are at /metrics";
const REASONS: Readonly<Record<string, string>> = {
  persistence_engine: "has no equivalent: persistence is by the client's address",
  persistence_granularity: "means nothing without persistence_timeout",
  ha_suspend: "means nothing here: a service's address is always on this host",
  smtp_alert: MAIL,
  snmp_name: SNMP,
  alpha: "is always so here: a destination gets connections after its first passing checks",
  omega: "is always so here: onChange is run at a stop, too",
  sorry_server_inhibit: "has no equivalent: a sorry server is there only while it is needed",
  sorry_server_lvs_method: "means nothing without sorry_server",
  warmup: "has no equivalent: first probes are spread over the interval in any case",
  hashed: "means nothing here: the kernel always hashes",
  ip_family: "means nothing here: the family is that of the addresses",
  virtualhost: FOR_CHECKS,
  delay_loop: FOR_CHECKS,
  delay_before_retry: FOR_CHECKS,
  retry: FOR_CHECKS,
  connect_timeout: FOR_CHECKS,
  weight: "is of real servers, and each has its own",
  ...CHECKER_REASONS,
};

/** The port that the virtual server is for packets of `key`. */
export function portOf(server: Directive, key: PortKey, ssl: CheckerContext["ssl"]): PortResult {
  const block = new Block(server.block ?? []);
  const section = new Section();
  const protocol = block.last("protocol")?.values[0]?.text.toLowerCase() ?? KEEPALIVED_PROTOCOL;
  setKey(section, key, protocol, server);
  const name = "fwmark" in key ? `fwmark ${key.fwmark}` : `${protocol} ${key.port ?? ""}`;
  const forwarding = block.last("lvs_method", "lb_kind");
  const reals = block.every("real_server").map((real) =>
    realServer(real, { block, forwarding, ssl, key, name })
  );
  section.set("destinations", reals.map(({ destination }) => destination));
  section.set("checks", setChecks(reals));
  for (const { destination, rest } of reals) destination.remarkRest(rest, REASONS);
  setWhenFailed(section, block, reals.map(({ inhibited }) => inhibited));
  section.set("quorum", numberOf(block.last("quorum"))).set("hysteresis", numberOf(block.last("hysteresis")));
  setSorry(section, block, forwarding, key);
  section.set("ipvs", schedulingOf(block, protocol, "fwmark" in key));
  const notifications = [
    ...notificationOf(section, block.last("quorum_up"), "route * announced"),
    ...notificationOf(section, block.last("quorum_down"), "route * withdrawn"),
    ...reals.flatMap((real) => real.notifications),
  ];
  section.remarkRest(block, REASONS);
  return { section, notifications };
}

function setKey(section: Section, key: PortKey, protocol: string, { place }: Directive): void {
  if ("fwmark" in key) {
    section.set("fwmark", number(key.fwmark)).set("family", key.family);
    return;
  }
  if (key.port === undefined || key.port === "0") {
    section.remark(
      place,
      "virtual_server: every port of an address has no equivalent, but by fwmark; fill in a port",
    );
  }
  section.set("port", key.port === undefined || key.port === "0" ? PLACEHOLDER : number(key.port));
  section.set("protocol", protocol);
}

interface RealContext {
  /** The virtual server's. */
  readonly block: Block;
  readonly forwarding: Directive | undefined;
  readonly ssl: CheckerContext["ssl"];
  readonly key: PortKey;
  /** Of the port, as events have it. */
  readonly name: string;
}

interface RealResult {
  readonly destination: Section;
  readonly checks: readonly Section[];
  /** What it has, of which the rest is to be told. */
  readonly rest: Block;
  readonly inhibited: Directive | undefined;
  readonly notifications: readonly Notification[];
}

function realServer(real: Directive, context: RealContext): RealResult {
  const block = new Block(real.block ?? []);
  const [address, ownPort] = real.values.map(({ text }) => text);
  if (address === undefined) throw new SourceProblem(real.place, "real_server: has no address");
  const destination = new Section().set("address", address);
  const method = block.last("lvs_method", "lb_kind") ?? context.forwarding;
  const port = portToServe(destination, real.place, context.key, { port: ownPort, method });
  destination.set("weight", numberOf(block.last("weight") ?? context.block.last("weight")));
  setForwarding(destination, method);
  destination.set("upperThreshold", numberOf(block.last("uthreshold")));
  const lower = block.last("lthreshold");
  if (lower !== undefined && !block.has("uthreshold")) {
    destination.remark(lower.place, "lthreshold: means nothing without uthreshold");
  } else destination.set("lowerThreshold", numberOf(lower));
  for (const checker of block.every(...Object.keys(CHECKER_REASONS))) remarkChecker(destination, checker);
  const checked = {
    around: [block, context.block],
    ssl: context.ssl,
    port: ownPort === port ? undefined : ownPort,
  };
  const checks = block.every(...CHECKER_NAMES).flatMap((checker) => checksOf(checker, checked));
  const inhibited = block.last("inhibit_on_failure") ?? context.block.last("inhibit_on_failure");
  const parsed = parseAddress(address);
  const shown = parsed === undefined || port === undefined ? address : withPort(parsed, Number(port));
  const notifications = [
    ...notificationOf(destination, block.last("notify_up"), `destination ${context.name} ${shown} live`),
    ...notificationOf(
      destination,
      block.last("notify_down"),
      `destination ${context.name} ${shown} not live`,
    ),
  ];
  return {
    destination,
    checks,
    rest: block,
    inhibited: flagOf(inhibited) === true ? inhibited : undefined,
    notifications,
  };
}

/** The port that a server gets packets at, which only NAT can make another one. */
function portToServe(
  section: Section,
  place: Directive["place"],
  key: PortKey,
  { port, method }: { readonly port: string | undefined; readonly method: Directive | undefined },
): string | undefined {
  const asked = "fwmark" in key || key.port === "0" ? undefined : key.port;
  const isNat = method === undefined || method.values[0]?.text === "NAT";
  const served = isNat && port !== "0" ? port ?? asked : asked;
  if (port !== undefined && port !== served && port !== "0") {
    const which = served === undefined ? "the one that was asked for" : `port ${served}`;
    section.remark(place, `port ${port}: has no effect but on checks: without NAT packets keep ${which}`);
  }
  section.set("port", served === undefined ? undefined : number(served));
  return served;
}

/** Checks that are the same for every destination stand once, in what is returned; others at their destinations. */
function setChecks(reals: readonly RealResult[]): readonly Section[] | undefined {
  const [first, ...others] = reals;
  if (first === undefined) return undefined;
  const spelled = ({ checks }: RealResult) => checks.map((check) => check.toYaml(false)).join("\n");
  const isSilent = reals.every(({ checks }) => checks.every(({ remarks }) => remarks.length === 0));
  const same = others.every((other) => spelled(other) === spelled(first));
  if (isSilent && same && others.length > 0 && first.checks.length > 0) return first.checks;
  for (const { destination, checks } of reals) if (checks.length > 0) destination.set("checks", checks);
  return undefined;
}

/** What becomes of a failed destination is one for all of a port. */
function setWhenFailed(section: Section, block: Block, inhibited: readonly (Directive | undefined)[]): void {
  const some = inhibited.find((directive) => directive !== undefined);
  if (some !== undefined && inhibited.includes(undefined)) {
    section.remark(
      some.place,
      "inhibit_on_failure: is one for all destinations of a port here (whenFailed), so it holds for all",
    );
  }
  const every = some ??
    (flagOf(block.last("inhibit_on_failure")) === true ? block.last("inhibit_on_failure") : undefined);
  section.set("whenFailed", every === undefined ? "remove" : "quiesce");
}

/** NAT, DR, or TUN with its type. */
function setForwarding(section: Section, method: Directive | undefined): void {
  const words = method?.values.map(({ text }) => text) ?? [];
  const [kind = "NAT", ...rest] = words;
  const names: Readonly<Record<string, string>> = { NAT: "masq", DR: "droute", TUN: "tunnel" };
  section.set("forwarding", Object.hasOwn(names, kind) ? names[kind] : kind);
  if (kind !== "TUN" || rest.length === 0 || method === undefined) return;
  const behind = (word: string) => rest.includes(word) ? rest[rest.indexOf(word) + 1] : undefined;
  const tunnel = new Section().set("type", behind("type") ?? "ipip");
  const port = behind("port");
  tunnel.set("port", port === undefined ? undefined : number(port));
  if (rest.includes("csum")) tunnel.set("checksum", true);
  if (rest.includes("nocsum")) tunnel.set("checksum", behind("type") === "ipip" ? undefined : false);
  if (rest.includes("remcsum")) section.remark(method.place, "lvs_method: remcsum has no equivalent");
  section.set("tunnel", tunnel);
}

function setSorry(section: Section, block: Block, forwarding: Directive | undefined, key: PortKey): void {
  const server = block.last("sorry_server");
  if (server === undefined) return;
  const [address = "", port] = server.values.map(({ text }) => text);
  const sorry = new Section().set("address", address);
  const method = block.last("sorry_server_lvs_method") ?? forwarding;
  portToServe(sorry, server.place, key, { port, method });
  setForwarding(sorry, method);
  const quorum = numberOf(block.last("quorum"));
  if (quorum !== undefined && quorum !== 1) {
    section.remark(
      server.place,
      "sorry_server: is used when no destination is left, not already below the quorum",
    );
  }
  section.set("sorry", sorry);
}

/** Flags by the bit that they are, of schedulers that have some. */
const FLAGS: Readonly<Record<string, string>> = { "flag-1": "fallback", "flag-2": "port" };
/** What it takes where nothing is said (seen with keepalived 2.2.7). */
const KEEPALIVED_SCHEDULER = "wlc";
const KEEPALIVED_PROTOCOL = "udp";

function schedulingOf(block: Block, protocol: string, byMark: boolean): Section {
  const ipvs = new Section();
  const scheduler = block.last("lb_algo", "lvs_sched")?.values[0]?.text ?? KEEPALIVED_SCHEDULER;
  ipvs.set("scheduler", scheduler);
  const flags: string[] = [];
  for (
    const { name, place } of block.every(
      "flag-1",
      "flag-2",
      "flag-3",
      "sh-port",
      "sh-fallback",
      "mh-port",
      "mh-fallback",
    )
  ) {
    const flag = FLAGS[name] === undefined ? name : `${scheduler}-${FLAGS[name]}`;
    const known = ["sh-port", "sh-fallback", "mh-port", "mh-fallback"].includes(flag) &&
      flag.startsWith(`${scheduler}-`);
    if (known) flags.push(flag);
    else ipvs.remark(place, `${name}: means nothing to the scheduler ${scheduler}`);
  }
  const ops = block.last("ops");
  if (ops !== undefined && (protocol === "udp" || byMark)) flags.push("ops");
  else if (ops !== undefined) ipvs.remark(ops.place, "ops: means nothing without UDP");
  if (flags.length > 0) ipvs.set("flags", [...new Set(flags)]);
  const timeout = block.last("persistence_timeout");
  if (timeout === undefined) return ipvs;
  const persistence = new Section().set("timeout", `${timeout.values[0]?.text ?? "360"}s`);
  const granularity = block.last("persistence_granularity")?.values[0]?.text;
  if (granularity !== undefined) {
    const length = maskLength(granularity);
    persistence.set(granularity.includes(".") ? "netmask" : "netmask6", length ?? number(granularity));
  }
  return ipvs.set("persistence", persistence);
}

/** The length of a dotted mask; undefined: it is none. */
function maskLength(text: string): number | undefined {
  const bits = parseAddress(text)?.bytes.reduce((all, octet) => all + octet.toString(2).padStart(8, "0"), "");
  const [ones] = /^1*(?=0*$)/.exec(bits ?? "-") ?? [];
  return bits?.length === 32 ? ones?.length : undefined;
}

/** A script and its arguments, perhaps with a user, as a command of a shell. */
function notificationOf(
  section: Section,
  directive: Directive | undefined,
  pattern: string,
): readonly Notification[] {
  const [line, user] = directive?.values ?? [];
  if (directive === undefined || line === undefined) return [];
  const words = shellWords(line);
  if (words === undefined) throw new SourceProblem(line.place, `${directive.name}: a quote is not closed`);
  if (user !== undefined) {
    section.remark(user.place, `${directive.name}: is run by the agent's own user, not by ${user.text}`);
  }
  const command = words.map(({ text }) => shellQuoted(text)).join(" ");
  return [{ pattern, command: command === "" ? ":" : command }];
}

/** The pattern of `case` for a notification. */
export function casePattern({ pattern }: Notification): string {
  return pattern.split("*").map((part) => part === "" ? "" : `'${part}'`).join("*");
}
