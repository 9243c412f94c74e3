/** The metric families of services and their checks, one row of this table for each. Pure. */
import { endpoint, virtualServiceName } from "../status/destinations_text.ts";
import type {
  CheckStatusEntry,
  DestinationStatus,
  RouteStatus,
  ServiceStatus,
  Status,
  VirtualServiceStatus,
} from "../status/status.ts";
import type { Sample } from "./exposition.ts";
import { type Family, flag, moment, oneOf } from "./family.ts";

const PHASES = ["serving", "shifting", "withdrawn", "converging", "quiescing", "down"] as const;
const VERDICTS = ["unknown", "unhealthy", "healthy"] as const;
const RESULTS = ["pass", "fail", "unknown"] as const;

/** Of services, their routes, and their checks. */
export const SERVICE_FAMILIES: readonly Family[] = [
  ofService(
    "bgp_lb_service_enabled",
    "Whether the service is enabled.",
    ({ enabled }, labels) => [{ labels, value: flag(enabled) }],
  ),
  ofService(
    "bgp_lb_service_verdict",
    "1 for the verdict of the service, which is of all its checks.",
    ({ verdict }, labels) => oneOf("verdict", VERDICTS, verdict, labels),
  ),
  ofService(
    "bgp_lb_service_announced",
    "Addresses of the service that should be announced.",
    ({ routes }, labels) => [{ labels, value: routes.filter(({ announce }) => announce).length }],
  ),
  ofService(
    "bgp_lb_service_degraded",
    "Whether the service is unhealthy and announced all the same, with announce.whenUnhealthy.",
    ({ degraded }, labels) => [{ labels, value: flag(degraded) }],
  ),
  ofService(
    "bgp_lb_gate_open",
    "Whether this gate between the address and its announcement is open; all must be.",
    ({ routes }, labels) =>
      routes.flatMap(({ prefix, gates }) =>
        gates.map(({ name: gate, open }) => ({ labels: { ...labels, prefix, gate }, value: flag(open) }))
      ),
  ),
  ofRoute(
    "bgp_lb_route_announced",
    "Whether the address should be announced: all its gates are open.",
    ({ announce }, labels) => ({ labels, value: flag(announce) }),
  ),
  ofRoute(
    "bgp_lb_route_change_timestamp_seconds",
    "Since when the address is to be announced, or is not.",
    ({ since }, labels) => ({ labels, value: Date.parse(since) / 1000 }),
  ),
  ofRoute(
    "bgp_lb_route_advertised_peers",
    "Peers that were sent the address and not its withdrawal.",
    ({ peers }, labels) => ({ labels, value: peers.length }),
  ),
  ofRoute(
    "bgp_lb_route_wanted_peers",
    "Peers that the address is for, by announce.peers: all of them where that is left out.",
    ({ targets }, labels, { peers }) => ({ labels, value: (targets ?? peers).length }),
  ),
  ofService(
    "bgp_lb_service_phase",
    "1 for the phase that the service is in on its way out of service and back.",
    ({ phase }, labels) => oneOf("phase", PHASES, phase.name, labels),
  ),
  ofService(
    "bgp_lb_service_phase_end_timestamp_seconds",
    "When the phase ends at the latest; only where it ends by itself.",
    ({ phase }, labels) => moment(phase.until, labels),
  ),
  ofService(
    "bgp_lb_service_drained",
    "Whether an operator has drained the service.",
    ({ drain }, labels) => [{ labels, value: flag(drain !== undefined) }],
  ),
  ofService(
    "bgp_lb_service_drain_start_timestamp_seconds",
    "When an operator drained the service; only where it is drained.",
    ({ drain }, labels) => moment(drain?.since, labels),
  ),
  ofService(
    "bgp_lb_service_drain_end_timestamp_seconds",
    "When the drain ends; only where it ends by itself.",
    ({ drain }, labels) => moment(drain?.until, labels),
  ),
  ofService(
    "bgp_lb_service_connections",
    "Open connections through IPVS, as the kernel was read last; only where there are virtual services.",
    ({ phase }, labels) => phase.connections === undefined ? [] : [{ labels, value: phase.connections }],
  ),
  ofVirtualService(
    "bgp_lb_virtual_service_live_weight",
    "The sum of the configured weights of destinations that get new connections.",
    ({ destinations }) => weightOf(destinations.filter(({ live }) => live)),
  ),
  ofVirtualService(
    "bgp_lb_virtual_service_configured_weight",
    "The sum of the configured weights of all destinations.",
    ({ destinations }) => weightOf(destinations),
  ),
  ofDestination(
    "bgp_lb_destination_live",
    "Whether the destination gets new connections.",
    ({ live }, labels) => [{ labels, value: flag(live) }],
  ),
  ofDestination(
    "bgp_lb_destination_healthy",
    "Whether all checks of the destination pass.",
    ({ verdict }, labels) => [{ labels, value: flag(verdict === "healthy") }],
  ),
  ofDestination(
    "bgp_lb_destination_weight",
    "The weight that the destination has in the kernel; only where it is there.",
    ({ weight }, labels) => weight === undefined ? [] : [{ labels, value: weight }],
  ),
  ofDestination(
    "bgp_lb_destination_connections",
    "Open connections to the destination, as the kernel was read last.",
    ({ activeConnections }, labels) => [{ labels, value: activeConnections }],
  ),
  ofCheck(
    "bgp_lb_check_verdict",
    "1 for the verdict of this check.",
    ({ verdict }, labels) => oneOf("verdict", VERDICTS, verdict, labels),
  ),
  ofCheck(
    "bgp_lb_check_flapping",
    "Whether outcomes of this check change too often, which keeps it unhealthy.",
    ({ flapping }, labels) => [{ labels, value: flag(flapping !== undefined) }],
  ),
  ofCheck(
    "bgp_lb_check_watched",
    "Whether the standing watch of this check stands; only where it has a tripwire.",
    ({ watch }, labels) => watch === undefined ? [] : [{ labels, value: flag(watch.since !== undefined) }],
  ),
  ofCheck(
    "bgp_lb_check_never_probed",
    "Whether no probe of this check has ended yet.",
    ({ lastResult }, labels) => [{ labels, value: flag(lastResult === undefined) }],
  ),
  ofCheck(
    "bgp_lb_check_last_result",
    "1 for the result of the newest probe.",
    ({ lastResult }, labels) =>
      lastResult === undefined ? [] : oneOf("result", RESULTS, lastResult.result, labels),
  ),
  ofCheck(
    "bgp_lb_check_last_probe_timestamp_seconds",
    "When the newest probe ended.",
    ({ lastResult }, labels) => moment(lastResult?.at, labels),
  ),
];

