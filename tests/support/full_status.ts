/** The status document of an agent that has something of everything, for tests of what shows it. */
import type { AgentEvent } from "../../src/events/event.ts";
import { Metrics } from "../../src/http/metrics.ts";
import type { Traffic } from "../../src/kernel/kernel.ts";
import { parseAddress } from "../../src/net/address.ts";
import type { ServiceStatus, Status, VirtualServiceStatus } from "../../src/status/status.ts";
import { BFD_UP } from "./bfd_entry.ts";
import { negotiated, status } from "./status.ts";

const AT = "2026-01-01T00:00:00.000Z";
const LATER = "2026-01-01T02:00:00.000Z";
const SERVER = {
  state: "listening",
  since: AT,
  error: undefined,
  clients: 1,
  limit: 256,
  requests: 7,
  refused: 0,
} as const;

/** One Established peer with BFD, one service with IPVS; `isLive`: its destination is, and so all is well. */
export function fullStatus(isLive = true): Status {
  const plain = status(["r1"]);
  return {
    ...plain,
    servers: { http: SERVER, control: SERVER },
    listeners: [{ address: "0.0.0.0", port: 179, fault: undefined }],
    peers: plain.peers.map((peer) => ({
      ...peer,
      bfd: { ...BFD_UP, drops: { "session-not-found": 1 } },
      negotiated: {
        ...negotiated,
        gracefulRestart: { active: true, notification: true, restartTimeSeconds: 120 },
      },
      transmission: {
        acknowledgedOctets: 4000,
        inFlightOctets: 0,
        waitingOctets: 0,
        retransmissions: 5,
        backoff: 0,
        segmentOctets: 1448,
        stalledMs: 0,
        roundTripMs: 2.5,
        silentMs: 10,
      },
    })),
    services: plain.services.map((service) => fullService(service, isLive)),
    kernel: { ...plain.kernel, at: new Date().toISOString() },
  };
}

/** The same, with what is there for a while alone: a drain with an end, and what is on its way out. */
export function passingStatus(): Status {
  const full = fullStatus();
  const phase = { name: "quiescing", since: AT, until: LATER, reason: "x", connections: 3 } as const;
  const drain = { reason: "x", since: AT, until: LATER, lost: undefined };
  return {
    ...full,
    services: full.services.map((service) => ({ ...service, phase, drain })),
    leaving: [{ service: "old", what: ["address 10.99.0.7"], phase }],
  };
}

/** What goes through the virtual service of that document: more each time, as time goes on. */
export function fullTraffic(): readonly Traffic[] {
  const count = Math.floor(performance.now());
  const totals = {
    connections: count,
    packetsIn: 9 * count,
    packetsOut: 7 * count,
    octetsIn: count,
    octetsOut: count,
  };
  const address = parseAddress("10.99.0.9");
  if (address === undefined) throw new Error("no address");
  return [{ service: { protocol: "tcp", address, port: 80, fwmark: 0 }, totals, rates: totals }];
}

/** Metrics that have counted something of everything. */
export function fullMetrics(): Metrics {
  const descriptors = { open: 40, limit: 1024 };
  const metrics = new Metrics(
    {
      services: [{ name: "lb", checks: [{ name: "http-1" }], onChange: ["/bin/true"] }],
      bgp: { peers: [{ name: "r1" }] },
      state: { directory: "/var/lib/bgp-lb" },
    },
    () => ({
      residentMemoryBytes: 5e7,
      cpuSeconds: performance.now() / 1000,
      startTimeSeconds: 1000,
      descriptors,
    }),
  );
  const events: readonly AgentEvent[] = [
    { kind: "probe", service: "lb", check: "http-1", result: "pass", durationMs: 3, cause: "", id: 0, at: 0 },
    {
      kind: "destination",
      service: "lb",
      port: "tcp 80",
      destination: "10.0.0.1:80",
      to: "live",
      weight: 1,
      cause: "",
      id: 1,
      at: 0,
    },
  ];
  for (const event of events) metrics.observe(event);
  metrics.observeLoopLag(0, 1);
  metrics.observeStateWrite("drains", true);
  return metrics;
}

function fullService(service: ServiceStatus, isLive: boolean): ServiceStatus {
  const virtualService: VirtualServiceStatus = {
    protocol: "tcp",
    address: "10.99.0.9",
    port: 80,
    fwmark: 0,
    family: 4,
    scheduler: "rr",
    quorum: undefined,
    destinations: [{
      address: "10.0.0.1",
      port: 80,
      role: "configured",
      configuredWeight: 1,
      fullWeight: 1,
      weight: isLive ? 1 : 0,
      forwarding: "masq",
      tunnel: undefined,
      upperThreshold: 0,
      lowerThreshold: 0,
      live: isLive,
      verdict: isLive ? "healthy" : "unhealthy",
      cause: "",
      since: AT,
      activeConnections: 7,
      inactiveConnections: 0,
    }],
  };
  return {
    ...service,
    name: "lb",
    phase: { ...service.phase, connections: 7 },
    checks: service.checks.map((check) => ({
      ...check,
      watch: { since: AT, idleLifetimeMs: undefined, quiet: false, trips: 0, lastTrip: undefined },
    })),
    routes: service.routes.map((route) => ({
      ...route,
      prefix: "10.99.0.9/32",
      announce: isLive,
      gates: route.gates.map((gate) => ({ ...gate, name: "virtual services present", open: isLive })),
      peers: isLive ? route.peers : [],
    })),
    virtualServices: [virtualService],
  };
}
