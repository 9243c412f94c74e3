/**
 * libnl-3 and libnl-genl-3 through FFI: opens netlink sockets, joins their groups, sends, and resolves generic netlink
 * families. What it sends and receives are bytes; the messages are somebody else's business. Opened by a call.
 */
import { ERRNO, ErrnoError, errnoText } from "./errno.ts";
import { cString, type Libc } from "./libc.ts";
import { openLibrary } from "./library.ts";

const NL_SYMBOLS = {
  // struct nl_sock *nl_socket_alloc(void)
  nl_socket_alloc: { parameters: [], result: "usize" },
  // void nl_socket_free(struct nl_sock *sk)  (closes it too)
  nl_socket_free: { parameters: ["usize"], result: "void" },
  // int nl_connect(struct nl_sock *sk, int protocol)
  nl_connect: { parameters: ["usize", "i32"], result: "i32" },
  // int nl_socket_get_fd(const struct nl_sock *sk)
  nl_socket_get_fd: { parameters: ["usize"], result: "i32" },
  // int nl_socket_set_buffer_size(struct nl_sock *sk, int rxbuf, int txbuf)
  nl_socket_set_buffer_size: { parameters: ["usize", "i32", "i32"], result: "i32" },
  // int nl_socket_add_membership(struct nl_sock *sk, int group)
  nl_socket_add_membership: { parameters: ["usize", "i32"], result: "i32" },
  // int nl_sendto(struct nl_sock *sk, void *buf, size_t size)
  nl_sendto: { parameters: ["usize", "buffer", "usize"], result: "i32" },
  // const char *nl_geterror(int error)
  nl_geterror: { parameters: ["i32"], result: "usize" },
} as const;

const GENL_SYMBOLS = {
  // int genl_ctrl_resolve(struct nl_sock *sk, const char *name)
  genl_ctrl_resolve: { parameters: ["usize", "buffer"], result: "i32" },
} as const;

const PACKAGES = "libnl-3-200 libnl-genl-3-200";
const NETLINK_GENERIC = 16;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
/** NLE_OBJ_NOTFOUND of <netlink/errno.h>. */
const NLE_OBJ_NOTFOUND = 12;
/** libnl's own 32 KiB overflow at 200 answers; the kernel grants at most net.core.rmem_max. */
const SOCKET_BUFFER_BYTES = 1 << 20;
/** The kernel fills at most 32 KiB of a dump at once; a single object can be larger, then the buffer grows. */
const RECEIVE_BYTES = 64 << 10;

/** One step of a classic BPF program. */
export interface FilterStep {
  readonly code: number;
  /** Steps to skip where the comparison holds, and where it does not. */
  readonly jumps: readonly [number, number];
  readonly operand: number;
}

/** A netlink socket; every call returns at once. */
export interface NetlinkSocket extends Disposable {
  /** For readiness only. */
  readonly fd: number;
  /** Sends one datagram to the kernel: 0, or an errno. */
  send(datagram: Uint8Array<ArrayBuffer>): number;
  /** The next datagram, a view that holds until the next call, or an errno: EAGAIN where there is none. */
  receive(): Uint8Array | number;
  /** An errno in words and by name. */
  describe(errno: number): string;
}

/**
 * The open libraries. Disposing closes the sockets that are still open, which then answer EBADF, and unloads the symbols;
 * every later call throws.
 */
export interface Libnl extends Disposable {
  /**
   * A socket of a protocol (NETLINK_ROUTE, NETLINK_GENERIC), a member of `groups`, of whose messages it gets those alone that
   * the classic BPF program `filter` lets through. @throws {ErrnoError}
   */
  open(protocol: number, groups: readonly number[], filter?: readonly FilterStep[]): NetlinkSocket;
  /** A generic netlink family's number; undefined where the kernel has none of that name. @throws {ErrnoError} */
  resolveFamily(name: string): number | undefined;
}

/**
 * Opens libnl.
 * @throws {LibraryError} a library is missing (it names the Debian packages), or the process may not use FFI
 */
