/**
 * What every `Transport` does, run over each adapter on loopback. Each test ends with as many open descriptors as it
 * began with.
 */
import assert from "node:assert/strict";
import { Socket } from "node:net";
import type {
  Endpoint,
  Listener,
  RefusalReason,
  TcpSocket,
  Transport,
} from "../../src/bgp/transport/transport.ts";
import type { PeerConfig } from "../../src/config/config.ts";
import { address, peerConfig } from "../support/bgp.ts";
import { openDescriptors, withoutLeak } from "../support/descriptors.ts";
import { runOrThrow } from "../support/process.ts";
import { freePort } from "../support/raw_peer.ts";
import { until, within } from "../support/until.ts";

const LIMIT_MS = 120_000;

/** A transport and what takes it down. */
export interface TransportUnderTest extends AsyncDisposable {
  readonly transport: Transport;
}

/** A peer at `at` with everything else plain. */
export function peerAt(at: string, port: number, rest: Partial<PeerConfig> = {}): PeerConfig {
  return peerConfig({ name: at, address: address(at), as: 65512, port, ...rest });
}

/** The AS of our end, which is the peer's, too. */
export const LOCAL_AS = 65512;

/** A listener whose connections are waited for one by one. */
export interface Acceptor extends Disposable {
  readonly listener: Listener;
  /** What was closed at accept. */
  readonly refusals: readonly { readonly remote: Endpoint; readonly reason: RefusalReason }[];
  /** What accept itself failed with. */
  readonly faults: readonly unknown[];
  next(): Promise<TcpSocket>;
}

/** Listens on `at` for `peers`. */
export function accept(
  transport: Transport,
  at: string,
  port: number,
  peers: readonly PeerConfig[],
): Acceptor {
  const waiting: TcpSocket[] = [];
  const takers: ((socket: TcpSocket) => void)[] = [];
  const refusals: { readonly remote: Endpoint; readonly reason: RefusalReason }[] = [];
  const faults: unknown[] = [];
  const listener = transport.listen({ address: address(at), port, localAs: LOCAL_AS, peers }, {
    connection(socket) {
      const taker = takers.shift();
      if (taker === undefined) waiting.push(socket);
      else taker(socket);
    },
    refused: (remote, reason) => void refusals.push({ remote, reason }),
    fault: (error) => void faults.push(error),
  });
  return {
    listener,
    refusals,
    faults,
    next() {
      const socket = waiting.shift();
      if (socket !== undefined) return Promise.resolve(socket);
      const { promise, resolve } = Promise.withResolvers<TcpSocket>();
      takers.push(resolve);
      return promise;
    },
    [Symbol.dispose]: () => listener[Symbol.dispose](),
  };
}

/** Two ends of one connection. */
export interface Pair extends Disposable {
  readonly client: TcpSocket;
  readonly server: TcpSocket;
}

/** Connects to a listener of its own. */
export async function pair(transport: Transport, at = "127.0.0.1"): Promise<Pair> {
  using acceptor = accept(transport, at, 0, [peerAt(at, 0)]);
  const peer = peerAt(at, acceptor.listener.local.port);
  const [client, server] = await Promise.all([
    transport.connect(peer, LOCAL_AS, new AbortController().signal),
    acceptor.next(),
  ]);
  return {
    client,
    server,
    [Symbol.dispose]() {
      client[Symbol.dispose]();
      server[Symbol.dispose]();
    },
  };
}

/** Reads until `length` bytes have come, or the end of the stream. */
export async function readBytes(connection: TcpSocket, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let offset = 0;
  while (offset < length) {
    const chunk = await connection.read();
    if (chunk === undefined) break;
    assert.ok(chunk.byteLength <= length - offset, "more bytes than were sent");
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes.subarray(0, offset);
}

const text = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);
const bytesOf = (value: string) => new TextEncoder().encode(value);
const never = () => new AbortController().signal;

