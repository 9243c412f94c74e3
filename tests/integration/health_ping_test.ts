/** The ping check over real ICMP sockets, on loopback. Needs CAP_NET_RAW. */
import assert from "node:assert/strict";
import { Datagrams } from "../../ffi/datagrams.ts";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import type { PingCheckConfig } from "../../src/config/checks/ping.ts";
import { Check } from "../../src/health/check.ts";
import { pingProbe } from "../../src/health/kinds/ping.ts";
import { IcmpEchoer } from "../../src/icmp/echoer.ts";
import { systemClock } from "../../src/time/clock.ts";
import { probePorts } from "./health_servers.ts";
import { PLAIN_CHECK } from "../support/config.ts";
import { until } from "../support/until.ts";

const { names, clock } = probePorts();

function ping(...texts: readonly string[]): PingCheckConfig {
  return {
    type: "ping",
    name: "ping-1",
    addresses: texts,
    need: "any",
    intervalMs: 200,
    fastIntervalMs: 20,
    timeoutMs: 10_000,
    rise: 2,
    fall: 2,
    ...PLAIN_CHECK,
  };
}

Deno.test("pingProbe() passes where any address answers, and leaves no echo under way", async (t) => {
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  using icmp = new IcmpEchoer(new Datagrams(new Sockets(libc, reactor)), systemClock);
  for (
    const texts of [["127.0.0.1"], ["::1"], ["127.0.0.1", "::1"], ["localhost"], [
      "255.255.255.255",
      "127.0.0.1",
    ]]
  ) {
    await t.step(texts.join(" "), async () => {
      const { kind, detail } = await pingProbe(ping(...texts), { icmp, names, clock }).run(
        new AbortController().signal,
        () => {},
      );
      assert.match(detail, /^answer from (127\.0\.0\.1|::1|localhost \((127\.0\.0\.1|::1)\)) in [\d.]+ ms$/);
      assert.equal(kind, "pass");
    });
  }
  await t.step("in a check, which is stopped with an echo under way", async () => {
    const verdicts: string[] = [];
    using check = new Check({
      name: "ping-1",
      config: ping("127.0.0.1"),
      probe: pingProbe(ping("127.0.0.1"), { icmp, names, clock }),
      clock: systemClock,
      target: { type: "service", service: "web" },
      onVerdict: ({ verdict }) => verdicts.push(verdict),
    });
    check.start();
    await until(() => check.status().verdict === "healthy");
    check.probeNow();
    check.stop();
    assert.deepEqual(verdicts, ["healthy"]);
  });
});
