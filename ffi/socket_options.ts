/** The options of a socket (setsockopt(2)): what Deno's own sockets lack, such as TTL, TCP-MD5, traffic class, device. */
import { ERRNO, ErrnoError } from "./errno.ts";
import { cString, type Libc } from "./libc.ts";
import { encodeSocketAddress, type Family, type IpAddress } from "./sockaddr.ts";
import { decodeTcpInfo, tcpInfoBuffer, type Transmission } from "./tcp_info.ts";
import { AO_SIZES, type AoKey, type AoKeyIds, encodeAoAdd, encodeAoDelete, encodeAoInfo } from "./tcp_ao.ts";

/** Levels and names of setsockopt(2), from linux/in.h, in6.h, tcp.h and asm-generic/socket.h. */
const OPTION = {
  SO_REUSEADDR: [1, 2],
  SO_ERROR: [1, 4],
  SO_REUSEPORT: [1, 15],
  SO_PEERCRED: [1, 17],
  SO_BINDTODEVICE: [1, 25],
  SO_ATTACH_FILTER: [1, 26],
  SO_MARK: [1, 36],
  IP_TOS: [0, 1],
  IP_TTL: [0, 2],
  IP_PKTINFO: [0, 8],
  IP_RECVERR: [0, 11],
  IP_RECVTTL: [0, 12],
  IP_MINTTL: [0, 21],
  IP_BIND_ADDRESS_NO_PORT: [0, 24],
  IP_MULTICAST_TTL: [0, 33],
  IPV6_UNICAST_HOPS: [41, 16],
  IPV6_MULTICAST_HOPS: [41, 18],
  IPV6_MULTICAST_LOOP: [41, 19],
  IPV6_ADD_MEMBERSHIP: [41, 20],
  IPV6_RECVERR: [41, 25],
  IPV6_V6ONLY: [41, 26],
  IPV6_RECVPKTINFO: [41, 49],
  IPV6_RECVHOPLIMIT: [41, 51],
  IPV6_TCLASS: [41, 67],
  IPV6_MINHOPCOUNT: [41, 73],
  ICMPV6_FILTER: [58, 1],
  ICMP_FILTER: [255, 1],
  TCP_NODELAY: [6, 1],
  TCP_MAXSEG: [6, 2],
  TCP_INFO: [6, 11],
  TCP_MD5SIG: [6, 14],
  TCP_USER_TIMEOUT: [6, 18],
  TCP_MD5SIG_EXT: [6, 32],
  TCP_AO_ADD_KEY: [6, 38],
  TCP_AO_DEL_KEY: [6, 39],
  TCP_AO_INFO: [6, 40],
} as const satisfies Record<string, readonly [level: number, name: number]>;

type OptionName = keyof typeof OPTION;

const TCP_MD5SIG_FLAG_PREFIX = 1;
const TCP_MD5SIG_MAXKEYLEN = 80;
/** sizeof(struct tcp_md5sig) and its members behind the sockaddr_storage. */
const MD5SIG = { size: 216, flags: 128, prefixlen: 129, keylen: 130, key: 136 } as const;

/** struct sock_filter and struct sock_fprog of linux/filter.h, 64-bit layout. */
const SOCK_FILTER = { size: 8, code: 0, jt: 2, jf: 3, k: 4 } as const;
const SOCK_FPROG = { size: 16, len: 0, filter: 8 } as const;

/** An instruction of a classic packet filter; see the port of the same name. */
export interface FilterInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** struct ucred: who connected a unix socket. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** A descriptor of a socket, and its options. */
export class SocketOptions {
  readonly #libc: Libc;
  /** The kernel reads it by its address, so it must stay referenced. */
  #program = new Uint8Array(new ArrayBuffer(0));

  constructor(libc: Libc, readonly fd: number, readonly family: Family) {
    this.#libc = libc;
  }

  /** What failed since the last call (SO_ERROR), such as the connection attempt. @throws {ErrnoError} */
  takeError(operation: string): ErrnoError | undefined {
    const errno = this.#get("SO_ERROR");
    return errno === 0 ? undefined : new ErrnoError(operation, errno);
  }

