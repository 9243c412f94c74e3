// The contract of streams, on sockets that are prepared through FFI.
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Streams } from "../../ffi/streams.ts";
import { type Address, addressOf } from "../../src/net/address.ts";
import type { Streams as StreamsPort } from "../../src/net/sockets.ts";
import { testStreams } from "../contract/streams_contract.ts";

testStreams({ name: "Streams over FFI", open });

function open(): StreamsPort & AsyncDisposable {
  const libc = openLibc();
  const reactor = new Reactor(libc);
  const streams = new Streams<Address>(new Sockets(libc, reactor), addressOf);
  return {
    connect: (to, signal, source) => streams.connect(to, signal, source),
    listen: (at, events) => streams.listen(at, events),
    async [Symbol.asyncDispose]() {
      await reactor.close();
      libc[Symbol.dispose]();
    },
  };
}
