/** The udp check against real sockets: what answers, what refuses, what is silent, and what others send. */
import assert from "node:assert/strict";
import type { UdpCheckConfig } from "../../src/config/checks/udp.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { MAX_DATAGRAMS, udpProbe } from "../../src/health/kinds/udp.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";
import type { Datagram, Datagrams, DatagramSocket, SocketAddress } from "../../src/net/sockets.ts";
import { systemClock } from "../../src/time/clock.ts";
import { udpCheckConfig } from "../support/config.ts";
import { type Floor, LOOPBACK, withFloor } from "../support/ffi.ts";
import { canMakeNamespaces, NetworkNamespace } from "../support/namespace.ts";
import { until, within } from "../support/until.ts";

const octets = (text: string) => new TextEncoder().encode(text);
/** What passes by silence waits for half of it. */
const TIMEOUT_MS = 200;
/** The kernel answers each with an ICMP error, of which it sends 50 at once and 1,000 a second at most (icmp(7)). */
const STRANGERS = 20;

interface Probing {
  readonly config?: Partial<UdpCheckConfig>;
  readonly datagrams?: Datagrams | undefined;
  readonly addresses?: readonly Address[];
  readonly controller?: AbortController;
}

function names(addresses: readonly Address[] | undefined) {
  return {
    addressesOf: (host: string) =>
      Promise.resolve({
        addresses: addresses ?? [parseAddress(host)].filter((one) => one !== undefined),
        leftOut: 0,
      }),
  };
}

async function probe({ config, datagrams, addresses, controller = new AbortController() }: Probing) {
  const steps: string[] = [];
  const checked = udpCheckConfig({ timeoutMs: TIMEOUT_MS, send: octets("x"), ...config });
  const probed = udpProbe(checked, { datagrams, names: names(addresses), clock: systemClock });
  const outcome: ProbeOutcome = await within(
    probed.run(controller.signal, (step) => steps.push(step)),
    "a probe",
  );
  return { ...outcome, steps };
}

/** A server on loopback that does this with each datagram. */
function serve(
  { datagrams }: Pick<Floor, "datagrams">,
  answer: (server: DatagramSocket, from: SocketAddress, text: string) => void,
  family: 4 | 6 = 4,
) {
  const server = datagrams.open({
    family,
    kind: "udp",
    local: { address: LOOPBACK[family], port: 0, scopeId: 0 },
  });
  let came = 0;
  server.onReadable(() => {
    for (let got: Datagram | undefined = server.receive(); got !== undefined; got = server.receive()) {
      came++;
      if (got.from !== undefined) answer(server, got.from, new TextDecoder().decode(got.octets));
    }
  });
  const { port } = server.localAddress();
  return {
    port,
    get came() {
      return came;
    },
    [Symbol.dispose]: () => server[Symbol.dispose](),
  };
}

for (const family of [4, 6] as const) {
  const address = LOOPBACK[family].text;

  Deno.test(`udpProbe() by IPv${family} passes where an answer has what is expected, alone or behind others`, () =>
    withFloor(async ({ datagrams }) => {
      using server = serve({ datagrams }, (server, from, text) => {
        server.send(octets("100 trying"), from);
        server.send(octets(`200 ${text}`), from);
      }, family);
      const config = { address, port: server.port, send: octets("OPTIONS") };
      const wanted = await probe({ config: { ...config, expect: octets("200 OPT") }, datagrams });
      assert.deepEqual([wanted.kind, wanted.detail], ["pass", 'the answer has "200 OPT"']);
      const any = await probe({ config, datagrams });
      assert.deepEqual([any.kind, any.detail], ["pass", "answered"]);
    }));

  Deno.test(`udpProbe() by IPv${family} fails at once where nothing listens, whether something is expected or not`, () =>
    withFloor(async ({ datagrams }) => {
      let free: number;
      {
        using server = serve({ datagrams }, () => {}, family);
        free = server.port;
      }
      for (const expect of [undefined, octets("y")]) {
        const config = { address, port: free, expect, timeoutMs: 600_000 };
        const { kind, detail } = await probe({ config, datagrams });
        assert.deepEqual([kind, detail], ["fail", "port unreachable (ICMP)"]);
      }
    }));

  Deno.test(`udpProbe() by IPv${family} passes in silence where nothing is expected, and says so`, () =>
    withFloor(async ({ datagrams }) => {
      using server = serve({ datagrams }, () => {}, family);
      const { kind, detail } = await probe({ config: { address, port: server.port }, datagrams });
      assert.deepEqual([kind, detail], [
        "pass",
        `not refused within ${TIMEOUT_MS / 2} ms: silence passes, as no answer is expected`,
      ]);
      assert.equal(server.came, 1);
    }));
}

