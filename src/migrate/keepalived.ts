/** keepalived's virtual servers as services of ours: those with the same ports become one service of all their addresses. */
import { Block, type Directive, type SourceFile, SourceProblem, type Word } from "./directive.ts";
import { fileOf, type MigratedParts, PLACEHOLDER } from "./file.ts";
import type { CheckerContext } from "./keepalived_checks.ts";
import { casePattern, type Notification, type PortKey, portOf } from "./keepalived_port.ts";
import { readKeepalived } from "./keepalived_syntax.ts";
import { Names } from "./names.ts";
import { described, Section } from "./section.ts";
import { addressRange, shellCommand } from "./values.ts";

const BY_BGP = "has no equivalent: addresses are announced by BGP by every healthy host, not held by one";
const TOP_REASONS: Readonly<Record<string, string>> = {
  vrrp_instance: BY_BGP,
  vrrp_sync_group: BY_BGP,
  vrrp_script: "has no equivalent: checks are of a service",
  vrrp_track_process: "has no equivalent: a process check of a service looks for one",
  track_file: "has no equivalent",
  vrrp_track_file: "has no equivalent",
  bfd_instance: "has no equivalent: BFD is of peers here",
  global_defs: "has no equivalent",
  static_ipaddress: "has no equivalent: yours to bind",
  static_routes: "has no equivalent",
  static_rules: "has no equivalent",
  static_track_group: "has no equivalent",
  linkbeat_use_polling: "has no equivalent",
  net_namespace: "has no equivalent: start the agent in it",
  include: "is not read: name the file after this one (bgp-lb migrate FILE FILE)",
};

/** Addresses, and directives of what becomes ports, at most. */
const MAX_SIZE = 50_000;

/** Something that a virtual server is for. */
type Target = { readonly address: string; readonly port: string | undefined } | {
  readonly fwmark: string;
  readonly family: 4 | 6 | undefined;
};

/** A virtual server with all that it is for. */
interface Server {
  readonly directive: Directive;
  readonly targets: readonly Target[];
  /** Of its group. */
  readonly group: string | undefined;
}

/** Ports that the same addresses have. */
interface Service {
  readonly addresses: string[];
  readonly ports: { readonly server: Server; readonly key: PortKey }[];
}

/** The files as parts of ours. @throws {SourceProblem} */
export function migrateKeepalived(files: readonly SourceFile[]): MigratedParts {
  const remarks = fileOf("keepalived");
  const directives = plain(files.flatMap(readKeepalived), remarks);
  const top = new Block(directives);
  const groups = new Map(
    top.every("virtual_server_group").map((group) => [group.values[0]?.text ?? "", group]),
  );
  const budget = { targets: MAX_SIZE };
  const servers = top.every("virtual_server").map((server) => serverOf(server, groups, { remarks, budget }));
  const used = new Set(servers.map(({ group }) => group));
  for (const [name, group] of groups) {
    if (!used.has(name)) remarks.remark(group.place, `${described(group)}: no virtual_server has it`);
  }
  const ssl = sslOf(top, remarks);
  remarks.remarkRest(top, TOP_REASONS);
  remarks.say(
    "A destination gets connections after its first passing checks; with keepalived it had them from the start.",
  );
  remarks.say(
    "An interval is from start to start here. Addresses are bound to an interface of each service's own.",
  );
  const names = new Names();
  checkSize(servers);
  const services = servicesOf(servers).map((service) => sectionOf(service, names, ssl));
  return { remarks, speaker: { peers: [] }, services };
}

/** Without what is told of any block: conditions, definitions, and words that need them. */
function plain(directives: readonly Directive[], remarks: Section): readonly Directive[] {
  const defined = new Set<string>();
  const walk = (block: readonly Directive[]): readonly Directive[] =>
    block.flatMap((directive) => {
      const { name, place, values } = directive;
      const [, variable] = /^\$([A-Za-z_][A-Za-z0-9_]*)=/.exec(name) ?? [];
      if (variable !== undefined) {
        defined.add(variable);
        remarks.remark(place, `$${variable}: nothing is put in for variables: write the values out first`);
        return [];
      }
      if (name.startsWith("@")) {
        remarks.remark(
          place,
          `${
            described(directive)
          }: is for hosts of one config-id, and left out: write the file of one out first`,
        );
        return [];
      }
      for (const word of [{ text: name, place }, ...values]) tellVariable(word, defined, remarks);
      return [{ ...directive, ...directive.block === undefined ? {} : { block: walk(directive.block) } }];
    });
  return walk(directives);
}