  /** SO_REUSEADDR: bind beside connections of before that linger; UDP: beside others that allow it, too. @throws {ErrnoError} */
  setReuseAddress(allowed = true): void {
    this.#set("SO_REUSEADDR", allowed ? 1 : 0);
  }

  /** IP_BIND_ADDRESS_NO_PORT: bind to an address alone; connections to different places may share a port. @throws {ErrnoError} */
  setBindAddressNoPort(): void {
    this.#set("IP_BIND_ADDRESS_NO_PORT", 1);
  }

  /** IPV6_V6ONLY: leave IPv4 to a socket of its own. @throws {ErrnoError} */
  setV6Only(): void {
    this.#set("IPV6_V6ONLY", 1);
  }

  /** TCP_NODELAY. @throws {ErrnoError} */
  setNoDelay(): void {
    this.#set("TCP_NODELAY", 1);
  }

  /** TCP_USER_TIMEOUT (RFC 5482): how long sent bytes may stay unacknowledged. @throws {ErrnoError} */
  setUserTimeout(milliseconds: number): void {
    this.#set("TCP_USER_TIMEOUT", milliseconds);
  }

  /** The TTL or hop limit of what is sent. @throws {ErrnoError} */
  setTtl(ttl: number): void {
    this.#set(this.family === 4 ? "IP_TTL" : "IPV6_UNICAST_HOPS", ttl);
  }

  /** IPv6 alone: the hop limit of what is sent to groups, of which nothing comes back to this host. @throws {ErrnoError} */
  setMulticastHops(hops: number): void {
    this.#set("IPV6_MULTICAST_HOPS", hops);
    this.#set("IPV6_MULTICAST_LOOP", 0);
  }

  /** IPv6 alone: hears what is sent to `group` on an interface (struct ipv6_mreq). @throws {ErrnoError} */
  joinGroup(group: IpAddress, interfaceIndex: number): void {
    const request = new Uint8Array(20);
    request.set(group.bytes);
    new DataView(request.buffer).setUint32(16, interfaceIndex, true);
    this.#setBytes("IPV6_ADD_MEMBERSHIP", request);
  }

  /** The TTL or hop limit below which what arrives is dropped; 0: none. TCP only. @throws {ErrnoError} */
  setMinTtl(ttl: number): void {
    this.#set(this.family === 4 ? "IP_MINTTL" : "IPV6_MINHOPCOUNT", ttl);
  }

  /** The TOS or traffic class octet of what is sent. @throws {ErrnoError} */
  setTrafficClass(octet: number): void {
    this.#set(this.family === 4 ? "IP_TOS" : "IPV6_TCLASS", octet);
  }

  /** IP_RECVTTL, IP_PKTINFO: have `receive` tell the TTL or hop limit, and the interface. @throws {ErrnoError} */
  setReceiveTtlAndInterface(): void {
    this.#set(this.family === 4 ? "IP_RECVTTL" : "IPV6_RECVHOPLIMIT", 1);
    this.#set(this.family === 4 ? "IP_PKTINFO" : "IPV6_RECVPKTINFO", 1);
  }

  /** TCP_MAXSEG: the longest segment either way, where it is set before the handshake; 0: the kernel's choice. @throws {ErrnoError} */
  setMaximumSegment(octets: number): void {
    this.#set("TCP_MAXSEG", octets);
  }

  /** SO_REUSEPORT: others of the same user that say so, too, may have the same local end. @throws {ErrnoError} */
  setReusePort(wanted = true): void {
    this.#set("SO_REUSEPORT", wanted ? 1 : 0);
  }

  /** TCP_INFO: what became of what was sent; `handshakeOctets` are acknowledged, and no data. @throws {ErrnoError} */
  transmission(handshakeOctets = 0): Transmission {
    const bytes = tcpInfoBuffer();
    this.#getBytes("TCP_INFO", bytes);
    return decodeTcpInfo(bytes, handshakeOctets);
  }

