// All checks of all services at once: how many begin in one turn, and whose they are.
import assert from "node:assert/strict";
import { ServiceChecks } from "../../src/agent/checks.ts";
import { EventStream } from "../../src/events/stream.ts";
import { httpCheckConfig, serviceConfig } from "../support/config.ts";
import { checkedPort } from "../support/ports.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("probeNow() of hundreds of services probes each check once, some in each turn, and names who has any", async () => {
  const clock = new VirtualClock();
  const quiet = { intervalMs: 60_000, fastIntervalMs: 60_000 };
  const services = [
    ...Array.from({ length: 300 }, (_, index) => {
      const port = index + 1;
      return serviceConfig({ name: `s${index}`, checks: [httpCheckConfig({ ...quiet, port })], ports: [] });
    }),
    serviceConfig({ name: "none", checks: [], ports: [] }),
    ...["shares", "too"].map((name) => serviceConfig({ name, checks: [], ports: [checkedPort()] })),
  ];
  let probes = 0;
  const checks = new ServiceChecks({
    services,
    clock,
    events: new EventStream(clock),
    probe: () => ({
      run() {
        probes++;
        return Promise.resolve({ kind: "pass", detail: "status 200" });
      },
    }),
    onVerdict: () => {},
    onSaid: () => {},
  });
  await checks.start();
  await clock.advance(0);
  const before = probes;
  const names = services.map(({ name }) => name);
  assert.deepEqual(checks.probeNow(names), names.filter((name) => name !== "none"));
  assert.equal(probes - before, 16);
  await clock.advance(0);
  const shared = checkedPort().destinations.length;
  assert.equal(probes - before, 300 + shared, "what services share is probed once");
  assert.deepEqual(checks.probeNow(["too"]), ["too"]);
  assert.equal(probes - before, 300 + 2 * shared);
  assert.deepEqual(checks.probeNow(["none"]), []);
  checks.stop();
});
