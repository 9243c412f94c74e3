/**
 * The transport over prepared sockets across a veth pair between two network namespaces: TCP-MD5, GTSM, TTL, traffic
 * class, source address, link-local zones. The kernel's own counters tell what was dropped and why. Needs root.
 */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Listeners } from "../../src/bgp/listeners.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import type {
  Endpoint,
  ListenerEvents,
  RefusalReason,
  TcpSocket,
  Transport,
} from "../../src/bgp/transport/transport.ts";
import type { PeerConfig } from "../../src/config/config.ts";
import { systemClock } from "../../src/time/clock.ts";
import { accept, LOCAL_AS, peerAt } from "../contract/transport_contract.ts";
import { address, localBgp } from "../support/bgp.ts";
import { withoutLeak } from "../support/descriptors.ts";
import {
  canMakeNamespaces,
  type NamespacePair,
  namespacePair,
  type NetworkNamespace,
  socketsInside,
} from "../support/namespace.ts";
import { Process } from "../support/process.ts";
import { eventually, until, within } from "../support/until.ts";

const PORT = 179;
const LIMIT_MS = 120_000;
const AS_A = 65001;
const AS_B = 65002;
/** What a listener tells where nobody listens. */
const SILENT: ListenerEvents = { connection() {}, refused() {}, fault() {} };
const privileged = await canMakeNamespaces();

/** One host of the two: its transport and what it refused. */
interface Host {
  readonly namespace: NetworkNamespace;
  readonly transport: Transport;
  readonly refusals: { readonly remote: Endpoint; readonly reason: RefusalReason }[];
}

interface Network {
  readonly a: Host;
  readonly b: Host;
}

function test(sentence: string, body: (network: Network) => Promise<void>): void {
  Deno.test({
    name: `socketTransport() ${sentence}`,
    ignore: !privileged,
    async fn() {
      await using namespaces = await namespacePair();
      await withoutLeak(() => withNetwork(namespaces, body));
    },
  });
}

async function withNetwork(
  namespaces: NamespacePair,
  body: (network: Network) => Promise<void>,
): Promise<void> {
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  const sockets = new Sockets(libc, reactor);
  const host = (namespace: NetworkNamespace, localAs: number): Host => {
    const refusals: Host["refusals"] = [];
    const inside = socketTransport(socketsInside(namespace, sockets));
    const transport: Transport = {
      connect: (peer, _localAs, signal) => inside.connect(peer, localAs, signal),
      listen: (options, events) =>
        inside.listen({ ...options, localAs }, {
          ...events,
          refused: (remote, reason) => void refusals.push({ remote, reason }),
        }),
    };
    return { namespace, transport, refusals };
  };
  const network = { a: host(namespaces.a, AS_A), b: host(namespaces.b, AS_B) };
  await within(body(network), "the test", LIMIT_MS);
}

/** b as a sees it, and a as b does. */
const toB = (rest: Partial<PeerConfig> = {}) => peerAt("10.9.0.2", PORT, { as: AS_B, ...rest });
const toA = (rest: Partial<PeerConfig> = {}) => peerAt("10.9.0.1", PORT, { as: AS_A, ...rest });
const toB6 = (rest: Partial<PeerConfig> = {}) => peerAt("fd09::2", PORT, { as: AS_B, ...rest });
const toA6 = (rest: Partial<PeerConfig> = {}) => peerAt("fd09::1", PORT, { as: AS_A, ...rest });

/** Connects a to b's listener, and carries a byte each way. */
async function established(
  { a, b }: Network,
  peerOfA: PeerConfig,
  peersOfB: readonly PeerConfig[],
  inspect: (client: TcpSocket, server: TcpSocket) => void | Promise<void> = () => {},
): Promise<void> {
  using acceptor = accept(b.transport, peerOfA.address.family === 4 ? "0.0.0.0" : "::", PORT, peersOfB);
  using client = await a.transport.connect(peerOfA, LOCAL_AS, new AbortController().signal);
  using server = await acceptor.next();
  await client.write(Uint8Array.of(1));
  assert.deepEqual(await server.read(), Uint8Array.of(1));
  await server.write(Uint8Array.of(2));
  assert.deepEqual(await client.read(), Uint8Array.of(2));
  await inspect(client, server);
}

