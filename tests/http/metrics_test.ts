// Metrics: what is counted and for whom, what goes with its object, and a text that Prometheus can read.
import assert from "node:assert/strict";
import { Metrics } from "../../src/http/metrics.ts";
import { type AgentFact, REFUSAL_KINDS } from "../../src/events/event.ts";
import type { ServiceStatus, Status } from "../../src/status/status.ts";
import { BFD_UP } from "../support/bfd_entry.ts";
import { peerStatus, scraped, status } from "../support/status.ts";

const figures = () => ({ residentMemoryBytes: 5e7, cpuSeconds: 1.5, startTimeSeconds: 1000 });
const WEB = { name: "web", checks: [{ name: "http-1" }, { name: "tcp-1" }], onChange: ["/bin/x"] };
const DNS = { name: "dns", checks: [{ name: "http-1" }] };
const BGP = { peers: [{ name: "r1" }, { name: "r2" }] };

function metrics(): Metrics {
  return new Metrics({ services: [WEB, DNS], bgp: BGP }, figures);
}

function observe(metrics: Metrics, ...facts: readonly AgentFact[]): void {
  for (const [at, fact] of facts.entries()) metrics.observe({ ...fact, id: at + 1, at: 0 });
}

async function lines(metrics: Metrics, now: Status = status(["r1"])): Promise<readonly string[]> {
  return (await scraped(metrics, now)).split("\n");
}

/** The document with another first service. */
function withService(service: Partial<ServiceStatus>): Status {
  const now = status(["r1"]);
  return { ...now, services: now.services.map((each) => ({ ...each, ...service })) };
}

function includesAll(lines: readonly string[], wanted: readonly string[]): void {
  for (const line of wanted) assert.ok(lines.includes(line), `${line} is not in\n${lines.join("\n")}`);
}

const ROUTE = { kind: "route", service: "web", address: "10.99.0.1", cause: "" } as const;
const VERDICT = { kind: "verdict", service: "web", check: "http-1", from: "unknown", cause: "" } as const;
const PROBE = {
  kind: "probe",
  service: "web",
  check: "http-1",
  result: "pass",
  durationMs: 3,
  cause: "",
} as const;
const SENT = { kind: "updates-sent", peer: "r1", announced: 2, withdrawn: 1, cause: "" } as const;
const HOOK = { kind: "hook-failed", service: "web", event: 1, cause: "" } as const;

Deno.test("transitions are counted by service and by check, from 0 on", async () => {
  const counted = metrics();
  observe(
    counted,
    { ...ROUTE, to: "announced" },
    { ...ROUTE, to: "withdrawn" },
    { ...ROUTE, to: "announced" },
    { ...VERDICT, to: "healthy" },
    HOOK,
  );
  includesAll(await lines(counted), [
    'bgp_lb_service_transitions_total{service="web",to="announced"} 2',
    'bgp_lb_service_transitions_total{service="web",to="withdrawn"} 1',
    'bgp_lb_service_transitions_total{service="dns",to="withdrawn"} 0',
    'bgp_lb_check_transitions_total{service="web",check="http-1",to="healthy"} 1',
    'bgp_lb_check_transitions_total{service="web",check="tcp-1",to="unhealthy"} 0',
    'bgp_lb_hook_failures_total{service="web"} 1',
  ]);
});

Deno.test("what became of what a session has sent is of the sessions alone of which that is known (TCP_INFO)", async () => {
  const transmission = {
    acknowledgedOctets: 4000,
    inFlightOctets: 300,
    waitingOctets: 20,
    retransmissions: 5,
    backoff: 1,
    segmentOctets: 1448,
    stalledMs: 0,
    roundTripMs: 2.5,
    silentMs: 10,
  };
  const [entry] = status(["r1"]).peers;
  assert.ok(entry !== undefined);
  const peers = [{ ...entry, transmission, stuck: "words" }, { ...entry, name: "r2" }];
  const seen = await lines(metrics(), { ...status(["r1"]), peers });
  assert.deepEqual(seen.filter((line) => /^bgp_lb_peer_(tcp|stuck)/.test(line)), [
    'bgp_lb_peer_stuck{peer="r1"} 1',
    'bgp_lb_peer_stuck{peer="r2"} 0',
    'bgp_lb_peer_tcp_acknowledged_bytes_total{peer="r1"} 4000',
    'bgp_lb_peer_tcp_in_flight_bytes{peer="r1"} 300',
    'bgp_lb_peer_tcp_waiting_bytes{peer="r1"} 20',
    'bgp_lb_peer_tcp_retransmissions_total{peer="r1"} 5',
    'bgp_lb_peer_tcp_round_trip_seconds{peer="r1"} 0.0025',
  ]);
});

