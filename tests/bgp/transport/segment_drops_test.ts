import assert from "node:assert/strict";
import { dropsBetween, NO_DROPS, parseSegmentDrops } from "../../../src/bgp/transport/segment_drops.ts";

const netstat = (values: string) =>
  `TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPMinTTLDrop TCPAORequired TCPAOBad\n` +
  `TcpExt: ${values}\nIpExt: InNoRoutes\nIpExt: 7\n`;

Deno.test("parseSegmentDrops() adds what TCP-MD5 and TCP-AO count for the same reason (/proc/net/netstat)", () => {
  assert.deepEqual(parseSegmentDrops(netstat("9 1 2 3 4 10 20")), {
    unsigned: 11,
    unexpected: 2,
    mismatched: 23,
    lowTtl: 4,
  });
});

Deno.test("parseSegmentDrops() finds nothing in what is no netstat", () => {
  for (const text of ["", "TcpExt: TCPMD5Failure\n", "TcpExt: TCPMD5Failure\nTcpExt: x\n", "\0"]) {
    assert.deepEqual(parseSegmentDrops(text), NO_DROPS, text);
  }
});

Deno.test("dropsBetween() is what came, and never less than nothing", () => {
  const before = parseSegmentDrops(netstat("0 1 2 3 4 0 0"));
  const after = parseSegmentDrops(netstat("0 2 2 5 1 0 0"));
  assert.deepEqual(dropsBetween(before, after), { unsigned: 1, unexpected: 0, mismatched: 2, lowTtl: 0 });
});
