/**
 * What a change of this speaker or of a peer costs a session. These tables are the only ones: `differ()` tells what they
 * say, and the speaker does it. A peer is known by its address and zone; its name is a label.
 */
import { changedKeys } from "./canonical.ts";
import type { Config, LocalBgp, PeerConfig } from "./config.ts";
import { localAsOf } from "./local_as.ts";
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
  /** What happens to the sessions of peers that stay. */
  readonly sessions: SessionConsequence;
  /** Peers, by name, to whose sessions less happens; left out: none. */
  readonly except?: readonly string[];
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

type Row<T> = SessionConsequence | ((old: T, next: T) => SessionConsequence);

/** The speaker with its peers. */
export type SpeakerConfig = Pick<Config["bgp"], "local" | "peers">;

const LOCAL: { readonly [Key in keyof LocalBgp]: Row<PeerAndLocal> | "listen" } = {
  routerID: "reset",
  as: ownAsConsequence,
  listenPort: "listen",
  listenAddresses: "listen",
  // Next hops may follow them; destinations made of them are compared where they are.
  address: "advertise",
  address6: "advertise",
};

type PeerKey = Exclude<keyof PeerConfig, keyof PeerPlace>;

const PEER: { readonly [Key in PeerKey]: Row<PeerAndLocal> } = {
  // Services name the peers that get their routes.
  name: "advertise",
  as: "reset",
  localAs: ownAsConsequence,
  port: "reset",
  passive: "reset",
  localAddress: "reset",
  password: "reset",
  tcpAo: ({ peer: old }, { peer: next }) => rollsOver(old.tcpAo, next.tcpAo) ? "next session" : "reset",
  tcpMss: "reset",
  ttlSecurity: "reset",
  multihop: "reset",
  holdTimeSeconds: "reset",
  keepaliveTimeSeconds: "reset",
  connectRetryTimeMs: "next session",
  sendHoldTimeSeconds: "reset",
  families: "reset",
  nextHop: ({ peer: old }, { peer: next }) =>
    offersExtendedNextHop(old) === offersExtendedNextHop(next) ? "advertise" : "reset",
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
 * The peer sees our AS in the OPEN, in AS_PATH and in ONLY_TO_CUSTOMER, and no other one of ours: where it has a `localAS`,
 * `local.as` means nothing to it.
 */
function ownAsConsequence(old: PeerAndLocal, next: PeerAndLocal): SessionConsequence {
  return localAsOf(old.local, old.peer) === localAsOf(next.local, next.peer) ? "none" : "reset";
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
    localConsequence(old, next, changedKeys(old.local, next.local)),
    peerConsequence(old, next, changedPeerKeys(old.peer, next.peer)),
  ]);
}

/** What changes of this speaker: one change, or none. */
export function localChange(old: SpeakerConfig, next: SpeakerConfig): readonly LocalChange[] {
  const { local } = old;
  const keys = changedKeys(local, next.local);
  if (keys.length === 0) return [];
  const kept = pair(old.peers, next.peers, peerKey).kept.map(({ old: peer, next: nextPeer }) => {
    const to = { local: next.local, peer: nextPeer };
    return { name: nextPeer.name, consequence: localConsequence({ local, peer }, to, keys) };
  });
  const sessions = strongest(kept.map(({ consequence }) => consequence));
  const except = kept.filter(({ consequence }) => consequence !== sessions).map(({ name }) => name);
  const listens = local.listenPort !== NOT_LISTENING || next.local.listenPort !== NOT_LISTENING;
  const listen = listens && keys.some((key) => LOCAL[key] === "listen");
  const change = { of: "local", change: "changed", keys, sessions, listen } as const;
  return [except.length === 0 ? change : { ...change, except }];
}

/** What changes of the peers: those that go, then those that stay, then those that come. */
export function peerChanges(before: SpeakerConfig, after: SpeakerConfig): readonly PeerChange[] {
  const { removed, kept, added } = pair(before.peers, after.peers, peerKey);
  return [
    ...removed.map(({ key, value }) => comesOrGoes("removed", key, value)),
    ...kept.flatMap(({ key, old, next }): readonly PeerChange[] => {
      const keys = changedPeerKeys(old, next);
      if (keys.length === 0) return [];
      const session = peerConsequence(
        { local: before.local, peer: old },
        { local: after.local, peer: next },
        keys,
      );
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

function localConsequence(
  old: PeerAndLocal,
  next: PeerAndLocal,
  keys: readonly (keyof LocalBgp)[],
): SessionConsequence {
  return strongest(keys.map((key) => {
    const row = LOCAL[key];
    return row === "listen" ? "none" : consequenceOf(row, old, next);
  }));
}

function peerConsequence(
  old: PeerAndLocal,
  next: PeerAndLocal,
  keys: readonly PeerKey[],
): SessionConsequence {
  return strongest(keys.map((key) => consequenceOf(PEER[key], old, next)));
}

function consequenceOf(row: Row<PeerAndLocal>, old: PeerAndLocal, next: PeerAndLocal): SessionConsequence {
  return typeof row === "string" ? row : row(old, next);
}

function strongest(consequences: readonly SessionConsequence[]): SessionConsequence {
  return STRENGTH.find((consequence) => consequences.includes(consequence)) ?? "none";
}
