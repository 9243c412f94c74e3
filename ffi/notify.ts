/** Tells the service supervisor how we are (sd_notify(3)): one datagram to the unix socket of $NOTIFY_SOCKET. */
import type { Libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** sizeof(struct sockaddr_un.sun_path). */
const PATH_SIZE = 108;

/**
 * Sends `state`, lines such as `READY=1` or `STATUS=...`, to the socket that `socketPath` names: a path, or `@name` in
 * the abstract namespace.
 * @throws {RangeError} the path is neither, or too long
 * @throws {ErrnoError} nobody listens there, or its queue is full
 */
export function notify(libc: Libc, socketPath: string, state: string): void {
  const { symbols } = libc;
  const address = encodeUnixAddress(socketPath);
  const fd = libc.check("socket", symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    const bytes = new TextEncoder().encode(state);
    const size = BigInt(bytes.byteLength);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    libc.check(`notify ${socketPath}`, symbols.sendto(fd, bytes, size, flags, address, address.byteLength));
  } finally {
    symbols.close(fd);
  }
}

/** struct sockaddr_un, as long as its path: an abstract name has a zero byte first and none at its end. */
function encodeUnixAddress(socketPath: string): Uint8Array<ArrayBuffer> {
  const path = new TextEncoder().encode(socketPath);
  const abstract = socketPath.startsWith("@");
  if (!abstract && !socketPath.startsWith("/")) {
    throw new RangeError(
      `a notification socket is an absolute path or @name, not ${JSON.stringify(socketPath)}`,
    );
  }
  if (path.byteLength + (abstract ? 0 : 1) > PATH_SIZE) {
    throw new RangeError(`a unix socket's path has less than ${PATH_SIZE} octets: ${socketPath}`);
  }
  if (path.includes(0)) {
    throw new RangeError(`a unix socket's path has no zero byte: ${JSON.stringify(socketPath)}`);
  }
  const bytes = new Uint8Array(2 + path.byteLength + (abstract ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(path, 2);
  if (abstract) bytes[2] = 0;
  return bytes;
}
