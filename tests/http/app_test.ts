import assert from "node:assert/strict";
import { Metrics } from "../../src/http/metrics.ts";
import { createHttpApp } from "../../src/http/app.ts";
import type { Status } from "../../src/status/status.ts";
import { noPause, quietPage, scraped, status } from "../support/status.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const metered = {
  services: [{ name: "web", checks: [{ name: "http-1" }] }],
  bgp: { peers: [{ name: "r1" }] },
};
const figures = () => ({ residentMemoryBytes: 5e7, cpuSeconds: 1.5, startTimeSeconds: 1000 });

async function get(path: string, now: Status, init?: RequestInit): Promise<{ status: number; text: string }> {
  const metrics = new Metrics(metered, figures);
  const probe = { kind: "probe", id: 1, at: 0, service: "web", check: "http-1", cause: "" } as const;
  metrics.observe({ ...probe, result: "pass", durationMs: 3 });
  metrics.observe({ ...probe, result: "fail", durationMs: 700 });
  metrics.observe({ kind: "updates-sent", id: 1, at: 0, peer: "r1", announced: 2, withdrawn: 1, cause: "" });
  metrics.observe({ kind: "kernel-changed", id: 1, at: 0, changes: ["a", "b", "c", "d"], cause: "" });
  const app = createHttpApp({
    clock: new VirtualClock(),
    status: () => now,
    metrics: () => metrics.render(now, { traffic: [], standing: 0 }, noPause),
    events: () => new Response(),
    ...quietPage,
  });
  const response = await app(new Request(`http://agent${path}`, init));
  return { status: response.status, text: await response.text() };
}

Deno.test("/metrics has the reference's gauge, 1 with the next hop that peers were sent, else 0 with the router ID", async () => {
  const announced = await get("/metrics", status(["r1", "r2"]));
  assert.match(
    announced.text,
    /^bgp_lb_path_advertisement\{prefix="10\.99\.0\.1",prefix_length="32",next_hop="10\.0\.0\.9"\} 1$/m,
  );
  const withdrawn = await get("/metrics", status([]));
  assert.match(
    withdrawn.text,
    /^bgp_lb_path_advertisement\{prefix="10\.99\.0\.1",prefix_length="32",next_hop="10\.0\.0\.1"\} 0$/m,
  );
});

Deno.test("/metrics has our own families: checks, probes, kernel, announcements, process", async () => {
  const { text } = await get("/metrics", status(["r1"]));
  for (
    const line of [
      'bgp_lb_check_verdict{service="web",check="http-1",verdict="healthy"} 1',
      'bgp_lb_check_verdict{service="web",check="http-1",verdict="unhealthy"} 0',
      'bgp_lb_probes_total{service="web",check="http-1",result="fail"} 1',
      'bgp_lb_probe_duration_seconds_bucket{le="0.005",service="web",check="http-1"} 1',
      'bgp_lb_probe_duration_seconds_bucket{le="1",service="web",check="http-1"} 2',
      'bgp_lb_peer_state{peer="r1",state="Established"} 1',
      'bgp_lb_peer_state{peer="r1",state="Idle"} 0',
      'bgp_lb_peer_flaps_total{peer="r1"} 2',
      'bgp_lb_peer_received_prefixes_total{peer="r1"} 11',
      'bgp_lb_peer_messages_total{peer="r1",direction="received",type="UPDATE"} 7',
      'bgp_lb_peer_messages_total{peer="r1",direction="sent",type="KEEPALIVE"} 4',
      'bgp_lb_announcements_total{peer="r1",kind="announce"} 2',
      'bgp_lb_announcements_total{peer="r1",kind="withdraw"} 1',
      "bgp_lb_kernel_changes_total 4",
      'bgp_lb_events_total{kind="kernel-changed"} 1',
      "bgp_lb_journal_events 0",
      "bgp_lb_journal_dropped_total 0",
      "bgp_lb_event_readers 0",
      "bgp_lb_event_readers_cut_total 0",
      "bgp_lb_kernel_converged 1",
      "process_resident_memory_bytes 50000000",
      "process_cpu_seconds_total 1.5",
    ]
  ) assert.ok(text.split("\n").includes(line), line);
  assert.doesNotMatch(text, /kind="probe"/);
});

Deno.test("/metrics has at every scrape what the process and the peers have by then, and adds nothing up", async () => {
  let cpuSeconds = 1.5;
  const metrics = new Metrics(metered, () => ({ ...figures(), cpuSeconds }));
  const now = status(["r1"]);
  const scrape = async () => (await scraped(metrics, now)).split("\n");
  for (const seconds of [1.5, 1.5, 2.25]) {
    cpuSeconds = seconds;
    const lines = await scrape();
    assert.ok(lines.includes(`process_cpu_seconds_total ${seconds}`));
    assert.ok(lines.includes('bgp_lb_peer_flaps_total{peer="r1"} 2'));
    assert.ok(lines.includes('bgp_lb_peer_messages_total{peer="r1",direction="received",type="UPDATE"} 7'));
  }
});

Deno.test("the app throws what it did not expect, for the server to tell it (faults.md S23)", async () => {
  const fail = () => {
    throw new Error("a fault of ours");
  };
  const app = createHttpApp({
    clock: new VirtualClock(),
    status: fail,
    metrics: fail,
    events: fail,
    ...quietPage,
  });
  for (const path of ["/", "/metrics", "/readyz", "/api/v1/status", "/api/v1/events"]) {
    await assert.rejects(app(new Request(`http://agent${path}`)), /a fault of ours/);
  }
});

Deno.test("/readyz is 200 when every healthy service is announced to a peer, else 503 with the ones that are not", async () => {
  assert.equal((await get("/readyz", status(["r1"]))).status, 200);
  assert.equal((await get("/readyz", status([], "unhealthy"))).status, 200);
  const below = status([]);
  const gates = [{
    name: "quorum",
    open: false,
    degraded: false,
    reason: "port tcp 80: live weight 0 of 1, needs 1",
    since: "",
  }];
  const services = below.services.map((service) => ({
    ...service,
    routes: service.routes.map((route) => ({ ...route, gates })),
  }));
  assert.equal((await get("/readyz", { ...below, services })).status, 200, "its destinations have failed");
  const missing = await get("/readyz", status([]));
  assert.equal(missing.status, 503);
  assert.match(missing.text, /^service web: 10\.99\.0\.1\/32 is not announced to any peer$/m);
});

Deno.test("the app is read only and says what there is", async () => {
  assert.equal((await get("/healthz", status([]))).text, "ok\n");
  assert.deepEqual(JSON.parse((await get("/api/v1/status", status([]))).text).services[0].name, "web");
  assert.equal((await get("/metrics", status([]), { method: "POST" })).status, 405);
  const unknown = await get("/nothing", status([]));
  assert.equal(unknown.status, 404);
  assert.match(unknown.text, /\/metrics/);
});