/** Registers the contract's tests for one adapter. */
export function transportContract(name: string, open: () => TransportUnderTest): void {
  const test = (sentence: string, body: (transport: Transport) => Promise<void>) => {
    Deno.test(`${name} ${sentence}`, () =>
      withoutLeak(async () => {
        await using opened = open();
        await within(body(opened.transport), sentence, LIMIT_MS);
      }));
  };

  for (const at of ["127.0.0.1", "::1"]) {
    test(`connects and accepts over ${at} with both ends named alike (port Transport)`, async (transport) => {
      using both = await pair(transport, at);
      assert.equal(both.client.remote.address.text, at);
      assert.equal(both.client.local.address.text, at);
      assert.equal(both.server.local.port, both.client.remote.port);
      assert.equal(both.server.remote.port, both.client.local.port);
      assert.deepEqual(both.server.remote.address, both.client.local.address);
      assert.equal(both.client.remote.zone, undefined);
      assert.equal(both.server.remote.zone, undefined);
    });

    test(`carries bytes both ways over ${at} (port TcpSocket)`, async (transport) => {
      using both = await pair(transport, at);
      await both.client.write(bytesOf("ping"));
      assert.equal(text(await readBytes(both.server, 4)), "ping");
      await both.server.write(bytesOf("pong"));
      assert.equal(text(await readBytes(both.client, 4)), "pong");
    });
  }

  test("keeps the order of writes that are not awaited (port TcpSocket)", async (transport) => {
    using both = await pair(transport);
    const writes = Array.from({ length: 500 }, (_, index) => both.client.write(bytesOf(`${index};`)));
    const expected = Array.from({ length: 500 }, (_, index) => `${index};`).join("");
    assert.equal(text(await readBytes(both.server, expected.length)), expected);
    await Promise.all(writes);
  });

  test("stops taking bytes while the other end does not read, and loses none (port TcpSocket)", async (transport) => {
    using both = await pair(transport);
    const chunkLength = 65536;
    const chunks = 1024;
    let taken = 0;
    const writing = (async () => {
      for (let index = 0; index < chunks; index++) {
        await both.client.write(new Uint8Array(chunkLength).fill(index % 251));
        taken++;
      }
    })();
    await stable(() => taken);
    assert.ok(taken > 0 && taken < chunks, `${taken} of ${chunks} chunks were taken with nobody reading`);
    const received = await readBytes(both.server, chunks * chunkLength);
    await writing;
    assert.equal(received.byteLength, chunks * chunkLength);
    for (let index = 0; index < chunks; index++) {
      const chunk = received.subarray(index * chunkLength, (index + 1) * chunkLength);
      assert.ok(chunk.every((octet) => octet === index % 251), `chunk ${index} differs`);
    }
  });

  test("gives the end of the stream after the last bytes, again and again (port TcpSocket)", async (transport) => {
    using both = await pair(transport);
    await both.client.write(bytesOf("last"));
    both.client[Symbol.dispose]();
    assert.equal(text(await readBytes(both.server, 100)), "last");
    assert.equal(await both.server.read(), undefined);
    assert.equal(await both.server.read(), undefined);
  });

  test("writes on after the peer's FIN (RFC 9293 3.6)", async (transport) => {
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    using raw = await Deno.connect({ hostname: "127.0.0.1", port: acceptor.listener.local.port });
    using server = await acceptor.next();
    await raw.closeWrite();
    assert.equal(await server.read(), undefined);
    await server.write(bytesOf("still here"));
    server.end(LIMIT_MS);
    assert.equal(await new Response(raw.readable).text(), "still here");
  });

  test("hands out what came before a reset, then the reset (RFC 9293 3.5.3)", async (transport) => {
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    const raw = await rawSocket(acceptor.listener.local.port);
    using server = await acceptor.next();
    await new Promise<void>((resolve) => raw.write("goodbye", () => resolve()));
    raw.resetAndDestroy();
    await new Promise<void>((resolve) => raw.on("close", () => resolve()));
    await turnOfTheEventLoop();
    assert.equal(text(await server.read()), "goodbye");
    await assert.rejects(server.read(), /reset/i);
    await assert.rejects(server.write(bytesOf("x")));
  });

  test("wakes a pending read with the reset (RFC 9293 3.5.3)", async (transport) => {
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    const raw = await rawSocket(acceptor.listener.local.port);
    using server = await acceptor.next();
    const pending = server.read();
    raw.resetAndDestroy();
    await assert.rejects(pending, /reset/i);
  });

  test("is told of a reset by a write that waits (RFC 9293 3.5.3)", async (transport) => {
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    const raw = await rawSocket(acceptor.listener.local.port);
    using server = await acceptor.next();
    let taken = 0;
    const writing = (async () => {
      for (;; taken++) await server.write(new Uint8Array(65536));
    })();
    const failed = assert.rejects(writing);
    await stable(() => taken);
    raw.resetAndDestroy();
    await failed;
  });

  test("rejects a connection that is refused, with the reason (RFC 9293 3.10.7.3)", async (transport) => {
    await assert.rejects(
      transport.connect(peerAt("127.0.0.1", await freePort()), LOCAL_AS, never()),
      /refused/i,
    );
  });

  test("rejects with the signal's reason when aborted before (port Transport)", async (transport) => {
    const reason = new Error("shutting down");
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    const peer = peerAt("127.0.0.1", acceptor.listener.local.port);
    await assert.rejects(
      transport.connect(peer, LOCAL_AS, AbortSignal.abort(reason)),
      (error) => error === reason,
    );
  });

  test("rejects with the signal's reason when aborted while connecting (port Transport)", async (transport) => {
    using full = await fullListener();
    for (let turn = 0; turn < 10; turn++) {
      const controller = new AbortController();
      const reason = new Error(`attempt ${turn}`);
      const connecting = transport.connect(peerAt("127.0.0.1", full.port), LOCAL_AS, controller.signal);
      const rejected = assert.rejects(connecting, (error) => error === reason);
      await turnOfTheEventLoop();
      controller.abort(reason);
      await rejected;
    }
  });

  test("tells that an attempt is given up in the turn in which it is, once, and of none that is up (port Transport)", async (transport) => {
    using full = await fullListener();
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    const told: boolean[] = [];
    const attempt = (port: number, { signal }: AbortController) =>
      transport.connect(peerAt("127.0.0.1", port), LOCAL_AS, signal, undefined, ({ unanswered }) => {
        told.push(unanswered);
      });
    const [given, kept] = [new AbortController(), new AbortController()];
    const connecting = attempt(full.port, given);
    given.abort(new Error("given up"));
    assert.deepEqual(told, [true]);
    await assert.rejects(connecting, /given up/);
    using _client = await attempt(acceptor.listener.local.port, kept);
    using _server = await acceptor.next();
    kept.abort();
    assert.deepEqual(told, [true]);
  });

  test("is not touched by a signal that is aborted once connected (port Transport)", async (transport) => {
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    const controller = new AbortController();
    const peer = peerAt("127.0.0.1", acceptor.listener.local.port);
    using client = await transport.connect(peer, LOCAL_AS, controller.signal);
    using server = await acceptor.next();
    controller.abort();
    await client.write(bytesOf("fine"));
    assert.equal(text(await readBytes(server, 4)), "fine");
  });

  test("wakes a pending read at dispose, which may be done twice (port TcpSocket)", async (transport) => {
    using both = await pair(transport);
    const pending = both.client.read();
    both.client[Symbol.dispose]();
    assert.equal(await pending, undefined);
    both.client[Symbol.dispose]();
    assert.equal(await both.client.read(), undefined);
    await assert.rejects(both.client.write(bytesOf("late")));
  });

  test("hands over at its end what was written, then closes (port TcpSocket)", async (transport) => {
    using both = await pair(transport);
    const length = 3_000_000;
    const written = both.client.write(new Uint8Array(length).fill(7)).catch(() => {});
    const ended = both.client.end(LIMIT_MS);
    const received = await readBytes(both.server, length + 1);
    await written;
    assert.equal(received.byteLength, length);
    assert.equal(await both.server.read(), undefined);
    both.server[Symbol.dispose]();
    await ended;
    await both.client.end(LIMIT_MS);
  });

  test("closes at once where it is disposed, whatever the peer does (port TcpSocket)", async (transport) => {
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    using raw = await Deno.connect({ hostname: "127.0.0.1", port: acceptor.listener.local.port });
    const before = openDescriptors();
    const server = await acceptor.next();
    const pending = server.read();
    server[Symbol.dispose]();
    assert.equal(await pending, undefined);
    await until(() => openDescriptors() <= before);
    await raw.read(new Uint8Array(1)).catch(() => {});
  });

  test("ends within its limit where the peer does not close (port TcpSocket)", async (transport) => {
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    using _raw = await Deno.connect({ hostname: "127.0.0.1", port: acceptor.listener.local.port });
    const server = await acceptor.next();
    await server.end(1);
    assert.equal(await server.read(), undefined);
    await assert.rejects(server.write(bytesOf("late")));
  });

  for (const unread of [100_000, 4_000_000]) {
    test(`delivers its last bytes and FIN though ${unread} received ones were never read (RFC 9293 3.6)`, async (transport) => {
      using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
      const raw = await rawSocket(acceptor.listener.local.port);
      const server = await acceptor.next();
      let flushed = false;
      raw.write(new Uint8Array(unread), () => flushed = true);
      await stable(() => raw.writableLength);
      const closed = Promise.withResolvers<boolean>();
      const chunks: Uint8Array[] = [];
      raw.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      raw.on("close", (hadError) => closed.resolve(hadError));
      await server.write(bytesOf("NOTIFICATION"));
      server.end(LIMIT_MS);
      assert.equal(await within(closed.promise, "the peer's close"), false, "a reset instead of FIN");
      assert.equal(chunks.map((chunk) => text(chunk)).join(""), "NOTIFICATION");
      assert.ok(flushed);
    });
  }

  test("keeps accepted connections when the listener is disposed, and frees the port (port Listener)", async (transport) => {
    const peer = peerAt("127.0.0.1", 0);
    const acceptor = accept(transport, "127.0.0.1", 0, [peer]);
    const { port } = acceptor.listener.local;
    using client = await transport.connect({ ...peer, port }, LOCAL_AS, never());
    using server = await acceptor.next();
    acceptor[Symbol.dispose]();
    acceptor[Symbol.dispose]();
    // Deno closes a listener once the accept that was pending has been told.
    await turnOfTheEventLoop();
    await assert.rejects(transport.connect({ ...peer, port }, LOCAL_AS, never()), /refused/i);
    await server.write(bytesOf("alive"));
    assert.equal(text(await readBytes(client, 5)), "alive");
    using again = accept(transport, "127.0.0.1", port, [peer]);
    assert.equal(again.listener.local.port, port);
  });

  test("follows other peers without a moment in which nobody listens (port Listener)", async (transport) => {
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.9", 0)]);
    const { port } = acceptor.listener.local;
    const connect = () => transport.connect(peerAt("127.0.0.1", port), LOCAL_AS, never());
    using stranger = await connect();
    assert.equal(await stranger.read().catch(() => undefined), undefined);
    acceptor.listener.update({ localAs: LOCAL_AS, peers: [peerAt("127.0.0.1", 0)] });
    using peer = await connect();
    using server = await acceptor.next();
    assert.equal(server.remote.port, peer.local.port);
    acceptor.listener.update({ localAs: LOCAL_AS, peers: [] });
    using again = await connect();
    assert.equal(await again.read().catch(() => undefined), undefined);
    await server.write(bytesOf("still here"));
    assert.equal(text(await readBytes(peer, 10)), "still here");
    assert.deepEqual(acceptor.refusals.map(({ reason }) => reason.type), ["no-peer", "no-peer"]);
  });

  test("goes on accepting where whoever takes the connections throws (DESIGN Isolation)", async (transport) => {
    const faults: unknown[] = [];
    const accepted: TcpSocket[] = [];
    const options = {
      address: address("127.0.0.1"),
      port: 0,
      localAs: LOCAL_AS,
      peers: [peerAt("127.0.0.1", 0)],
    };
    using listener = transport.listen(options, {
      connection(socket) {
        accepted.push(socket);
        if (accepted.length === 1) throw new Error("for the test");
      },
      refused() {},
      fault: (error) => void faults.push(error),
    });
    const peer = peerAt("127.0.0.1", listener.local.port);
    using first = await transport.connect(peer, LOCAL_AS, never());
    using _second = await transport.connect(peer, LOCAL_AS, never());
    await until(() => accepted.length === 2);
    assert.deepEqual(faults.map(String), ["Error: for the test"]);
    assert.equal(await first.read().catch(() => undefined), undefined, "it was closed");
    for (const socket of accepted) socket[Symbol.dispose]();
  });

  test("throws when the port is in use or the address is another host's (port Transport)", async (transport) => {
    const peer = peerAt("127.0.0.1", 0);
    using acceptor = accept(transport, "127.0.0.1", 0, [peer]);
    const { port } = acceptor.listener.local;
    assert.throws(() => accept(transport, "127.0.0.1", port, [peer]), /in use/i);
    assert.throws(() => accept(transport, "192.0.2.1", 0, [peer]), /192\.0\.2\.1|not available|assign/i);
    await Promise.resolve();
  });

  test("leaves no descriptor behind over many connections, well and badly ended (port Transport)", async (transport) => {
    const refusing = await freePort();
    const peer = peerAt("127.0.0.1", 0);
    using acceptor = accept(transport, "127.0.0.1", 0, [peer]);
    for (let turn = 0; turn < 100; turn++) {
      using client = await transport.connect(
        { ...peer, port: acceptor.listener.local.port },
        LOCAL_AS,
        never(),
      );
      using server = await acceptor.next();
      await client.write(bytesOf("x"));
      assert.equal((await server.read())?.byteLength, 1);
      await assert.rejects(transport.connect({ ...peer, port: refusing }, LOCAL_AS, never()));
    }
  });
}

