/** A `neighbor` of an exabgp.conf as a peer of ours. */
import { Block, type Directive } from "./directive.ts";
import { Section, type Value } from "./section.ts";
import { number, truth } from "./values.ts";

/** A neighbor, with what groups and templates give it. */
export interface Neighbor {
  readonly directive: Directive;
  /** What it has, what is its own last. */
  readonly has: readonly Directive[];
}

/** A peer, and what its neighbor says of this host. */
export interface NeighborResult {
  readonly peer: Section;
  readonly address: string;
  readonly routerID: string | undefined;
  readonly as: string | undefined;
  /** Processes that it takes routes of; undefined: nothing is said. */
  readonly processes: readonly string[] | undefined;
}

const NOT_CONFIGURED = "is always so here";
const NO_LEARNED = "has no equivalent: what peers announce is not kept";
const REASONS: Readonly<Record<string, string>> = {
  "host-name": "has no equivalent: no FQDN capability",
  "domain-name": "has no equivalent: no FQDN capability",
  "md5-ip": "means nothing here: the key holds for the session's own addresses",
  listen: "has no equivalent: bgp.local.listenPort is for all peers",
  "group-updates": NOT_CONFIGURED,
  "auto-flush": NOT_CONFIGURED,
  "manual-eor": "has no equivalent: End-of-RIB is sent when the routes were",
  "adj-rib-out": NOT_CONFIGURED,
  "adj-rib-in": NO_LEARNED,
  "rate-limit": "has no equivalent",
  static: "has no equivalent: each route here is of a service; a service without checks is always announced",
  announce:
    "has no equivalent: each route here is of a service; a service without checks is always announced",
  flow: "has no equivalent: no flow specification",
  l2vpn: "has no equivalent: unicast only",
  operational: "has no equivalent",
  process: "is not read inside a neighbor",
  inherit: "names a template that is not there",
};
const CAPABILITY_REASONS: Readonly<Record<string, string>> = {
  asn4: NOT_CONFIGURED,
  "add-path": "has no equivalent: no ADD-PATH",
  "multi-session": "has no equivalent",
  operational: "has no equivalent",
  aigp: "has no equivalent: no AIGP",
};

/** The peer that the neighbor is. */
export function migrateNeighbor({ directive, has }: Neighbor): NeighborResult {
  const block = new Block(has);
  const text = (name: string) => block.last(name)?.values[0]?.text;
  const address = directive.values[0]?.text ?? text("peer-address") ?? "";
  const peer = new Section().set("address", address);
  // What is said where the neighbor begins is of no further use.
  block.every("peer-address");
  const as = text("peer-as");
  peer.set("as", as === undefined ? undefined : number(as));
  const description = block.last("description");
  if (description !== undefined) {
    peer.remark(description.place, "description: has no equivalent; give the peer a `name`");
  }
  if (block.has("passive")) peer.set("passive", truth(text("passive")));
  peer.set("port", optional(text("connect")));
  localAddress(peer, block);
  peer.set("interface", text("source-interface"));
  peer.set("password", password(peer, block));
  hops(peer, block);
  const holdTime = text("hold-time");
  peer.set("holdTime", holdTime === undefined ? undefined : `${holdTime}s`);
  peer.set("families", families(peer, block));
  capabilities(peer, block);
  const processes = block.every("api").flatMap((api) => processesOf(peer, api));
  const routerID = text("router-id");
  const localAS = text("local-as");
  peer.remarkRest(block, REASONS);
  return { peer, address, routerID, as: localAS, processes: processes.length > 0 ? processes : undefined };
}

function optional(text: string | undefined): Value | undefined {
  return text === undefined ? undefined : number(text);
}

function localAddress(peer: Section, block: Block): void {
  const local = block.last("local-address");
  const text = local?.values[0]?.text;
  if (local === undefined || text === undefined) return;
  if (text === "auto") peer.remark(local.place, "local-address: auto is the default, the kernel's choice");
  else peer.set("localAddress", text);
}