/** Connects a to b, waits until `where` has counted drops of the kind `counter`, and asserts that nothing came of it. */
async function dropped(
  network: Network,
  peerOfA: PeerConfig,
  peersOfB: readonly PeerConfig[],
  where: "a" | "b",
  counter: string,
): Promise<void> {
  const { a, b } = network;
  const controller = new AbortController();
  let connections = 0;
  const listenOn = {
    address: peerAt(peerOfA.address.family === 4 ? "0.0.0.0" : "::", 0).address,
    port: PORT,
  };
  using _listener = b.transport.listen({ ...listenOn, localAs: LOCAL_AS, peers: peersOfB }, {
    ...SILENT,
    connection(socket) {
      connections++;
      socket[Symbol.dispose]();
    },
  });
  const reason = new Error("given up");
  const rejected = assert.rejects(
    a.transport.connect(peerOfA, LOCAL_AS, controller.signal),
    (error) => error === reason,
  );
  const { namespace } = network[where];
  await eventually(
    () => namespace.counter("TcpExt", counter),
    (count) => count > 0,
    `${counter} in ${namespace.name}`,
  );
  controller.abort(reason);
  await rejected;
  assert.equal(connections, 0);
}

for (const [version, b, a] of [["IPv4", toB, toA], ["IPv6", toB6, toA6]] as const) {
  test(`connects over ${version} with the same TCP-MD5 key on both sides (RFC 2385)`, async (network) => {
    await established(network, b({ password: "secret" }), [a({ password: "secret" })]);
    assert.equal(await network.b.namespace.counter("TcpExt", "TCPMD5Failure"), 0);
  });

  test(`drops segments over ${version} with another TCP-MD5 key (RFC 2385)`, async (network) => {
    const peersOfB = [a({ password: "secret" })];
    await dropped(network, b({ password: "Secret" }), peersOfB, "b", "TCPMD5Failure");
  });

  test(`drops segments over ${version} without TCP-MD5 where a key is set (RFC 2385)`, async (network) => {
    await dropped(network, b(), [a({ password: "secret" })], "b", "TCPMD5NotFound");
  });

  test(`drops segments over ${version} with TCP-MD5 where no key is set (RFC 2385)`, async (network) => {
    await dropped(network, b({ password: "secret" }), [a()], "b", "TCPMD5Unexpected");
  });

  test(`connects over ${version} with GTSM on both sides (RFC 5082)`, async (network) => {
    await established(network, b({ ttlSecurity: 1 }), [a({ ttlSecurity: 1 })]);
    assert.equal(await network.b.namespace.counter("TcpExt", "TCPMinTTLDrop"), 0);
  });

  test(`drops a SYN over ${version} of TTL 1 where all peers have GTSM (RFC 5082 section 3)`, async (network) => {
    await dropped(network, b(), [a({ ttlSecurity: 1 })], "b", "TCPMinTTLDrop");
  });

  test(`drops over ${version} a SYN-ACK of TTL 1 where we have GTSM (RFC 5082 section 3)`, async (network) => {
    await dropped(network, b({ ttlSecurity: 1 }), [a()], "a", "TCPMinTTLDrop");
  });

  test(`refuses over ${version} at accept what the listener let in for peers without GTSM (RFC 5082)`, async (network) => {
    const other = version === "IPv4" ? peerAt("10.9.0.77", PORT) : peerAt("fd09::77", PORT);
    using acceptor = accept(network.b.transport, version === "IPv4" ? "0.0.0.0" : "::", PORT, [
      a({ ttlSecurity: 1 }),
      other,
    ]);
    // The SYN-ACK has TTL 255 all the same, so a's side is content and the handshake completes.
    using client = await network.a.transport.connect(b(), LOCAL_AS, new AbortController().signal);
    assert.equal(await client.read().catch(() => undefined), undefined);
    await until(() => network.b.refusals.length === 1);
    assert.deepEqual(network.b.refusals[0]?.reason, { type: "ttl", ttl: 1, minimum: 255 });
    assert.equal(network.b.refusals[0]?.remote.address.text, a().address.text);
    void acceptor;
  });

  test(`lets each peer of one ${version} listener have its own TTL policy and key (RFC 5082, 2385)`, async (network) => {
    const second = version === "IPv4" ? "10.9.0.3" : "fd09::3";
    await network.a.namespace.ip(
      "addr",
      "add",
      `${second}/${version === "IPv4" ? 24 : 64}`,
      "dev",
      "va",
      "nodad",
    );
    const third = version === "IPv4" ? "10.9.0.4" : "fd09::4";
    await network.a.namespace.ip(
      "addr",
      "add",
      `${third}/${version === "IPv4" ? 24 : 64}`,
      "dev",
      "va",
      "nodad",
    );
    const peersOfB = [
      a({ password: "one", ttlSecurity: 1 }),
      peerAt(second, PORT, { as: AS_A, password: "two" }),
      peerAt(third, PORT, { as: AS_A }),
    ];
    const localAddress = (text: string) => ({ localAddress: peerAt(text, 0).address });
    await established(
      network,
      b({ ...localAddress(a().address.text), password: "one", ttlSecurity: 1 }),
      peersOfB,
    );
    await established(network, b({ ...localAddress(second), password: "two" }), peersOfB);
    await established(network, b(localAddress(third)), peersOfB);
    assert.deepEqual(network.b.refusals, []);
  });

  test(`connects over ${version} from the local address that is configured (CONTRACT: localAddress)`, async (network) => {
    const source = version === "IPv4" ? "10.9.0.9" : "fd09::9";
    await network.a.namespace.ip(
      "addr",
      "add",
      `${source}/${version === "IPv4" ? 24 : 64}`,
      "dev",
      "va",
      "nodad",
    );
    const peerOfA = b({ localAddress: peerAt(source, 0).address });
    await established(network, peerOfA, [peerAt(source, PORT)], (client, server) => {
      assert.equal(client.local.address.text, source);
      assert.equal(server.remote.address.text, source);
    });
  });

  test(`sends TOS CS6 and the peer's TTL over ${version} on every segment (RFC 4594, 4271)`, async (network) => {
    const seen = await segments(network, async () => {
      await established(network, b(), [a()]);
    });
    assert.deepEqual(new Set(seen), new Set(["class 0xc0, ttl 1"]));
    const secured = await segments(network, async () => {
      await established(network, b({ ttlSecurity: 2 }), [a({ ttlSecurity: 2 })]);
    });
    assert.deepEqual(new Set(secured), new Set(["class 0xc0, ttl 255"]));
    const inside = await segments(network, async () => {
      await established(network, b({ as: AS_A }), [a({ as: AS_B })]);
    });
    assert.deepEqual(new Set(inside), new Set(["class 0xc0, ttl 64"]));
    const far = await segments(network, async () => {
      await established(network, b({ multihop: 9 }), [a({ multihop: 9 })]);
    });
    assert.deepEqual(new Set(far), new Set(["class 0xc0, ttl 9"]));
  });
}

