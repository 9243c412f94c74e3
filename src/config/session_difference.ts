/**
 * What a change of this speaker or of a peer costs a session. These tables are the only ones: `differ()` tells what they
 * say, and the speaker does it. A peer is known by its address and zone; its name is a label.
 */
import { changedKeys } from "./canonical.ts";
import type { LocalBgp, PeerConfig } from "./config.ts";
import { pair } from "./pairs.ts";
import { formatZoned } from "./values/address.ts";

/**
 * What happens to a session: reset; kept, and its routes are looked at again, of which those that go otherwise now are
 * sent; kept, and the next one will differ; nothing.
 */
export type SessionConsequence = "reset" | "advertise" | "next session" | "none";

/** A change of this speaker. */
export interface LocalChange {
  readonly of: "local";
  readonly change: "changed";
  readonly keys: readonly string[];
  /** What happens to the sessions of all peers. */
  readonly sessions: SessionConsequence;
  /** Whether the listening sockets are other ones. */
  readonly listen: boolean;
}

/** A change of a peer, by address (with its zone) and by the name that it had, where it is new by the name that it has. */
export type PeerChange =
  | {
    readonly of: "peer";
    readonly change: "added" | "removed";
    readonly address: string;
    readonly name: string;
  }
  | {
    readonly of: "peer";
    readonly change: "changed";
    readonly address: string;
    readonly name: string;
    readonly keys: readonly string[];
    readonly session: SessionConsequence;
  };

/** A peer and the speaker that has it. */
export interface PeerAndLocal {
  readonly local: LocalBgp;
  readonly peer: PeerConfig;
}

const LOCAL: { readonly [Key in keyof LocalBgp]: SessionConsequence | "listen" } = {
  routerID: "reset",
  as: "reset",
  listenPort: "listen",
  listenAddresses: "listen",
  // Next hops may follow them; destinations made of them are compared where they are.
  address: "advertise",
  address6: "advertise",
};

type PeerKey = Exclude<keyof PeerConfig, keyof PeerPlace>;

const PEER: {
  readonly [Key in PeerKey]:
    | SessionConsequence
    | ((old: PeerConfig, next: PeerConfig) => SessionConsequence);
} = {
  // Services name the peers that get their routes.
  name: "advertise",
  as: "reset",
  localAs: "reset",
  port: "reset",
  passive: "reset",
  localAddress: "reset",
  password: "reset",
  tcpAo: (old, next) => rollsOver(old.tcpAo, next.tcpAo) ? "next session" : "reset",
  tcpMss: "reset",
  ttlSecurity: "reset",
  multihop: "reset",
  holdTimeSeconds: "reset",
  keepaliveTimeSeconds: "reset",
  connectRetryTimeMs: "next session",
  sendHoldTimeSeconds: "reset",
  families: "reset",
  nextHop: (old, next) => offersExtendedNextHop(old) === offersExtendedNextHop(next) ? "advertise" : "reset",
  nextHop6: "advertise",
  linkLocalNextHop: "advertise",
  gracefulRestart: "reset",
  capabilities: "reset",
  localRole: "reset",
  strictRole: "next session",
  // It is known by the peer, and has a machine of its own.
  bfd: "none",
};

/** A `listenPort` with which listenAddresses mean nothing. */
const NOT_LISTENING = -1;

const STRENGTH: readonly SessionConsequence[] = ["reset", "advertise", "next session", "none"];

/** Where a peer is: what tells it from others, and names it where it has no name. */
export type PeerPlace = Pick<PeerConfig, "address" | "automatic" | "zone" | "device">;

/** The key of a peer: its address, with the zone of a link-local one, or else the interface that it is bound to. */
export function peerKey({ address, automatic, zone, device }: PeerPlace): string {
  if (automatic) return `auto%${zone ?? ""}`;
  const text = formatZoned(address, zone);
  return device === undefined || zone !== undefined ? text : `${text}@${device}`;
}

/** Does our OPEN say that IPv4 routes may have an IPv6 next hop (RFC 8950)? */
export function offersExtendedNextHop({ address, families, nextHop, capabilities }: PeerConfig): boolean {
  return capabilities.extendedNextHop && families.includes("ipv4-unicast") &&
    (address.family === 6 || nextHop?.family === 6);
}

/**
 * Can a session go on while its TCP-AO keys change (RFC 5925 section 6.1)? It can where it has keys before and after, and no
 * number becomes another key's.
 */
function rollsOver(old: PeerConfig["tcpAo"], next: PeerConfig["tcpAo"]): boolean {
  return old.length > 0 && next.length > 0 &&
    next.every((key) =>
      old.every((other) =>
        changedKeys(key, other).length === 0 ||
        key.sendId !== other.sendId && key.receiveId !== other.receiveId
      )
    );
}

/** What happens to the session of a peer whose key stays, by all that changes at once. */
export function sessionConsequence(old: PeerAndLocal, next: PeerAndLocal): SessionConsequence {
  return strongest([
    ...localChange(old.local, next.local).map(({ sessions }) => sessions),
    peerConsequence(old.peer, next.peer, changedPeerKeys(old.peer, next.peer)),
  ]);
}

/** What changes of this speaker: one change, or none. */
export function localChange(old: LocalBgp, next: LocalBgp): readonly LocalChange[] {
  const keys = changedKeys(old, next);
  if (keys.length === 0) return [];
  const consequences = keys.map((key) => LOCAL[key]);
  const sessions = strongest(consequences.filter((consequence) => consequence !== "listen"));
  const listens = old.listenPort !== NOT_LISTENING || next.listenPort !== NOT_LISTENING;
  const listen = listens && consequences.includes("listen");
  return [{ of: "local", change: "changed", keys, sessions, listen }];
}

/** What changes of the peers: those that go, then those that stay, then those that come. */
export function peerChanges(old: readonly PeerConfig[], next: readonly PeerConfig[]): readonly PeerChange[] {
  const { removed, kept, added } = pair(old, next, peerKey);
  return [
    ...removed.map(({ key, value }) => comesOrGoes("removed", key, value)),
    ...kept.flatMap(({ key, old, next }): readonly PeerChange[] => {
      const keys = changedPeerKeys(old, next);
      if (keys.length === 0) return [];
      const session = peerConsequence(old, next, keys);
      return [{ of: "peer", change: "changed", address: key, name: old.name, keys, session }];
    }),
    ...added.map(({ key, value }) => comesOrGoes("added", key, value)),
  ];
}

function comesOrGoes(change: "added" | "removed", address: string, { name }: PeerConfig): PeerChange {
  return { of: "peer", change, address, name };
}

function changedPeerKeys(old: PeerConfig, next: PeerConfig): readonly PeerKey[] {
  return changedKeys(placeless(old), placeless(next));
}

function placeless({ address: _, automatic: _a, zone: _z, device: _d, ...rest }: PeerConfig) {
  return rest;
}

function peerConsequence(old: PeerConfig, next: PeerConfig, keys: readonly PeerKey[]): SessionConsequence {
  return strongest(keys.map((key) => {
    const row = PEER[key];
    return typeof row === "string" ? row : row(old, next);
  }));
}

function strongest(consequences: readonly SessionConsequence[]): SessionConsequence {
  return STRENGTH.find((consequence) => consequences.includes(consequence)) ?? "none";
}
