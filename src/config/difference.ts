/**
 * What changed between two configurations, as plain data that a reload acts on and that `plan` prints. Peers are known by
 * their address, services and checks by their name, ports by protocol and number or by firewall mark, destinations by address and port;
 * so the order of lists means nothing. A key that is new in the configuration has to find its row in a table here.
 */
import { atOnce } from "../time/steps.ts";
import { changedKeys } from "./canonical.ts";
import type { AnnounceConfig, Config, DestinationConfig, PortConfig, ServiceConfig } from "./config.ts";
import { destinationName } from "./destination_name.ts";
import { type Keyed, pair } from "./pairs.ts";
import { type LocalChange, localChange, type PeerChange, peerChanges } from "./session_difference.ts";

export type { LocalChange, PeerChange, SessionConsequence } from "./session_difference.ts";

/** Parts that have plain keys. */
export type PlainPart = "log" | "http" | "control" | "network" | "limits" | "state" | "hooks";

/** One thing that is there now, is there no more, or is another one. `keys` are those of the checked configuration. */
export type ConfigChange =
  | {
    readonly of: PlainPart;
    readonly change: "changed";
    readonly keys: readonly string[];
  }
  | LocalChange
  | PeerChange
  | { readonly of: "service"; readonly change: "added" | "removed"; readonly service: string }
  | {
    readonly of: "service";
    readonly change: "changed";
    readonly service: string;
    readonly parts: readonly ServiceChange[];
  };

/** What changed in a service that stays. */
export type ServiceChange =
  | { readonly of: "enabled"; readonly enabled: boolean }
  | { readonly of: "interface"; readonly from: string; readonly to: string }
  | { readonly of: "address"; readonly change: "added" | "removed"; readonly address: string }
  | {
    readonly of: "prefix length";
    readonly address: string;
    readonly from: number;
    readonly to: number;
  }
  | { readonly of: "announce" | "stop" | "onChange"; readonly keys: readonly string[] }
  | {
    readonly of: "port";
    readonly change: "added" | "removed" | "changed";
    readonly port: string;
    readonly keys: readonly string[];
  }
  | {
    readonly of: "destination";
    readonly change: "added" | "removed" | "changed";
    readonly port: string;
    readonly destination: string;
    readonly keys: readonly string[];
  }
  | {
    readonly of: "check";
    readonly change: "added" | "removed" | "changed";
    readonly check: string;
    readonly keys: readonly string[];
  };

/** The changes that lead from `old` to `next`: removals of a kind before what changes, and that before what is new. */
export function differ(old: Config, next: Config): readonly ConfigChange[] {
  return atOnce(differInSteps(old, next));
}

/** The same in steps, one for each service. */
export function* differInSteps(old: Config, next: Config): Generator<void, readonly ConfigChange[]> {
  const changes: ConfigChange[] = [];
  for (const compare of Object.values(PARTS)) {
    for (const change of compare(old, next)) {
      if (change === undefined) yield;
      else changes.push(change);
    }
  }
  return changes;
}

/** Changes, and undefined wherever other work may be done. */
type Changes = Iterable<ConfigChange | undefined>;

/** How each part is compared, in the order in which changes are told. */
const PARTS: { readonly [Part in keyof Config]: (old: Config, next: Config) => Changes } = {
  log: (old, next) => plainChange("log", old.log, next.log),
  http: (old, next) => plainChange("http", old.http, next.http),
  control: (old, next) => plainChange("control", old.control, next.control),
  network: (old, next) => plainChange("network", old.network, next.network),
  limits: (old, next) => plainChange("limits", old.limits, next.limits),
  state: (old, next) => plainChange("state", old.state, next.state),
  hooks: (old, next) => plainChange("hooks", old.hooks, next.hooks),
  bgp: (old, next) => [
    ...localChange(old.bgp, next.bgp),
    ...peerChanges(old.bgp, next.bgp),
  ],
  services: (old, next) => serviceChanges(old.services, next.services),
};

function plainChange<Part extends object>(
  of: PlainPart,
  old: Part,
  next: Part,
): readonly ConfigChange[] {
  const keys = changedKeys(old, next);
  return keys.length === 0 ? [] : [{ of, change: "changed", keys }];
}

function* serviceChanges(old: readonly ServiceConfig[], next: readonly ServiceConfig[]): Changes {
  const pairs = pair(old, next, ({ name }) => name);
  for (const { key } of pairs.removed) yield { of: "service", change: "removed", service: key };
  for (const { key, old, next } of pairs.kept) {
    const parts = Object.values(SERVICE).flatMap((compare) => compare(old, next));
    if (parts.length > 0) yield { of: "service", change: "changed", service: key, parts };
    yield undefined;
  }
  for (const { key } of pairs.added) yield { of: "service", change: "added", service: key };
}

type Comparison = (old: ServiceConfig, next: ServiceConfig) => readonly ServiceChange[];