Deno.test("repairs are counted, and contested objects shown, by kind of object from 0 on (K1)", async () => {
  const counted = metrics();
  const repairs = [{ object: "address", name: "10.99.0.1 on web" }];
  observe(counted, { kind: "kernel-changed", changes: ["a", "b"], repairs, cause: "" });
  const now = status(["r1"]);
  const contested = [{ kind: "address", object: "address x", repairs: 6, since: "", suspect: undefined }];
  includesAll(await lines(counted, { ...now, kernel: { ...now.kernel, contested } }), [
    'bgp_lb_kernel_repairs_total{object="address"} 1',
    'bgp_lb_kernel_repairs_total{object="virtual service"} 0',
    'bgp_lb_kernel_contested{object="address"} 1',
    'bgp_lb_kernel_contested{object="interface"} 0',
  ]);
});

Deno.test("series go with their service, check or peer, and stay away whatever is still told of it", async () => {
  const counted = metrics();
  const everything: readonly AgentFact[] = [
    { ...ROUTE, to: "announced" },
    { ...VERDICT, to: "healthy" },
    PROBE,
    { ...PROBE, check: "tcp-1" },
    { ...PROBE, service: "dns" },
    SENT,
    { ...SENT, peer: "r2" },
    HOOK,
  ];
  observe(counted, ...everything);
  const names = (all: readonly string[], text: string) => all.filter((line) => line.includes(text));
  assert.equal(names(await lines(counted), 'service="dns",check="http-1"').length > 10, true);
  // dns and r2 are gone, web has a check less and no program.
  counted.retain({
    services: [{ name: "web", checks: [{ name: "http-1" }] }],
    bgp: { peers: [{ name: "r1" }] },
  });
  for (const round of ["at once", "after more of it"]) {
    const all = await lines(counted);
    for (const gone of ['"dns"', '"tcp-1"', '"r2"']) {
      assert.deepEqual(names(all, gone), [], `${gone} ${round}`);
    }
    observe(counted, { ...PROBE, check: "tcp-1" }, { ...PROBE, service: "dns" }, { ...SENT, peer: "r2" });
    observe(counted, { ...ROUTE, service: "dns", to: "withdrawn" }, { ...HOOK, service: "dns" });
  }
  includesAll(await lines(counted), [
    'bgp_lb_probes_total{service="web",check="http-1",result="pass"} 1',
    'bgp_lb_service_transitions_total{service="web",to="announced"} 1',
  ]);
  // What comes back begins anew.
  counted.retain({ services: [WEB, DNS], bgp: BGP });
  includesAll(await lines(counted), [
    'bgp_lb_check_transitions_total{service="dns",check="http-1",to="healthy"} 0',
  ]);
  assert.deepEqual(names(await lines(counted), 'bgp_lb_announcements_total{peer="r2"'), [
    'bgp_lb_announcements_total{peer="r2",kind="announce"} 0',
    'bgp_lb_announcements_total{peer="r2",kind="withdraw"} 0',
  ]);
});

