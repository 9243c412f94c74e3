/**
 * What is told of a session that does not come up, for settings that do not fit the world (faults B7): the speaker over
 * prepared sockets, with a router, a host behind it and BIRD, in network namespaces. Needs root, nft and bird2.
 */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import type { PeerConfig } from "../../src/config/config.ts";
import { factOf } from "../../src/agent/bgp_events.ts";
import type { AgentFact, Meaning } from "../../src/events/event.ts";
import { failedAttemptWords } from "../../src/status/attempt_words.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { canMakeNamespaces, namespacePair, NetworkNamespace, socketsInside } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { until, within } from "../support/until.ts";

const LIMIT_MS = 120_000;
const OUR_AS = 65001;
const PEER_AS = 65002;
const ready = await canMakeNamespaces() && (await run("bird", ["--version"])).code === 0;

/** We are in `a`; `b` is on our link and a router too; `c` is behind it. */
interface World extends AsyncDisposable {
  readonly a: NetworkNamespace;
  readonly b: NetworkNamespace;
  readonly c: NetworkNamespace;
}

interface Row {
  readonly wrong: string;
  readonly peer: Partial<PeerConfig>;
  readonly listening?: boolean;
  /** Somebody who knows no GTSM listens in b. */
  readonly server?: boolean;
  readonly situation: string;
  readonly says: RegExp;
  readonly cure: RegExp;
  /** BIRD in b, with these lines beside what it needs. */
  readonly bird?: string;
}

