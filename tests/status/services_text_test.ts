import assert from "node:assert/strict";
import type { ServiceStatus, Status } from "../../src/status/status.ts";
import { VIEWS } from "../../src/status/views.ts";
import { status } from "../support/status.ts";

const NOW = new Date("2026-01-01T01:02:03Z");

function scene(...changes: readonly Partial<ServiceStatus>[]): Status {
  const whole = status(["r1"]);
  const [service] = whole.services;
  assert.ok(service);
  return { ...whole, services: changes.map((change) => ({ ...service, ...change })) };
}

const destination: ServiceStatus["virtualServices"][number]["destinations"][number] = {
  address: "2001:db8::a",
  port: 8080,
  role: "configured",
  configuredWeight: 3,
  fullWeight: 60,
  weight: 0,
  forwarding: "masq",
  tunnel: undefined,
  upperThreshold: 0,
  lowerThreshold: 0,
  live: false,
  verdict: "unhealthy",
  cause: "http-1: refused",
  since: "2026-01-01T01:01:59.000Z",
  activeConnections: 2,
  inactiveConnections: 5,
};
const virtualServices: ServiceStatus["virtualServices"] = [{
  protocol: "tcp",
  address: "2001:db8::1",
  port: 80,
  fwmark: 0,
  family: 6,
  scheduler: "mh",
  quorum: { held: false, live: 3, total: 6, needs: 4 },
  destinations: [
    destination,
    {
      ...destination,
      address: "2001:db8::b",
      weight: 3,
      forwarding: "tunnel",
      tunnel: { type: "gue", port: 6080, checksum: true },
      upperThreshold: 100,
      lowerThreshold: 80,
      live: true,
      verdict: "healthy",
      cause: "http-1: status 200",
      activeConnections: 1,
    },
    {
      ...destination,
      address: "2001:db8::c",
      role: "leaving",
      configuredWeight: undefined,
      fullWeight: undefined,
      verdict: undefined,
      since: undefined,
      cause: "is not configured any more",
      activeConnections: 0,
    },
  ],
}];
const quiescing: ServiceStatus["phase"] = {
  name: "quiescing",
  since: "2026-01-01T01:01:59.000Z",
  until: "2026-01-01T01:02:29.000Z",
  reason: "maintenance",
  connections: 3,
};
const leaving: Status["leaving"] = [{
  service: "old",
  what: ["address 10.99.0.9"],
  phase: { ...quiescing, name: "converging", reason: undefined, connections: undefined },
}];

Deno.test("the view services has a line for each of several: state, checks, peers, IPVS, and why it is not in service", () => {
  const whole = scene(
    {},
    { name: "dns", enabled: false, routes: [] },
    { name: "old", phase: quiescing, virtualServices },
    { name: "new", verdict: "unknown", checks: [] },
  );
  assert.equal(
    VIEWS.services.text({ ...whole, leaving }, NOW),
    `SERVICE  STATE      FOR    CHECKS  ANNOUNCED        IPVS                        WHY
web      healthy    1h 2m  1 of 1  to 1 of 1 peers                              http-1: status 200
dns      disabled   1h 2m  1 of 1  no
old      quiescing  4s     1 of 1  to 1 of 1 peers  1 of 2 live, 3 connections  maintenance, 26s left, 3 connections
new      unknown    1h 2m  none    to 1 of 1 peers                              http-1: status 200

leaving old: converging for 4s, 26s left: address 10.99.0.9
`,
  );
});

Deno.test("the view services tells all about one: phase, drain, verdict, checks, gates, virtual services, leftovers", () => {
  const [service] = scene({}).services;
  const [check] = service?.checks ?? [];
  const [route] = service?.routes ?? [];
  assert.ok(check && route);
  const one = scene({
    phase: quiescing,
    drain: {
      reason: "maintenance",
      since: "2026-01-01T01:00:00.000Z",
      until: "2026-01-01T03:02:03.000Z",
      lost: "/var/lib/bgp-lb cannot be written",
    },
    verdict: "unhealthy",
    cause: "http-1: refused",
    checks: [{
      ...check,
      verdict: "unhealthy",
      cause: "refused",
      unknowns: 1,
      lastUnknown: "no descriptors",
      fault: "x",
    }, {
      ...check,
      name: "ping",
      expects: "",
      lastResult: undefined,
      recent: [],
    }],
    routes: [{
      ...route,
      announce: false,
      gates: [
        { name: "enabled", open: true, degraded: false, reason: "enabled", since: check.since },
        {
          name: "not drained",
          open: false,
          degraded: false,
          reason: "maintenance",
          since: "2026-01-01T01:00:00.000Z",
        },
      ],
      held: [{ name: "r2", reason: "no IPv6 next hop" }],
    }],
    virtualServices,
  });
  assert.equal(
    VIEWS.services.text(
      VIEWS.services.only({ ...one, leaving: [...leaving, { ...leaving[0]!, service: "web" }] }, "web"),
      NOW,
    ),
    `web: quiescing
  phase          quiescing for 4s: maintenance, 26s left, 3 connections
  drained        maintenance; for 2m 3s (since 2026-01-01T01:00:00.000Z), for another 2h, until 2026-01-01T03:02:03.000Z
  drained        is lost with this process: /var/lib/bgp-lb cannot be written
  verdict        unhealthy: http-1: refused
  check          http-1: unhealthy for 1h 2m: refused
                 passed 2, failed 0, said nothing 1; passes where http://127.0.0.1:8080/ answers with a 2xx status within 1s
                 said nothing the last time because: no descriptors
                 a fault of this agent: x
                 NEWEST     RESULT  TOOK  WHY
                 1h 2m ago  pass    2 ms  status 200
  check          ping: healthy for 1h 2m: status 200
                 passed 2, failed 0
                 not probed yet
  address        10.99.0.1/32: not announced for 1h 2m
    yes enabled: enabled
    NO  not drained: maintenance (for 2m 3s)
    not to r2: no IPv6 next hop
  virtual        tcp [2001:db8::1]:80, mh: live weight 3 of 6, needs 4
    DESTINATION         WEIGHT  OF  STATE      FOR  ACTIVE  INACTIVE  METHOD                                                 WHY
    [2001:db8::a]:8080  0       60  unhealthy  4s   2       5         masq                                                   http-1: refused
    [2001:db8::b]:8080  3       60  live       4s   1       5         tunnel gue 6080 checksum, at most 100, again below 80  http-1: status 200
    [2001:db8::c]:8080  0           leaving         0       5         masq                                                   is not configured any more
leaving web: converging for 4s, 26s left: address 10.99.0.9
`,
  );
  assert.deepEqual(VIEWS.services.json({ ...one, leaving }), { services: one.services, leaving });
  assert.match(
    VIEWS.services.text(scene({ enabled: false }), NOW),
    /^web: disabled\n {2}enabled {8}no: disabled in/,
  );
});
