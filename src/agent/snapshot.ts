/** The agent's snapshot: its parts' states as one document. */
import type { Config } from "../config/config.ts";
import { renderAttributes } from "../config/render.ts";
import type { PeerStatus } from "../bgp/speaker.ts";
import type { ServiceUnit } from "./agent.ts";
import type { AgentState, RouteStatus, ServiceStatus, Status } from "../status/status.ts";
import type { KernelReport } from "../kernel/reconciler.ts";
import { serviceVerdict } from "../service/controller.ts";

/** What the snapshot is taken of. */
export interface SnapshotSource {
  readonly version: string;
  readonly state: AgentState;
  readonly startedAt: Date;
  readonly config: Config;
  readonly units: readonly ServiceUnit[];
  readonly peers: readonly PeerStatus[];
  readonly report: KernelReport | undefined;
  /** The wall-clock time of a moment on the agent's clock. */
  wallTimeOf(ms: number): Date;
}

/** One consistent document of everything. */
export function snapshot(source: SnapshotSource): Status {
  const { version, state, startedAt, config, units, peers, report } = source;
  const whereabouts = whereaboutsOf(peers);
  return {
    version,
    state,
    startedAt: startedAt.toISOString(),
    routerID: config.bgp.local.routerID.text,
    as: config.bgp.local.as,
    peers,
    services: units.map((unit) => serviceStatus(unit, source, whereabouts)),
    kernel: {
      managed: config.network.setup || config.network.ipvs,
      converged: report?.converged ?? false,
      at: report === undefined ? undefined : source.wallTimeOf(report.at).toISOString(),
      errors: report === undefined
        ? []
        : [...report.errors, ...report.conflicts].map(({ message }) => message),
    },
  };
}

/** Where each prefix has got to, gone through once so that thousands of routes and many peers stay linear. */
interface Whereabouts {
  readonly peers: ReadonlyMap<string, RouteStatus["peers"]>;
  readonly held: ReadonlyMap<string, RouteStatus["held"]>;
}

function whereaboutsOf(peers: readonly PeerStatus[]): Whereabouts {
  const advertised = peers.flatMap(({ name, advertised }) => advertised.map((route) => ({ name, ...route })));
  const held = peers.flatMap(({ name, held }) => held.map((route) => ({ name, ...route })));
  return {
    peers: Map.groupBy(advertised, ({ prefix }) => prefix),
    held: Map.groupBy(held, ({ prefix }) => prefix),
  };
}

function serviceStatus(
  { state }: ServiceUnit,
  { wallTimeOf }: SnapshotSource,
  { peers, held }: Whereabouts,
): ServiceStatus {
  const { config } = state;
  return {
    name: config.name,
    enabled: config.enabled,
    ...serviceVerdict(state.verdicts),
    checks: [...state.verdicts].map(([name, verdict]) => ({ name, ...verdict })),
    routes: [...state.routes.values()].map(({ route, announce, gates, sinceMs }) => {
      const prefix = route.prefix.text;
      return {
        prefix,
        announce,
        since: wallTimeOf(sinceMs).toISOString(),
        gates,
        attributes: renderAttributes(config.announce),
        targets: config.announce.peers,
        peers: (peers.get(prefix) ?? []).map(({ name, nextHop }) => ({ name, nextHop })),
        held: (held.get(prefix) ?? []).map(({ name, reason }) => ({ name, reason })),
      };
    }),
  };
}
