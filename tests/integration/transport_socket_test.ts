/** The transport over prepared sockets: the contract on loopback, and what only this adapter does. */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { type Socket, Sockets } from "../../ffi/sockets.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import { withoutLeak } from "../support/descriptors.ts";
import { pair, peerAt, transportContract, type TransportUnderTest } from "../contract/transport_contract.ts";

transportContract("socketTransport()", open);

Deno.test("socketTransport() gives up on unacknowledged bytes after SendHoldTime (RFC 9687, RFC 5482)", () =>
  withoutLeak(async () => {
    for (
      const [holdTimeSeconds, expected] of [[0, 480_000], [90, 480_000], [240, 480_000], [
        241,
        482_000,
      ]] as const
    ) {
      const made: Socket[] = [];
      await using opened = open((socket) => made.push(socket));
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const peer = peerAt("127.0.0.1", listener.addr.port, { holdTimeSeconds });
      using _client = await opened.transport.connect(peer, new AbortController().signal);
      using _server = await listener.accept();
      assert.deepEqual(made.map((socket) => socket.userTimeout()), [expected]);
    }
  }));

Deno.test("socketTransport() rests when descriptors run out, says so, and goes on (accept(2))", () =>
  withoutLeak(async () => {
    const refusals: string[] = [];
    using libc = openLibc();
    await using reactor = new Reactor(libc);
    const sockets = new Sockets(libc, reactor);
    let exhausted = true;
    const transport = socketTransport({
      localAs: 65512,
      onRefused: ({ reason }) => refusals.push(reason),
      sockets: {
        interfaceIndex: (name) => sockets.interfaceIndex(name),
        interfaceName: (index) => sockets.interfaceName(index),
        tcp(family) {
          const socket = sockets.tcp(family);
          const accept = socket.accept.bind(socket);
          return Object.assign(socket, {
            accept() {
              if (!exhausted) return accept();
              exhausted = false;
              throw new Error("accept4: too many open files (EMFILE)");
            },
          });
        },
      },
    });
    using both = await pair(transport);
    assert.ok(both.server.remote.port > 0);
    assert.deepEqual(refusals, ["accept4: too many open files (EMFILE)"]);
  }));

function open(onMade: (socket: Socket) => void = () => {}): TransportUnderTest {
  const libc = openLibc();
  const reactor = new Reactor(libc);
  const sockets = new Sockets(libc, reactor);
  return {
    transport: socketTransport({
      localAs: 65512,
      sockets: {
        interfaceIndex: (name) => sockets.interfaceIndex(name),
        interfaceName: (index) => sockets.interfaceName(index),
        tcp(family) {
          const socket = sockets.tcp(family);
          onMade(socket);
          return socket;
        },
      },
    }),
    async [Symbol.asyncDispose]() {
      await reactor.close();
      libc[Symbol.dispose]();
    },
  };
}