test("follows other TCP-MD5 keys and TTL policies on a listener that stays open (RFC 2385, 5082)", async (network) => {
  const { a, b } = network;
  using acceptor = accept(b.transport, "0.0.0.0", PORT, [toA({ password: "one" })]);
  const connect = async (rest: Partial<PeerConfig>) => {
    using client = await a.transport.connect(toB(rest), LOCAL_AS, new AbortController().signal);
    using server = await acceptor.next();
    assert.equal(server.remote.port, client.local.port);
  };
  await connect({ password: "one" });
  const rows: readonly Partial<PeerConfig>[] = [
    { password: "two" },
    {},
    { ttlSecurity: 1 },
    { password: "one", ttlSecurity: 1 },
    {},
  ];
  for (const row of rows) {
    acceptor.listener.update({ localAs: LOCAL_AS, peers: [toA(row)] });
    await connect(row);
  }
  // A key that the kernel refuses leaves the listener as it was.
  const refused = { localAs: LOCAL_AS, peers: [toA({ password: "x".repeat(81) })] };
  assert.throws(() => acceptor.listener.update(refused), /at most 80 octets, not 81/);
  await connect({});
  acceptor.listener.update({ localAs: LOCAL_AS, peers: [] });
  acceptor.listener.update({ localAs: LOCAL_AS, peers: [toA()] });
  await connect({});
  assert.equal(await b.namespace.counter("TcpExt", "TCPMD5Unexpected"), 0);
});