/** A family with samples of each service. */
function ofService(
  name: string,
  help: string,
  samples: (service: ServiceStatus, labels: Sample["labels"], status: Status) => Iterable<Sample>,
): Family {
  return {
    name,
    help,
    type: "gauge",
    // Made as they are written: there may be ten thousand.
    *samples(status) {
      for (const service of status.services) yield* samples(service, { service: service.name }, status);
    },
  };
}

/** A family with a sample of each address. */
function ofRoute(
  name: string,
  help: string,
  sample: (route: RouteStatus, labels: Sample["labels"], status: Status) => Sample,
): Family {
  return ofService(
    name,
    help,
    ({ routes }, labels, status) =>
      routes.map((route) => sample(route, { ...labels, prefix: route.prefix }, status)),
  );
}

/** A family with a sample of each virtual service. */
function ofVirtualService(
  name: string,
  help: string,
  value: (virtualService: VirtualServiceStatus) => number,
): Family {
  return ofService(name, help, ({ virtualServices }, labels) =>
    virtualServices.map((each) => {
      return { labels: { ...labels, virtual_service: virtualServiceName(each) }, value: value(each) };
    }));
}

function weightOf(destinations: readonly DestinationStatus[]): number {
  return destinations.reduce((sum, { configuredWeight = 0 }) => sum + configuredWeight, 0);
}

/** A family with samples of each destination that is configured. */
function ofDestination(
  name: string,
  help: string,
  samples: (destination: DestinationStatus, labels: Sample["labels"]) => readonly Sample[],
): Family {
  return ofService(name, help, function* ({ virtualServices }, labels) {
    for (const virtualService of virtualServices) {
      const of = { ...labels, virtual_service: virtualServiceName(virtualService) };
      for (const each of virtualService.destinations) {
        if (each.role !== "configured") continue;
        yield* samples(each, { ...of, destination: endpoint(each.address, each.port) });
      }
    }
  });
}

/** A family with samples of each check. */
function ofCheck(
  name: string,
  help: string,
  samples: (check: CheckStatusEntry, labels: Sample["labels"]) => readonly Sample[],
): Family {
  return ofService(
    name,
    help,
    ({ checks }, labels) => checks.flatMap((check) => samples(check, { ...labels, check: check.name })),
  );
}
