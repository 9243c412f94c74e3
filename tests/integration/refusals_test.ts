/**
 * A connection that is not taken is told, once, with why, and counted: by sockets made through FFI and by Deno's own, over both
 * families (B9).
 */
import assert from "node:assert/strict";
import { factOf } from "../../src/agent/bgp_events.ts";
import { Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import type { PeerConfig } from "../../src/config/config.ts";
import { EventCounters } from "../../src/http/event_counters.ts";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { denoTransport } from "../support/deno_transport.ts";
import { until } from "../support/until.ts";

const BFD = { transmitMs: 300, receiveMs: 300, multiplier: 3, passive: false, strict: true, multihop: false };

interface Row {
  readonly what: string;
  readonly peers: (from: string, other: string) => readonly Partial<PeerConfig>[];
  readonly reason: string;
  readonly words: RegExp;
  /** So many are made, of which so many are refused at most; the allowance grows meanwhile. */
  readonly connections?: number;
  readonly refused?: number;
  /** Deno's own sockets cannot. */
  readonly needsFfi?: boolean;
}

const ROWS: readonly Row[] = [
  {
    what: "a stranger",
    peers: (_from, other) => [{ address: address(other) }],
    reason: "no-peer",
    words: /^no peer is configured with this address$/,
  },
  {
    what: "a peer that was removed by a reload",
    peers: () => [],
    reason: "no-peer",
    words: /^no peer is configured with this address$/,
  },
  {
    what: "a peer that BFD holds back",
    peers: (from) => [{ address: address(from), bfd: BFD }],
    reason: "held-back",
    words: /^no session is begun: waits for BFD to be up \(bfd\.strict\)$/,
  },
  {
    what: "a peer that connects too often",
    peers: (from) => [{ address: address(from) }],
    reason: "surplus",
    words: /^the peer has connections enough, connects too often, or is not to be spoken with$/,
    connections: 120,
    refused: 20,
  },
  {
    what: "a peer of another interface",
    peers: (
      from,
      other,
    ) => [{ address: address(other) }, { address: address(from), device: "no-such-device" }],
    reason: "other-device",
    words:
      /^it did not come in by no-such-device, the interface of the peer with this address, or came before anybody listened there$/,
    needsFfi: true,
  },
  {
    what: "a peer that sends with too low a TTL, which the listener has to let in for another one",
    peers: (from, other) => [{ address: address(other) }, { address: address(from), ttlSecurity: 1 }],
    reason: "ttl",
    words: /^TTL 64 is below 255 \(GTSM, RFC 5082\)$/,
    needsFfi: true,
  },
];

for (const [family, from, other] of [["IPv4", "127.0.0.1", "127.0.0.9"], ["IPv6", "::1", "::9"]] as const) {
  for (const row of ROWS) {
    Deno.test(`${row.what} is refused over ${family} with one event, a count and words, through FFI (B9)`, async () => {
      using libc = openLibc();
      await using reactor = new Reactor(libc);
      await refused(row, from, other, socketTransport(new Sockets(libc, reactor)));
    });
    if (row.needsFfi) continue;
    Deno.test(`${row.what} is refused over ${family} with one event, a count and words, on Deno's own sockets (B9)`, async () => {
      await refused(row, from, other, denoTransport());
    });
  }
}

async function refused(row: Row, from: string, other: string, transport: Transport): Promise<void> {
  const { peers, reason, words, connections = 1, refused = 1 } = row;
  const events: SpeakerEvent[] = [];
  const port = freePort(from);
  const local = localBgp({ as: 65001, listenPort: port, listenAddresses: [address(from)] });
  const configured = peers(from, other).map((peer, index) =>
    peerConfig({ name: `peer-${index}`, as: 65002, passive: true, ...peer })
  );
  const speaker = new Speaker({
    local,
    peers: configured.length === 0 ? [peerConfig({ address: address(from), passive: true })] : configured,
    transport,
    clock: systemClock,
    random: Math.random,
    onEvent: (event) => void events.push(event),
  });
  speaker.start();
  speaker.configure(local, configured);
  const clients: Deno.TcpConn[] = [];
  const told = () => events.flatMap((event) => event.type === "connection-refused" ? [event] : []);
  try {
    for (let made = 0; made < connections; made++) clients.push(await Deno.connect({ hostname: from, port }));
    // One is told at once; what more of them came, at the end of a period or of the speaker.
    await until(() => told().length > 0, () => JSON.stringify(events));
    await Promise.all(clients.map(hearsSomething));
  } finally {
    await speaker.stop({ mode: "shutdown", communication: "" });
    speaker.abort();
  }
  const metrics = new EventCounters();
  for (const event of told()) {
    const fact = factOf(event);
    metrics.observe({ ...fact, id: 1, at: 0 });
    assert.match(fact.cause, words);
  }
  assert.equal(told().length, connections === 1 ? 1 : 2);
  assert.ok(told().every((event) => event.address === from));
  const family = [...metrics.families()].find(({ name }) => name === "bgp_lb_connections_refused_total");
  const counts = [...family?.samples ?? []].filter(({ value }) => value > 0);
  assert.deepEqual(counts.map(({ labels }) => labels.reason), [reason]);
  const [{ value } = { value: 0 }] = counts;
  assert.equal(value, told().reduce((sum, { count }) => sum + count, 0));
  assert.ok(value > 0 && value <= refused, `${value} refused`);
}

/** Whoever is taken hears OPEN first, others why not, or the end: then it has been looked at. It is closed then. */
async function hearsSomething(client: Deno.TcpConn): Promise<void> {
  using _client = client;
  await client.read(new Uint8Array(19)).catch(() => null);
}

function freePort(hostname: string): number {
  using listener = Deno.listen({ hostname, port: 0 });
  return listener.addr.port;
}