Deno.test("destinations have series of their own, and their probes are counted together", async () => {
  const destination = {
    address: "2001:db8::a",
    port: 8080,
    role: "configured",
    configuredWeight: 3,
    fullWeight: 60,
    weight: 60,
    forwarding: "masq",
    tunnel: undefined,
    upperThreshold: 0,
    lowerThreshold: 0,
    live: true,
    verdict: "healthy",
    cause: "",
    since: undefined,
    activeConnections: 2,
    inactiveConnections: 5,
  } as const;
  const absent = {
    ...destination,
    port: 8081,
    weight: undefined,
    live: false,
    verdict: "unhealthy",
  } as const;
  const leaving = { ...destination, port: 8082, role: "leaving" } as const;
  const virtualServices = [{
    protocol: "tcp",
    address: "10.99.0.1",
    port: 80,
    fwmark: 0,
    family: 4,
    scheduler: "rr",
    quorum: undefined,
    destinations: [destination, absent, leaving],
  }] as const;
  const counted = metrics();
  const probe = {
    id: 0,
    at: 0,
    kind: "probe",
    service: "web",
    check: "http-1",
    durationMs: 1,
    cause: "",
  } as const;
  counted.observe({ ...probe, destination: "[2001:db8::a]:8080", result: "pass" });
  const all = await lines(counted, withService({ virtualServices }));
  const labels = (port: number) =>
    `service="web",virtual_service="tcp 10.99.0.1:80",destination="[2001:db8::a]:${port}"`;
  includesAll(all, [
    `bgp_lb_destination_live{${labels(8080)}} 1`,
    `bgp_lb_destination_live{${labels(8081)}} 0`,
    `bgp_lb_destination_healthy{${labels(8081)}} 0`,
    `bgp_lb_destination_weight{${labels(8080)}} 60`,
    `bgp_lb_destination_connections{${labels(8080)}} 2`,
    'bgp_lb_destination_probes_total{result="pass"} 1',
  ]);
  assert.ok(!all.some((line) => line.startsWith("bgp_lb_destination_weight") && line.includes(":8081")));
  assert.ok(!all.some((line) => line.includes(":8082") || /^bgp_lb_probes_total.*[1-9]$/.test(line)));
});

Deno.test("gates, phases, drains, connections and the last probe are the status document's", async () => {
  const [service] = status(["r1"]).services;
  const [check] = service?.checks ?? [];
  assert.ok(check !== undefined);
  const phase = {
    name: "quiescing",
    since: "2026-01-01T00:00:00.000Z",
    until: "2026-01-01T00:00:30.500Z",
    reason: "maintenance",
    connections: 17,
  } as const;
  const drain = {
    reason: "maintenance",
    since: "2026-01-01T00:00:00.000Z",
    until: "2026-01-01T02:00:00.000Z",
    lost: undefined,
  };
  const checks = [check, { ...check, name: "tcp-1", lastResult: undefined }];
  const all = await lines(metrics(), withService({ phase, drain, checks }));
  const start = Date.UTC(2026, 0, 1) / 1000;
  includesAll(all, [
    'bgp_lb_gate_open{service="web",prefix="10.99.0.1/32",gate="healthy"} 1',
    'bgp_lb_service_phase{service="web",phase="quiescing"} 1',
    'bgp_lb_service_phase{service="web",phase="serving"} 0',
    `bgp_lb_service_phase_end_timestamp_seconds{service="web"} ${start + 30.5}`,
    'bgp_lb_service_drained{service="web"} 1',
    `bgp_lb_service_drain_end_timestamp_seconds{service="web"} ${start + 7200}`,
    'bgp_lb_service_connections{service="web"} 17',
    'bgp_lb_check_last_result{service="web",check="http-1",result="pass"} 1',
    'bgp_lb_check_last_result{service="web",check="http-1",result="fail"} 0',
    `bgp_lb_check_last_probe_timestamp_seconds{service="web",check="http-1"} ${start}`,
    'bgp_lb_check_never_probed{service="web",check="http-1"} 0',
    'bgp_lb_check_never_probed{service="web",check="tcp-1"} 1',
  ]);
  assert.ok(!all.some((line) => /^bgp_lb_check_last_.*tcp-1/.test(line)));
  const serving = await lines(metrics());
  includesAll(serving, [
    'bgp_lb_service_drained{service="web"} 0',
    'bgp_lb_service_phase{service="web",phase="serving"} 1',
  ]);
  assert.ok(!serving.some((line) => /^bgp_lb_service_(phase_end|drain_end|connections)/.test(line)));
});

