/** The agent's snapshot: its parts' states as one document. */
import type { Config } from "./config/config.ts";
import type { PeerStatus } from "./bgp/speaker.ts";
import type { ServiceUnit } from "./agent.ts";
import type { AgentState, ServiceStatus, Status } from "./http/status.ts";
import type { KernelReport } from "./kernel/reconciler.ts";
import { serviceVerdict } from "./service/controller.ts";
import { announcedPrefix } from "./service/desired.ts";

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
  return {
    version,
    state,
    startedAt: startedAt.toISOString(),
    routerID: config.bgp.local.routerID.text,
    as: config.bgp.local.as,
    peers,
    services: units.map((unit) => serviceStatus(unit, source)),
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

function serviceStatus({ state }: ServiceUnit, { peers, wallTimeOf }: SnapshotSource): ServiceStatus {
  const { config } = state;
  return {
    name: config.name,
    enabled: config.enabled,
    ...serviceVerdict(state.verdicts),
    checks: [...state.verdicts].map(([name, verdict]) => ({ name, ...verdict })),
    routes: [...state.routes.values()].map(({ address, announce, gates, sinceMs }) => {
      const prefix = announcedPrefix(config, address).text;
      return {
        prefix,
        announce,
        since: wallTimeOf(sinceMs).toISOString(),
        gates,
        peers: peers.flatMap(({ name, advertised }) =>
          advertised.filter((route) => route.prefix === prefix).map(({ nextHop }) => ({ name, nextHop }))
        ),
      };
    }),
  };
}
