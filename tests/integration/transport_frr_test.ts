/**
 * The speaker over prepared sockets against FRR's bgpd (alone, without zebra) in another network namespace: TCP-MD5 with
 * GTSM, both directions. Needs root and frr.
 */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import {
  canMakeNamespaces,
  type NamespacePair,
  namespacePair,
  type NetworkNamespace,
  socketsInside,
} from "../support/namespace.ts";
import { Process, run } from "../support/process.ts";
import { PATIENCE_MS, until, within } from "../support/until.ts";

const BGPD = "/usr/lib/frr/bgpd";
const ready = await canMakeNamespaces() && (await run(BGPD, ["--version"])).code === 0;
const LIMIT_MS = 120_000;
/**
 * So long that no connection is given up for a slow machine: what a closed socket's kernel still says has its own TTL and no
 * signature, and would be counted.
 */
const RETRY_SECONDS = 10;
const OUR_AS = 65001;
const FRR_AS = 65002;
const PASSWORD = "correct-horse-battery";

const ROWS = [
  { over: "IPv4", ours: "10.9.0.1", frrs: "10.9.0.2" },
  { over: "IPv6", ours: "fd09::1", frrs: "fd09::2" },
] as const;

for (const row of ROWS) {
  for (const direction of ["connects to", "accepts"] as const) {
    Deno.test({
      name:
        `Speaker over socketTransport() ${direction} FRR over ${row.over} with TCP-MD5 and GTSM (RFC 2385, 5082)`,
      ignore: !ready,
      async fn() {
        await using namespaces = await namespacePair();
        await within(establishes(namespaces, row, direction === "connects to"), direction, LIMIT_MS);
      },
    });
  }
}

async function establishes(
  { a, b }: NamespacePair,
  row: typeof ROWS[number],
  active: boolean,
): Promise<void> {
  await using frr = await startFrr(b, row.ours, active);
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  const listening = { listenPort: 179, listenAddresses: [address("0.0.0.0"), address("::")] };
  const speaker = new Speaker({
    local: localBgp({ as: OUR_AS, ...(active ? {} : listening) }),
    peers: [
      peerConfig({
        address: address(row.frrs),
        as: FRR_AS,
        passive: !active,
        password: PASSWORD,
        ttlSecurity: 1,
        connectRetryTimeMs: RETRY_SECONDS * 1000,
        nextHop: address("10.9.0.1"),
      }),
    ],
    transport: socketTransport(socketsInside(a, new Sockets(libc, reactor))),
    clock: systemClock,
    random: Math.random,
    onEvent: () => {},
  });
  try {
    speaker.announce([route("10.99.0.1/32")]);
    speaker.start();
    const established = () => speaker.status()[0]?.state === "Established";
    await until(established, () => JSON.stringify(speaker.status()[0]));
    while (!(await frr.ask("show bgp ipv4 unicast")).includes("10.99.0.1/32"));
    for (const namespace of [a, b]) {
      for (const counter of ["TCPMinTTLDrop", "TCPMD5NotFound", "TCPMD5Failure", "TCPMD5Unexpected"]) {
        assert.equal(await namespace.counter("TcpExt", counter), 0, counter);
      }
    }
  } finally {
    await speaker.stop({ mode: "shutdown", communication: "" });
    speaker.abort();
  }
}

interface Frr extends AsyncDisposable {
  ask(command: string): Promise<string>;
}

/** bgpd in the foreground, once it takes commands. It gives root up, so its folder is everybody's. */
async function startFrr(namespace: NetworkNamespace, neighbor: string, passive: boolean): Promise<Frr> {
  const folder = await Deno.makeTempDir();
  await Deno.chmod(folder, 0o777);
  await Deno.writeTextFile(
    `${folder}/bgpd.conf`,
    `router bgp ${FRR_AS}
 bgp router-id 10.9.0.2
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor ${neighbor} remote-as ${OUR_AS}
 neighbor ${neighbor} password ${PASSWORD}
 neighbor ${neighbor} ttl-security hops 1
 neighbor ${neighbor} timers connect ${RETRY_SECONDS}
 ${passive ? `neighbor ${neighbor} passive` : ""}
 address-family ipv4 unicast
  neighbor ${neighbor} activate
`,
  );
  await Deno.chmod(`${folder}/bgpd.conf`, 0o644);
  const said: string[] = [];
  const options = ["-Z", "-n", "-P", "0", "-u", "frr", "-g", "frr", "--log", "stdout"];
  const places = ["-f", `${folder}/bgpd.conf`, "-i", `${folder}/pid`, "--vty_socket", folder];
  const bgpd = new Process({
    command: "ip",
    args: ["netns", "exec", namespace.name, BGPD, ...options, ...places],
    onLine: ({ text }) => said.push(text),
  });
  const ask = async (command: string) =>
    (await run("vtysh", ["--vty_socket", folder, "-d", "bgpd", "-c", command])).stdout;
  const limit = performance.now() + PATIENCE_MS;
  while (!(await ask("show version")).includes("FRRouting")) {
    assert.ok(performance.now() < limit && bgpd.running, `FRR does not start: ${said.join("; ")}`);
  }
  return {
    ask,
    async [Symbol.asyncDispose]() {
      await bgpd.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
