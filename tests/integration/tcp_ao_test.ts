/**
 * TCP-AO on the kernel of this machine: where it has none, nothing goes out unsigned and the words say so; where it has, a
 * connection carries octets, and its keys roll over.
 */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import type { FailedAttempt } from "../../src/bgp/transport/failed_attempt.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import type { PeerConfig, TcpAoKey } from "../../src/config/config.ts";
import { codeOf } from "../../src/text/error_message.ts";
import { accept, LOCAL_AS, peerAt } from "../contract/transport_contract.ts";

const key = (id: number): TcpAoKey => ({
  sendId: id,
  receiveId: id,
  algorithm: "hmac-sha-1-96",
  password: `secret ${id}`,
});

function kernelHasAo(): boolean {
  using libc = openLibc();
  const reactor = new Reactor(libc);
  const socket = new Sockets(libc, reactor).tcp(4);
  try {
    socket.requireAo(undefined);
    return true;
  } catch (error) {
    assert.equal(codeOf(error), "ENOPROTOOPT");
    return false;
  } finally {
    socket[Symbol.dispose]();
    reactor[Symbol.asyncDispose]();
  }
}

const has = kernelHasAo();
const FAMILIES = [[4, "127.0.0.1", "0.0.0.0"], [6, "::1", "::"]] as const;

for (const [family, loopback, any] of FAMILIES) {
  Deno.test({
    name:
      `socketTransport() over IPv${family} neither connects nor listens where the kernel has no TCP-AO, and says so`,
    ignore: has,
    async fn() {
      using libc = openLibc();
      await using reactor = new Reactor(libc);
      const transport = socketTransport(new Sockets(libc, reactor));
      using acceptor = accept(transport, any, 0, [peerAt(loopback, 0)]);
      const peer = peerAt(loopback, acceptor.listener.local.port, { tcpAo: [key(1)] });
      const failed: FailedAttempt[] = [];
      const attempt = transport.connect(peer, LOCAL_AS, new AbortController().signal, undefined, (each) => {
        failed.push(each);
      });
      const refused =
        /the TCP-AO keys of peer .* cannot be set, and without it no session may run: .*ENOPROTOOPT/;
      await assert.rejects(attempt, (error) => error instanceof Error && refused.test(error.message));
      assert.equal(failed[0]?.operation, "setsockopt TCP_AO_ADD_KEY");
      assert.equal(failed[0]?.code, "ENOPROTOOPT");
      assert.throws(() => acceptor.listener.update({ localAs: LOCAL_AS, peers: [peer] }), refused);
    },
  });

  Deno.test({
    name:
      `socketTransport() over IPv${family} carries octets signed with TCP-AO, and rolls keys over (RFC 5925)`,
    ignore: !has,
    async fn() {
      using libc = openLibc();
      await using reactor = new Reactor(libc);
      const transport = socketTransport(new Sockets(libc, reactor));
      const keys: Pick<PeerConfig, "tcpAo"> = { tcpAo: [key(1), key(2)] };
      using acceptor = accept(transport, any, 0, [peerAt(loopback, 0, keys)]);
      const peer = peerAt(loopback, acceptor.listener.local.port, keys);
      using client = await transport.connect(peer, LOCAL_AS, new AbortController().signal);
      using server = await acceptor.next();
      for (const next of [[key(2), key(1)], [key(2)], [key(3), key(2)]]) {
        client.rollOver?.(keys.tcpAo, next);
        server.rollOver?.(keys.tcpAo, next);
        Object.assign(keys, { tcpAo: next });
        await client.write(Uint8Array.of(next.length));
        assert.deepEqual(await server.read(), Uint8Array.of(next.length));
      }
    },
  });
}