/** Resolves when `value` has not changed for many turns of the event loop: where the process stands still, nothing can. */
async function stable(value: () => number): Promise<void> {
  let last = -1;
  let turns = 0;
  await until(() => {
    const now = value();
    turns = now === last ? turns + 1 : 0;
    last = now;
    return turns > 75;
  });
}

/** A plain socket that may be reset; connected. */
async function rawSocket(port: number): Promise<Socket> {
  const socket = new Socket();
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.connect(port, "127.0.0.1", resolve));
  return socket;
}

/** A listener whose queue is full, so that the kernel drops every further SYN. */
async function fullListener(): Promise<Disposable & { readonly port: number }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const filling: Deno.TcpConn[] = [];
  // Where it is not full the kernel completes the next connection at once.
  while (!await isFull(port)) filling.push(await Deno.connect({ hostname: "127.0.0.1", port }));
  return {
    port,
    [Symbol.dispose]() {
      for (const connection of filling) connection.close();
      listener.close();
    },
  };
}

/** Does the queue of a listener hold more than it is told to, so that it takes no more (tcp(7), ss(8))? */
async function isFull(port: number): Promise<boolean> {
  const [, waiting, most] = (await runOrThrow("ss", ["-Hltn", `sport = :${port}`])).split(/\s+/);
  assert.ok(waiting !== undefined && most !== undefined);
  return Number(waiting) > Number(most);
}

function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
