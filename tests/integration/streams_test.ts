/** Streams and datagrams over FFI: TCP and unix, bounds, faults of the listener, what the kernel tells beside a datagram. */
import assert from "node:assert/strict";
import { cpuTime, descriptorLimit, raiseNoFile, trimMemory } from "../../ffi/limits.ts";
import type { Datagrams, ListenerEvents, Streams, StreamSocket } from "../../src/net/sockets.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { type Floor, LOOPBACK, withFloor } from "../support/ffi.ts";
import { until, within } from "../support/until.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (octets: Uint8Array | undefined) => octets && new TextDecoder().decode(octets);
const never = () => new AbortController().signal;

/** Takes every connection, and what the listener says of itself. */
function taker(): ListenerEvents & { readonly taken: StreamSocket[]; readonly faults: Error[] } {
  const taken: StreamSocket[] = [];
  const faults: Error[] = [];
  return {
    taken,
    faults,
    connection: (socket) => void taken.push(socket),
    fault: (error) => void faults.push(error),
  };
}

async function accepted(events: ReturnType<typeof taker>): Promise<StreamSocket> {
  await until(() => events.taken.length > 0);
  const socket = events.taken.shift();
  assert.ok(socket !== undefined);
  return socket;
}

for (const family of [4, 6] as const) {
  Deno.test(`Streams connects, accepts and ends over IPv${family}, both ends named alike (port Streams)`, () =>
    withFloor(async ({ streams }: { readonly streams: Streams }) => {
      const events = taker();
      using listener = streams.listen({ address: LOOPBACK[family], port: 0 }, events);
      const port = listener.local?.port ?? 0;
      const client = await streams.connect({ address: LOOPBACK[family], port }, never());
      using server = await accepted(events);
      assert.deepEqual(client.remote, listener.local);
      assert.deepEqual(server.remote, client.local);
      await client.write(bytesOf("question"));
      assert.equal(textOf(await server.read()), "question");
      await server.write(bytesOf("answer"));
      assert.equal(textOf(await client.read()), "answer");
      const ended = client.end(30_000);
      assert.equal(await server.read(), undefined);
      await server.end(30_000);
      await ended;
      await assert.rejects(client.write(bytesOf("late")), /closed/);
    }));
}

Deno.test("Streams makes a unix socket with mode 0600 from birth, whatever the umask, and connects to it (S11)", () =>
  withFloor(async ({ streams }) => {
    const folder = await Deno.makeTempDir();
    const umask = Deno.umask(0);
    try {
      const path = `${folder}/control.sock`;
      const events = taker();
      using listener = streams.listen({ path }, events);
      assert.equal((Deno.lstatSync(path).mode ?? 0) & 0o7777, 0o600);
      assert.equal(listener.local, undefined);
      using client = await streams.connect({ path }, never());
      using server = await accepted(events);
      assert.deepEqual([client.local, client.remote, server.remote], [undefined, undefined, undefined]);
      assert.deepEqual(server.credentials, { pid: Deno.pid, uid: Deno.uid(), gid: Deno.gid() });
      await client.write(bytesOf("status"));
      assert.equal(textOf(await server.read()), "status");
      assert.throws(() => streams.listen({ path }, events), { code: "EADDRINUSE" });
      await assert.rejects(streams.connect({ path: `${folder}/none` }, never()), { code: "ENOENT" });
      assert.throws(() => streams.listen({ path: "relative" }, events), RangeError);
    } finally {
      Deno.umask(umask);
      await Deno.remove(folder, { recursive: true });
    }
  }));

