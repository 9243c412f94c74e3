/** Sockets, files and notifications through the C library, on loopback and on unix sockets. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { notify } from "../../ffi/notify.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { SOCK_DGRAM, type Socket, Sockets } from "../../ffi/sockets.ts";
import { isOpen, withoutLeak } from "../support/descriptors.ts";
import { until } from "../support/until.ts";

const LOOPBACK = {
  4: { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) },
  6: { family: 6, bytes: new Uint8Array(16).fill(1, 15) },
} as const;

async function withSockets(body: (sockets: Sockets) => void | Promise<void>): Promise<void> {
  await withoutLeak(async () => {
    using libc = openLibc();
    await using reactor = new Reactor(libc);
    await body(new Sockets(libc, reactor));
  });
}

for (const family of [4, 6] as const) {
  Deno.test(`Socket reads back every option that it sets over IPv${family} (ip(7), ipv6(7), tcp(7))`, async () => {
    await withSockets((sockets) => {
      using socket = sockets.tcp(family);
      assert.equal(socket.minTtl(), 0);
      assert.equal(socket.userTimeout(), 0);
      for (const ttl of [1, 254, 255]) {
        socket.setTtl(ttl);
        socket.setMinTtl(ttl);
        assert.deepEqual([socket.ttl(), socket.minTtl()], [ttl, ttl]);
      }
      assert.throws(() => socket.setTtl(256), { code: "EINVAL", operation: /^setsockopt IP/ });
      assert.throws(() => socket.setMinTtl(256), { code: "EINVAL" });
      socket.setTrafficClass(0xc0);
      assert.equal(socket.trafficClass(), 0xc0);
      socket.setUserTimeout(480_000);
      assert.equal(socket.userTimeout(), 480_000);
      socket.setNoDelay();
      socket.setReuseAddress();
      if (family === 6) socket.setV6Only();
      assert.throws(() => socket.bindToDevice("no-such-device"), { code: /ENODEV|EPERM/ });
    });
  });

  Deno.test(`Socket takes and deletes TCP-MD5 keys over IPv${family}, single and prefix (RFC 2385)`, async () => {
    await withSockets((sockets) => {
      using socket = sockets.tcp(family);
      const key = new Uint8Array(80).fill(0x6b);
      const none = new Uint8Array(0);
      socket.setMd5Key(LOOPBACK[family], key);
      socket.setMd5Key(LOOPBACK[family], none);
      assert.throws(() => socket.setMd5Key(LOOPBACK[family], none), { code: "ENOENT" });
      socket.setMd5Key(LOOPBACK[family], key, 8);
      socket.setMd5Key(LOOPBACK[family], none, 8);
      assert.throws(() => socket.setMd5Key(LOOPBACK[family], new Uint8Array(81)), RangeError);
    });
  });

  Deno.test(`Socket tells the TTL of the handshake of an IPv${family} connection (tcp_v${family}_syn_recv_sock)`, async () => {
    await withSockets(async (sockets) => {
      using listener = sockets.tcp(family);
      listener.bind({ address: LOOPBACK[family], port: 0, scopeId: 0 });
      listener.listen(5);
      for (const ttl of [1, 7, 254, 255]) {
        using client = sockets.tcp(family);
        client.setTtl(ttl);
        client.connect(listener.localAddress());
        const { promise, resolve } = Promise.withResolvers<void>();
        using _watch = listener.onReadable(resolve);
        await promise;
        const accepted = listener.accept();
        assert.equal(accepted?.socket.handshakeTtl(), ttl);
        assert.deepEqual(accepted?.remote, client.localAddress());
        assert.deepEqual(accepted?.socket.remoteAddress(), client.localAddress());
        accepted?.socket[Symbol.dispose]();
        assert.equal(listener.accept(), undefined);
      }
    });
  });

  Deno.test(`Stream.transmission() over IPv${family} counts octets of data at both ends, and no SYN (TCP_INFO of tcp(7))`, async () => {
    await withSockets(async (sockets) => {
      using listener = sockets.tcp(family);
      listener.bind({ address: LOOPBACK[family], port: 0, scopeId: 0 });
      listener.listen(5);
      using client = sockets.tcp(family);
      client.connect(listener.localAddress());
      const { promise, resolve } = Promise.withResolvers<void>();
      using _watch = listener.onReadable(resolve);
      await promise;
      using accepted = listener.accept()?.socket;
      assert.ok(accepted !== undefined);
      const ends = { local: "local", remote: "remote" };
      using from = client.stream(ends);
      using to = accepted.stream(ends);
      for (const stream of [from, to]) {
        assert.equal(stream.transmission()?.acknowledgedOctets, 0);
        await stream.write(new Uint8Array(300));
        await until(() => stream.transmission()?.inFlightOctets === 0);
        const { acknowledgedOctets, retransmissions, segmentOctets = 0, roundTripMs = 0 } =
          stream.transmission() ?? {};
        assert.deepEqual([acknowledgedOctets, retransmissions], [300, 0]);
        assert.ok(segmentOctets > 536 && segmentOctets < 65536 && roundTripMs < 1000);
      }
    });
  });

  Deno.test(`Socket sends and receives datagrams over IPv${family}, and cuts long ones (recvmsg(2))`, async () => {
    await withSockets(async (sockets) => {
      using receiver = sockets.open(family, SOCK_DGRAM, 0);
      using sender = sockets.open(family, SOCK_DGRAM, 0);
      receiver.bind({ address: LOOPBACK[family], port: 0, scopeId: 0 });
      sender.bind({ address: LOOPBACK[family], port: 0, scopeId: 0 });
      const message = sockets.messageBuffer(8);
      assert.equal(receiver.receive(message), false);
      for (const length of [0, 1, 8, 9]) {
        assert.ok(sender.sendTo(new Uint8Array(length).fill(length), receiver.localAddress()));
        // A busy machine delivers later, by a thread of the kernel's.
        await until(() => receiver.receive(message));
        assert.deepEqual(message.bytes, new Uint8Array(Math.min(length, 8)).fill(length));
        assert.deepEqual(message.address, sender.localAddress());
        assert.deepEqual([...message.control()], []);
      }
    });
  });

  Deno.test(`Socket receives what ICMP returned of its IPv${family} datagrams (IP_RECVERR)`, async () => {
    await withSockets(async (sockets) => {
      using closed = sockets.open(family, SOCK_DGRAM, 0);
      closed.bind({ address: LOOPBACK[family], port: 0, scopeId: 0 });
      const nobody = closed.localAddress();
      closed[Symbol.dispose]();
      using sender = sockets.open(family, SOCK_DGRAM, 0);
      sender.setReceiveErrors();
      assert.ok(sender.sendTo(Uint8Array.of(1, 2, 3), nobody));
      const message = sockets.messageBuffer(64);
      await until(() => sender.receive(message, "errors"));
      assert.deepEqual(message.bytes, Uint8Array.of(1, 2, 3));
      assert.deepEqual(message.address, nobody);
      const [control] = message.control();
      assert.deepEqual([control?.level, control?.type], family === 4 ? [0, 11] : [41, 25]);
      // struct sock_extended_err: ee_errno, ee_origin (ICMP, ICMPv6), ee_type, ee_code of port unreachable.
      assert.deepEqual(
        [...control?.bytes.subarray(0, 7) ?? []],
        family === 4 ? [111, 0, 0, 0, 2, 3, 3] : [111, 0, 0, 0, 3, 1, 4],
      );
      assert.equal(sender.receive(message, "errors"), false);
    });
  });
}

Deno.test("Sockets finds interfaces by name and by index (if_nametoindex(3))", async () => {
  await withSockets((sockets) => {
    const index = sockets.interfaceIndex("lo");
    assert.ok(index !== undefined);
    assert.equal(sockets.interfaceName(index), "lo");
    assert.equal(sockets.interfaceIndex("no-such-device"), undefined);
    assert.equal(sockets.interfaceIndex("x".repeat(40)), undefined);
    assert.equal(sockets.interfaceName(0x7fff_ffff), undefined);
  });
});

Deno.test("Socket closes its descriptor once, and not at all once it is a stream (close(2))", async () => {
  await withSockets((sockets) => {
    const socket = sockets.tcp(4);
    socket[Symbol.dispose]();
    using successor = sockets.tcp(4);
    assert.equal(successor.fd, socket.fd, "the lowest number is the next");
    socket[Symbol.dispose]();
    assert.ok(isOpen(successor.fd));
    assert.throws(() => socket.stream({ local: undefined, remote: undefined }), /closed/);
    const given = sockets.tcp(4);
    using _stream = given.stream({ local: undefined, remote: undefined });
    given[Symbol.dispose]();
    assert.ok(isOpen(given.fd));
    assert.ok(successor.fd !== given.fd);
  });
});

Deno.test("notify() reaches a socket at a path and one in the abstract namespace (sd_notify(3))", async () => {
  using libc = openLibc();
  const folder = await Deno.makeTempDir();
  await withoutLeak(() => notifies(libc, folder));
  await Deno.remove(folder, { recursive: true });
});

/** What becomes of a connection that is accepted, and how many of such may come in a row. */
const FATES: readonly (readonly [string, number, (socket: Socket) => void])[] = [
  ["refused after a millisecond", 4, (socket) => {
    for (const since = performance.now(); performance.now() - since < 1;);
    socket[Symbol.dispose]();
  }],
  ["made a stream", 4, (socket) => socket.stream({ local: undefined, remote: undefined })[Symbol.dispose]()],
];

