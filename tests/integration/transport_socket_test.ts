/** The transport over prepared sockets: the contract on loopback, and what only this adapter does. */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { type Socket, Sockets } from "../../ffi/sockets.ts";
import type { RawSockets } from "../../src/bgp/transport/raw_sockets.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import { withoutLeak } from "../support/descriptors.ts";
import {
  accept,
  LOCAL_AS,
  peerAt,
  transportContract,
  type TransportUnderTest,
} from "../contract/transport_contract.ts";

transportContract("socketTransport()", open);

Deno.test("socketTransport() gives up on unacknowledged bytes after SendHoldTime (RFC 9687, RFC 5482)", () =>
  withoutLeak(async () => {
    for (const sendHoldTimeSeconds of [480, 91, 0, 131_070]) {
      const made: Socket[] = [];
      await using opened = open((socket) => made.push(socket));
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const peer = peerAt("127.0.0.1", listener.addr.port, { sendHoldTimeSeconds });
      using client = await opened.transport.connect(peer, LOCAL_AS, new AbortController().signal);
      using _server = await listener.accept();
      assert.deepEqual(made.map((socket) => socket.userTimeout()), [sendHoldTimeSeconds * 1000]);
      client.waitForReader?.();
      assert.deepEqual(made.map((socket) => socket.userTimeout()), [0]);
    }
  }));

Deno.test("socketTransport() pauses when descriptors run out, says so, and goes on (accept(2))", () =>
  withoutLeak(async () => {
    using libc = openLibc();
    await using reactor = new Reactor(libc);
    let exhausted = true;
    const transport = socketTransport(socketsOf(new Sockets(libc, reactor), (socket) => {
      const accept = socket.accept.bind(socket);
      Object.assign(socket, {
        accept() {
          if (!exhausted) return accept();
          exhausted = false;
          throw new Error("accept4: too many open files (EMFILE)");
        },
      });
    }));
    using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
    const peer = peerAt("127.0.0.1", acceptor.listener.local.port);
    using client = await transport.connect(peer, LOCAL_AS, new AbortController().signal);
    using server = await acceptor.next();
    assert.equal(server.remote.port, client.local.port);
    assert.deepEqual(acceptor.faults.map(String), ["Error: accept4: too many open files (EMFILE)"]);
  }));

/** The sockets, each shown to `onMade` first. */
function socketsOf(sockets: Sockets, onMade: (socket: Socket) => void): RawSockets {
  return {
    isVrf: (name) => sockets.isVrf(name),
    interfaceIndex: (name) => sockets.interfaceIndex(name),
    interfaceName: (index) => sockets.interfaceName(index),
    netstat: () => sockets.netstat(),
    tcp(family) {
      const socket = sockets.tcp(family);
      onMade(socket);
      return socket;
    },
  };
}

function open(onMade: (socket: Socket) => void = () => {}): TransportUnderTest {
  const libc = openLibc();
  const reactor = new Reactor(libc);
  return {
    transport: socketTransport(socketsOf(new Sockets(libc, reactor), onMade)),
    async [Symbol.asyncDispose]() {
      await reactor.close();
      libc[Symbol.dispose]();
    },
  };
}
