import assert from "node:assert/strict";
import { hostNames, isOurHost } from "../../src/http/host.ts";

Deno.test("isOurHost() takes addresses, localhost and names of ours, with any port, and no name of a stranger", () => {
  const names = hostNames("Web-1.example.org", ["Metrics.example.org"], false);
  const ours = [
    "127.0.0.1",
    "10.0.0.1:8081",
    "[::1]:8081",
    "[2001:db8::1]",
    "localhost",
    "LOCALHOST.:80",
    "web-1",
    "web-1.example.org:8081",
    "metrics.example.org",
    "localhost:",
    "",
  ];
  const strangers = [
    "evil.org",
    "evil.org:8081",
    "web-1.evil.org",
    "localhost.evil.org",
    "127.0.0.1.evil.org",
    "127.1",
    "0x7f.0.0.1",
    "2001:db8::1",
    "[127.0.0.1]",
    "[evil.org]",
    "x/metrics?",
    "localhost@evil.org",
    "localhost:80:80",
    "localhost:8a",
    "localhost evil",
    ".",
  ];
  assert.deepEqual(ours.filter((host) => !isOurHost(host, names)), []);
  assert.deepEqual(strangers.filter((host) => isOurHost(host, names)), []);
});

Deno.test("hostNames() counts with any domain where others than this host's browsers can come", () => {
  const reachable = hostNames("web-1", [], true);
  for (const host of ["web-1", "web-1.dc.example.org:8081"]) assert.ok(isOurHost(host, reachable), host);
  for (const host of ["web-2.dc.example.org", "web-1x.org", "x.web-1"]) {
    assert.ok(!isOurHost(host, reachable), host);
  }
  for (const unknown of [undefined, ""]) {
    assert.ok(!isOurHost("web-1", hostNames(unknown, [], true)));
    assert.ok(!isOurHost(".evil.org", hostNames(unknown, [], true)));
  }
});
