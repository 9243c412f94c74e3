/** What the lab reads from other programs, and what it writes for them: pure, so tested without any of them. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { loadConfig } from "../../src/config/load.ts";
import { countersOf, counterTable, parseCounters, planeConfig, planeTopology } from "./data_plane.ts";
import { frrConfig } from "./frr_router.ts";
import { birdConfig, parseProtocols, parseRoutes } from "./bird.ts";
import { parseJunit } from "../support/junit.ts";
import { parseConnections, parseEntries, parseLinks } from "./kernel_view.ts";
import { keptFlows } from "./kept_flows.ts";
import { mismatch, pattern } from "./pattern.ts";
import { decodeEvent, describeLoad, encodeEvent, type LabEvent } from "./report.ts";
import { parseRouteChange } from "./route_watch.ts";
import { unexplained } from "./scenarios/restart.ts";
import {
  agentConfig,
  loadTopology,
  nodeBatch,
  nodesOf,
  outerBatch,
  referenceTopology,
  standardTopology,
  switchBatch,
  switchesOf,
} from "./topology.ts";
import { describe, since, summarize } from "./traffic.ts";

Deno.test("parseRoutes() reads alternatives under one prefix, the best one marked (BIRD 2.0.12)", () => {
  const lines = [
    "Table master4:",
    "10.99.0.1/32         unicast [h1 18:05:10.839] * (100) [AS65001i]",
    "\tvia 10.0.1.2 on h1",
    "\tType: BGP univ",
    "\tBGP.as_path: 65001",
    "\tBGP.next_hop: 10.0.1.2",
    "                     unicast [h2 18:05:11.127] (100) [AS65001i]",
    "\tvia 10.0.2.2 on h2",
    "\tBGP.community: (65001,1)",
  ];
  const [first, second, ...more] = parseRoutes(lines);
  deepEqual(more, []);
  deepEqual([first?.prefix, first?.protocol, first?.best, first?.nextHop], [
    "10.99.0.1/32",
    "h1",
    true,
    "10.0.1.2",
  ]);
  equal(first?.attributes["BGP.as_path"], "65001");
  deepEqual([second?.prefix, second?.best, second?.nextHop], ["10.99.0.1/32", false, "10.0.2.2"]);
  deepEqual(second?.attributes, { "BGP.community": "(65001,1)" });
});

Deno.test("parseCounters() reads packets by counter, and every counter of a server has a rule (iptables-legacy-save -c)", () => {
  const text = "*mangle\n:PREROUTING ACCEPT [9:99]\n:masq-4 - [0:0]\n" +
    "[77:4620] -A PREROUTING -s 10.0.9.2/32 -d 10.0.1.11/32 -i eth0 -j masq-4\nCOMMIT\n";
  deepEqual([...parseCounters(text)], [["masq-4", 77]]);
  const [server] = nodesOf(planeTopology, "server");
  ok(server !== undefined);
  const counters = countersOf(server);
  equal(new Set(counters.map(({ name }) => name)).size, counters.length);
  const rules = ([4, 6] as const).flatMap((family) => counterTable(counters, family))
    .filter((line) => line.startsWith("-A"));
  equal(rules.length, counters.length);
});

Deno.test("planeConfig() is a configuration: every way to forward, marks and one-packet services", async () => {
  const [host] = nodesOf(planeTopology, "host");
  ok(host !== undefined);
  const text = JSON.stringify(planeConfig(planeTopology, host, "/tmp"));
  const loaded = await loadConfig("plane.json", () => ({ octets: new TextEncoder().encode(text) }));
  ok(loaded.ok, JSON.stringify(loaded));
  equal(loaded.config.services.length, planeTopology.services.length);
});

Deno.test("parseProtocols() reads BGP sessions and nothing else (BIRD 2.0.12)", () => {
  const lines = [
    "Name       Proto      Table      State  Since         Info",
    "device1    Device     ---        up     18:05:07.209  ",
    "h1         BGP        ---        up     18:05:09.012  Established   ",
    "h2         BGP        ---        start  18:05:07.210  Active        Socket: Connection refused",
  ];
  deepEqual(parseProtocols(lines), [
    { name: "h1", state: "Established", since: "18:05:09.012", words: "Established" },
    { name: "h2", state: "Active", since: "18:05:07.210", words: "Active Socket: Connection refused" },
  ]);
});

Deno.test("parseRouteChange() reads one or several next hops, deletions, and skips the rest (ip -ts -o monitor)", () => {
  const time = "2026-11-22T18:05:11.127500";
  const atMs = Date.parse("2026-11-22T18:05:11") + 127.5;
  const rows: readonly (readonly [string, readonly string[] | undefined])[] = [
    [`[${time}] 10.99.0.1 via 10.0.1.2 dev h1 proto bird metric 32 `, ["10.0.1.2"]],
    [
      `[${time}] 10.99.0.1 proto bird metric 32 \\\tnexthop via 10.0.2.2 dev h2 weight 1 \\\tnexthop via 10.0.1.2 dev h1 weight 1 `,
      ["10.0.1.2", "10.0.2.2"],
    ],
    [`[${time}] Deleted 10.99.0.1 via 10.0.1.2 dev h1 proto bird metric 32 `, []],
    [`[${time}] local 10.0.1.1 dev h1 table local proto kernel scope host src 10.0.1.1 `, undefined],
    ["", undefined],
  ];
  for (const [line, nextHops] of rows) {
    deepEqual(parseRouteChange(line), nextHops && { prefix: "10.99.0.1/32", atMs, nextHops }, line);
  }
  const line6 = `[${time}] 2001:db8:99::1 proto bird metric 32 ` +
    "\\\tnexthop via 2001:db8:2::2 dev h2 weight 1 \\\tnexthop via 2001:db8:1::2 dev h1 weight 1 pref medium";
  deepEqual(parseRouteChange(line6)?.nextHops, ["2001:db8:1::2", "2001:db8:2::2"]);
  equal(parseRouteChange(`[${time}] 10.9.0.0/16 via 10.0.1.2 dev h1`)?.prefix, "10.9.0.0/16");
  equal(parseRouteChange(`[${time}] 2001:db8::1 via fe80::2 dev h1`)?.prefix, "2001:db8::1/128");
});

Deno.test("parseLinks() takes kind, mark and addresses, and leaves link-local ones out (ip -j -d addr)", () => {
  const json = JSON.stringify([{
    ifindex: 4,
    ifname: "web",
    flags: ["BROADCAST", "NOARP", "UP", "LOWER_UP"],
    ifalias: "bgp-lb:web",
    linkinfo: { info_kind: "dummy" },
    addr_info: [
      { family: "inet", local: "10.99.0.1", prefixlen: 32, deprecated: true },
      { family: "inet6", local: "2001:db8:99::1", prefixlen: 128, nodad: true },
      { family: "inet6", local: "fe80::1", prefixlen: 64, nodad: true },
      {},
    ],
  }]);
  deepEqual(parseLinks(json), [{
    index: 4,
    name: "web",
    kind: "dummy",
    alias: "bgp-lb:web",
    up: true,
    addresses: ["10.99.0.1/32", "2001:db8:99::1/128"],
    deprecated: ["10.99.0.1/32"],
    nodad: ["2001:db8:99::1/128"],
  }]);
});

Deno.test("parseConnections() takes virtual services and not their destinations (ipvsadm -Ln --stats)", () => {
  const text = [
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes",
    "  -> RemoteAddress:Port",
    "TCP  10.99.0.1:80                      111      666      555    44400    55500",
    "  -> 10.0.1.2:8080                     111      666      555    44400    55500",
    "TCP  [2001:db8:99::1]:80                 7       42       35     2800     3500",
    "  -> [2001:db8:1::2]:8080                7       42       35     2800     3500",
  ].join("\n");
  deepEqual([...parseConnections(text)], [["10.99.0.1:80", 111], ["[2001:db8:99::1]:80", 7]]);
});

Deno.test("decodeEvent() gives what encodeEvent() took, behind other text too, and nothing for damaged lines", () => {
  const event: LabEvent = { type: "say", text: 'a "quoted" → line' };
  const line = encodeEvent(event).trimEnd();
  deepEqual(decodeEvent(line), event);
  deepEqual(decodeEvent(`[ 1.2] kernel: ${line}`), event);
  for (const damaged of ["", "hello", line.slice(0, -2), '@lab {"type":"unknown"}', "@lab"]) {
    equal(decodeEvent(damaged), undefined, damaged);
  }
});

Deno.test("parseJunit() gives passed and failed tests and leaves ignored ones out (deno test --junit-path)", () => {
  const xml = `<testsuite>
    <testcase name="a &quot;b&quot;" classname="./x.ts" time="0.012" line="3" col="6"></testcase>
    <testcase name="c" classname="./x.ts" time="1.5"><failure message="m">x &lt; y</failure></testcase>
    <testcase name="d" classname="./x.ts" time="0"><skipped/></testcase>
    <testcase name="e" time="0.1"/>
  </testsuite>`;
  deepEqual(parseJunit(xml), [
    { name: 'a "b"', file: "./x.ts", ms: 12, failure: undefined },
    { name: "c", file: "./x.ts", ms: 1_500, failure: "x < y" },
    { name: "e", file: "", ms: 100, failure: undefined },
  ]);
});

Deno.test("unexplained() excuses a failed flow only where the route changed while it was open", () => {
  const request = (atMs: number, ms: number) => ({ atMs, ms, to: "a", failure: "reset" });
  const changes = [{ prefix: "p", atMs: 1_000, nextHops: [] }];
  const traffic = summarize([request(990, 30), request(1_100, 10), request(800, 100), {
    atMs: 1,
    ms: 1,
    to: "a",
    host: "h1",
  }]);
  deepEqual(unexplained(traffic, changes).map(({ atMs }) => atMs), [1_100, 800]);
  deepEqual(unexplained(traffic, []).length, 3);
  equal(describe(since(traffic, 900)), "2 failed (reset)");
});

Deno.test("every topology is whole: a link's ends exist, and every node is built and reachable", () => {
  for (const topology of [standardTopology, loadTopology, referenceTopology]) {
    const names = topology.nodes.map(({ name }) => name);
    for (const { ends } of topology.links) for (const { node } of ends) ok(names.includes(node), node);
    const outer = outerBatch(topology);
    const made = [...names, ...switchesOf(topology).map(({ name }) => name)];
    deepEqual(outer.filter((line) => line.startsWith("netns add")), made.map((name) => `netns add ${name}`));
    for (const node of topology.nodes) {
      const batch = nodeBatch(topology, node);
      ok(batch.some((line) => line.startsWith("addr add")), node.name);
      const gateways = batch.filter((line) => line.startsWith("route add default"));
      const families = topology === referenceTopology ? 1 : 2;
      equal(gateways.length, node.kind === "router" ? 0 : families, node.name);
      ok(
        outer.some((line) => line.includes(` netns ${node.name} `) || line.endsWith(` netns ${node.name}`)),
        node.name,
      );
    }
  }
});

Deno.test("switchBatch() joins every end of a link with more than two", () => {
  const [lan] = switchesOf(referenceTopology);
  equal(lan?.ends.length, 4);
  const batch = switchBatch(lan ?? { name: "", ends: [] });
  deepEqual(batch.slice(2), lan?.ends.map(({ node }) => `link set ${node} master bridge up`));
});

Deno.test("the agent's configuration of every lab host is valid", async () => {
  const hosts = [standardTopology, loadTopology].flatMap((topology) =>
    nodesOf(topology, "host").map((host) => ({ topology, host }))
  );
  for (const { topology, host } of hosts) {
    const text = JSON.stringify(agentConfig(topology, host, "/tmp"));
    const loaded = await loadConfig("lab.json", () => ({ octets: new TextEncoder().encode(text) }));
    ok(loaded.ok, JSON.stringify(loaded));
  }
});

Deno.test("birdConfig() has a session for every host of a router's links, over the family that it speaks over", () => {
  for (const topology of [standardTopology, loadTopology, referenceTopology]) {
    for (const router of nodesOf(topology, "router")) {
      const config = birdConfig(topology, router);
      for (const host of nodesOf(topology, "host")) {
        const address = host.transport === 4 ? host.address : host.address6;
        ok(config.includes(`neighbor ${address} as ${host.as};`), host.name);
      }
      const families = topology === referenceTopology ? ["ipv4"] : ["ipv4", "ipv6"];
      const kernels = [...config.matchAll(/^protocol kernel \{ (\w+) .* merge paths on; \}$/gm)];
      deepEqual(kernels.map(([, family]) => family), families);
    }
  }
});

Deno.test("parseEntries() takes connections and not the heading (ipvsadm -Lnc)", () => {
  const answer = [
    "IPVS connection entries",
    "pro expire state       source             virtual            destination",
    "TCP 14:58  ESTABLISHED 10.0.9.2:41000     10.99.0.1:80       10.0.1.2:8080",
    "UDP 04:59  UDP         [2001:db8:9::2]:53000 [2001:db8:99::1]:53 [2001:db8:1::2]:53",
    "",
  ].join("\n");
  deepEqual(parseEntries(answer), [
    {
      protocol: "TCP",
      state: "ESTABLISHED",
      client: "10.0.9.2:41000",
      virtual: "10.99.0.1:80",
      destination: "10.0.1.2:8080",
    },
    {
      protocol: "UDP",
      state: "UDP",
      client: "[2001:db8:9::2]:53000",
      virtual: "[2001:db8:99::1]:53",
      destination: "[2001:db8:1::2]:53",
    },
  ]);
});

Deno.test("mismatch() finds the octet that is missing, comes twice or is another one, wherever a read began", () => {
  const octets = [...pattern(0, 1_000)];
  const found = (bytes: readonly number[], offset = 0) => mismatch(Uint8Array.from(bytes), offset);
  equal(found(octets), undefined);
  equal(found(octets.slice(300), 300), undefined);
  equal(found(octets.toSpliced(500, 1)), 500);
  equal(found(octets.toSpliced(500, 0, octets[499] ?? 0)), 500);
  equal(found(octets.slice(300), 301), 301);
});

Deno.test("keptFlows() marks what hosts answer and sends what the client says after it", () => {
  const [router] = nodesOf(loadTopology, "router");
  ok(router !== undefined);
  deepEqual(keptFlows(loadTopology, router), {
    tables: [
      "*mangle",
      "-A PREROUTING -i h1 -m conntrack --ctdir REPLY -j CONNMARK --set-mark 1",
      "-A PREROUTING -i h2 -m conntrack --ctdir REPLY -j CONNMARK --set-mark 2",
      "-A PREROUTING -i c1 -j CONNMARK --restore-mark",
      "COMMIT",
    ],
    routes: [
      "route add default via 10.0.1.2 dev h1 table 101",
      "route add default via 2001:db8:1::2 dev h1 table 101",
      "route add default via 10.0.2.2 dev h2 table 102",
      "route add default via 2001:db8:2::2 dev h2 table 102",
    ],
    rules: ["rule add fwmark 1 lookup 101", "rule add fwmark 2 lookup 102"],
  });
});

Deno.test("describeLoad() says how clients fared in one line", () => {
  equal(
    describeLoad({ event: "drain", requests: 400, failed: 0, unbroken: true, worstMs: 30.6 }),
    "drain: requests 400, failed 0, download unbroken yes, worst latency 31 ms",
  );
});

Deno.test("frrConfig() has a session for every host, over the family that it speaks over, with ECMP of both", () => {
  const [router] = nodesOf(loadTopology, "router");
  ok(router !== undefined);
  const lines = frrConfig(loadTopology, router).split("\n").map((line) => line.trim());
  for (const neighbor of ["10.0.1.2", "2001:db8:2::2"]) {
    equal(lines.filter((line) => line === `neighbor ${neighbor} remote-as 65001`).length, 1);
    equal(lines.filter((line) => line === `neighbor ${neighbor} activate`).length, 2);
    ok(lines.includes(`neighbor ${neighbor} graceful-restart`));
  }
  equal(lines.filter((line) => line === "maximum-paths 2").length, 2);
});