Deno.test("the configuration's state: of the last reload, of what is in force, of what waits for a restart", async () => {
  const now = status(["r1"]);
  const at = "2026-01-01T00:01:00.000Z";
  const start = Date.UTC(2026, 0, 1) / 1000;
  const rows = [
    [undefined, 1, start],
    [{ at, successful: true, cause: "" }, 1, start + 60],
    [{ at, successful: false, cause: "" }, 0, start],
  ] as const;
  for (const [lastReload, successful, time] of rows) {
    const config = { ...now.config, lastReload, restart: ["state.directory"] };
    includesAll(await lines(metrics(), { ...now, config }), [
      `bgp_lb_config_last_reload_successful ${successful}`,
      `bgp_lb_config_last_reload_success_timestamp_seconds ${time}`,
      'bgp_lb_config_info{hash="ab12"} 1',
      "bgp_lb_config_restart_needed 1",
    ]);
  }
});

Deno.test("the kernel's state has its age, and what leaves it is counted by service", async () => {
  const now = status(["r1"]);
  const { phase } = now.services[0] ?? {};
  assert.ok(phase !== undefined);
  const leaving = [
    { service: "old", what: ["address 10.99.0.7", "virtual service 10.99.0.7:80"], phase },
    { service: "old", what: ["address 10.99.0.8"], phase },
  ];
  const kernel = { ...now.kernel, at: "2026-01-01T00:00:05.000Z" };
  includesAll(await lines(metrics(), { ...now, kernel, leaving }), [
    `bgp_lb_kernel_read_timestamp_seconds ${Date.UTC(2026, 0, 1) / 1000 + 5}`,
    'bgp_lb_leaving_objects{service="old"} 3',
  ]);
  assert.ok(!(await lines(metrics())).some((line) => /^bgp_lb_(leaving|kernel_read).* \d/.test(line)));
});

Deno.test("the event loop's lag is a distribution, and its worst is forgotten after one to two minutes", async () => {
  const counted = metrics();
  const worst = async () =>
    (await lines(counted)).find((line) => line.startsWith("bgp_lb_event_loop_lag_max_seconds "))?.split(
      " ",
    )[1];
  includesAll(await lines(counted), [
    "bgp_lb_event_loop_lag_seconds_count 0",
    "bgp_lb_event_loop_lag_max_seconds 0",
  ]);
  counted.observeLoopLag(500, 0);
  counted.observeLoopLag(1200, 200);
  includesAll(await lines(counted), [
    'bgp_lb_event_loop_lag_seconds_bucket{le="0.001"} 1',
    'bgp_lb_event_loop_lag_seconds_bucket{le="0.25"} 2',
    "bgp_lb_event_loop_lag_seconds_count 2",
  ]);
  for (
    const [atMs, seconds] of [[59_000, "0.2"], [61_000, "0.2"], [119_000, "0.2"], [121_000, "0.003"]] as const
  ) {
    counted.observeLoopLag(atMs, 3);
    assert.equal(await worst(), seconds, `at ${atMs}`);
  }
  counted.observeLoopLag(600_000, 1);
  assert.equal(await worst(), "0.001");
});

/** What is wrong with a text in Prometheus' format 0.0.4, in the eyes of whoever reads it. */
function faultsOf(text: string): readonly string[] {
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const series = new Set<string>();
  const faults: string[] = [];
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const [, keyword, about = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "TYPE") {
      if (types.has(about)) faults.push(`${about} comes twice`);
      types.set(about, rest);
      continue;
    }
    if (keyword === "HELP") {
      helps.add(about);
      continue;
    }
    const sample = /^([a-z_:][a-z0-9_:]*)(\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([-+0-9.eInf]+)$/
      .exec(line);
    if (sample === null) {
      faults.push(`not understood: ${line}`);
      continue;
    }
    const [, name = "", , labels = "", value] = sample;
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    if (!types.has(family) || !helps.has(family)) faults.push(`${name} is of no family`);
    if (types.get(family) === "counter" && !name.endsWith("_total")) {
      faults.push(`${name} is a counter, not _total`);
    }
    if (types.get(family) === "gauge" && name.endsWith("_total")) faults.push(`${name} is a gauge`);
    if (Number.isNaN(Number(value?.replace("+Inf", "Infinity")))) faults.push(`no number: ${line}`);
    const key = `${name} ${labels.split(",").sort().join()}`;
    if (series.has(key)) faults.push(`twice: ${line}`);
    series.add(key);
  }
  return faults;
}

