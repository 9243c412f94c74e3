/** struct sockaddr_in, sockaddr_in6 and sockaddr_un (linux/in.h, in6.h, un.h): bytes and values. Both supported machines are little-endian. */

export const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/** An IP address by shape: 4 or 16 octets in network order. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
}

/** An address with its port; `scopeId` is the interface index of a link-local address, else 0. */
export interface SocketAddress {
  readonly address: IpAddress;
  readonly port: number;
  readonly scopeId: number;
}

/** The name of a unix socket: a path, or `@name` in the abstract namespace. */
export interface UnixAddress {
  readonly path: string;
}

/** sizeof(struct sockaddr_un.sun_path). */
const PATH_SIZE = 108;

/** Room for every sockaddr that the kernel may write. */
export const SOCKADDR_SIZE = 128;

/** What a socket is for: an IP family, or this host alone. */
export type Family = 4 | 6 | "unix";

/** AF_INET, AF_INET6 or AF_UNIX. */
export function domainOf(family: Family): number {
  return family === 4 ? AF_INET : family === 6 ? AF_INET6 : AF_UNIX;
}

/**
 * struct sockaddr_un, as long as its path: an abstract name has a zero byte first and none at its end.
 * @throws {RangeError} the path is neither absolute nor abstract, has a zero byte, or is too long
 */
export function encodeUnixAddress({ path: text }: UnixAddress): Uint8Array<ArrayBuffer> {
  const path = new TextEncoder().encode(text);
  const abstract = text.startsWith("@");
  if (!abstract && !text.startsWith("/")) {
    throw new RangeError(`a unix socket is an absolute path or @name, not ${JSON.stringify(text)}`);
  }
  if (path.byteLength + (abstract ? 0 : 1) > PATH_SIZE) {
    throw new RangeError(`a unix socket's path has less than ${PATH_SIZE} octets: ${text}`);
  }
  if (path.includes(0)) {
    throw new RangeError(`a unix socket's path has no zero byte: ${JSON.stringify(text)}`);
  }
  const bytes = new Uint8Array(2 + path.byteLength + (abstract ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(path, 2);
  if (abstract) bytes[2] = 0;
  return bytes;
}

/** The struct as the kernel reads it. @throws {RangeError} octets, port or scope out of range */
export function encodeSocketAddress({ address, port, scopeId }: SocketAddress): Uint8Array<ArrayBuffer> {
  const { family, bytes: octets } = address;
  const length = family === 4 ? 4 : 16;
  if (octets.byteLength !== length) {
    throw new RangeError(`an IPv${family} address has ${length} octets, not ${octets.byteLength}`);
  }
  if (!(Number.isInteger(port) && port >= 0 && port <= 0xffff)) throw new RangeError(`not a port: ${port}`);
  if (!(Number.isInteger(scopeId) && scopeId >= 0 && scopeId <= 0xffff_ffff)) {
    throw new RangeError(`not an interface index: ${scopeId}`);
  }
  const bytes = new Uint8Array(family === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, domainOf(family), true);
  view.setUint16(2, port);
  bytes.set(octets, family === 4 ? 4 : 8);
  if (family === 6) view.setUint32(24, scopeId, true);
  return bytes;
}

/** What the kernel wrote; undefined for another family than IPv4 and IPv6. The octets are copied. */
export function decodeSocketAddress(bytes: Uint8Array): SocketAddress | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const domain = view.getUint16(0, true);
  if (domain === AF_INET) {
    return { address: { family: 4, bytes: bytes.slice(4, 8) }, port: view.getUint16(2), scopeId: 0 };
  }
  if (domain === AF_INET6) {
    const address = { family: 6, bytes: bytes.slice(8, 24) } as const;
    return { address, port: view.getUint16(2), scopeId: view.getUint32(24, true) };
  }
  return undefined;
}