function password(peer: Section, block: Block): string | undefined {
  const key = block.last("md5-password", "md5");
  const encoded = block.last("md5-base64");
  if (encoded === undefined || !truth(encoded.values[0]?.text)) {
    if (encoded !== undefined) peer.remark(encoded.place, "md5-base64: the password is plain here");
    return key?.values[0]?.text;
  }
  if (key !== undefined) {
    peer.remark(key.place, "md5-password: decode it (base64 -d) into a file, and name that as passwordFile");
  }
  peer.remark(encoded.place, "md5-base64: has no equivalent, the password is left out");
  return undefined;
}

/** The TTL that is sent, and the least that is taken. */
function hops(peer: Section, block: Block): void {
  const least = block.last("incoming-ttl", "ttl-security");
  const sent = block.last("outgoing-ttl");
  const text = least?.values[0]?.text ?? "";
  if (least !== undefined) {
    const ttl = Number(text);
    if (ttl >= 2 && ttl <= 255) peer.set("ttlSecurity", 256 - ttl);
    else {peer.remark(
        least.place,
        `${least.name}: is left out: give ttlSecurity, the hops to the peer, if there are any`,
      );}
    if (sent !== undefined) peer.remark(sent.place, "outgoing-ttl: is 255 with ttlSecurity");
  } else if (sent !== undefined) peer.set("multihop", number(sent.values[0]?.text ?? ""));
}

function families(peer: Section, block: Block): readonly string[] | undefined {
  const named = block.every("family").flatMap(({ block: inner = [] }) => inner);
  const found = named.flatMap((directive) => {
    const { name, values, place } = directive;
    const family = `${name}-${values[0]?.text}`;
    if (["ipv4-unicast", "ipv6-unicast"].includes(family)) return [family];
    const said = [name, ...values.map(({ text }) => text)].join(" ");
    peer.remark(
      place,
      `family ${said}: ${name === "all" || name === "minimal" ? "is the default here" : "has no equivalent"}`,
    );
    return [];
  });
  return found.length > 0 ? [...new Set(found)] : undefined;
}

function capabilities(peer: Section, block: Block): void {
  const inner = block.every("capability").flatMap((directive) => directive.block ?? []);
  const capability = new Block([...block.every("graceful-restart"), ...inner]);
  restart(peer, capability);
  switches(peer, capability);
  peer.remarkRest(capability, CAPABILITY_REASONS);
}

/** Capabilities that are offered here unless they are turned off, by their names in both. */
const SWITCHES: readonly (readonly [theirs: string, ours: string])[] = [
  ["route-refresh", "routeRefresh"],
  ["extended-message", "extendedMessages"],
  ["nexthop", "extendedNextHop"],
];

function switches(peer: Section, block: Block): void {
  const off = new Section();
  for (const [theirs, ours] of SWITCHES) {
    const given = block.last(theirs);
    if (given === undefined) continue;
    if (truth(given.values[0]?.text)) peer.remark(given.place, `${theirs}: ${NOT_CONFIGURED}`);
    else off.set(ours, false);
  }
  if (!off.isEmpty) peer.set("capabilities", off);
}

function restart(peer: Section, block: Block): void {
  const restart = block.last("graceful-restart");
  if (restart === undefined) return;
  const text = restart.values[0]?.text;
  if (/^[1-9][0-9]*$/.test(text ?? "")) {
    peer.set("gracefulRestart", new Section().set("restartTime", `${text}s`));
  } else if (!truth(text) || text === "0") {
    peer.remark(restart.place, `graceful-restart: ${text} is the default`);
  } else peer.set("gracefulRestart", new Section().set("restartTime", "120s"));
}

/** The processes of an `api` block; what else it has is about what processes are told. */
function processesOf(peer: Section, api: Directive): readonly string[] {
  const block = new Block(api.block ?? []);
  const processes = block.every("processes").flatMap(({ values }) => values.map(({ text }) => text));
  peer.remarkRest(block, {
    "processes-match": "has no equivalent: name the peer in announce.peers of services",
    ...Object.fromEntries(
      ["neighbor-changes", "negotiated", "fsm", "signal", "receive", "send"].map((name) => [
        name,
        "has no equivalent: what happens is told by events and onChange",
      ]),
    ),
  });
  return processes;
}