Deno.test("udpProbe() waits for what is expected, tells what came instead, and ends with its signal", () =>
  withFloor(async ({ datagrams }) => {
    using server = serve({ datagrams }, (server, from) => void server.send(octets("no\n"), from));
    const controller = new AbortController();
    const config = { port: server.port, expect: octets("yes") };
    const running = probe({ config, datagrams, controller });
    await until(() => server.came === 1);
    // One that comes after the answer: what came before it was read is told by then.
    const other = await probe({ config: { port: server.port }, datagrams });
    assert.equal(other.detail, "answered");
    controller.abort(new Error("timed out"));
    const { kind, steps } = await running;
    assert.equal(kind, "fail");
    assert.deepEqual(steps.slice(-2), [
      'waiting for "yes", nothing came',
      'waiting for "yes", what came: "no\\n"',
    ]);
  }));

Deno.test("udpProbe() does not hear what others send, however much that is", () =>
  withFloor(async ({ datagrams }) => {
    using stranger = datagrams.open({ family: 4, kind: "udp" });
    using server = serve({ datagrams }, (server, from) => {
      for (let count = 0; count < STRANGERS; count++) stranger.send(octets("yes"), from);
      server.send(octets("no"), from);
    });
    const controller = new AbortController();
    const running = probe({
      config: { port: server.port, expect: octets("yes") },
      datagrams,
      controller,
    });
    await until(() => server.came === 1);
    assert.equal((await probe({ config: { port: server.port }, datagrams })).detail, "answered");
    controller.abort(new Error("timed out"));
    const { kind, steps } = await running;
    assert.deepEqual([kind, steps.at(-1)], ["fail", 'waiting for "yes", what came: "no"']);
  }));

Deno.test("udpProbe() hears so many answers and no more, and knows octets that are no text", () =>
  withFloor(async ({ datagrams }) => {
    using server = serve({ datagrams }, (server, from) => {
      for (let count = 0; count < 2 * MAX_DATAGRAMS; count++) server.send(Uint8Array.of(0xff, 0), from);
    });
    const config = { port: server.port, expect: Uint8Array.of(0, 0xff), timeoutMs: 600_000 };
    const { kind, detail } = await probe({ config, datagrams });
    assert.deepEqual([kind, detail], [
      "fail",
      `${MAX_DATAGRAMS} answers without octets 00ff, the last one: octets ff00`,
    ]);
  }));

Deno.test("udpProbe() of a name passes where one of its addresses answers, and says which; none: what each said", () =>
  withFloor(async ({ datagrams }) => {
    using server = serve({ datagrams }, (server, from) => void server.send(octets("yes"), from));
    const addresses = [LOOPBACK[6], LOOPBACK[4]];
    const config = { address: "a.example", port: server.port, expect: octets("yes"), timeoutMs: 600_000 };
    const well = await probe({ config, datagrams, addresses });
    assert.deepEqual([well.kind, well.detail], ["pass", 'the answer has "yes" (127.0.0.1)']);
    server[Symbol.dispose]();
    const gone = await probe({ config, datagrams, addresses });
    assert.deepEqual([gone.kind, gone.detail], [
      "fail",
      "port unreachable (ICMP) (::1, 127.0.0.1)",
    ]);
  }));

