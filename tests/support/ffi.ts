/** The FFI floor for a test: the C library, a reactor, and what stands on them; all closed with it. */
import { Datagrams } from "../../ffi/datagrams.ts";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Streams } from "../../ffi/streams.ts";
import { type Address, addressOf } from "../../src/net/address.ts";
import { withoutLeak } from "./descriptors.ts";

/** What stands on FFI. */
export interface Floor {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly sockets: Sockets;
  readonly streams: Streams<Address>;
  readonly datagrams: Datagrams;
  /** What callbacks of the reactor threw. */
  readonly errors: readonly unknown[];
}

/** The loopback address of each family. */
export const LOOPBACK: Readonly<Record<4 | 6, Address>> = {
  4: addressOf(Uint8Array.of(127, 0, 0, 1)),
  6: addressOf(new Uint8Array(16).fill(1, 15)),
};

/** Opens the floor for `body`, closes it, and sees that no descriptor stays open. */
export async function withFloor(body: (floor: Floor) => void | Promise<void>): Promise<void> {
  await withoutLeak(async () => {
    using libc = openLibc();
    const errors: unknown[] = [];
    await using reactor = new Reactor(libc, { onError: (error) => errors.push(error) });
    const sockets = new Sockets(libc, reactor);
    const [streams, datagrams] = [new Streams(sockets, addressOf), new Datagrams(sockets)];
    await body({ libc, reactor, sockets, streams, datagrams, errors });
  });
}

/** Two ends that are joined, non-blocking. */
export function socketPair(libc: Libc): readonly [number, number] & Disposable {
  const made = new Int32Array(2);
  // int socketpair(int domain, int type, int protocol, int sv[2])
  const library = Deno.dlopen("libc.so.6", {
    socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  });
  const [AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC] = [1, 1, 0x800, 0x80000];
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  libc.check("socketpair", library.symbols.socketpair(AF_UNIX, type, 0, new Uint8Array(made.buffer)));
  library.close();
  const [a = -1, b = -1] = made;
  return Object.assign([a, b] as const, {
    [Symbol.dispose]() {
      libc.close(a);
      libc.close(b);
    },
  });
}