Deno.test("the whole text can be read: each family once, each series once, types that fit (Prometheus text format 0.0.4)", async () => {
  const counted = metrics();
  observe(counted, { ...ROUTE, to: "announced" }, PROBE, SENT, HOOK);
  counted.observeLoopLag(500, 2);
  const body = await scraped(counted, status(["r1"]));
  assert.deepEqual(faultsOf(body), []);
  for (
    const broken of [
      "# HELP a A.\n# TYPE a gauge\na 1\na 2\n",
      '# HELP a A.\n# TYPE a gauge\na{b="c",d="e"} 1\na{d="e",b="c"} 2\n',
      "a 1\n",
      '# HELP a A.\n# TYPE a gauge\na{b="c} 1\n',
      "# HELP a A.\n# TYPE a counter\na 1\n",
      "# HELP a A.\n# TYPE a gauge\na NaN\n",
    ]
  ) assert.notDeepEqual(faultsOf(broken), [], broken);
});

Deno.test("no label has an address from outside or free text in it: its values are names of the configuration and words of ours", async () => {
  const counted = metrics();
  observe(
    counted,
    { ...PROBE, cause: "WORDS" },
    { ...VERDICT, to: "healthy", cause: "WORDS" },
    { ...ROUTE, to: "announced", cause: "WORDS" },
    { ...SENT, cause: "WORDS" },
    { ...HOOK, cause: "WORDS" },
    {
      kind: "connection-refused",
      address: "203.0.113.9",
      port: 179,
      reason: "ttl",
      count: 7,
      cause: "WORDS",
    },
    { kind: "kernel-error", cause: "WORDS" },
  );
  const body = await scraped(counted, status(["r1"]));
  assert.doesNotMatch(body, /WORDS|203\.0\.113/);
  const refusals = [...body.matchAll(/^bgp_lb_connections_refused_total\{reason="(.*)"\} (\d+)$/gm)];
  assert.deepEqual(refusals.map(([, reason]) => reason), [...REFUSAL_KINDS], "from 0 on");
  assert.deepEqual(refusals.filter(([, , value]) => value !== "0").map(([, ...row]) => row), [["ttl", "7"]]);
  const labels = new Set([...body.matchAll(/[{,]([a-z_]+)="/g)].map(([, label]) => label));
  assert.deepEqual([...labels].sort(), [
    "as",
    "check",
    "direction",
    "gate",
    "hash",
    "kind",
    "le",
    "local_as",
    "next_hop",
    "object",
    "peer",
    "phase",
    "prefix",
    "prefix_length",
    "reason",
    "remote_as",
    "result",
    "router_id",
    "service",
    "state",
    "to",
    "type",
    "verdict",
    "version",
  ]);
});

Deno.test("BFD of a peer has its state, flaps, packets, and what was dropped by reason; a peer without it has none", async () => {
  const bfd = { ...BFD_UP, flaps: 2, drops: { ttl: 3 } };
  const peers = [{ ...peerStatus, bfd }, { ...peerStatus, name: "r2" }];
  const found = await lines(metrics(), { ...status(["r1"]), peers });
  includesAll(found, [
    'bgp_lb_bfd_state{peer="r1",state="Up"} 1',
    'bgp_lb_bfd_state{peer="r1",state="Down"} 0',
    'bgp_lb_bfd_flaps_total{peer="r1"} 2',
    'bgp_lb_bfd_packets_total{peer="r1",direction="received"} 1000',
    'bgp_lb_bfd_packets_total{peer="r1",direction="sent"} 1001',
    'bgp_lb_bfd_dropped_packets_total{peer="r1",reason="ttl"} 3',
  ]);
  assert.deepEqual(found.filter((line) => line.includes("bfd") && line.includes('peer="r2"')), []);
});
