/** What BFD asks of real sockets: the kernel's filter, sockets beside one another, ports that are in use. Needs FFI; some need root. */
import assert from "node:assert/strict";
import { receiveFilter } from "../../src/bfd/receive_filter.ts";
import type { Datagrams } from "../../src/net/sockets.ts";
import { bfdPeer, farAddresses, NamespaceBfd } from "../support/bfd.ts";
import { address } from "../support/bgp.ts";
import { withFloor } from "../support/ffi.ts";
import { canMakeNamespaces, namespacePair } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { until } from "../support/until.ts";

const ready = await canMakeNamespaces();
const vrf = ["--net", "ip", "link", "add", "blue", "type", "vrf", "table", "10"];
const hasVrf = ready && (await run("unshare", vrf)).code === 0;

for (const [family, peer, stranger] of [[4, "127.0.0.2", "127.0.0.3"], [6, "::1", undefined]] as const) {
  Deno.test(`receiveFilter() in the kernel over IPv${family}: a peer's packets all come, others' and those of a low TTL hardly ever (SO_ATTACH_FILTER)`, () =>
    withFloor(async ({ datagrams }) => {
      const port: Datagrams = datagrams;
      const any = address(family === 4 ? "0.0.0.0" : "::");
      using receiver = port.open({
        family,
        kind: "udp",
        local: { address: any, port: 0, scopeId: 0 },
        receiveTtl: true,
      });
      const peers = [bfdPeer(peer), bfdPeer(family === 4 ? "127.0.0.9" : "fe80::9")];
      receiver.setFilter(receiveFilter(peers, peers));
      const to = {
        address: address(family === 4 ? "127.0.0.1" : "::1"),
        port: receiver.localAddress().port,
        scopeId: 0,
      };
      const send = (from: string, ttl: number, count: number) => {
        using sender = port.open({
          family,
          kind: "udp",
          ttl,
          local: { address: address(from), port: 0, scopeId: 0 },
        });
        const octets = new Uint8Array(new ArrayBuffer(24));
        for (let sent = 0; sent < count; sent++) assert.ok(sender.send(octets, to));
      };
      const arrived = () => {
        let count = 0;
        while (receiver.receive() !== undefined) count++;
        return count;
      };
      send(peer, 255, 100);
      assert.equal(arrived(), 100);
      send(peer, 64, 250);
      // One in 64: that of 250 a hundred are taken has no likelihood at all.
      assert.ok(arrived() < 100);
      if (stranger !== undefined) {
        send(stranger, 255, 250);
        assert.ok(arrived() < 100);
      }
      await Promise.resolve();
    }));
}

Deno.test(
  "sockets of a device and of none share a port, and nobody else may join them",
  { ignore: !ready },
  () =>
    withFloor(({ datagrams }) => {
      const port: Datagrams = datagrams;
      const local = { address: address("0.0.0.0"), port: 0, scopeId: 0 };
      using all = port.open({ family: 4, kind: "udp", local });
      const same = { family: 4, kind: "udp", local: { ...local, port: all.localAddress().port } } as const;
      assert.throws(() => port.open({ ...same, device: "lo" }), { code: "EADDRINUSE" });
      using _loopback = port.open({ ...same, device: "lo", beside: [all] });
      assert.throws(() => port.open(same), { code: "EADDRINUSE" });
      assert.throws(() => port.open({ ...same, device: "lo" }), { code: "EADDRINUSE" });
    }),
);

for (const [family, near, far] of [[4, "10.9.0.1", "10.9.0.2"], [6, "fd09::1", "fd09::2"]] as const) {
  Deno.test({
    name: `a flood in the name of a peer over IPv${family} costs its session nothing, which it cannot name`,
    ignore: !ready,
    fn: () =>
      withFloor(async ({ datagrams }) => {
        await using pair = await namespacePair();
        await using ours = new NamespaceBfd(pair.a);
        await using theirs = new NamespaceBfd(pair.b);
        ours.bfd.configure([bfdPeer(far)]);
        theirs.bfd.configure([bfdPeer(near)]);
        await ours.awaits("Up");
        await theirs.awaits("Up");
        const port: Datagrams = datagrams;
        const local = { address: address(far), port: 0, scopeId: 0 };
        using flood = pair.b.inside(() => port.open({ family, kind: "udp", ttl: 255, local }));
        const octets = new Uint8Array(new ArrayBuffer(24));
        const received = () => ours.of(far).counters.received;
        const before = received();
        await until(() => {
          const to = { address: address(near), port: 3784, scopeId: 0 };
          for (let sent = 0; sent < 200; sent++) flood.send(octets, to);
          return received() > before + 20;
        });
        assert.match(JSON.stringify(ours.events), /far more packets come from/);
        assert.deepEqual(ours.changes.filter((change) => change.endsWith("Down")), []);
      }),
  });
}

Deno.test({
  name:
    "two of us on one host: the second says that the port is in use, and has it when the first has stopped",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    await using first = new NamespaceBfd(pair.a);
    await using second = new NamespaceBfd(pair.a);
    await using other = new NamespaceBfd(pair.b);
    first.bfd.configure([bfdPeer("10.9.0.2")]);
    second.bfd.configure([bfdPeer("10.9.0.2")]);
    other.bfd.configure([bfdPeer("10.9.0.1")]);
    await first.awaits("Up");
    assert.match(second.of("10.9.0.2").fault ?? "", /the port is in use/);
    await first.bfd.stop();
    await second.awaits("Up");
    assert.equal(second.of("10.9.0.2").fault, undefined);
  },
});

