/** The transport over prepared sockets against BIRD: TCP-MD5 with GTSM, both directions. Needs root and bird2. */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { socketTransport } from "../../src/bgp/transport_socket.ts";
import type { Connection, Transport } from "../../src/bgp/transport.ts";
import type { PeerConfig } from "../../src/config/config.ts";
import { accept, peerAt } from "../contract/transport_contract.ts";
import { canMakeNamespaces, namespacePair, type NetworkNamespace } from "../support/namespace.ts";
import { Process, run } from "../support/process.ts";
import { within } from "../support/until.ts";

const ready = await canMakeNamespaces() && (await run("bird", ["--version"])).code === 0;
const LIMIT_MS = 20_000;
const OUR_AS = 65001;
const BIRD_AS = 65002;
const SECURED = { password: "correct horse", ttlSecurity: 1, as: BIRD_AS } as const;

/** BIRD's neighbour statement for us, and BIRD as our peer; BIRD is in b. */
const ROWS = [
  { over: "IPv4", neighbor: "10.9.0.1", channel: "ipv4", peer: peerAt("10.9.0.2", 179, SECURED) },
  { over: "IPv6", neighbor: "fd09::1", channel: "ipv6", peer: peerAt("fd09::2", 179, SECURED) },
  {
    over: "link-local IPv6",
    neighbor: "fe80::a%vb",
    channel: "ipv6",
    peer: peerAt("fe80::b", 179, { ...SECURED, zone: "va" }),
  },
] as const;

for (const { over, neighbor, channel, peer } of ROWS) {
  test(`connects to BIRD over ${over} with TCP-MD5 and GTSM (RFC 2385, 5082)`, async (transport, b) => {
    await using _bird = await startBird(b, { neighbor, channel, peer, passive: true });
    using connection = await transport.connect(peer, new AbortController().signal);
    await assertOpen(connection);
  });

  test(`accepts BIRD over ${over} with TCP-MD5 and GTSM (RFC 2385, 5082)`, async (transport, b) => {
    using acceptor = accept(transport, channel === "ipv4" ? "0.0.0.0" : "::", 179, [peer]);
    await using _bird = await startBird(b, { neighbor, channel, peer, passive: false });
    using connection = await acceptor.next();
    assert.equal(connection.remote.address.text, peer.address.text);
    assert.equal(connection.remote.zone, peer.zone);
    await assertOpen(connection);
  });
}

function test(sentence: string, body: (transport: Transport, b: NetworkNamespace) => Promise<void>): void {
  Deno.test({
    name: `socketTransport() ${sentence}`,
    ignore: !ready,
    async fn() {
      await using namespaces = await namespacePair();
      using libc = openLibc();
      await using reactor = new Reactor(libc);
      const sockets = new Sockets(libc, reactor);
      const transport = socketTransport({
        localAs: OUR_AS,
        sockets: {
          tcp: (family) => namespaces.a.inside(() => sockets.tcp(family)),
          interfaceIndex: (name) => namespaces.a.inside(() => sockets.interfaceIndex(name)),
          interfaceName: (index) => namespaces.a.inside(() => sockets.interfaceName(index)),
        },
      });
      await within(body(transport, namespaces.b), sentence, LIMIT_MS);
    },
  });
}

interface BirdOptions {
  readonly neighbor: string;
  readonly channel: string;
  readonly peer: PeerConfig;
  readonly passive: boolean;
}

/** BIRD in the foreground, once it takes commands. */
async function startBird(namespace: NetworkNamespace, options: BirdOptions): Promise<AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const zone = options.peer.zone === undefined ? "" : "%vb";
  await Deno.writeTextFile(
    `${folder}/bird.conf`,
    `router id 10.9.0.2;
protocol device {}
protocol bgp agent {
  local ${options.peer.address.text}${zone} as ${BIRD_AS};
  neighbor ${options.neighbor} as ${OUR_AS};
  password "${options.peer.password}";
  ttl security on;
  passive ${options.passive ? "on" : "off"};
  connect delay time 1;
  ${options.channel} { import none; export none; };
}
`,
  );
  const said: string[] = [];
  const bird = new Process({
    command: "ip",
    args: [
      "netns",
      "exec",
      namespace.name,
      "bird",
      "-f",
      "-c",
      `${folder}/bird.conf`,
      "-s",
      `${folder}/bird.ctl`,
    ],
    onLine: ({ text }) => said.push(text),
  });
  const limit = performance.now() + 5000;
  while ((await run("birdc", ["-s", `${folder}/bird.ctl`, "show", "status"])).code !== 0) {
    assert.ok(performance.now() < limit && bird.running, `BIRD does not start: ${said.join("; ")}`);
  }
  return {
    async [Symbol.asyncDispose]() {
      await bird.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** BIRD speaks first: an OPEN with its AS (RFC 4271 section 4.2). */
async function assertOpen(connection: Connection): Promise<void> {
  const open = await firstBytes(connection, 29);
  assert.deepEqual([...open.subarray(0, 16)], new Array(16).fill(0xff));
  assert.deepEqual([...open.subarray(18, 22)], [1, 4, BIRD_AS >> 8, BIRD_AS & 0xff]);
}

async function firstBytes(connection: Connection, length: number): Promise<Uint8Array> {
  let bytes = new Uint8Array(0);
  while (bytes.byteLength < length) {
    const chunk = await connection.read();
    assert.ok(chunk !== undefined, `the connection ended after ${bytes.byteLength} bytes`);
    bytes = Uint8Array.from([...bytes, ...chunk]);
  }
  return bytes;
}
