/** Destinations of a real agent: http servers that come, go and give weights decide, by their quorum, over a route at a real router. */
import assert from "node:assert/strict";
import { httpProbe } from "../../src/health/kinds/http.ts";
import { LabRouter } from "../lab/lab_router.ts";
import { AgentProcess } from "../support/agent.ts";
import { httpCheckConfig } from "../support/config.ts";
import { freePort } from "../support/raw_peer.ts";
import { PATIENCE_MS, within } from "../support/until.ts";
import { answer, probePorts, RawServer } from "./health_servers.ts";

const PREFIX = "10.99.0.1/32";

/** A real server of ours. */
class Backend implements AsyncDisposable {
  weight = "1";
  status = 200;
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("", { status: this.status, headers: { "X-Weight": this.weight } }),
  );

  get port(): number {
    return this.#server.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

interface Seen {
  readonly verdict: string;
  readonly live: boolean;
  readonly cause: string;
}

async function destinations(httpPort: number): Promise<readonly Seen[]> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/api/v1/status`);
  const { services } = await answer.json();
  return services[0].virtualServices[0].destinations;
}

Deno.test("destinations that pass, fail and give weights decide by the quorum over the route, and status says which and why", async () => {
  await using first = new Backend();
  await using second = new Backend();
  first.weight = "2";
  const router = new LabRouter({
    address: "127.0.0.2",
    as: 65512,
    routerID: "127.0.0.2",
    prefix: PREFIX,
    nextHopPort: 1,
  });
  using _router = router;
  const folder = await Deno.makeTempDir({ prefix: "destinations-" });
  const httpPort = await freePort();
  try {
    const path = `${folder}/config.json`;
    const backends = [first, second].map(({ port }) => ({ address: "10.88.0.7", port }));
    await Deno.writeTextFile(
      path,
      JSON.stringify({
        network: { setup: false },
        http: { listen: `127.0.0.1:${httpPort}` },
        control: { socket: "" },
        bgp: {
          local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
          peers: [{ address: "127.0.0.2", as: 65512, port: router.bgpPort }],
        },
        services: [{
          name: "web",
          addresses: ["10.99.0.1"],
          ports: [{
            port: 80,
            destinations: backends.map((backend) => ({
              ...backend,
              checks: [{
                type: "http",
                address: "127.0.0.1",
                port: backend.port,
                interval: "100ms",
                timeout: "10s",
                weightHeader: "X-Weight",
              }],
            })),
            quorum: 3,
          }],
          stop: { converge: 0 },
        }],
      }),
    );
    await using agent = new AgentProcess(["--config", path]);
    await router.until(PREFIX, ["127.0.0.1"], PATIENCE_MS);
    first.weight = "1";
    await router.until(PREFIX, [], PATIENCE_MS);
    await agent.said("port tcp 80: live weight 2 of 2, needs 3");
    first.weight = "7";
    await router.until(PREFIX, ["127.0.0.1"], PATIENCE_MS);
    first.status = 503;
    await router.until(PREFIX, [], PATIENCE_MS);
    const [failed, other] = await destinations(httpPort);
    assert.ok(failed !== undefined && other !== undefined);
    assert.deepEqual([failed.verdict, failed.live, other.verdict, other.live], [
      "unhealthy",
      false,
      "healthy",
      true,
    ]);
    assert.match(failed.cause, /status 503/);
    first.status = 200;
    await router.until(PREFIX, ["127.0.0.1"], PATIENCE_MS);
    const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
    assert.match(
      metrics,
      /^bgp_lb_destination_live\{service="web",virtual_service="tcp 10\.99\.0\.1:80",.*\} 1$/m,
    );
    assert.match(metrics, /^bgp_lb_destination_probes_total\{result="pass"\} [1-9]/m);
    agent.signal("SIGTERM");
    assert.deepEqual(await agent.exited, { code: 0, signal: null });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an http check reads the weight of a passing answer, bounded, and says where there is none (CONTRACT weight from a check)", async () => {
  const rows: readonly (readonly [string, number | undefined, RegExp])[] = [
    ["X-Weight: 0", 0, /weight 0$/],
    ["x-weight:  65535 ", 65535, /weight 65535$/],
    [
      "X-Weight: 65536",
      undefined,
      /not a whole number from 0 to 65535 \(65536\): the configured weight counts/,
    ],
    ["X-Weight: 1e3", undefined, /not a whole number/],
    ["X-Weight: -1", undefined, /not a whole number/],
    ["X-Other: 1", undefined, /no X-Weight: the configured weight counts/],
  ];
  for (const [field, weight, detail] of rows) {
    await using server = new RawServer(answer(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`));
    const config = httpCheckConfig({ port: server.port, weightHeader: "X-Weight" });
    const running = httpProbe(config, probePorts()).run(new AbortController().signal, () => {});
    const found = await within(running, "a probe");
    assert.deepEqual([found.kind, found.weight], ["pass", weight], field);
    assert.match(found.detail, detail);
  }
});
