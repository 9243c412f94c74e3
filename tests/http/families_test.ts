// What the families of the status document say of one, beside what metrics_test.ts sees of the whole.
import assert from "node:assert/strict";
import { FAMILIES } from "../../src/http/families.ts";
import { Metrics } from "../../src/http/metrics.ts";
import type { Status } from "../../src/status/status.ts";
import { BFD_UP } from "../support/bfd_entry.ts";
import { fullMetrics, fullStatus, fullTraffic } from "../support/full_status.ts";
import { metricRows, tableRows } from "../support/monitoring.ts";
import { exposed, negotiated, peerStatus, scraped, status } from "../support/status.ts";

const NEGOTIATED = {
  ...negotiated,
  peerAs: 65513,
  internal: false,
  gracefulRestart: { active: true, notification: true, restartTimeSeconds: 120 },
};

/** The samples of one family. */
async function samples(name: string, now: Status): Promise<readonly string[]> {
  const families = FAMILIES.filter((family) => family.name === name);
  assert.equal(families.length, 1, name);
  const rows = families.map((family) => ({ ...family, samples: family.samples(now) }));
  const body = await exposed(rows);
  return body.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) =>
    line.slice(name.length)
  );
}

async function expectSamples(now: Status, rows: Readonly<Record<string, readonly string[]>>): Promise<void> {
  for (const [name, wanted] of Object.entries(rows)) assert.deepEqual(await samples(name, now), wanted, name);
}

Deno.test("the agent says what it does, who it is, and where peers can reach it; an address for several VRFs is one series", async () => {
  const listeners = [
    { address: "0.0.0.0", port: 179, fault: undefined },
    { address: "0.0.0.0", port: 179, fault: "the address is in use" },
    { address: "::", port: 179, fault: undefined },
  ];
  await expectSamples({ ...status(["r1"]), listeners }, {
    bgp_lb_agent_state: [
      '{state="starting"} 0',
      '{state="running"} 1',
      '{state="stopping"} 0',
      '{state="stopped"} 0',
    ],
    bgp_lb_local_info: ['{router_id="10.0.0.1",as="65512"} 1'],
    bgp_lb_listener_listening: ['{listener="0.0.0.0:179"} 0', '{listener="[::]:179"} 1'],
  });
});

Deno.test("a session has its AS, its age, what it survived, and whether the peer keeps our routes while it stands", async () => {
  const up = { ...peerStatus, since: new Date(5000), negotiated: NEGOTIATED, bfd: BFD_UP };
  const without = { ...up, name: "r2", as: 65514, negotiated: { ...NEGOTIATED, gracefulRestart: undefined } };
  const prefixes = { ...peerStatus.prefixes, malformedUpdates: 3 };
  const opening = { ...up, name: "r3", state: "OpenConfirm", bfd: undefined, prefixes } as const;
  await expectSamples({ ...status(["r1"]), peers: [up, without, opening] }, {
    bgp_lb_peer_info: [
      '{peer="r1",remote_as="65512",local_as="65512"} 1',
      '{peer="r2",remote_as="65514",local_as="65512"} 1',
      '{peer="r3",remote_as="65512",local_as="65512"} 1',
    ],
    bgp_lb_peer_state_change_timestamp_seconds: ['{peer="r1"} 5', '{peer="r2"} 5', '{peer="r3"} 5'],
    bgp_lb_peer_graceful_restart: ['{peer="r1"} 1', '{peer="r2"} 0'],
    bgp_lb_peer_malformed_updates_total: ['{peer="r1"} 0', '{peer="r2"} 0', '{peer="r3"} 3'],
    bgp_lb_bfd_state_change_timestamp_seconds: ["r1", "r2"].map((peer) =>
      `{peer="${peer}"} ${Date.parse(BFD_UP.since) / 1000}`
    ),
  });
});

Deno.test("an address has its decision, since when, and to how many peers of those that it is for it went", async () => {
  const [service] = status(["r1"]).services;
  const [route] = service?.routes ?? [];
  assert.ok(service !== undefined && route !== undefined);
  const second = { ...route, prefix: "2001:db8::1/128", announce: false, peers: [], targets: ["r1", "r2"] };
  const peers = ["r1", "r2", "r3"].map((name) => ({ ...peerStatus, name }));
  const now = { ...status(["r1"]), peers, services: [{ ...service, routes: [route, second] }] };
  const [of4, of6] = ['{service="web",prefix="10.99.0.1/32"}', '{service="web",prefix="2001:db8::1/128"}'];
  const start = Date.UTC(2026, 0, 1) / 1000;
  await expectSamples(now, {
    bgp_lb_route_announced: [`${of4} 1`, `${of6} 0`],
    bgp_lb_route_change_timestamp_seconds: [`${of4} ${start}`, `${of6} ${start}`],
    bgp_lb_route_advertised_peers: [`${of4} 1`, `${of6} 0`],
    bgp_lb_route_wanted_peers: [`${of4} 3`, `${of6} 2`],
  });
});