for (const version of [4, 6] as const) {
  const at = (four: string, six: string) => address(version === 4 ? four : six);
  const b = at("10.9.0.2", "fd09::2");
  const c = at("10.8.0.1", "fd08::1");
  const rows: readonly Row[] = [
    {
      wrong: "multihop missing",
      peer: { address: c },
      situation: "TTL ran out on a session of one hop",
      says: /more than one hop away.*(10\.9\.0\.2|fd09::2)/,
      cure: /set multihop of router/,
    },
    {
      wrong: "multihop too low",
      peer: { address: c, multihop: 1 },
      situation: "TTL ran out on a session of several hops",
      says: /TTL of 1 ran out at (10\.9\.0\.2|fd09::2)/,
      cure: /raise multihop of router, which is 1/,
    },
    {
      wrong: "nobody at the address",
      peer: { address: at("10.9.0.77", "fd09::77") },
      situation: "no neighbour on the link",
      says: /nobody answers on the link/,
      cure: /VLAN/,
    },
    {
      wrong: "nobody at the address behind the router",
      peer: { address: at("10.8.0.77", "fd08::77"), multihop: 5 },
      situation: "unreachable from a router on",
      says: /(10\.9\.0\.2|fd09::2) does not reach/,
      cure: /its route/,
    },
    {
      wrong: "no route",
      peer: { address: at("10.7.0.1", "fd07::1") },
      situation: "no route",
      says: /no route to/,
      cure: /ip route get/,
    },
    {
      wrong: "a blackhole",
      peer: { address: at("10.6.0.1", "fd06::1") },
      situation: "route that discards",
      says: /blackhole/,
      cure: /correct that route/,
    },
    {
      wrong: "a prohibiting route",
      peer: { address: at("10.5.0.1", "fd05::1") },
      situation: "forbidden here",
      says: /itself forbids/,
      cure: /ip route get/,
    },
    {
      wrong: "an unreachable route",
      peer: { address: at("10.4.0.1", "fd04::1") },
      situation: "host unreachable",
      says: /cannot be reached/,
      cure: /needs multihop/,
    },
    {
      wrong: "port of nobody",
      peer: { address: b, port: 1179 },
      situation: "refused",
      says: /nobody listens at .* 1179/,
      cure: /port \(1179\)/,
    },
    {
      wrong: "source address of another host",
      peer: { address: b, localAddress: at("10.9.0.55", "fd09::55") },
      situation: "source address not here",
      says: /localAddress (10\.9\.0\.55|fd09::55) is no address/,
      cure: /leave out localAddress of router/,
    },
    {
      wrong: "an interface that is not there",
      peer: { address: b, device: "eth7" },
      situation: "interface missing",
      says: /this host has no interface eth7/,
      cure: /interface of router/,
    },
    {
      wrong: "a source address that another interface has",
      peer: { address: b, device: "lo" },
      situation: version === 4 ? "unanswered" : "no route",
      says: / in lo/,
      cure: /lo|route back/,
    },
    {
      wrong: "filter on the way that rejects",
      peer: { address: c, port: 2179, multihop: 5 },
      situation: "refused by a firewall",
      says: /firewall at (10\.9\.0\.2|fd09::2)/,
      cure: /2179/,
    },
    {
      wrong: "filter on the way that prohibits",
      peer: { address: c, port: 3179, multihop: 5 },
      situation: "forbidden on the way",
      says: /(10\.9\.0\.2|fd09::2) forbids/,
      cure: /3179/,
    },
    ...[2179, 3179].map((port): Row => ({
      wrong: `filter of the peer that rejects port ${port}`,
      peer: { address: b, port },
      situation: "rejected there",
      says: /^a filter at (10\.9\.0\.2|fd09::2) itself rejects/,
      cure: new RegExp(`${port} through there`),
    })),
    {
      wrong: "filter of this host that rejects",
      peer: { address: b, port: 5179 },
      situation: "rejected here",
      says: /^this host itself rejects TCP port 5179/,
      cure: /nft list ruleset/,
    },
    {
      wrong: "filter that says nothing",
      peer: { address: b, port: 4179 },
      situation: "unanswered",
      says: /no answer from .* 4179/,
      cure: /route back/,
    },
    {
      wrong: "another password than BIRD's",
      listening: true,
      peer: { address: b, password: "wrong" },
      bird: `password "right";`,
      situation: "signatures differ",
      says: /dropped \d+ segments? whose TCP-MD5 signature did not match/,
      cure: /same password/,
    },
    {
      wrong: "a password that BIRD does not have",
      listening: true,
      peer: { address: b, password: "wrong" },
      bird: "",
      situation: "peer signs nothing",
      says: /without the TCP-MD5 signature/,
      cure: /configure the password for us/,
    },
    {
      wrong: "no password where BIRD has one",
      listening: true,
      peer: { address: b },
      bird: `password "right";`,
      situation: "peer signs, and we do not",
      says: /no key is configured/,
      cure: /set password of router/,
    },
    {
      wrong: "a password that a silent BIRD does not have",
      peer: { address: b, password: "wrong" },
      bird: "passive on;",
      situation: "unanswered with a signature",
      says: /no answer/,
      cure: /same password/,
    },
    {
      wrong: "GTSM that the peer does not have",
      peer: { address: b, ttlSecurity: 1 },
      server: true,
      situation: "TTL below the least one",
      says: /TTL was below 255/,
      cure: /ttl-security/,
    },
  ];
  Deno.test({
    name: `over IPv${version}, each setting that does not fit the world is named, with what helps`,
    ignore: !ready,
    async fn(t) {
      const world = await makeWorld();
      await using _world = world;
      const named = async (row: Row) => {
        try {
          await within(tells(world, version, row), row.wrong, LIMIT_MS);
        } catch (error) {
          throw new Error(row.wrong, { cause: error });
        }
      };
      const isAlone = (row: Row) => row.listening === true || row.server === true || row.bird !== undefined;
      await t.step("where no router is needed", async () => {
        await Promise.all(rows.filter((row) => !isAlone(row)).map(named));
      });
      for (const row of rows.filter(isAlone)) await t.step(row.wrong, () => named(row));
    },
  });
}