for (const [fate, limit, end] of FATES) {
  Deno.test(`Socket.acceptAll() of many that wait lets others have their turn in between: ${fate} (issue 6 B)`, async () => {
    await withSockets(async (sockets) => {
      const waiting = 64;
      using listener = sockets.tcp(4);
      listener.bind({ address: LOOPBACK[4], port: 0, scopeId: 0 });
      listener.listen(waiting);
      const { port } = listener.localAddress();
      const connecting = Array.from(
        { length: waiting },
        () => Deno.connect({ hostname: "127.0.0.1", port }),
      );
      const clients = await Promise.all(connecting);
      using other = sockets.open(4, SOCK_DGRAM, 0);
      other.bind({ address: LOOPBACK[4], port: 0, scopeId: 0 });
      other.sendTo(Uint8Array.of(1), other.localAddress());
      let [accepted, inARow, most] = [0, 0, 0];
      // It is not read, and so stays ready.
      using _other = other.onReadable(() => inARow = 0);
      using _accepting = listener.acceptAll(({ socket }) => {
        end(socket);
        accepted++;
        most = Math.max(most, ++inARow);
      }, (error) => assert.fail(String(error)));
      await until(() => accepted === waiting);
      clients.forEach((client) => client.close());
      assert.ok(most <= limit, `${most} in a row`);
    });
  });
}

