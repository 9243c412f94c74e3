/** The agent's snapshot: its parts' states as one document. */
import type { ListenStatus } from "../bgp/listeners.ts";
import type { BfdStatus } from "../bfd/bfd.ts";
import type { PeerStatus } from "../bgp/speaker.ts";
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { Config } from "../config/config.ts";
import { renderAttributes } from "../config/render.ts";
import type { AgentState } from "../events/event.ts";
import type { CheckStatus, WatchStatus } from "../health/check_status.ts";
import type { RecentResult } from "../health/recent.ts";
import type { KernelReport } from "../kernel/reconciler.ts";
import { openConnections } from "../service/phase_facts.ts";
import { healthOf } from "../service/gates.ts";
import type { Phase } from "../service/phase.ts";
import type { ServiceState } from "../service/state.ts";
import type {
  CheckResultStatus,
  CheckStatusEntry,
  CheckWatchStatus,
  ConfigStatus,
  DrainStatus,
  JournalStatus,
  PhaseStatus,
  RouteStatus,
  ServerStatus,
  ServiceStatus,
  Status,
} from "../status/status.ts";
import { type Leaving, whatLeaves } from "../service/leaving.ts";
import { bfdEntry } from "./bfd_snapshot.ts";
import { virtualServiceStatuses } from "./destination_snapshot.ts";
import type { DrainKeeper } from "./drain_keeper.ts";
import type { Reloads } from "./reloads.ts";
import { expectationOf } from "../status/expectation.ts";
import type { AgentServers, SideServerStatus } from "./servers.ts";
import type { Clock } from "../time/clock.ts";
import { atOnce, mapInSteps } from "../time/steps.ts";

/** What the snapshot is taken of. */
export interface SnapshotSource {
  readonly version: string;
  readonly clock: Clock;
  readonly state: AgentState;
  readonly startedMs: number;
  readonly config: Config;
  readonly services: readonly ServiceState[];
  readonly leaving: readonly Leaving[];
  readonly drains: Pick<DrainKeeper, "of" | "lost">;
  readonly reloads: Reloads["status"];
  checks(service: string): readonly CheckStatus[];
  readonly servers: AgentServers["status"];
  readonly listeners: readonly ListenStatus[];
  readonly peers: Generator<void, readonly PeerStatus[]>;
  /** By the peer's name. */
  readonly bfd: ReadonlyMap<string, BfdStatus>;
  readonly report: KernelReport | undefined;
  readonly journal: Pick<JournalStatus, "run" | "oldest" | "newest" | "dropped">;
}

/** The ISO 8601 wall time of a moment on the monotonic scale: its age counts, whatever was done to the clock since. */
type When = (ms: number) => string;

/** One consistent document of everything. */
export function snapshot(source: SnapshotSource): Status {
  return atOnce(snapshotInSteps(source));
}

/** The same in steps; services and peers are as they were at the first. */
export function* snapshotInSteps(source: SnapshotSource): Generator<void, Status> {
  const { version, clock, state, startedMs, config, services, checks, report } = source;
  const [wallMs, nowMs] = [clock.wallTime().getTime(), clock.now()];
  const when: When = (ms) => new Date(wallMs - (nowMs - ms)).toISOString();
  const peers = yield* source.peers;
  const whereabouts = yield* whereaboutsOf(peers);
  const serviceStatuses: ServiceStatus[] = [];
  for (const service of services) {
    const { name } = service.config;
    const drain = drainStatus(source.drains, name, when);
    serviceStatuses.push(serviceStatus(service, checks(name), { when, ...whereabouts, drain }));
    yield;
  }
  return {
    version,
    state,
    startedAt: when(startedMs),
    routerID: config.bgp.local.routerID.text,
    as: config.bgp.local.as,
    servers: {
      http: serverStatus(source.servers.http, when),
      control: serverStatus(source.servers.control, when),
    },
    listeners: source.listeners.map(({ address, port, fault }) => ({ address, port, fault: fault?.message })),
    peers: peers.map((peer) => {
      const session = source.bfd.get(peer.name);
      return session === undefined ? peer : { ...peer, bfd: bfdEntry(session, when) };
    }),
    services: serviceStatuses,
    leaving: source.leaving.map((leaving) => ({
      service: leaving.service,
      what: whatLeaves(leaving),
      phase: phaseStatus(leaving.phase, leaving.connections, when),
    })),
    config: configStatus(source.reloads, when),
    journal: journalStatus(source),
    kernel: {
      managed: config.network.setup || config.network.ipvs,
      converged: report?.converged ?? false,
      at: report === undefined ? undefined : when(report.at),
      errors: report === undefined
        ? []
        : [...report.errors, ...report.conflicts].map(({ message }) => message),
      contested: report?.contested.map(({ kind, object, repairs, sinceMs, suspect }) => {
        return { kind, object, repairs, since: when(sinceMs), suspect };
      }) ?? [],
    },
  };
}

/** Where each prefix has got to, gone through once so that thousands of routes and many peers stay linear. */
interface Whereabouts {
  readonly peers: ReadonlyMap<string, RouteStatus["peers"]>;
  readonly held: ReadonlyMap<string, RouteStatus["held"]>;
}

