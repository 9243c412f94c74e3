/** The status document of a small agent, for tests of what shows it. */
import type { PeerStatus } from "../../src/bgp/speaker.ts";
import { exposition, type MetricFamily } from "../../src/http/exposition.ts";
import type { Traffic } from "../../src/kernel/kernel.ts";
import type { Metrics } from "../../src/http/metrics.ts";
import type { CheckResultStatus, Status } from "../../src/status/status.ts";

/** The pauses of a text that is written at once. */
export const noPause = { pause: () => undefined } as const;

/** Families as the text that is scraped. */
export async function exposed(families: Iterable<MetricFamily>): Promise<string> {
  return new TextDecoder().decode((await exposition(families, noPause)).body);
}

/** All metrics, as the text that is scraped. */
export async function scraped(
  metrics: Metrics,
  now: Status,
  traffic: readonly Traffic[] = [],
): Promise<string> {
  return new TextDecoder().decode((await metrics.render(now, { traffic, standing: 0 }, noPause)).body);
}

/** What the page of an agent is made of beside its status, where nothing has happened. */
export const quietPage = {
  hostname: () => "lb-1",
  traffic: () => Promise.resolve([]),
  journal: { run: "r", newest: 0, since: () => ({ entries: [], missing: 0 }) },
} as const;

/** What a session has agreed on. */
export const negotiated: NonNullable<PeerStatus["negotiated"]> = {
  peerAs: 65512,
  peerIdentifier: "10.0.0.254",
  internal: true,
  holdTimeSeconds: 90,
  keepaliveTimeSeconds: 30,
  families: ["ipv4-unicast"],
  fourOctetAs: true,
  routeRefresh: true,
  enhancedRouteRefresh: true,
  extendedMessage: true,
  extendedNextHop: [],
  gracefulRestart: undefined,
  role: undefined,
};

/** A peer that has seen something. */
export const peerStatus: PeerStatus = {
  localAs: 65512,
  refusedCapabilities: [],
  saidRestart: undefined,
  transmission: undefined,
  stuck: undefined,
  localRole: undefined,
  name: "r1",
  address: "10.0.0.254",
  neighbour: undefined,
  as: 65512,
  passive: false,
  state: "Established",
  since: new Date(0),
  cause: "KEEPALIVE received",
  heldBack: undefined,
  lastError: undefined,
  failedAttempt: undefined,
  dropped: undefined,
  settings: {
    port: 179,
    device: undefined,
    localAddress: undefined,
    signature: undefined,
    external: false,
    ttl: 64,
    ttlSecurity: undefined,
    multihop: undefined,
  },
  lastNotificationReceived: undefined,
  lastNotificationSent: undefined,
  localAddress: "10.0.0.9",
  negotiated: undefined,
  messages: {
    received: { "OPEN": 1, "UPDATE": 7, "NOTIFICATION": 0, "KEEPALIVE": 3, "ROUTE-REFRESH": 0 },
    sent: { "OPEN": 1, "UPDATE": 2, "NOTIFICATION": 0, "KEEPALIVE": 4, "ROUTE-REFRESH": 0 },
  },
  prefixes: { received: 11, withdrawn: 0, malformedUpdates: 0 },
  advertised: [{ prefix: "10.99.0.1/32", nextHop: "10.0.0.9" }],
  held: [],
  linkLocalRefused: undefined,
  endOfRibHeld: [],
  flaps: 2,
  nextRetry: undefined,
  fault: undefined,
};

const RESULT: CheckResultStatus = {
  result: "pass",
  detail: "status 200",
  at: "2026-01-01T00:00:00.000Z",
  durationMs: 2,
};

/** One healthy service that `peers` were sent. */
export function status(peers: readonly string[], verdict: "healthy" | "unhealthy" = "healthy"): Status {
  return {
    version: "1.2.3",
    state: "running",
    startedAt: "2026-01-01T00:00:00.000Z",
    routerID: "10.0.0.1",
    as: 65512,
    servers: { http: undefined, control: undefined },
    listeners: [],
    peers: [peerStatus],
    services: [{
      name: "web",
      enabled: true,
      phase: {
        name: "serving",
        since: "2026-01-01T00:00:00.000Z",
        until: undefined,
        reason: undefined,
        connections: undefined,
      },
      drain: undefined,
      verdict,
      cause: "status 200",
      degraded: false,
      checks: [{
        name: "http-1",
        verdict,
        cause: "status 200",
        since: "2026-01-01T00:00:00.000Z",
        expects: "http://127.0.0.1:8080/ answers with a 2xx status within 1s",
        rise: 2,
        fall: 3,
        consecutivePasses: verdict === "healthy" ? 2 : 0,
        consecutiveFailures: verdict === "healthy" ? 0 : 3,
        passes: 2,
        failures: 0,
        unknowns: 0,
        lastUnknown: undefined,
        fault: undefined,
        flapping: undefined,
        watch: undefined,
        lastResult: RESULT,
        recent: [RESULT],
      }],
      routes: [{
        prefix: "10.99.0.1/32",
        announce: verdict === "healthy",
        degraded: false,
        since: "2026-01-01T00:00:00.000Z",
        gates: [{
          name: "healthy",
          open: verdict === "healthy",
          degraded: false,
          reason: "http-1: status 200",
          since: "2026-01-01T00:00:00.000Z",
        }],
        attributes: {
          med: undefined,
          localPreference: 100,
          communities: [],
          extendedCommunities: [],
          largeCommunities: [],
          asPathPrepend: 0,
        },
        targets: undefined,
        held: [],
        peers: peers.map((name) => ({ name, nextHop: "10.0.0.9" })),
      }],
      virtualServices: [],
    }],
    leaving: [],
    config: { hash: "ab12", loadedAt: "2026-01-01T00:00:00.000Z", lastReload: undefined, restart: [] },
    journal: { run: "r", oldest: 1, newest: 0, dropped: 0, readers: 0, cut: 0 },
    kernel: { managed: true, converged: true, at: undefined, errors: [], contested: [] },
  };
}

/** The same, unhealthy and announced all the same, for the last minute. */
export function degradedStatus(peers: readonly string[] = ["r1"]): Status {
  const document = status(peers, "unhealthy");
  const cause = "http-1: status 500";
  return {
    ...document,
    services: document.services.map((service) => ({
      ...service,
      cause,
      degraded: true,
      routes: service.routes.map((route) => ({
        ...route,
        announce: true,
        degraded: true,
        gates: route.gates.map((gate) => ({
          ...gate,
          open: true,
          degraded: true,
          reason: cause,
          since: "2026-01-01T01:00:00.000Z",
        })),
      })),
    })),
  };
}