/** How each key of a service is compared, in the order in which changes are told. */
const SERVICE: { readonly [Key in Exclude<keyof ServiceConfig, "name">]: Comparison } = {
  enabled: (old, next) => old.enabled === next.enabled ? [] : [{ of: "enabled", enabled: next.enabled }],
  interface: (old, next) =>
    old.interface === next.interface ? [] : [{ of: "interface", from: old.interface, to: next.interface }],
  addresses(old, next) {
    const pairs = pair(old.addresses, next.addresses, ({ text }) => text);
    return [
      ...pairs.removed.map(({ key }) => ({ of: "address", change: "removed", address: key }) as const),
      ...pairs.added.map(({ key }) => ({ of: "address", change: "added", address: key }) as const),
    ];
  },
  prefixLengths: (old, next) =>
    [...old.prefixLengths].flatMap(([address, from]) => {
      const to = next.prefixLengths.get(address) ?? from;
      return to === from ? [] : [{ of: "prefix length", address, from, to }];
    }),
  announce: (old, next) => keysOf("announce", withOwnWords(old.announce), withOwnWords(next.announce)),
  ports: (old, next) => portChanges(old.ports, next.ports),
  checks(old, next) {
    const pairs = pair(old.checks, next.checks, ({ name }) => name);
    const all = (change: "added" | "removed", keys: readonly Keyed<unknown>[]) =>
      keys.map(({ key }): ServiceChange => ({ of: "check", change, check: key, keys: [] }));
    const changed = pairs.kept.flatMap(({ key, old, next }): readonly ServiceChange[] => {
      const keys = changedKeys(old, next);
      return keys.length === 0 ? [] : [{ of: "check", change: "changed", check: key, keys }];
    });
    return [...all("removed", pairs.removed), ...changed, ...all("added", pairs.added)];
  },
  stop: (old, next) => keysOf("stop", old.stop, next.stop),
  onChange: (old, next) =>
    changedKeys({ onChange: old.onChange }, { onChange: next.onChange }).length === 0
      ? []
      : [{ of: "onChange", keys: ["onChange"] }],
};

/** Of what an unhealthy service is announced with, only what it has for itself: the rest follows what is beside it. */
function withOwnWords({ whenUnhealthy: worse, peers, ...own }: AnnounceConfig) {
  if (worse === "withdraw") return { ...own, peers, whenUnhealthy: worse };
  const differing = changedKeys(own, worse).map((key) => [key, worse[key]] as const);
  return { ...own, peers, whenUnhealthy: Object.fromEntries(differing) };
}

function keysOf(of: "announce" | "stop", old: object, next: object): readonly ServiceChange[] {
  const keys = changedKeys(old, next);
  return keys.length === 0 ? [] : [{ of, keys }];
}

function portChanges(old: readonly PortConfig[], next: readonly PortConfig[]): readonly ServiceChange[] {
  const split = new Set([...marksOfSeveral(old), ...marksOfSeveral(next)]);
  const pairs = pair(old, next, ({ protocol, port, fwmark, families }) => {
    if (fwmark === 0) return `${protocol} ${port}`;
    return `fwmark ${fwmark}${split.has(fwmark) ? ` IPv${families.join()}` : ""}`;
  });
  const one = (
    change: "added" | "removed" | "changed",
    port: string,
    keys: readonly string[],
  ): ServiceChange => ({
    of: "port",
    change,
    port,
    keys,
  });
  const changed = pairs.kept.flatMap(({ key, old, next }) => {
    const keys = portKeys(old, next);
    const destinations = destinationChanges(key, old.destinations, next.destinations);
    return [...keys.length === 0 ? [] : [one("changed", key, keys)], ...destinations];
  });
  return [
    ...pairs.removed.map(({ key }) => one("removed", key, [])),
    ...changed,
    ...pairs.added.map(({ key }) => one("added", key, [])),
  ];
}

/** Marks that are a port for each family. */
function marksOfSeveral(ports: readonly PortConfig[]): readonly number[] {
  const marks = ports.map(({ fwmark }) => fwmark);
  return marks.filter((mark, at) => marks.indexOf(mark) !== at);
}

/** Of `ipvs`, which of its keys; of the families, only where they are a mark's, as the others follow from the addresses. */
function portKeys(old: PortConfig, next: PortConfig): readonly string[] {
  const own = ({ destinations: _, ipvs: _ipvs, families, ...rest }: PortConfig) => ({
    ...rest,
    family: rest.fwmark > 0 ? families : [],
  });
  const ipvs = changedKeys(old.ipvs, next.ipvs).map((key) => `ipvs.${key}`);
  return [...changedKeys(own(old), own(next)), ...ipvs].toSorted();
}

function destinationChanges(
  port: string,
  old: PortConfig["destinations"],
  next: PortConfig["destinations"],
): readonly ServiceChange[] {
  const pairs = pair(old, next, destinationName);
  const one = (
    change: "added" | "removed" | "changed",
    destination: string,
    keys: readonly string[],
  ): ServiceChange => ({ of: "destination", change, port, destination, keys });
  const changed = pairs.kept.flatMap(({ key, old, next }) => {
    const keys = destinationKeys(old, next);
    return keys.length === 0 ? [] : [one("changed", key, keys)];
  });
  return [
    ...pairs.removed.map(({ key }) => one("removed", key, [])),
    ...changed,
    ...pairs.added.map(({ key }) => one("added", key, [])),
  ];
}

/** Of the checks, which of their keys, where they are the same ones. */
function destinationKeys(
  { checks: oldChecks, ...old }: DestinationConfig,
  { checks: nextChecks, ...next }: DestinationConfig,
): readonly string[] {
  const { removed, kept, added } = pair(oldChecks, nextChecks, ({ name }) => name);
  const others = removed.length + added.length > 0 ? ["checks"] : [];
  const same = new Set(
    kept.flatMap(({ old, next }) => old === next ? [] : changedKeys(old, next)).map((key) => `checks.${key}`),
  );
  return [...changedKeys(old, next), ...others, ...same].toSorted();
}