Deno.test("Streams waits where the queue of a unix socket is full, and stops waiting when told (connect(2))", () =>
  withFloor(async ({ streams, sockets }) => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/full.sock`;
    using silent = sockets.open("unix", 1, 0);
    silent.bind({ path });
    silent.listen(0);
    using _first = await streams.connect({ path }, never());
    const controller = new AbortController();
    const reason = new Error("enough");
    const waiting = streams.connect({ path }, controller.signal);
    const other = streams.connect({ path }, never());
    const rejected = assert.rejects(waiting, (error) => error === reason);
    controller.abort(reason);
    await rejected;
    silent.accept()?.socket[Symbol.dispose]();
    (await other)[Symbol.dispose]();
    await Deno.remove(folder, { recursive: true });
  }));

Deno.test("Streams says in the kernel's words why it cannot connect or listen, and ends an attempt when told (port Streams)", () =>
  withFloor(async ({ streams, sockets }) => {
    const address = LOOPBACK[4];
    using closed = sockets.tcp(4);
    closed.bind({ address, port: 0, scopeId: 0 });
    const { port } = closed.localAddress();
    await assert.rejects(streams.connect({ address, port }, never()), { code: "ECONNREFUSED" });
    await assert.rejects(streams.connect({ address, port, zone: "no-such" }, never()), { code: "ENODEV" });
    const reason = new Error("stop");
    const aborted = streams.connect({ address, port }, AbortSignal.abort(reason));
    await assert.rejects(aborted, (error) => error === reason);
    const foreign = { ...LOOPBACK[4], bytes: Uint8Array.of(192, 0, 2, 1) };
    assert.throws(() => streams.listen({ address: foreign, port: 0 }, taker()), { code: "EADDRNOTAVAIL" });
    await assert.rejects(streams.connect({ address, port }, never(), { address: foreign }), {
      code: "EADDRNOTAVAIL",
    });
    await assert.rejects(streams.connect({ address, port }, never(), { device: "no-such" }), {
      code: /ENODEV|EPERM/,
    });
  }));

Deno.test("Streams connects from the address that is asked for (bind(2))", () =>
  withFloor(async ({ streams }) => {
    const events = taker();
    using listener = streams.listen({ address: LOOPBACK[4], port: 0 }, events);
    const source = { ...LOOPBACK[4], bytes: Uint8Array.of(127, 0, 0, 77) };
    const to = { address: LOOPBACK[4], port: listener.local?.port ?? 0 };
    using client = await streams.connect(to, never(), { address: source });
    using server = await accepted(events);
    assert.equal(client.local?.address.text, "127.0.0.77");
    assert.equal(server.remote?.address.text, "127.0.0.77");
  }));

Deno.test("Socket bound to an address alone has no port until it connects (IP_BIND_ADDRESS_NO_PORT of ip(7))", () =>
  withFloor(async ({ sockets }) => {
    for (const family of [4, 6] as const) {
      using socket = sockets.tcp(family);
      socket.setBindAddressNoPort();
      socket.bind({ address: LOOPBACK[family], port: 0, scopeId: 0 });
      const { address, port } = socket.localAddress();
      assert.deepEqual([address.bytes, port], [LOOPBACK[family].bytes, 0]);
    }
    await Promise.resolve();
  }));

Deno.test("Streams rests while descriptors have run out, says so, and goes on by itself (accept(2), S5)", () =>
  withFloor(async ({ streams, libc, sockets }) => {
    const events = taker();
    using listener = streams.listen({ address: LOOPBACK[4], port: 0 }, events);
    const to = { address: LOOPBACK[4], port: listener.local?.port ?? 0 };
    const clients = await Promise.all([1, 2, 3].map(() => streams.connect(to, never())));
    await until(() => events.taken.length === 3);
    using client = sockets.tcp(4);
    const { soft, hard } = descriptorLimit(libc);
    const spare = libc.check("fcntl", libc.symbols.fcntl(0, 0, 0));
    libc.close(spare);
    setLimit(libc, spare, hard);
    try {
      client.connect({ ...to, scopeId: 0 });
      await until(() => events.faults.length > 0);
      assert.match(String(events.faults[0]), /accept4: too many open files \(EMFILE\)/);
      // What is there works on, and functions that nobody has used yet can be bound.
      const [first] = clients;
      const [served] = events.taken;
      await first?.write(bytesOf("still"));
      assert.equal(textOf(await served?.read()), "still");
      assert.equal(libc.symbols.shutdown(-1, 1), -1);
      assert.throws(() => sockets.tcp(4), { code: "EMFILE" });
      await assert.rejects(streams.connect(to, never()), { code: "EMFILE" });
      assert.ok(events.faults.length < 20, `${events.faults.length} faults: it does not rest`);
    } finally {
      setLimit(libc, soft, hard);
    }
    await until(() => events.taken.length === 4);
    for (const socket of [...clients, ...events.taken]) socket[Symbol.dispose]();
  }));

Deno.test("Streams closes the connection whose taker throws, says so, and accepts on (S17)", () =>
  withFloor(async ({ streams, errors }) => {
    let broken = true;
    const events = taker();
    using listener = streams.listen({ address: LOOPBACK[4], port: 0 }, {
      ...events,
      connection(socket) {
        if (broken) throw new RangeError("boom");
        events.connection(socket);
      },
    });
    const to = { address: LOOPBACK[4], port: listener.local?.port ?? 0 };
    using refused = await streams.connect(to, never());
    assert.equal(await refused.read(), undefined);
    assert.deepEqual(errors.map(String), ["RangeError: boom"]);
    broken = false;
    using client = await streams.connect(to, never());
    using server = await accepted(events);
    await client.write(bytesOf("well"));
    assert.equal(textOf(await server.read()), "well");
  }));

Deno.test("Stream keeps a flood with the sender while nobody reads, and one view for each read (port StreamSocket)", () =>
  withFloor(async ({ streams }) => {
    const events = taker();
    using listener = streams.listen({ address: LOOPBACK[4], port: 0 }, events);
    using client = await streams.connect({ address: LOOPBACK[4], port: listener.local?.port ?? 0 }, never());
    using server = await accepted(events);
    const total = 32 << 20;
    const flood = client.write(new Uint8Array(total).fill(7));
    let taken = false;
    flood.then(() => taken = true);
    const buffers = new Set<ArrayBufferLike>();
    let received = 0;
    while (received < total) {
      const chunk = await server.read();
      assert.ok(chunk !== undefined && chunk.byteLength <= 65536);
      assert.equal(chunk[0], 7);
      buffers.add(chunk.buffer);
      received += chunk.byteLength;
      if (received < (1 << 20)) assert.equal(taken, false);
    }
    await flood;
    assert.ok(buffers.size <= 5, `${buffers.size} buffers`);
    await assert.rejects(Promise.all([server.read(), server.read()]), /pending/);
  }));

Deno.test("Stream has no buffer while it waits, however many there are (port StreamSocket)", () =>
  withFloor(async ({ streams }) => {
    const events = taker();
    using listener = streams.listen({ address: LOOPBACK[4], port: 0 }, events);
    const buffers = new Set<ArrayBufferLike>();
    using stack = new DisposableStack();
    for (let count = 0; count < 20; count++) {
      const to = { address: LOOPBACK[4], port: listener.local?.port ?? 0 };
      const client = stack.use(await streams.connect(to, never()));
      const server = stack.use(await accepted(events));
      await client.write(bytesOf("x"));
      const chunk = await server.read();
      assert.ok(chunk !== undefined);
      buffers.add(chunk.buffer);
      server.read();
    }
    assert.equal(buffers.size, 1);
  }));

Deno.test("Stream.end() is over at once where the other side has ended, with octets unread (port StreamSocket)", () =>
  withFloor(async ({ streams }) => {
    const events = taker();
    using listener = streams.listen({ address: LOOPBACK[4], port: 0 }, events);
    const client = await streams.connect({ address: LOOPBACK[4], port: listener.local?.port ?? 0 }, never());
    const server = await accepted(events);
    await client.write(new Uint8Array(200_000));
    const ended = client.end(600_000);
    // Everything has come, and been heard of, before anybody reads.
    for (let round = 0; round < 20; round++) await turn();
    await within(server.end(600_000), "the end of the server's side");
    await within(ended, "the end of the client's side");
  }));

Deno.test("Stream.end() drops what waits, so that an other side that is stuck with its writes can read (port StreamSocket)", () =>
  withFloor(async ({ streams }) => {
    const events = taker();
    using listener = streams.listen({ address: LOOPBACK[4], port: 0 }, events);
    using client = await streams.connect({ address: LOOPBACK[4], port: listener.local?.port ?? 0 }, never());
    const server = await accepted(events);
    const size = 32 << 20;
    const [asked, answered] = [client, server].map((side) => side.write(new Uint8Array(size)));
    // Both are stuck, and have heard of all that came.
    for (let round = 0; round < 50; round++) await turn();
    const ended = server.end(600_000);
    await within(Promise.resolve(asked), "the client's write");
    let received = 0;
    for (let chunk = await client.read(); chunk !== undefined; chunk = await client.read()) {
      received += chunk.byteLength;
    }
    assert.equal(received, size);
    await answered;
    await client.end(600_000);
    await within(ended, "the end");
  }));

Deno.test("Stream that is read for ever gives timers and other streams their turn (design: one event loop)", () =>
  withFloor(async ({ streams }) => {
    const events = taker();
    using listener = streams.listen({ address: LOOPBACK[4], port: 0 }, events);
    const to = { address: LOOPBACK[4], port: listener.local?.port ?? 0 };
    const flooder = await streams.connect(to, never());
    using flooded = await accepted(events);
    using other = await streams.connect(to, never());
    using otherEnd = await accepted(events);
    let open = true;
    let reads = 0;
    const chunk = new Uint8Array(1 << 20);
    const pouring = (async () => {
      while (open) await flooder.write(chunk);
    })();
    const reading = (async () => {
      while (await flooded.read() !== undefined) reads++;
    })();
    for (let round = 0; round < 20; round++) {
      const before = reads;
      await until(() => reads > before + 5);
      await other.write(bytesOf("me too"));
      assert.equal(textOf(await otherEnd.read()), "me too");
      await turn();
    }
    open = false;
    await pouring;
    flooder[Symbol.dispose]();
    await reading;
  }));

Deno.test("Stream.end() is over at its limit where the other side neither reads nor closes (port StreamSocket)", () =>
  withFloor(async ({ streams }) => {
    const events = taker();
    using listener = streams.listen({ address: LOOPBACK[4], port: 0 }, events);
    const client = await streams.connect({ address: LOOPBACK[4], port: listener.local?.port ?? 0 }, never());
    using server = await accepted(events);
    const stuck = assert.rejects(client.write(new Uint8Array(64 << 20)), /closed/);
    const pending = client.read();
    await within(client.end(50), "the end");
    await stuck;
    assert.equal(await pending, undefined);
    await server.end(0);
  }));

for (const family of [4, 6] as const) {
  Deno.test(`Datagrams tells TTL, interface and destination of what arrives over IPv${family}, and what came back (RFC 3542, IP_RECVERR)`, () =>
    withFloor(async ({ datagrams, sockets }: Floor & { readonly datagrams: Datagrams }) => {
      const local = { address: LOOPBACK[family], port: 0, scopeId: 0 };
      using receiver = datagrams.open({ family, kind: "udp", local, receiveTtl: true });
      using sender = datagrams.open({
        family,
        kind: "udp",
        local,
        ttl: 255,
        trafficClass: 0xc0,
        receiveReturned: true,
      });
      assert.equal(receiver.receive(), undefined);
      const seen: { readonly text: string; readonly rest: unknown }[] = [];
      using _watch = receiver.onReadable(() => {
        const { octets, ...rest } = receiver.receive() ?? {};
        seen.push({ text: textOf(octets) ?? "", rest });
      });
      assert.ok(sender.send(bytesOf("hello"), receiver.localAddress()));
      await until(() => seen.length > 0);
      const interfaceIndex = sockets.interfaceIndex("lo");
      assert.deepEqual(seen, [{
        text: "hello",
        rest: { from: sender.localAddress(), to: LOOPBACK[family].bytes, ttl: 255, interfaceIndex },
      }]);
      const nobody = datagrams.open({ family, kind: "udp", local });
      const gone = nobody.localAddress();
      nobody[Symbol.dispose]();
      assert.ok(sender.send(bytesOf("anybody?"), gone));
      let returned: ReturnType<typeof sender.receiveReturned>;
      await until(() => (returned = sender.receiveReturned()) !== undefined);
      assert.equal(textOf(returned?.octets), "anybody?");
      assert.deepEqual(returned?.to, gone);
      const from = { ...local, address: { family, bytes: LOOPBACK[family].bytes } };
      assert.deepEqual(
        returned?.icmp,
        family === 4 ? { type: 3, code: 3, from } : { type: 1, code: 4, from },
      );
      assert.throws(() => datagrams.open({ family, kind: "udp", local: receiver.localAddress() }), {
        code: "EADDRINUSE",
      });
    }));
}

Deno.test("raiseNoFile() raises what it may, says what holds, and lowers nothing; cpuTime() only grows (setrlimit(2))", () =>
  withFloor(({ libc }) => {
    const { soft, hard } = descriptorLimit(libc);
    const low = 64 + openDescriptors();
    try {
      setLimit(libc, low, hard);
      assert.deepEqual(raiseNoFile(libc, low - 1), { soft: low, hard });
      assert.deepEqual(raiseNoFile(libc, low + 1), { soft: low + 1, hard });
      // Beyond the hard limit only with CAP_SYS_RESOURCE, which is given back; else up to it.
      const raised = raiseNoFile(libc, hard + 1);
      assert.ok(raised.soft === hard + 1 || raised.soft === hard, JSON.stringify(raised));
      assert.ok(raised.hard >= hard);
    } finally {
      setLimit(libc, soft, hard);
    }
    const before = cpuTime(libc);
    let after = before;
    while (after.user + after.system - before.user - before.system < 0.01) after = cpuTime(libc);
    assert.ok(after.user >= before.user && after.system >= before.system);
    assert.equal(trimMemory(libc), true);
  }));

/** A turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function setLimit(libc: Floor["libc"], soft: number, hard: number): void {
  const RLIMIT_NOFILE = 7;
  const limit = new BigUint64Array([BigInt(soft), hard === Infinity ? 0xffff_ffff_ffff_ffffn : BigInt(hard)]);
  libc.check("setrlimit", libc.symbols.setrlimit(RLIMIT_NOFILE, new Uint8Array(limit.buffer)));
}