Deno.test("a service has its verdict, and its drain a beginning", async () => {
  const now = status(["r1"], "unhealthy");
  const drain = { reason: "x", since: "2026-01-01T00:00:00.000Z", until: undefined, lost: undefined };
  await expectSamples({ ...now, services: now.services.map((each) => ({ ...each, drain })) }, {
    bgp_lb_service_verdict: [
      '{service="web",verdict="unknown"} 0',
      '{service="web",verdict="unhealthy"} 1',
      '{service="web",verdict="healthy"} 0',
    ],
    bgp_lb_service_drain_start_timestamp_seconds: [`{service="web"} ${Date.UTC(2026, 0, 1) / 1000}`],
  });
  await expectSamples(now, { bgp_lb_service_drain_start_timestamp_seconds: [] });
});

Deno.test("a virtual service has the weight of what is live beside that of all that is configured", async () => {
  const destination = {
    address: "10.0.0.1",
    port: 80,
    role: "configured",
    configuredWeight: 3,
    fullWeight: 3,
    weight: 3,
    forwarding: "masq",
    tunnel: undefined,
    upperThreshold: 0,
    lowerThreshold: 0,
    live: true,
    verdict: "healthy",
    cause: "",
    since: undefined,
    activeConnections: 0,
    inactiveConnections: 0,
  } as const;
  const destinations = [
    destination,
    { ...destination, port: 81, configuredWeight: 2, live: false },
    { ...destination, port: 82, role: "sorry", configuredWeight: undefined },
  ] as const;
  const virtualServices = [{
    protocol: "tcp",
    address: "10.99.0.1",
    port: 80,
    fwmark: 0,
    family: 4,
    scheduler: "rr",
    quorum: undefined,
    destinations,
  }] as const;
  const now = status(["r1"]);
  const of = '{service="web",virtual_service="tcp 10.99.0.1:80"}';
  await expectSamples({ ...now, services: now.services.map((each) => ({ ...each, virtualServices })) }, {
    bgp_lb_virtual_service_live_weight: [`${of} 3`],
    bgp_lb_virtual_service_configured_weight: [`${of} 5`],
  });
});

Deno.test("each family has a help that ends as a sentence does, and a name of its own", () => {
  assert.equal(new Set(FAMILIES.map(({ name }) => name)).size, FAMILIES.length);
  for (const { name, help } of FAMILIES) assert.match(help, /^[A-Z1].*\.$/, name);
});

Deno.test("a file of state is kept or not as was last told, and is of no interest once nothing is to be kept", async () => {
  const configured = { services: [], bgp: { peers: [] } };
  const figures = { residentMemoryBytes: 1, cpuSeconds: 1, startTimeSeconds: 1 };
  const metrics = new Metrics(configured, () => ({ ...figures, descriptors: { open: 40, limit: 1024 } }));
  const lines = async (name: string) => {
    return (await scraped(metrics, status([]))).split("\n").filter((line) => line.startsWith(name));
  };
  metrics.observeStateWrite("drains", true);
  metrics.observeStateWrite("drains", false);
  metrics.observeStateWrite("sessions", true);
  assert.deepEqual(await lines("bgp_lb_state_file_kept"), [
    'bgp_lb_state_file_kept{file="drains"} 0',
    'bgp_lb_state_file_kept{file="sessions"} 1',
  ]);
  metrics.retain({ ...configured, state: { directory: "/var/lib/bgp-lb" } });
  assert.equal((await lines("bgp_lb_state_file_kept")).length, 2);
  metrics.retain({ ...configured, state: { directory: undefined } });
  assert.deepEqual(await lines("bgp_lb_state_file_kept"), []);
  assert.deepEqual(await lines("process_open_fds"), ["process_open_fds 40"]);
  assert.deepEqual(await lines("process_max_fds"), ["process_max_fds 1024"]);
  // A first fault is an increase.
  assert.deepEqual(await lines('bgp_lb_events_total{kind="fault"}'), ['bgp_lb_events_total{kind="fault"} 0']);
});

Deno.test("what went through IPVS is told of our virtual services alone, by the kernel's own counters; 64 bits of them", async () => {
  const [ours] = fullTraffic();
  assert.ok(ours !== undefined);
  const totals = { connections: 2, packetsIn: 30, packetsOut: 20, octetsIn: 2 ** 40, octetsOut: 5 };
  const foreign = { ...ours, service: { ...ours.service, port: 81 } };
  const body = await scraped(fullMetrics(), fullStatus(), [{ ...ours, totals }, foreign]);
  const of = 'service="lb",virtual_service="tcp 10.99.0.9:80"';
  assert.deepEqual(body.split("\n").filter((line) => /^bgp_lb_virtual_service_.*_total/.test(line)), [
    `bgp_lb_virtual_service_connections_total{${of}} 2`,
    `bgp_lb_virtual_service_packets_total{${of},direction="in"} 30`,
    `bgp_lb_virtual_service_packets_total{${of},direction="out"} 20`,
    `bgp_lb_virtual_service_bytes_total{${of},direction="in"} 1099511627776`,
    `bgp_lb_virtual_service_bytes_total{${of},direction="out"} 5`,
  ]);
  assert.doesNotMatch(await scraped(fullMetrics(), fullStatus()), /^bgp_lb_virtual_service_\w+_total\{/m);
});

Deno.test("docs/observability.md has a row for every metric, in the words of its help", async () => {
  const rows = tableRows(Deno.readTextFileSync("docs/observability.md"));
  const missing = (await metricRows()).filter((row) => !rows.has(row));
  assert.deepEqual(missing, [], "rows that are to be in docs/observability.md");
});
