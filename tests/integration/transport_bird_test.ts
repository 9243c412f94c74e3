/**
 * The speaker over prepared sockets against BIRD in another network namespace: TCP-MD5 with GTSM, both directions, over
 * IPv4, IPv6 and link-local addresses. Needs root and bird2.
 */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import type { LocalBgp, PeerConfig } from "../../src/config/config.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { canMakeNamespaces, type NamespacePair, namespacePair, socketsInside } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { until, within } from "../support/until.ts";

const ready = await canMakeNamespaces() && (await run("bird", ["--version"])).code === 0;
const LIMIT_MS = 120_000;
/**
 * So long that no connection is given up for a slow machine: what a closed socket's kernel still says has its own TTL and no
 * signature, and would be counted.
 */
const RETRY_SECONDS = 10;
const OUR_AS = 65001;
const BIRD_AS = 65002;
const PASSWORD = "correct horse battery";

/** Where both ends are; we are in a, BIRD is in b. */
const ROWS = [
  { over: "IPv4", ours: "10.9.0.1", birds: "10.9.0.2", zones: undefined },
  { over: "IPv6", ours: "fd09::1", birds: "fd09::2", zones: undefined },
  { over: "link-local IPv6", ours: "fe80::a", birds: "fe80::b", zones: { ours: "va", birds: "vb" } },
] as const;

type Row = typeof ROWS[number];

for (const row of ROWS) {
  test(`connects to BIRD over ${row.over} with TCP-MD5 and GTSM, and announces (RFC 2385, 5082)`, async (namespaces) => {
    await using bird = await startBird(namespaces, row, { passive: true });
    await announces(namespaces, bird, localBgp({ as: OUR_AS }), peer(row));
  });

  test(`accepts BIRD over ${row.over} with TCP-MD5 and GTSM, and announces (RFC 2385, 5082)`, async (namespaces) => {
    await using bird = await startBird(namespaces, row, { passive: false });
    const listenAddresses = [address("0.0.0.0"), address("::")];
    const local = localBgp({ as: OUR_AS, listenPort: 179, listenAddresses });
    await announces(namespaces, bird, local, peer(row, { passive: true }));
  });
}

for (
  const [what, rest] of [["another key", { password: "wrong" }], ["no key", { password: undefined }]] as const
) {
  test(`gets no session with BIRD with ${what}, whoever connects (RFC 2385)`, async (namespaces) => {
    await using bird = await startBird(namespaces, ROWS[0], { passive: false });
    const listenAddresses = [address("0.0.0.0")];
    const local = localBgp({ as: OUR_AS, listenPort: 179, listenAddresses });
    await withSpeaker(namespaces, local, peer(ROWS[0], rest), async (speaker, events) => {
      speaker.start();
      // Our SYNs die at BIRD's kernel, and BIRD's at ours.
      const counter = what === "no key" ? "TCPMD5NotFound" : "TCPMD5Failure";
      const ours = what === "no key" ? "TCPMD5Unexpected" : "TCPMD5Failure";
      while (await namespaces.b.counter("TcpExt", counter) === 0);
      while (await namespaces.a.counter("TcpExt", ours) === 0);
      assert.ok(!events.some((event) => event.type === "peer-state" && event.to === "OpenSent"));
      assert.doesNotMatch(await bird.ask("show protocols"), /Established/);
    });
  });
}

function test(sentence: string, body: (namespaces: NamespacePair) => Promise<void>): void {
  Deno.test({
    name: `Speaker over socketTransport() ${sentence}`,
    ignore: !ready,
    async fn() {
      await using namespaces = await namespacePair();
      await within(body(namespaces), sentence, LIMIT_MS);
    },
  });
}

/** BIRD in b as we see it. */
function peer(row: Row, rest: Partial<PeerConfig> = {}): PeerConfig {
  return peerConfig({
    address: address(row.birds),
    zone: row.zones?.ours,
    as: BIRD_AS,
    password: PASSWORD,
    ttlSecurity: 1,
    connectRetryTimeMs: RETRY_SECONDS * 1000,
    ...rest,
  });
}

/** BIRD in b with us as its neighbour. */
function startBird({ b }: NamespacePair, row: Row, options: { readonly passive: boolean }): Promise<Bird> {
  const zone = row.zones === undefined ? "" : `%${row.zones.birds}`;
  const config = `
    router id 10.9.0.2;
    protocol device {}
    protocol direct { ipv4; }
    protocol bgp lb {
      local ${row.birds}${zone} as ${BIRD_AS};
      neighbor ${row.ours}${zone} as ${OUR_AS};
      password "${PASSWORD}";
      ttl security on;
      passive ${options.passive ? "on" : "off"};
      connect delay time 1; connect retry time ${RETRY_SECONDS};
      ipv4 { import all; export none; };
    }`;
  return Bird.start(config, ["ip", "netns", "exec", b.name]);
}

async function withSpeaker(
  { a }: NamespacePair,
  local: LocalBgp,
  config: PeerConfig,
  body: (speaker: Speaker, events: readonly SpeakerEvent[]) => Promise<void>,
): Promise<void> {
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  const sockets = socketsInside(a, new Sockets(libc, reactor));
  const events: SpeakerEvent[] = [];
  const speaker = new Speaker({
    local,
    peers: [config],
    transport: socketTransport(sockets),
    clock: systemClock,
    random: Math.random,
    onEvent: (event) => events.push(event),
  });
  try {
    await body(speaker, events);
  } finally {
    await speaker.stop({ mode: "shutdown", communication: "" });
    speaker.abort();
  }
}

async function announces(
  namespaces: NamespacePair,
  bird: Bird,
  local: LocalBgp,
  config: PeerConfig,
): Promise<void> {
  const nextHop = address("10.9.0.1");
  await withSpeaker(namespaces, local, { ...config, nextHop }, async (speaker) => {
    speaker.announce([route("10.99.0.1/32")]);
    speaker.start();
    await until(
      () => speaker.status()[0]?.state === "Established",
      () => JSON.stringify(speaker.status()[0]),
    );
    const shown = await bird.awaits("show route all", "10.99.0.1/32");
    assert.match(shown, /BGP\.next_hop: 10\.9\.0\.1\n/);
    // One drop would mean that a segment of ours left with another TTL or without its signature.
    for (const namespace of [namespaces.a, namespaces.b]) {
      for (const counter of ["TCPMinTTLDrop", "TCPMD5NotFound", "TCPMD5Failure", "TCPMD5Unexpected"]) {
        assert.equal(await namespace.counter("TcpExt", counter), 0, counter);
      }
    }
  });
}
