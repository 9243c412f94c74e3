/** When the codec of DNS messages is loaded: a runtime without descriptors ends the process where it takes a module in. */
import assert from "node:assert/strict";
import type { DnsCheckConfig } from "../../../src/config/checks/dns.ts";
import { type DnsPorts, dnsProbe } from "../../../src/health/kinds/dns.ts";
import { PLAIN_CHECK } from "../../support/config.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const CONFIG: DnsCheckConfig = {
  type: "dns",
  name: "dns",
  address: "127.0.0.1",
  port: 53,
  protocol: "tcp",
  domain: "example.org",
  recordType: "A",
  recursion: true,
  expect: undefined,
  rcode: "NOERROR",
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1000,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
};

Deno.test("dnsProbe() has its codec loaded before the first question, and a failure to is told with a question only", async () => {
  let loads = 0;
  const ports: DnsPorts = {
    clock: new VirtualClock(),
    names: { addressesOf: () => Promise.reject(new Error("no name is looked up")) },
    streams: { connect: () => Promise.reject(new Error("nothing is connected")) },
    datagrams: undefined,
    random: () => 0.5,
    dnsCodec() {
      loads++;
      return Promise.reject(new Error("too many open files"));
    },
  };
  const probe = dnsProbe(CONFIG, ports);
  await settle();
  assert.equal(loads, 1);
  const { kind, detail } = await probe.run(new AbortController().signal, () => {});
  assert.deepEqual([kind, loads], ["unknown", 2]);
  assert.match(detail, /codec of DNS messages cannot be loaded: too many open files/);
});
