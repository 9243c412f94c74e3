// A scrape, where the kernel does not tell what goes through IPVS.
import assert from "node:assert/strict";
import { scrape, toldTraffic } from "../../src/agent/scrape.ts";
import { fullMetrics, fullStatus, fullTraffic } from "../support/full_status.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("scrape() goes without the kernel's counters where it fails or hangs, and has all the rest", async () => {
  const clock = new VirtualClock();
  const rows = [
    [() => Promise.resolve(fullTraffic()), true],
    [() => Promise.reject(new Error("no buffer space")), false],
    [() => new Promise<never>(() => {}), false],
  ] as const;
  for (const [traffic, isTold] of rows) {
    const status = () => Promise.resolve(fullStatus());
    const answer = scrape({
      metrics: fullMetrics(),
      clock,
      status,
      traffic: () => toldTraffic(traffic, clock),
    });
    for (const ms of [1001, 1, 1, 1, 1]) await clock.advance(ms);
    const text = new TextDecoder().decode((await answer).body);
    assert.match(text, /^bgp_lb_service_enabled\{service="lb"\} 1$/m);
    assert.equal(/^bgp_lb_virtual_service_connections_total\{/m.test(text), isTold);
  }
});