export function openLibnl(libc: Libc): Libnl {
  const nl = openLibrary({ soname: "libnl-3.so.200", debianPackage: PACKAGES }, NL_SYMBOLS);
  const genl = openGenl(nl);
  const sockets = new Set<Disposable>();
  let opened = true;

  const symbols = () => {
    if (!opened) throw new Error("libnl is closed");
    return nl.symbols;
  };

  /** @throws {ErrnoError} `result` is a negative NLE_* number */
  const check = (operation: string, result: number): number => {
    if (result >= 0) return result;
    const errno = libc.errno();
    const words = symbols().nl_geterror(result);
    throw new ErrnoError(operation, errno, words === 0n ? undefined : libc.textAt(words));
  };

  const connect = (protocol: number): bigint => {
    const socket = symbols().nl_socket_alloc();
    if (socket === 0n) throw new ErrnoError("nl_socket_alloc", ERRNO.ENOMEM);
    try {
      check(`nl_connect to netlink protocol ${protocol}`, symbols().nl_connect(socket, protocol));
    } catch (error) {
      symbols().nl_socket_free(socket);
      throw error;
    }
    return socket;
  };

  return {
    open(protocol, groups, filter) {
      const socket = connect(protocol);
      try {
        // Before there is anything to filter.
        if (filter !== undefined) attachFilter(libc, nl.symbols.nl_socket_get_fd(socket), filter);
        const size = SOCKET_BUFFER_BYTES;
        check("nl_socket_set_buffer_size", symbols().nl_socket_set_buffer_size(socket, size, size));
        for (const group of groups) {
          check(`nl_socket_add_membership ${group}`, symbols().nl_socket_add_membership(socket, group));
        }
        const made = netlinkSocket(libc, nl, socket, () => sockets.delete(made));
        sockets.add(made);
        return made;
      } catch (error) {
        symbols().nl_socket_free(socket);
        throw error;
      }
    },
    resolveFamily(name) {
      const socket = connect(NETLINK_GENERIC);
      try {
        const result = genl.symbols.genl_ctrl_resolve(socket, cString(name));
        return result === -NLE_OBJ_NOTFOUND ? undefined : check(`genl_ctrl_resolve ${name}`, result);
      } finally {
        symbols().nl_socket_free(socket);
      }
    },
    [Symbol.dispose]() {
      if (!opened) return;
      for (const socket of [...sockets]) socket[Symbol.dispose]();
      opened = false;
      genl.close();
      nl.close();
    },
  };
}

/** @throws {ErrnoError} */
function attachFilter(libc: Libc, fd: number, steps: readonly FilterStep[]): void {
  // struct sock_filter: __u16 code, __u8 jt, __u8 jf, __u32 k
  const program = new Uint8Array(new ArrayBuffer(steps.length * 8));
  const view = new DataView(program.buffer);
  for (const [at, { code, jumps: [holds, fails], operand }] of steps.entries()) {
    view.setUint16(at * 8, code, true);
    view.setUint8(at * 8 + 2, holds);
    view.setUint8(at * 8 + 3, fails);
    view.setUint32(at * 8 + 4, operand, true);
  }
  // struct sock_fprog: unsigned short len, then a pointer
  const described = new Uint8Array(new ArrayBuffer(16));
  const header = new DataView(described.buffer);
  header.setUint16(0, steps.length, true);
  header.setBigUint64(8, libc.addressOf(program), true);
  libc.check("SO_ATTACH_FILTER", libc.symbols.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, described, 16));
}

type NlLibrary = Deno.DynamicLibrary<typeof NL_SYMBOLS>;

function openGenl(nl: NlLibrary): Deno.DynamicLibrary<typeof GENL_SYMBOLS> {
  try {
    return openLibrary({ soname: "libnl-genl-3.so.200", debianPackage: PACKAGES }, GENL_SYMBOLS);
  } catch (error) {
    nl.close();
    throw error;
  }
}

/** A socket over `socket`, which is freed, and `onClose` told, when it is disposed; from then on `nl` is not touched. */
function netlinkSocket(libc: Libc, nl: NlLibrary, socket: bigint, onClose: () => void): NetlinkSocket {
  const fd = libc.check("nl_socket_get_fd", nl.symbols.nl_socket_get_fd(socket));
  // Old kernels know neither option; then errors come without text and repeat the request.
  const one = new Uint8Array(new Uint32Array([1]).buffer);
  for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) {
    libc.symbols.setsockopt(fd, SOL_NETLINK, option, one, 4);
  }
  let buffer = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
  let open = true;
  return {
    fd,
    describe: errnoText,
    send(datagram) {
      if (!open) return ERRNO.EBADF;
      const result = nl.symbols.nl_sendto(socket, datagram, BigInt(datagram.byteLength));
      return result < 0 ? libc.errno() : 0;
    },
    receive() {
      if (!open) return ERRNO.EBADF;
      const capacity = BigInt(buffer.byteLength);
      const flags = MSG_DONTWAIT | MSG_TRUNC;
      const result = libc.symbols.recvfrom(fd, buffer, capacity, flags, null, null);
      if (result < 0) return libc.errno();
      const length = Number(result);
      if (length <= buffer.byteLength) return buffer.subarray(0, length);
      // The rest of this datagram is lost; the next one of its size will fit.
      buffer = new Uint8Array(new ArrayBuffer(length));
      return ERRNO.EMSGSIZE;
    },
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      onClose();
      nl.symbols.nl_socket_free(socket);
    },
  };
}