for (const device of ["blue", "vc"] as const) {
  const isVrf = device === "blue";
  Deno.test({
    name: `sessions of ${isVrf ? "a VRF" : "a device"} and of none live side by side on one port`,
    ignore: isVrf ? !hasVrf : !ready,
    async fn() {
      await using pair = await namespacePair();
      const { a, b } = pair;
      await a.ip("link", "add", "vc", "type", "veth", "peer", "name", "vd", "netns", b.name);
      if (isVrf) {
        await a.ip("link", "add", "blue", "type", "vrf", "table", "10");
        await a.ip("link", "set", "blue", "up");
        await a.ip("link", "set", "vc", "master", "blue");
      }
      await a.ip("link", "set", "vc", "up");
      await b.ip("link", "set", "vd", "up");
      await a.ip("addr", "add", "10.8.0.1/24", "dev", "vc");
      await b.ip("addr", "add", "10.8.0.2/24", "dev", "vd");
      await using ours = new NamespaceBfd(a);
      await using theirs = new NamespaceBfd(b);
      ours.bfd.configure([bfdPeer("10.9.0.2"), bfdPeer("10.8.0.2", { device })]);
      theirs.bfd.configure([bfdPeer("10.9.0.1"), bfdPeer("10.8.0.1")]);
      await ours.awaits("Up");
      await theirs.awaits("Up");
      assert.equal(ours.bfd.receivers().length, 2);
    },
  });
}

Deno.test({
  name: "a session of no device has its packets though a device of another session is where they come in",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    await pair.a.ip("addr", "add", "10.9.0.11/24", "dev", "va");
    await pair.b.ip("addr", "add", "10.9.0.12/24", "dev", "vb");
    await using ours = new NamespaceBfd(pair.a);
    await using theirs = new NamespaceBfd(pair.b);
    const of = (local: string) => ({ local: address(local) });
    ours.bfd.configure([
      bfdPeer("10.9.0.2", { ...of("10.9.0.1"), device: "va" }),
      bfdPeer("10.9.0.12", of("10.9.0.11")),
      bfdPeer("fd09::2", { device: "va" }),
      bfdPeer("fe80::b", { zone: "va" }),
    ]);
    theirs.bfd.configure([
      bfdPeer("10.9.0.1", of("10.9.0.2")),
      bfdPeer("10.9.0.11", of("10.9.0.12")),
      bfdPeer("fd09::1"),
      bfdPeer("fe80::a", { zone: "vb" }),
    ]);
    await ours.awaits("Up");
    assert.deepEqual(ours.changes.filter((change) => change.endsWith("Down")), []);
  },
});

Deno.test({
  name:
    "packets come from the address that the peer sends to, which the kernel would not choose (IP_PKTINFO, IPV6_PKTINFO)",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    await farAddresses(pair);
    await pair.a.ip("addr", "add", "10.9.0.11/24", "dev", "va");
    await pair.a.ip("addr", "add", "fd09::11/64", "dev", "va", "nodad", "preferred_lft", "0");
    await pair.a.ip("route", "replace", "10.98.0.2/32", "via", "10.9.0.2");
    await using ours = new NamespaceBfd(pair.a);
    await using theirs = new NamespaceBfd(pair.b);
    const far = { multihop: true } as const;
    ours.bfd.configure([bfdPeer("10.9.0.2"), bfdPeer("fd09::2"), bfdPeer("10.98.0.2", far)]);
    theirs.bfd.configure([
      bfdPeer("10.9.0.11"),
      bfdPeer("fd09::11"),
      bfdPeer("10.98.0.1", { ...far, local: address("10.98.0.2") }),
    ]);
    await ours.awaits("Up");
    await theirs.awaits("Up");
    const sources = ours.bfd.status().map(({ localAddress }) => localAddress?.text);
    assert.deepEqual(sources, ["10.9.0.11", "fd09::11", "10.98.0.1"]);
  },
});

Deno.test({
  name: "a link-local peer's interface goes and comes back, and the session with it",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    const { a, b } = pair;
    await using ours = new NamespaceBfd(a);
    await using theirs = new NamespaceBfd(b);
    ours.bfd.configure([bfdPeer("fe80::b", { zone: "va" }), bfdPeer("10.9.0.2", { device: "va" })]);
    theirs.bfd.configure([bfdPeer("fe80::a", { zone: "vb" }), bfdPeer("10.9.0.1")]);
    await ours.awaits("Up");
    await a.ip("link", "delete", "va");
    await ours.awaits("Down");
    await until(() => ours.bfd.status().every(({ fault }) => fault?.includes("no interface va") === true));
    await a.ip("link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", b.name);
    for (const [namespace, device, host, link] of [[a, "va", "1", "a"], [b, "vb", "2", "b"]] as const) {
      await namespace.ip("link", "set", device, "addrgenmode", "none", "up");
      await namespace.ip("addr", "add", `10.9.0.${host}/24`, "dev", device);
      await namespace.ip("addr", "add", `fe80::${link}/64`, "dev", device, "nodad");
    }
    await ours.awaits("Up");
    await theirs.awaits("Up");
  },
});
