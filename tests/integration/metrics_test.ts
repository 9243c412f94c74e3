// The text of /metrics in the eyes of Prometheus' own checker (Debian package prometheus), where that is installed.
import assert from "node:assert/strict";
import { AgentProcess } from "../support/agent.ts";
import { fullMetrics, fullStatus, fullTraffic, passingStatus } from "../support/full_status.ts";
import { exposedFamilies } from "../support/monitoring.ts";
import { run } from "../support/process.ts";
import { freePort } from "../support/raw_peer.ts";
import { findCommand } from "../support/setup.ts";
import { scraped } from "../support/status.ts";
import { eventually } from "../support/until.ts";

Deno.test({
  name: "promtool finds nothing wrong with the metrics of a running agent",
  ignore: findCommand("promtool") === undefined,
  async fn() {
    const port = await freePort();
    const file = Deno.makeTempFileSync({ suffix: ".json" });
    const check = { type: "http", port: 9, interval: "100ms" };
    const checks = [{ ...check, name: "one" }, { ...check, name: "two" }];
    Deno.writeTextFileSync(
      file,
      JSON.stringify({
        network: { setup: false },
        http: { listen: `127.0.0.1:${port}` },
        control: { socket: "" },
        bgp: {
          local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
          peers: [{ name: "tor-1", address: "127.0.0.2", as: 65512, port: 9 }],
        },
        services: [
          { name: "web", addresses: ["10.99.0.1", "2001:db8::1"], checks },
          { name: "dns", addresses: ["10.99.0.2"], onChange: ["/bin/true"] },
        ],
      }),
    );
    await using agent = new AgentProcess(["--config", file]);
    await agent.said('"running"');
    const scrape = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const probed = 'bgp_lb_check_transitions_total{service="web",check="one",to="unhealthy"} 1\n';
    const text = await eventually(scrape, (text) => text.includes(probed), "a check has failed");
    assert.match(text, /^bgp_lb_event_loop_lag_seconds_count \d+$/m);
    const { code, stdout, stderr } = await run("promtool", ["check", "metrics"], { input: text });
    assert.deepEqual([code, stdout + stderr], [0, ""]);
    await Deno.remove(file);
  },
});

Deno.test({
  name: "promtool finds nothing wrong with metrics of every family, each of which has samples",
  ignore: findCommand("promtool") === undefined,
  async fn() {
    const metrics = fullMetrics();
    for (const now of [fullStatus(), passingStatus()]) {
      const { code, stdout, stderr } = await run("promtool", ["check", "metrics"], {
        input: await scraped(metrics, now, fullTraffic()),
      });
      assert.deepEqual([code, stdout + stderr], [0, ""]);
    }
    assert.deepEqual((await exposedFamilies()).filter(({ labels }) => labels === undefined), []);
  },
});