function notifies(libc: Libc, folder: string): void {
  for (const name of [`${folder}/notify`, `@bgp-lb-test-${Deno.pid}`]) {
    using supervisor = listenUnix(libc, name);
    notify(libc, name, "READY=1\nSTATUS=announcing 2 services");
    assert.equal(supervisor.receive(), "READY=1\nSTATUS=announcing 2 services");
    notify(libc, name, "STOPPING=1");
    assert.equal(supervisor.receive(), "STOPPING=1");
  }
  assert.throws(() => notify(libc, `${folder}/nobody`, "READY=1"), { code: "ENOENT" });
  assert.throws(() => notify(libc, `${folder}/notify`, "READY=1"), { code: "ECONNREFUSED" });
  for (
    const path of ["", "relative", "vsock:2:1234", `/${"x".repeat(107)}`, `@${"x".repeat(108)}`, "/a\0b"]
  ) {
    assert.throws(() => notify(libc, path, "READY=1"), RangeError, path);
  }
  assert.throws(() => notify(libc, `/${"x".repeat(106)}`, "READY=1"), { code: "ENOENT" });
}

/** A unix datagram socket, as a supervisor has it. */
function listenUnix(libc: Libc, name: string): Disposable & { receive(): string } {
  const path = Buffer.from(name.startsWith("@") ? `\0${name.slice(1)}` : name);
  const address = new Uint8Array([1, 0, ...path]);
  const fd = libc.check("socket", libc.symbols.socket(1, 2 | 0x800, 0));
  libc.check("bind", libc.symbols.bind(fd, address, address.byteLength));
  return {
    receive() {
      const bytes = new Uint8Array(256);
      return new TextDecoder().decode(
        bytes.subarray(0, libc.check("read", libc.symbols.read(fd, bytes, 256n))),
      );
    },
    [Symbol.dispose]: () => void libc.symbols.close(fd),
  };
}
