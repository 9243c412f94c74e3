/** The whole of a migrated file: the agent's own part, BGP with what must be filled in, and the services. */
import type { OverrideValues } from "../config/overrides.ts";
import { formatListenAddress } from "../config/values/listen_address.ts";
import { Section, type Value } from "./section.ts";

/** What the command line says of BGP, where the source does not. */
export interface SpeakerFlags {
  readonly routerID?: string | undefined;
  readonly localAS?: string | undefined;
  /** Addresses, with commas between them. */
  readonly peers?: string | undefined;
  readonly peerAS?: string | undefined;
}

/** What the source says of BGP. */
export interface FoundSpeaker {
  readonly routerID?: Value | undefined;
  readonly as?: Value | undefined;
  /** For every peer. */
  readonly nextHop?: Value | undefined;
  readonly peers: readonly Section[];
}

/** What the parts of a migrated file come from. */
export interface FileParts {
  /** `fileOf` the program, and what holds for all of its file. */
  readonly remarks: Section;
  readonly flags: OverrideValues;
  readonly speakerFlags: SpeakerFlags;
  readonly speaker: FoundSpeaker;
  /** Undefined: our default. */
  readonly level?: string | undefined;
  /** False: the source's program binds no addresses. */
  readonly setup?: boolean | undefined;
  readonly services: readonly Section[];
}

/** What a migrated file is made of, without what the command line says. */
export type MigratedParts = Omit<FileParts, "flags" | "speakerFlags">;

/** What stands where something has to be filled in; no value of anything. */
export const PLACEHOLDER = "FILL-IN";

/** A file of ours in the making, of that program. */
export function fileOf(program: string): Section {
  return new Section().say(
    `A configuration of ${program} in the format of bgp-lb (bgp-lb migrate). What has no`,
  )
    .say("equivalent, or means something else, is told where it would stand; `line` is the source's.");
}

/** The file that the parts make. */
export function migratedFile(parts: FileParts): Section {
  const { remarks: file, flags, services } = parts;
  const level = flags.level ?? parts.level;
  if (level !== undefined) file.set("log", new Section().set("level", level));
  if (flags.http !== undefined) {
    file.set("http", new Section().set("listen", formatListenAddress(flags.http.listen)));
  }
  if (flags.control !== undefined) {
    file.set("control", new Section().set("socket", flags.control.socket ?? ""));
  }
  const setup = flags.setup ?? parts.setup;
  const network = new Section().set("setup", setup).set("ipvs", flags.ipvs);
  if (!network.isEmpty) file.set("network", network);
  file.set("bgp", bgpOf(parts));
  if (services.length === 0) file.say("No service was found.");
  return file.set("services", services);
}

function bgpOf({ speaker, speakerFlags: flags }: FileParts): Section {
  const local = new Section();
  const routerID = flags.routerID ?? speaker.routerID;
  if (routerID === undefined) {
    local.say(
      "Fill in: the BGP Identifier of this host, an IPv4 address of it (or migrate --router-id ADDRESS).",
    );
  }
  local.set("routerID", routerID ?? PLACEHOLDER);
  const as = flags.localAS === undefined ? speaker.as : asNumber(flags.localAS);
  if (as === undefined) local.say("Fill in: the AS number of this host (or migrate --local-as NUMBER).");
  local.set("as", as ?? PLACEHOLDER);
  const defaults = new Section();
  if (flags.peerAS !== undefined) defaults.set("as", asNumber(flags.peerAS));
  defaults.set("nextHop", speaker.nextHop);
  const bgp = new Section().set("local", local);
  if (!defaults.isEmpty) bgp.set("defaults", defaults);
  return bgp.set("peers", peersOf(speaker, flags));
}

function peersOf({ peers }: FoundSpeaker, flags: SpeakerFlags): readonly Section[] {
  const named = flags.peers?.split(",") ?? [];
  const list = peers.length > 0 || named.length > 0 ? named.map((address) => peer(address, flags)) : [
    peer(PLACEHOLDER, flags).say("and each further router"),
  ];
  return [...peers, ...list];
}

/** A peer of which the address is known, if at all. */
export function peer(address: string, { peerAS }: SpeakerFlags): Section {
  const section = new Section();
  if (address === PLACEHOLDER) section.say("Fill in: the address of a router (or migrate --peers A,B).");
  section.set("address", address);
  if (peerAS !== undefined) return section;
  section.say("Fill in: the AS number of the router (or migrate --peer-as NUMBER).");
  return section.set("as", PLACEHOLDER);
}

function asNumber(text: string): number | string {
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : text;
}