test("names the interface of link-local addresses at both ends (RFC 4007)", async (network) => {
  const peerOfA = peerAt("fe80::b", PORT, { zone: "va", as: AS_B });
  const peerOfB = peerAt("fe80::a", PORT, { zone: "vb", as: AS_A });
  await established(network, peerOfA, [peerOfB], (client, server) => {
    assert.deepEqual([client.remote.address.text, client.remote.zone], ["fe80::b", "va"]);
    assert.deepEqual([client.local.address.text, client.local.zone], ["fe80::a", "va"]);
    assert.deepEqual([server.remote.address.text, server.remote.zone], ["fe80::a", "vb"]);
    assert.deepEqual([server.local.address.text, server.local.zone], ["fe80::b", "vb"]);
  });
});

test("connects between link-local addresses with TCP-MD5, GTSM and a source (RFC 2385, 5082)", async (network) => {
  const secured = { password: "secret", ttlSecurity: 1 };
  const localAddress = peerAt("fe80::a", 0).address;
  const peerOfA = peerAt("fe80::b", PORT, { zone: "va", as: AS_B, localAddress, ...secured });
  const peerOfB = peerAt("fe80::a", PORT, { zone: "vb", as: AS_A, ...secured });
  await established(network, peerOfA, [peerOfB]);
});

test("refuses a link-local address of another zone, and says so (RFC 4007)", async (network) => {
  const peerOfB = peerAt("fe80::a", PORT, { zone: "vx" });
  using _acceptor = accept(network.b.transport, "::", PORT, [peerOfB]);
  using client = await network.a.transport.connect(
    peerAt("fe80::b", PORT, { zone: "va" }),
    LOCAL_AS,
    new AbortController().signal,
  );
  assert.equal(await client.read().catch(() => undefined), undefined);
  await until(() => network.b.refusals.length === 1);
  assert.equal(network.b.refusals[0]?.remote.zone, "vb");
  assert.deepEqual(network.b.refusals[0]?.reason, { type: "no-peer" });
});

test("closes a connection from an address that no peer has (design: hostile input)", async (network) => {
  let connections = 0;
  const where = {
    address: peerAt("0.0.0.0", 0).address,
    port: PORT,
    localAs: LOCAL_AS,
    peers: [peerAt("10.9.0.77", PORT)],
  };
  using _listener = network.b.transport.listen(where, { ...SILENT, connection: () => void connections++ });
  using client = await network.a.transport.connect(toB(), LOCAL_AS, new AbortController().signal);
  assert.equal(await client.read().catch(() => undefined), undefined);
  await until(() => network.b.refusals.length === 1);
  assert.deepEqual(network.b.refusals[0]?.reason, { type: "no-peer" });
  assert.equal(network.b.refusals[0]?.remote.address.text, "10.9.0.1");
  assert.equal(connections, 0);
});

test("refuses to connect with what cannot be honoured, naming peer and cause (design: fail closed)", async (network) => {
  const connect = (peer: PeerConfig) =>
    network.a.transport.connect(peer, LOCAL_AS, new AbortController().signal);
  const long = "x".repeat(81);
  const rows: readonly (readonly [PeerConfig, RegExp])[] = [
    [
      toB({ name: "tor-1", password: long }),
      /cannot connect to tor-1 \(10\.9\.0\.2 port 179\): the TCP-MD5 key of peer tor-1 cannot be set.*at most 80 octets, not 81/,
    ],
    [
      toB({ localAddress: toA6().address }),
      /10\.9\.0\.2 port 179: the local address fd09::1 is not of the family/,
    ],
    [
      toB({ localAddress: peerAt("10.9.0.200", 0).address }),
      /cannot use the local address 10\.9\.0\.200: bind: address not available on this host \(EADDRNOTAVAIL\)/,
    ],
    [peerAt("fe80::b", PORT), /needs its interface: fe80::b%eth0/],
    [peerAt("fe80::b", PORT, { zone: "nope0" }), /fe80::b%nope0 port 179: there is no interface nope0/],
    [toB(), /connect: connection refused \(ECONNREFUSED\)/],
    [peerAt("198.51.100.1", PORT), /connect: network is unreachable \(ENETUNREACH\)/],
  ];
  for (const [peer, message] of rows) await assert.rejects(connect(peer), { message });
});

