/** What a probe must find, in words: of every kind, straight, through the service, inverted. */
import assert from "node:assert/strict";
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import type { PingCheckConfig } from "../../src/config/checks/ping.ts";
import { expectationOf } from "../../src/status/expectation.ts";
import { address } from "../support/bgp.ts";
import { dnsCheckConfig, httpCheckConfig, PLAIN_CHECK } from "../support/config.ts";

const BASE = {
  name: "c",
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1500,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
} as const;
const EXEC = { type: "exec", environment: {}, user: undefined, destination: undefined, alone: true } as const;
const FILE = { type: "file", path: "/run/a", absent: false, contains: undefined } as const;
const PROCESS = { type: "process", pidFile: undefined, unit: undefined } as const;

for (
  const [check, words] of [
    [{ ...EXEC, command: ["/bin/check", "-v"] }, "/bin/check -v ends with status 0 within 1500ms"],
    [FILE, "/run/a is there"],
    [{ ...FILE, absent: true }, "/run/a is not there"],
    [{ ...FILE, contains: 'a "b"\n' }, String.raw`/run/a contains "a \"b\"\n"`],
    [{ ...PROCESS, pidFile: "/run/a.pid" }, "the process that /run/a.pid names runs"],
    [{ ...PROCESS, unit: "a.service" }, "a.service is active, as systemctl says within 1500ms"],
  ] as const
) {
  Deno.test(`expectationOf() is: ${words}`, () => assert.equal(expectationOf({ ...BASE, ...check }), words));
}

const way = (text: string) => ({ address: address(text), source: undefined, mark: undefined });
const PING: PingCheckConfig = {
  type: "ping",
  name: "ping",
  addresses: ["192.0.2.1", "a.example"],
  need: "any",
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1000,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
};

const ROWS: readonly (readonly [CheckConfig, string])[] = [
  [dnsCheckConfig(), "the name server 127.0.0.1:53 answers example.org A over udp within 1s"],
  [
    dnsCheckConfig({ address: "::1", protocol: "tcp", expect: ["192.0.2.1", "192.0.2.2"] }),
    "the name server [::1]:53 answers example.org A with 192.0.2.1, 192.0.2.2 over tcp within 1s",
  ],
  [
    dnsCheckConfig({ recordType: "NS", expect: ["a", "b", "c", "d", "e"] }),
    "the name server 127.0.0.1:53 answers example.org NS with a, b, c and 2 more over udp within 1s",
  ],
  [
    dnsCheckConfig({ address: "ns.example", rcode: "NXDOMAIN" }),
    "the name server ns.example:53 answers example.org A with NXDOMAIN over udp within 1s",
  ],
  [httpCheckConfig(), "http://127.0.0.1:8080/ answers with a 2xx status within 1s"],
  [
    httpCheckConfig({ invert: true }),
    "it is not so that http://127.0.0.1:8080/ answers with a 2xx status within 1s",
  ],
  [
    httpCheckConfig({ port: 80, through: [way("10.99.0.1")] }),
    "http://10.99.0.1:80/ answers with a 2xx status within 1s, through IPVS",
  ],
  [
    httpCheckConfig({ port: 80, through: [way("10.99.0.1"), way("2001:db8::1")] }),
    "http://10.99.0.1:80/ answers with a 2xx status within 1s, through IPVS, and so does 2001:db8::1",
  ],
  [PING, "192.0.2.1 or a.example answers an ICMP echo within 1s"],
  [{ ...PING, need: "all" }, "192.0.2.1 and a.example each answer an ICMP echo within 1s"],
  [{ ...PING, need: "all", addresses: ["192.0.2.1"] }, "192.0.2.1 answers an ICMP echo within 1s"],
];

for (const [check, words] of ROWS) {
  Deno.test(`expectationOf() says: ${words}`, () => assert.equal(expectationOf(check), words));
}
