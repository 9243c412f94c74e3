/** Tells the service supervisor how we are (sd_notify(3)): one datagram to the unix socket of $NOTIFY_SOCKET. */
import type { Libc } from "./libc.ts";
import { AF_UNIX, encodeUnixAddress } from "./sockaddr.ts";

const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/**
 * Sends `state`, lines such as `READY=1` or `STATUS=...`, to the socket that `socketPath` names: a path, or `@name` in
 * the abstract namespace.
 * @throws {RangeError} the path is neither, or too long
 * @throws {ErrnoError} nobody listens there, or its queue is full
 */
export function notify(libc: Libc, socketPath: string, state: string): void {
  const { symbols } = libc;
  const address = encodeUnixAddress({ path: socketPath });
  const fd = libc.check("socket", symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    const bytes = new TextEncoder().encode(state);
    const size = BigInt(bytes.byteLength);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    libc.check(`notify ${socketPath}`, symbols.sendto(fd, bytes, size, flags, address, address.byteLength));
  } finally {
    libc.close(fd);
  }
}