test("refuses to listen with what cannot be honoured, naming peer and cause (design: fail closed)", async (network) => {
  const listen = (at: string, ...peers: readonly PeerConfig[]) =>
    network.b.transport.listen(
      { address: peerAt(at, 0).address, port: PORT, localAs: LOCAL_AS, peers },
      SILENT,
    );
  const twins = ["va", "vb"].map((zone) =>
    peerAt("fe80::a", PORT, { name: `on-${zone}`, zone, password: zone })
  );
  assert.throws(
    () => listen("0.0.0.0", toA({ name: "tor-1", password: "x".repeat(81) })),
    {
      message:
        /cannot listen on 0\.0\.0\.0 port 179: the TCP-MD5 key of peer tor-1 cannot be set.*at most 80/,
    },
  );
  assert.throws(() => listen("::", ...twins), {
    message: /peers on-va and on-vb have the address fe80::a but not/,
  });
  assert.throws(() => listen("10.9.0.200"), { message: /bind: address not available.*EADDRNOTAVAIL/ });
  // IPv4 peers do not concern an IPv6 listener, and "::" leaves IPv4 to the other.
  using _six = listen("::", toA({ password: "x".repeat(81) }));
  using _four = listen("0.0.0.0");
  await Promise.resolve();
});

/** Traffic class and TTL of each TCP segment that `body` causes, as tcpdump sees them in b. */
async function segments({ b }: Network, body: () => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const listening = Promise.withResolvers<void>();
  const args = [
    "netns",
    "exec",
    b.namespace.name,
    "tcpdump",
    "-i",
    "vb",
    "-l",
    "-n",
    "-v",
    "--immediate-mode",
    "tcp",
  ];
  await using tcpdump = new Process({
    command: "ip",
    args,
    onLine({ stream, text }) {
      if (stream === "stdout") lines.push(text);
      else if (text.includes("listening on")) listening.resolve();
    },
  });
  await listening.promise;
  await body();
  const fins = () => lines.filter((line) => line.includes("Flags [F")).length;
  await until(() => fins() >= 2, () => lines.join("\n"));
  await tcpdump.stop("SIGINT");
  const four = /^.*IP \(tos (0x[0-9a-f]+), ttl (\d+),.*proto TCP/;
  const six = /^.*IP6 \((?:class (0x[0-9a-f]+), )?(?:flowlabel \S+, )?hlim (\d+), next-header TCP/;
  const headers = lines.map((line) => four.exec(line) ?? six.exec(line)).filter((match) => match !== null);
  assert.ok(headers.length >= 6, lines.join("\n"));
  return headers.map((match) => `class ${match[1]}, ttl ${match[2]}`);
}

Deno.test("tcpMSS bounds the segments of both ends, whoever connects, over IPv4 and IPv6 (CONTRACT tcpMSS)", async () => {
  await using namespaces = await namespacePair();
  await withNetwork(namespaces, async (network) => {
    const segments = async (ofA: Partial<PeerConfig>, ofB: Partial<PeerConfig>) => {
      const seen: (number | undefined)[] = [];
      for (const [toThere, toHere] of [[toB, toA], [toB6, toA6]] as const) {
        await established(network, toThere(ofA), [toHere(ofB)], (client, server) => {
          seen.push(client.transmission?.()?.segmentOctets, server.transmission?.()?.segmentOctets);
        });
      }
      return seen;
    };
    // What timestamps take goes off; over IPv6 the header is 20 octets longer.
    assert.deepEqual(await segments({}, {}), [1448, 1448, 1428, 1428]);
    assert.deepEqual(await segments({ tcpMss: 1000 }, {}), [988, 988, 988, 988]);
    assert.deepEqual(await segments({}, { tcpMss: 900 }), [888, 888, 888, 888]);
  });
});

Deno.test("a session is bound to its interface in both directions; one that is not there is told, and waited for (CONTRACT interface)", async () => {
  await using namespaces = await namespacePair();
  const { a, b } = namespaces;
  await a.ip("link", "add", "vc", "type", "veth", "peer", "name", "vd", "netns", b.name);
  for (const [namespace, device] of [[a, "vc"], [b, "vd"]] as const) {
    await namespace.ip("link", "set", device, "up");
  }
  await withNetwork(namespaces, async (network) => {
    await established(network, toB({ device: "va" }), [toA({ device: undefined })]);
    await established(network, toB6({ device: "va" }), [toA6()]);
    const connecting = (device: string) =>
      network.a.transport.connect(toB({ device }), LOCAL_AS, AbortSignal.timeout(200));
    using _acceptor = accept(network.b.transport, "0.0.0.0", PORT, [toA()]);
    await assert.rejects(connecting("vc"), "the peer is not on that link");
    await assert.rejects(connecting("nowhere"), /cannot use the interface nowhere: .*ENODEV/);
  });
});

Deno.test("two listeners of one port, one for an interface, take each what comes to them (CONTRACT interface)", async () => {
  await using namespaces = await namespacePair();
  await withNetwork(namespaces, async (network) => {
    const { a, b } = network;
    const events = (told: string[], name: string) => ({
      connection(socket: TcpSocket) {
        told.push(name);
        socket[Symbol.dispose]();
      },
      refused: () => {},
      fault: assert.fail,
    });
    const told: string[] = [];
    const options = { address: peerAt("0.0.0.0", 0).address, port: PORT, localAs: AS_B, shared: true };
    using all = b.transport.listen({ ...options, peers: [] }, events(told, "all"));
    using bound = b.transport.listen(
      { ...options, device: "vb", peers: [toA({ device: "vb" })] },
      events(told, "vb"),
    );
    assert.equal(bound.isStale, false);
    assert.equal(all.isStale, false);
    const ends = async () => {
      using client = await a.transport.connect(toB(), LOCAL_AS, new AbortController().signal);
      await client.read().catch(() => undefined);
    };
    await ends();
    assert.deepEqual(told, ["vb"]);
    await namespaces.b.ip("link", "set", "vb", "down");
    await namespaces.b.ip("link", "set", "vb", "name", "vx");
    assert.equal(bound.isStale, true);
    await namespaces.b.ip("link", "set", "vx", "up");
    bound[Symbol.dispose]();
    await ends();
    assert.deepEqual([told, b.refusals.map(({ reason }) => reason.type)], [["vb"], ["no-peer"]]);
  });
});

Deno.test("a listener that is bound to the interface comes first, whichever of them was there before, over IPv4 and IPv6 (CONTRACT interface)", async () => {
  await using namespaces = await namespacePair();
  await withNetwork(namespaces, async ({ a, b }) => {
    for (const [any, toUs, toThem] of [["0.0.0.0", toA, toB], ["::", toA6, toB6]] as const) {
      for (const order of [[undefined, "vb"], ["vb", undefined], [undefined, "lo", "vb"]]) {
        const told: (string | undefined)[] = [];
        using listeners = new DisposableStack();
        const address = peerAt(any, 0).address;
        for (const device of order) {
          const peers = [toUs({ device })];
          const options = { address, port: PORT, localAs: AS_B, shared: true, device, peers };
          const connection = (socket: TcpSocket) => {
            told.push(device);
            socket[Symbol.dispose]();
          };
          const refused = () => void told.push(`refused by ${device}`);
          listeners.use(b.transport.listen(options, { connection, refused, fault: assert.fail }));
        }
        // Nobody else has the port with us.
        const alone = { address, port: PORT, localAs: AS_B, peers: [] };
        assert.throws(
          () => b.transport.listen(alone, { connection() {}, refused() {}, fault() {} }),
          /EADDRINUSE/,
        );
        for (let times = 0; times < 8; times++) {
          using client = await a.transport.connect(toThem(), LOCAL_AS, new AbortController().signal);
          await client.read().catch(() => undefined);
        }
        assert.deepEqual(told, new Array(8).fill("vb"), `${any} ${order}`);
      }
    }
  });
});

Deno.test("a peer of no interface comes in where a listener is bound to the interface that it comes by, and is not bound itself (CONTRACT interface)", async () => {
  await using namespaces = await namespacePair();
  await withNetwork(namespaces, async (network) => {
    const { a, b } = network;
    const accepted: string[] = [];
    const events: ListenerEvents = {
      connection(socket, peer) {
        accepted.push(`${peer.name} ${peer.device}`);
        socket[Symbol.dispose]();
      },
      refused() {},
      fault: assert.fail,
    };
    const other = peerAt("10.9.0.77", PORT, { as: AS_A, device: "vb", password: "of another" });
    // The password holds for what comes to either listener.
    const peers = [toA({ password: "secret" }), toA6(), other];
    const options = { port: PORT, localAs: AS_B, peers, shared: true };
    const [four, six] = [peerAt("0.0.0.0", 0).address, peerAt("::", 0).address];
    using _four = b.transport.listen({ ...options, address: four }, events);
    using _six = b.transport.listen({ ...options, address: six }, events);
    using _fourOfDevice = b.transport.listen({ ...options, address: four, device: "vb" }, events);
    using _sixOfDevice = b.transport.listen({ ...options, address: six, device: "vb" }, events);
    for (const peer of [toB({ password: "secret" }), toB6()]) {
      using client = await a.transport.connect(peer, LOCAL_AS, new AbortController().signal);
      await client.read().catch(() => undefined);
    }
    assert.deepEqual(accepted, ["10.9.0.1 undefined", "fd09::1 undefined"]);
    // A peer of vb that is seen by another link, or by none of its own, is told so.
    _fourOfDevice[Symbol.dispose]();
    _four.update({ localAs: AS_B, peers: [toA({ device: "vc" })] });
    using client = await a.transport.connect(toB(), LOCAL_AS, new AbortController().signal);
    await client.read().catch(() => undefined);
    assert.deepEqual(b.refusals.map(({ reason }) => reason), [{ type: "other-device", device: "vc" }]);
  });
});

Deno.test("Listeners give a peer of an interface what comes by that, over IPv4 and IPv6, also where the interface is added or comes back later (CONTRACT interface)", async () => {
  await using namespaces = await namespacePair();
  await withNetwork(namespaces, async ({ a, b }) => {
    const accepted: string[] = [];
    using listeners = new Listeners({
      transport: b.transport,
      clock: systemClock,
      accept: () => ({
        connection(socket, { address, device }) {
          accepted.push(`${address.text} ${device}`);
          socket[Symbol.dispose]();
        },
        refused() {},
        fault: assert.fail,
      }),
      tell() {},
    });
    const local = localBgp({
      as: AS_B,
      listenPort: PORT,
      listenAddresses: [address("0.0.0.0"), address("::")],
    });
    const peers = (device: string | undefined) => [toA({ device }), toA6({ device })];
    const come = async () => {
      for (const peer of [toB(), toB6()]) {
        using client = await a.transport.connect(peer, LOCAL_AS, new AbortController().signal);
        await client.read().catch(() => undefined);
      }
      return accepted.splice(0);
    };
    listeners.start(local, peers("vb"));
    assert.deepEqual(await come(), ["10.9.0.1 vb", "fd09::1 vb"]);
    listeners.configure(local, peers(undefined));
    assert.deepEqual(await come(), ["10.9.0.1 undefined", "fd09::1 undefined"]);
    listeners.configure(local, peers("vb"));
    assert.deepEqual(await come(), ["10.9.0.1 vb", "fd09::1 vb"]);
    // One that is missing is tried again beside the others.
    listeners.configure(local, peers("later"));
    await b.namespace.ip("link", "set", "vb", "down");
    await b.namespace.ip("link", "set", "vb", "name", "later");
    await b.namespace.ip("link", "set", "later", "up");
    await b.namespace.ip("addr", "replace", "fd09::2/64", "dev", "later", "nodad");
    await until(
      () => listeners.status.every(({ fault }) => fault === undefined),
      () => JSON.stringify(listeners.status),
    );
    assert.deepEqual(await come(), ["10.9.0.1 later", "fd09::1 later"]);
    listeners.configure(local, peers(undefined));
    assert.deepEqual(await come(), ["10.9.0.1 undefined", "fd09::1 undefined"]);
  });
});
