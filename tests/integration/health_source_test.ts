/** From where probes come and how they go through a service, over real sockets on loopback and in a namespace. */
import assert from "node:assert/strict";
import { createProbe } from "../../src/health/create_probe.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import type { Address } from "../../src/net/address.ts";
import type {
  DatagramOptions,
  Datagrams,
  StreamAddress,
  Streams,
  StreamSource,
} from "../../src/net/sockets.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { address } from "../support/bgp.ts";
import { httpCheckConfig, udpCheckConfig } from "../support/config.ts";
import { LOOPBACK, withFloor } from "../support/ffi.ts";
import { canMakeNamespaces, NetworkNamespace } from "../support/namespace.ts";
import { probePorts } from "./health_servers.ts";

const privileged = await canMakeNamespaces();

/** A server on both families whose answer is 200, and who asked. */
async function withServer(body: (port: number, askers: string[]) => Promise<void>): Promise<void> {
  const askers: string[] = [];
  await using server = Deno.serve({ hostname: "::", port: 0, onListen() {} }, (_request, { remoteAddr }) => {
    askers.push(remoteAddr.hostname.replace(/^::ffff:/, ""));
    return new Response("well");
  });
  await body(server.addr.port, askers);
}

function run(
  config: Parameters<typeof httpCheckConfig>[0],
  streams: Pick<Streams, "connect">,
): Promise<ProbeOutcome> {
  const ports = probePorts({ streams });
  return createProbe(httpCheckConfig(config), ports).run(new AbortController().signal, () => {});
}

Deno.test("httpProbe() comes from its source, and says nothing of the service where this host does not have that", () =>
  withFloor(({ streams }: { readonly streams: Streams }) =>
    withServer(async (port, askers) => {
      const rows: readonly (readonly [string, Address, ProbeOutcome["kind"], RegExp])[] = [
        ["127.0.0.1", address("127.0.0.77"), "pass", /^status 200$/],
        ["::1", LOOPBACK[6], "pass", /^status 200$/],
        ["127.0.0.1", address("192.0.2.9"), "unknown", /^source 192\.0\.2\.9 is no address of this host$/],
        ["::1", address("2001:db8::9"), "unknown", /^source 2001:db8::9 is no address of this host$/],
        // localhost has both; one of them is of that family.
        ["localhost", address("127.0.0.78"), "pass", /^status 200 \(127\.0\.0\.1\)$/],
        ["localhost", LOOPBACK[6], "pass", /^status 200 \(::1\)$/],
      ];
      for (const [to, source, kind, detail] of rows) {
        const outcome = await run({ address: to, port, source }, streams);
        assert.equal(outcome.kind, kind, outcome.detail);
        assert.match(outcome.detail, detail);
      }
      assert.deepEqual(askers, ["127.0.0.77", "::1", "127.0.0.78", "::1"]);
      const dead = await run({ port: 1, source: address("127.0.0.77") }, streams);
      assert.deepEqual(dead, { kind: "fail", detail: "connection refused" });
    })
  ));

Deno.test("httpProbe() with a source and without FFI says what it lacks, and nothing of the service", async () => {
  const { kind, detail } = await run({ source: LOOPBACK[4] }, denoStreams());
  assert.equal(kind, "unknown");
  assert.match(detail, /--allow-ffi/);
});

Deno.test("createProbe() of a check through the service goes to each address, with the source and the mark of its way", () =>
  withFloor(({ streams }: { readonly streams: Streams }) =>
    withServer(async (port, askers) => {
      const seen: string[] = [];
      const watched: Pick<Streams, "connect"> = {
        connect(to: StreamAddress, signal: AbortSignal, source: StreamSource = {}) {
          const { mark, ...rest } = source;
          seen.push(`${"address" in to ? to.address.text : ""} mark ${mark ?? "none"}`);
          return streams.connect(to, signal, rest);
        },
      };
      const way = (to: Address, source?: Address, mark?: number) => ({ address: to, source, mark });
      const through = [way(LOOPBACK[4], address("127.0.0.79"), 7), way(LOOPBACK[6])];
      const { kind, detail } = await run({ address: "192.0.2.1", port, through }, watched);
      assert.deepEqual([kind, detail], ["pass", "through 127.0.0.1: status 200; through ::1: status 200"]);
      assert.deepEqual(seen, ["127.0.0.1 mark 7", "::1 mark none"]);
      assert.deepEqual(askers.toSorted(), ["127.0.0.79", "::1"]);
    })
  ));

Deno.test("createProbe() of a check by UDP through the service has the source and the mark of its way, too", async () => {
  const seen: DatagramOptions[] = [];
  const datagrams: Datagrams = {
    open(options) {
      seen.push(options);
      throw Object.assign(new Error("socket: too many open files"), { code: "EMFILE" });
    },
  };
  const through = [{ address: LOOPBACK[4], source: address("127.0.0.79"), mark: 7 }];
  const probe = createProbe(udpCheckConfig({ through }), probePorts({ datagrams }));
  const { kind, detail } = await probe.run(new AbortController().signal, () => {});
  assert.deepEqual([kind, detail], ["unknown", "through 127.0.0.1: this process has too many open files"]);
  assert.deepEqual(seen.map(({ mark, local }) => [mark, local?.address.bytes.join(".")]), [[
    7,
    "127.0.0.79",
  ]]);
});

Deno.test({
  name: "Sockets.isLocal() knows the addresses of this host, deprecated ones, too, whatever may be bound to",
  ignore: !privileged,
  fn: () =>
    withFloor(async ({ sockets }) => {
      await using namespace = await NetworkNamespace.create("own");
      await namespace.sysctl("net.ipv4.ip_nonlocal_bind", "1");
      await namespace.sysctl("net.ipv6.ip_nonlocal_bind", "1");
      const has = (text: string) => namespace.inside(() => sockets.isLocal(address(text)));
      const [own4, own6] = ["10.99.0.1", "2001:db8:99::1"];
      assert.deepEqual([own4, own6].map(has), [false, false]);
      await namespace.ip("addr", "add", `${own4}/32`, "dev", "lo", "scope", "host", "preferred_lft", "0");
      await namespace.ip("addr", "add", `${own6}/128`, "dev", "lo", "preferred_lft", "0", "nodad");
      await namespace.ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
      await namespace.ip("link", "set", "va", "up");
      await namespace.ip("addr", "add", "10.9.0.1/24", "dev", "va");
      await namespace.ip("route", "add", "default", "via", "10.9.0.2");
      await namespace.ip("route", "add", "prohibit", "10.66.0.0/24");
      await namespace.ip("route", "add", "local", "10.98.0.0/24", "dev", "lo");
      const rows = {
        [own4]: true,
        [own6]: true,
        "10.99.0.2": false,
        "10.66.0.1": false,
        "2001:db8:99::2": false,
      };
      for (
        const [text, expected] of Object.entries({
          ...rows,
          "10.9.0.1": true,
          "10.98.0.7": true,
          "::1": true,
        })
      ) {
        assert.equal(has(text), expected, text);
      }
      await namespace.ip("addr", "del", `${own4}/32`, "dev", "lo");
      assert.equal(has(own4), false);
    }),
});