function tellVariable({ text, place }: Word, defined: ReadonlySet<string>, remarks: Section): void {
  const [, variable = ""] = /\$\{?([A-Za-z_][A-Za-z0-9_]*)/.exec(text) ?? [];
  if (defined.has(variable) || variable.startsWith("_")) {
    remarks.remark(place, `$${variable}: is kept as it stands, nothing is put in for it`);
  }
  if (/^~(SEQ|LST)/.test(text)) {
    remarks.remark(place, `${text.slice(0, 4)}: is kept as it stands: write the lines out first`);
  }
}

interface Reading {
  readonly remarks: Section;
  /** What is left of the bound of targets. */
  readonly budget: { targets: number };
}

function serverOf(directive: Directive, groups: ReadonlyMap<string, Directive>, reading: Reading): Server {
  const [first, second, third] = directive.values.map(({ text }) => text);
  if (first === undefined) throw new SourceProblem(directive.place, "virtual_server: has no address");
  if (first === "fwmark") {
    return {
      directive,
      targets: [{ fwmark: second ?? PLACEHOLDER, family: familyOf(third) }],
      group: undefined,
    };
  }
  if (first !== "group") return { directive, targets: [{ address: first, port: second }], group: undefined };
  const group = groups.get(second ?? "");
  if (group === undefined) {
    throw new SourceProblem(
      directive.place,
      `virtual_server group ${second ?? ""}: there is no such virtual_server_group`,
    );
  }
  return {
    directive,
    targets: (group.block ?? []).flatMap((entry) => targetsOf(entry, reading)),
    group: second,
  };
}

/** An address, a range of them, or a mark, in a group. */
function targetsOf({ name, values, place }: Directive, { remarks, budget }: Reading): readonly Target[] {
  const [first, second] = values.map(({ text }) => text);
  if (name === "fwmark") return [{ fwmark: first ?? PLACEHOLDER, family: familyOf(second) }];
  const addresses = addressRange(name);
  if (addresses === undefined) {
    remarks.remark(place, `${name}: is kept as it stands: write the addresses of the range out`);
  }
  budget.targets -= addresses?.length ?? 1;
  if (budget.targets < 0) {
    throw new SourceProblem(place, `is one of more than ${MAX_SIZE} addresses: migrate it in parts`);
  }
  return (addresses ?? [name]).map((address) => ({ address, port: first }));
}

function familyOf(text: string | undefined): 4 | 6 | undefined {
  return text === "inet6" ? 6 : text === "inet" ? 4 : undefined;
}

/** Addresses with the same ports are one service; a mark is with the addresses of its group, or stands alone. */
function servicesOf(servers: readonly Server[]): readonly Service[] {
  const byAddress = new Map<string, { server: Server; key: PortKey }[]>();
  for (const server of servers) {
    for (const target of server.targets) {
      if ("fwmark" in target) continue;
      const ports = byAddress.get(target.address) ?? [];
      ports.push({ server, key: { port: target.port } });
      byAddress.set(target.address, ports);
    }
  }
  const bySignature = new Map<string, Service>();
  for (const [address, ports] of byAddress) {
    const signature = JSON.stringify(ports.map(({ server, key }) => [servers.indexOf(server), key]));
    const service = bySignature.get(signature) ?? { addresses: [], ports };
    service.addresses.push(address);
    bySignature.set(signature, service);
  }
  const services = [...bySignature.values()];
  for (const server of servers) {
    const marks = server.targets.filter((target) => "fwmark" in target);
    const having = services.find(({ ports }) => ports.some((port) => port.server === server));
    const ports = marks.map((key) => ({ server, key }));
    if (having !== undefined) having.ports.push(...ports);
    else if (ports.length > 0) services.push({ addresses: [], ports });
  }
  return services;
}

/** Each address and mark of a group has the real servers of each of its virtual servers. @throws {SourceProblem} */
function checkSize(servers: readonly Server[]): void {
  let size = 0;
  for (const { directive, targets } of servers) {
    const ports = new Set(
      targets.map((target) => "fwmark" in target ? `fwmark ${target.fwmark}` : target.port),
    );
    size += ports.size * (1 + (directive.block ?? []).length);
    if (size > MAX_SIZE) {
      throw new SourceProblem(directive.place, "virtual_server: is too much: migrate it in parts");
    }
  }
}

function sectionOf({ addresses, ports }: Service, names: Names, ssl: CheckerContext["ssl"]): Section {
  const section = new Section();
  const [first] = ports;
  const mark = first !== undefined && "fwmark" in first.key ? `fwmark-${first.key.fwmark}` : "service";
  section.set("name", names.give(first?.server.group ?? addresses[0] ?? mark));
  if (addresses.length === 0) section.say("Fill in: the addresses that marked packets are for.");
  section.set("addresses", addresses.length === 0 ? [PLACEHOLDER] : addresses);
  const results = ports.map(({ server, key }) => portOf(server.directive, key, ssl));
  section.set("ports", results.map((result) => result.section));
  return section.set(
    "onChange",
    onChangeOf(section, results.flatMap(({ notifications }) => notifications), first?.server),
  );
}

/** One program for all that was run at changes. */
function onChangeOf(
  section: Section,
  notifications: readonly Notification[],
  server: Server | undefined,
): readonly string[] | undefined {
  if (notifications.length === 0 || server === undefined) return undefined;
  section.say(
    "quorum_up and quorum_down are run when a route is announced or withdrawn, for whatever reason.",
  );
  const branches = notifications.map((notification) =>
    `  ${casePattern(notification)}) ${notification.command} ;;`
  );
  const facts = `"$BGP_LB_EVENT $BGP_LB_PORT $BGP_LB_DESTINATION $BGP_LB_TO"`;
  return shellCommand(`case ${facts} in\n${branches.join("\n")}\nesac\n`);
}

/** Our own certificate; what else the block has is told. */
function sslOf(top: Block, remarks: Section): CheckerContext["ssl"] {
  const block = new Block(top.every("SSL").flatMap(({ block = [] }) => block));
  const [certFile, keyFile] = ["certificate", "key"].map((name) => block.last(name)?.values[0]?.text);
  remarks.remarkRest(block, {
    password: "has no equivalent: the key has no passphrase here",
    ca: "is of no use while no certificate is looked at: see caFile of the checks",
  });
  return { certFile, keyFile };
}
