/** The C library through FFI: descriptors, epoll, sockets, files. Opened by a call; nothing happens at import. */
import { ErrnoError } from "./errno.ts";
import { openLibrary } from "./library.ts";

const SYMBOLS = {
  // int *__errno_location(void)
  __errno_location: { parameters: [], result: "pointer" },
  // int close(int fd)
  close: { parameters: ["i32"], result: "i32" },
  // int open(const char *path, int flags)  (variadic: mode is only read with O_CREAT, which is never passed)
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count)
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void *buf, size_t count)
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int eventfd(unsigned int initval, int flags)
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int epoll_create1(int flags)
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout), on a thread of the pool
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32", nonblocking: true },
  // int socket(int domain, int type, int protocol)
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int fd, const struct sockaddr *addr, socklen_t len)
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int connect(int fd, const struct sockaddr *addr, socklen_t len)
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int listen(int fd, int backlog)
  listen: { parameters: ["i32", "i32"], result: "i32" },
  // int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  // int shutdown(int fd, int how)
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  // int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int setsockopt(int fd, int level, int optname, const void *optval, socklen_t len)
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // int getsockopt(int fd, int level, int optname, void *optval, socklen_t *len)
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *src, socklen_t *addrlen)
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "isize" },
  // ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  // ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *dest, socklen_t addrlen)
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  // unsigned int if_nametoindex(const char *ifname)
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  // char *if_indextoname(unsigned int ifindex, char *ifname)  (16 bytes)
  if_indextoname: { parameters: ["u32", "buffer"], result: "pointer" },
} as const;

/** The functions of the C library, typed; -1 and null results have to be checked (`Libc.check`). */
export type LibcSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The open C library. Disposing it unloads the symbols: nothing may use them afterwards. */
export interface Libc extends Disposable {
  readonly symbols: LibcSymbols;
  /** The errno of this thread. Only good straight after a synchronous call. */
  errno(): number;
  /** `result` as a number where it is not negative. @throws {ErrnoError} with the errno of the call just made */
  check(operation: string, result: number | bigint): number;
}

/**
 * Opens the C library.
 * @throws {LibraryError} it is missing, or the process may not use FFI
 */
export function openLibc(): Libc {
  const library = openLibrary({ soname: "libc.so.6", debianPackage: "libc6" }, SYMBOLS);
  const { symbols } = library;
  const errno = () => {
    const location = symbols.__errno_location();
    if (location === null) throw new Error("__errno_location returned a null pointer");
    return new Deno.UnsafePointerView(location).getInt32();
  };
  return {
    symbols,
    errno,
    check(operation, result) {
      if (result < 0) throw new ErrnoError(operation, errno());
      return Number(result);
    },
    [Symbol.dispose]: () => library.close(),
  };
}

/** `text` with the terminating zero byte that C wants. @throws {TypeError} it has a zero byte inside */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError(`a C string has no zero byte inside: ${JSON.stringify(text)}`);
  const encoded = new TextEncoder().encode(text);
  const bytes = new Uint8Array(encoded.byteLength + 1);
  bytes.set(encoded);
  return bytes;
}