async function tells({ a, b }: World, version: 4 | 6, row: Row): Promise<void> {
  await using bird = row.bird === undefined ? undefined : await Bird.start(
    `router id 10.9.0.2; protocol device {}
     protocol bgp lb { local as ${PEER_AS}; neighbor ${version === 4 ? "10.9.0.1" : "fd09::1"} as ${OUR_AS};
       connect delay time 1; connect retry time 2; error wait time 1, 2; ${row.bird} ipv4 { import all; export none; }; }`,
    ["ip", "netns", "exec", b.name],
  );
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  using _server = row.server ? listenIn(b, version, new Sockets(libc, reactor)) : undefined;
  const told: (Meaning & Pick<AgentFact, "kind">)[] = [];
  const listening = { listenPort: 179, listenAddresses: [address(version === 4 ? "0.0.0.0" : "::")] };
  const speaker = new Speaker({
    local: localBgp({ as: OUR_AS, ...row.listening ? listening : {} }),
    peers: [
      peerConfig({
        as: PEER_AS,
        // What nobody answers is told when it is given up.
        connectRetryTimeMs: row.situation.startsWith("unanswered") || row.listening || row.server
          ? 2000
          : 5000,
        ...row.peer,
      }),
    ],
    transport: socketTransport(socketsInside(a, new Sockets(libc, reactor))),
    clock: systemClock,
    random: Math.random,
    onEvent: (event) => void told.push(factOf(event)),
  });
  const words = () => speaker.status().map(failedAttemptWords)[0];
  // The end of the attempt that is told is its own, also where it was given up without an answer.
  const isTold = () =>
    told.some(({ kind, means = "", cure = "" }) =>
      kind === "session-ended" && row.says.test(means) && row.cure.test(cure)
    );
  try {
    speaker.start();
    await until(() => words()?.situation === row.situation, () => JSON.stringify(speaker.status()[0]));
    assert.match(words()?.sentence ?? "", row.says);
    assert.match(words()?.cure ?? "", row.cure);
    await until(isTold, () => JSON.stringify(told));
  } finally {
    await speaker.stop({ mode: "shutdown", communication: "" });
    speaker.abort();
  }
  void bird;
}

function listenIn(b: NetworkNamespace, version: 4 | 6, sockets: Sockets): Disposable {
  const us = peerConfig({ as: OUR_AS, address: address(version === 4 ? "10.9.0.1" : "fd09::1") });
  const at = { address: address(version === 4 ? "0.0.0.0" : "::"), port: 179, localAs: PEER_AS, peers: [us] };
  return socketTransport(socketsInside(b, sockets)).listen(at, {
    connection: (socket) => socket[Symbol.dispose](),
    refused() {},
    fault() {},
  });
}

async function makeWorld(): Promise<World> {
  await using made = new AsyncDisposableStack();
  const { a, b } = made.use(await namespacePair());
  const c = made.use(await NetworkNamespace.create("c"));
  await b.ip("link", "add", "vd", "type", "veth", "peer", "name", "vc", "netns", c.name);
  for (const [namespace, device, host] of [[b, "vd", 2], [c, "vc", 1]] as const) {
    await namespace.ip("link", "set", device, "up");
    await namespace.ip("addr", "add", `10.8.0.${host}/24`, "dev", device);
    await namespace.ip("addr", "add", `fd08::${host}/64`, "dev", device, "nodad");
  }
  await b.sysctl("net.ipv4.ip_forward", "1");
  await b.sysctl("net.ipv6.conf.all.forwarding", "1");
  await a.ip("route", "add", "10.8.0.0/24", "via", "10.9.0.2");
  await a.ip("-6", "route", "add", "fd08::/64", "via", "fd09::2");
  await c.ip("route", "add", "default", "via", "10.8.0.2");
  await c.ip("-6", "route", "add", "default", "via", "fd08::2");
  for (const [type, n] of [["blackhole", 6], ["prohibit", 5], ["unreachable", 4]] as const) {
    await a.ip("route", "add", type, `10.${n}.0.0/24`);
    await a.ip("-6", "route", "add", type, `fd0${n}::/64`);
  }
  const filters = [[a, "output"], [b, "input"], [b, "forward"]] as const;
  for (const [namespace, hook] of filters) {
    const nft = await namespace.run(
      "nft",
      `add table inet t; add chain inet t ${hook} { type filter hook ${hook} priority 0; }; ` +
        rejecting(hook).map((rule) => `add rule inet t ${hook} tcp dport ${rule}`).join("; "),
    );
    assert.equal(nft.code, 0, nft.stderr);
  }
  const kept = made.move();
  return { a, b, c, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function rejecting(hook: "output" | "input" | "forward"): readonly string[] {
  if (hook === "output") return ["5179 reject with icmpx type no-route"];
  return [
    "2179 reject with icmpx type port-unreachable",
    "3179 reject with icmpx type admin-prohibited",
    "4179 drop",
  ];
}
