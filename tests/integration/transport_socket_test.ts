/** The transport over prepared sockets: the contract on loopback, and what only this adapter does. */
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { socketTransport } from "../../src/bgp/transport_socket.ts";
import { transportContract, type TransportUnderTest } from "../contract/transport_contract.ts";

transportContract("socketTransport()", open);

function open(): TransportUnderTest {
  const libc = openLibc();
  const reactor = new Reactor(libc);
  return {
    transport: socketTransport({ sockets: new Sockets(libc, reactor), localAs: 65512 }),
    async [Symbol.asyncDispose]() {
      await reactor.close();
      libc[Symbol.dispose]();
    },
  };
}