function* whereaboutsOf(peers: readonly PeerStatus[]): Generator<void, Whereabouts> {
  const there = new Map<string, RouteStatus["peers"][number][]>();
  const held = new Map<string, RouteStatus["held"][number][]>();
  for (const peer of peers) {
    const { name } = peer;
    yield* mapInSteps(peer.advertised, ({ prefix, nextHop }) => append(there, prefix, { name, nextHop }));
    yield* mapInSteps(peer.held, ({ prefix, reason }) => append(held, prefix, { name, reason }));
  }
  return { peers: there, held };
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function journalStatus({ journal, servers }: SnapshotSource): JournalStatus {
  const { run, oldest, newest, dropped } = journal;
  return { run, oldest, newest, dropped, readers: servers.readers.count, cut: servers.readers.cut };
}

function serviceStatus(
  state: ServiceState,
  checks: readonly CheckStatus[],
  { when, peers, held, drain }: Whereabouts & {
    readonly when: When;
    readonly drain: DrainStatus | undefined;
  },
): ServiceStatus {
  const { config, phase } = state;
  return {
    name: config.name,
    enabled: config.enabled,
    phase: phaseStatus(phase, openConnections(state.actual), when),
    drain,
    ...healthOf(state),
    degraded: [...state.routes.values()].some(({ degraded }) => degraded),
    checks: checks.map((check) =>
      checkStatus(check, config.checks.find(({ name }) => name === check.name), when)
    ),
    routes: [...state.routes.values()].map(({ route, announce, degraded, gates, sinceMs }) => {
      const prefix = route.prefix.text;
      return {
        prefix,
        announce,
        degraded,
        since: when(sinceMs),
        gates: gates.map(({ sinceMs, ...gate }) => ({ ...gate, since: when(sinceMs) })),
        attributes: renderAttributes(route.attributes),
        targets: config.announce.peers,
        peers: peers.get(prefix) ?? [],
        held: held.get(prefix) ?? [],
      };
    }),
    virtualServices: virtualServiceStatuses(state, when),
  };
}

function drainStatus(
  drains: Pick<DrainKeeper, "of" | "lost">,
  service: string,
  when: When,
): DrainStatus | undefined {
  const drained = drains.of(service);
  if (drained === undefined) return undefined;
  const { reason, sinceMs, untilMs } = drained;
  const until = untilMs === Infinity ? undefined : when(untilMs);
  return { reason, since: when(sinceMs), until, lost: drains.lost };
}

function configStatus({ hash, loadedMs, last, restart }: Reloads["status"], when: When): ConfigStatus {
  const lastReload = last && { at: when(last.atMs), successful: last.successful, cause: last.cause };
  return { hash, loadedAt: when(loadedMs), lastReload, restart };
}

function phaseStatus(
  { name, sinceMs, deadlineMs, drain }: Phase,
  connections: number | undefined,
  when: When,
): PhaseStatus {
  const until = deadlineMs === Infinity ? undefined : when(deadlineMs);
  return { name, since: when(sinceMs), until, reason: drain?.reason, connections };
}

function serverStatus(side: SideServerStatus | undefined, when: When): ServerStatus | undefined {
  if (side === undefined) return undefined;
  const { listener, server } = side;
  const { connections: clients, limit, requests, refused } = server;
  const error = listener.state === "failed"
    ? listener.error
    : listener.state === "listening"
    ? listener.shortfall
    : undefined;
  return { state: listener.state, since: when(listener.sinceMs), error, clients, limit, requests, refused };
}

function checkStatus(check: CheckStatus, config: CheckConfig | undefined, when: When): CheckStatusEntry {
  const { flapping, watch, lastResult } = check;
  return {
    name: check.name,
    verdict: check.verdict,
    cause: check.cause,
    since: when(check.sinceMs),
    expects: config === undefined ? "" : expectationOf(config),
    rise: config?.rise ?? 1,
    fall: config?.fall ?? 1,
    consecutivePasses: check.consecutivePasses,
    consecutiveFailures: check.consecutiveFailures,
    passes: check.passes,
    failures: check.failures,
    unknowns: check.unknowns,
    lastUnknown: check.lastUnknown,
    fault: check.fault?.text,
    flapping: flapping && {
      changes: flapping.changes,
      since: when(flapping.sinceMs),
      until: when(flapping.untilMs),
    },
    watch: watch && watchStatus(watch, when),
    lastResult: lastResult && resultStatus(lastResult, when),
    // There may be ten thousand checks, and few ask.
    get recent() {
      return check.recent.map((result) => resultStatus(result, when));
    },
  };
}

function watchStatus(
  { sinceMs, lifetimeMs, quiet, trips, lastTrip }: WatchStatus,
  when: When,
): CheckWatchStatus {
  return {
    since: sinceMs === undefined ? undefined : when(sinceMs),
    idleLifetimeMs: lifetimeMs === undefined ? undefined : Math.round(lifetimeMs),
    quiet,
    trips,
    lastTrip: lastTrip && { at: when(lastTrip.atMs), reason: lastTrip.reason },
  };
}

function resultStatus({ kind, detail, seenMs, durationMs }: RecentResult, when: When): CheckResultStatus {
  return { result: kind, detail, at: when(seenMs), durationMs };
}