Deno.test("udpProbe() sends from its source, and says nothing of the service where this host does not have that", () =>
  withFloor(async ({ datagrams }) => {
    const from: (Uint8Array | undefined)[] = [];
    using server = serve({ datagrams }, (server, address) => {
      from.push(address.address.bytes.slice());
      server.send(octets("yes"), address);
    });
    const source = parseAddress("127.0.0.7");
    const { kind } = await probe({ config: { port: server.port, source }, datagrams });
    assert.deepEqual([kind, from], ["pass", [source?.bytes]]);
    const foreign = await probe({
      config: { port: server.port, source: parseAddress("192.0.2.7") },
      datagrams,
    });
    assert.equal(foreign.kind, "unknown");
  }));

Deno.test("udpProbe() without FFI says so, and nothing of the service", async () => {
  const { kind, detail } = await probe({});
  assert.deepEqual([kind, detail], [
    "unknown",
    "udp checks need --allow-ffi",
  ]);
});

Deno.test("udpProbe() runs many at once, each with a socket of its own", () =>
  withFloor(async ({ datagrams }) => {
    using server = serve({ datagrams }, (server, from, text) => void server.send(octets(text), from));
    const all = await Promise.all(Array.from({ length: 200 }, (_, at) => {
      const text = octets(`number ${at};`);
      return probe({
        config: { port: server.port, send: text, expect: text, timeoutMs: 600_000 },
        datagrams,
      });
    }));
    assert.deepEqual(new Set(all.map(({ kind }) => kind)), new Set(["pass"]));
  }));

Deno.test({
  name: "udpProbe() fails with what a router says: no way, prohibited; and with what this host says",
  ignore: !await canMakeNamespaces(),
  fn: () =>
    withFloor(async (floor) => {
      await using us = await NetworkNamespace.create("us");
      await using router = await NetworkNamespace.create("router");
      await us.ip("link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", router.name);
      await router.sysctl("net.ipv4.ip_forward", "1");
      await router.sysctl("net.ipv6.conf.all.forwarding", "1");
      for (const [namespace, device, host] of [[us, "va", "1"], [router, "vb", "2"]] as const) {
        await namespace.ip("link", "set", device, "addrgenmode", "none", "up");
        await namespace.ip("addr", "add", `fe80::${host}/64`, "dev", device, "nodad");
        await namespace.ip("addr", "add", `10.9.0.${host}/24`, "dev", device);
        await namespace.ip("addr", "add", `fd09::${host}/64`, "dev", device, "nodad");
      }
      await us.ip("route", "add", "10.66.0.0/16", "via", "10.9.0.2");
      await us.ip("-6", "route", "add", "fd66::/16", "via", "fd09::2");
      await router.ip("route", "add", "unreachable", "10.66.0.0/24");
      await router.ip("route", "add", "prohibit", "10.66.1.0/24");
      await router.ip("-6", "route", "add", "prohibit", "fd66:1::/64");
      const outside: Datagrams = floor.datagrams;
      const datagrams: Datagrams = { open: (options) => us.inside(() => outside.open(options)) };
      for (
        const [address, words] of [
          ["10.66.0.1", "host unreachable (ICMP)"],
          ["10.66.1.1", "communication administratively prohibited (ICMP)"],
          ["fd66:1::1", "communication administratively prohibited (ICMP)"],
          ["fd09::2", "port unreachable (ICMP)"],
          ["10.77.0.1", "network is unreachable"],
        ] as const
      ) {
        const config = { address, expect: octets("y"), timeoutMs: 600_000 };
        const { kind, detail } = await probe({ config, datagrams });
        assert.deepEqual([address, kind, detail], [address, "fail", words]);
      }
    }),
});