  /** SO_MARK, for policy routing. @throws {ErrnoError} EPERM without CAP_NET_ADMIN */
  setMark(mark: number): void {
    this.#set("SO_MARK", mark);
  }

  /** IP_RECVERR: keep what ICMP returned as undeliverable, for `receive`. @throws {ErrnoError} */
  setReceiveErrors(wanted = true): void {
    this.#set(this.family === 4 ? "IP_RECVERR" : "IPV6_RECVERR", wanted ? 1 : 0);
  }

  /** Lets only these ICMP types through a raw ICMP socket (raw(7), RFC 3542 section 3.2). @throws {ErrnoError} */
  setIcmpFilter(types: readonly number[]): void {
    // A set bit blocks its type; struct icmp_filter has the 32 lowest types, struct icmp6_filter all 256.
    const blocked = new Uint32Array(this.family === 4 ? 1 : 8).fill(0xffff_ffff);
    for (const type of types) {
      const word = type >>> 5;
      blocked[word] = (blocked[word] ?? 0) & ~(1 << (type & 31));
    }
    this.#setBytes(this.family === 4 ? "ICMP_FILTER" : "ICMPV6_FILTER", new Uint8Array(blocked.buffer));
  }

  /** SO_ATTACH_FILTER: what the program returns 0 for never takes room in the socket; it replaces the one before. @throws {ErrnoError} */
  attachFilter(program: readonly FilterInstruction[]): void {
    this.#program = new Uint8Array(new ArrayBuffer(program.length * SOCK_FILTER.size));
    const view = new DataView(this.#program.buffer);
    for (const [index, { code: operation, jt, jf, k }] of program.entries()) {
      const at = index * SOCK_FILTER.size;
      view.setUint16(at + SOCK_FILTER.code, operation, true);
      view.setUint8(at + SOCK_FILTER.jt, jt);
      view.setUint8(at + SOCK_FILTER.jf, jf);
      view.setUint32(at + SOCK_FILTER.k, k, true);
    }
    const head = new DataView(new ArrayBuffer(SOCK_FPROG.size));
    head.setUint16(SOCK_FPROG.len, program.length, true);
    head.setBigUint64(SOCK_FPROG.filter, this.#libc.addressOf(this.#program), true);
    this.#setBytes("SO_ATTACH_FILTER", new Uint8Array(head.buffer));
  }

  /** SO_BINDTODEVICE: only this interface. @throws {ErrnoError} ENODEV, or EPERM without CAP_NET_RAW */
  bindToDevice(name: string): void {
    this.#setBytes("SO_BINDTODEVICE", cString(name));
  }

  /**
   * The TCP-MD5 key (RFC 2385) for everything to and from `address`, or for a whole prefix; an empty key deletes it.
   * @throws {RangeError} the key is longer than 80 octets
   * @throws {ErrnoError} ENOPROTOOPT when the kernel is built without TCP-MD5, ENOENT when there is no key to delete
   */
  setMd5Key(address: IpAddress, key: Uint8Array, prefixLength?: number): void {
    if (key.byteLength > TCP_MD5SIG_MAXKEYLEN) {
      throw new RangeError(`a TCP-MD5 key has at most ${TCP_MD5SIG_MAXKEYLEN} octets, not ${key.byteLength}`);
    }
    const bytes = new Uint8Array(MD5SIG.size);
    bytes.set(encodeSocketAddress({ address, port: 0, scopeId: 0 }));
    new DataView(bytes.buffer).setUint16(MD5SIG.keylen, key.byteLength, true);
    bytes.set(key, MD5SIG.key);
    if (prefixLength === undefined) return this.#setBytes("TCP_MD5SIG", bytes);
    bytes[MD5SIG.flags] = TCP_MD5SIG_FLAG_PREFIX;
    bytes[MD5SIG.prefixlen] = prefixLength;
    this.#setBytes("TCP_MD5SIG_EXT", bytes);
  }

  /**
   * A key of TCP-AO (RFC 5925) for everything to and from `address`.
   * @throws {ErrnoError} ENOPROTOOPT when the kernel is built without TCP-AO, EKEYREJECTED beside a TCP-MD5 key, EEXIST
   */
  addAoKey(address: IpAddress, key: AoKey, first: boolean): void {
    this.#setBytes("TCP_AO_ADD_KEY", encodeAoAdd(address, key, first));
  }

  /** Deletes a key of TCP-AO. @throws {ErrnoError} EBUSY when it is the one in use, ENOENT when it is not there */
  deleteAoKey(address: IpAddress, ids: AoKeyIds): void {
    this.#setBytes("TCP_AO_DEL_KEY", encodeAoDelete(address, ids));
  }

  /** TCP_AO_INFO: refuses what is unsigned, and takes `use` into use where given. @throws {ErrnoError} ENOENT without such a key */
  requireAo(use: AoKeyIds | undefined): void {
    this.#setBytes("TCP_AO_INFO", encodeAoInfo(use));
  }

  /** Whether the segments of this connection are signed with TCP-AO. @throws {ErrnoError} ENOPROTOOPT */
  hasAo(): boolean {
    try {
      this.#getBytes("TCP_AO_INFO", new Uint8Array(AO_SIZES.info));
      return true;
    } catch (error) {
      if (error instanceof ErrnoError && error.errno === ERRNO.ENOENT) return false;
      throw error;
    }
  }

  /** The TTL that is set for what is sent. @throws {ErrnoError} */
  ttl(): number {
    return this.#get(this.family === 4 ? "IP_TTL" : "IPV6_UNICAST_HOPS");
  }

  /** The minimum TTL that is set. @throws {ErrnoError} */
  minTtl(): number {
    return this.#get(this.family === 4 ? "IP_MINTTL" : "IPV6_MINHOPCOUNT");
  }

  /** The TOS or traffic class that is set. @throws {ErrnoError} */
  trafficClass(): number {
    return this.#get(this.family === 4 ? "IP_TOS" : "IPV6_TCLASS");
  }

  /** TCP_USER_TIMEOUT in milliseconds, 0 where it is not set. @throws {ErrnoError} */
  userTimeout(): number {
    return this.#get("TCP_USER_TIMEOUT");
  }

  /**
   * The TTL or hop limit of the segment that completed the handshake of an accepted connection: the kernel keeps it
   * where a datagram socket has its multicast TTL (tcp_v4_syn_recv_sock, tcp_v6_syn_recv_sock). @throws {ErrnoError}
   */
  handshakeTtl(): number {
    return this.#get(this.family === 4 ? "IP_MULTICAST_TTL" : "IPV6_MULTICAST_HOPS");
  }

  /** SO_PEERCRED: who connected, at the time of connect(2), or who listens, at that of listen(2); of a unix socket. @throws {ErrnoError} */
  peerCredentials(): PeerCredentials {
    const ids = new Uint32Array(3);
    this.#getBytes("SO_PEERCRED", new Uint8Array(ids.buffer));
    const [pid = 0, uid = 0, gid = 0] = ids;
    return { pid, uid, gid };
  }

  #set(option: OptionName, value: number): void {
    this.#setBytes(option, new Uint8Array(new Int32Array([value]).buffer));
  }

  #setBytes(option: OptionName, value: Uint8Array<ArrayBuffer>): void {
    const [level, name] = OPTION[option];
    const result = this.#libc.symbols.setsockopt(this.fd, level, name, value, value.byteLength);
    this.#libc.check(`setsockopt ${option}`, result);
  }

  #get(option: OptionName): number {
    const value = new Int32Array(1);
    this.#getBytes(option, new Uint8Array(value.buffer));
    return value[0] ?? 0;
  }

  #getBytes(option: OptionName, into: Uint8Array<ArrayBuffer>): void {
    const [level, name] = OPTION[option];
    const result = this.#libc.symbols.getsockopt(this.fd, level, name, into, lengthOf(into));
    this.#libc.check(`getsockopt ${option}`, result);
  }
}

/** A socklen_t that says how long `buffer` is. */
export function lengthOf(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint32Array([buffer.byteLength]).buffer);
}
