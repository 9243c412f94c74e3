/** The C library through FFI: descriptors, epoll, sockets, files, limits. Opened by a call; nothing happens at import. */
import { ErrnoError } from "./errno.ts";
import { openLazily } from "./library.ts";

const SYMBOLS = {
  // int *__errno_location(void)
  __errno_location: { parameters: [], result: "usize" },
  // void *memcpy(void *dest, const void *src, size_t n): out of memory that is known by its address
  memcpy: { parameters: ["buffer", "usize", "usize"], result: "usize" },
  // size_t strlen(const char *s)
  strlen: { parameters: ["usize"], result: "usize" },
  // int close(int fd)
  close: { parameters: ["i32"], result: "i32" },
  // int open(const char *path, int flags)  (variadic: mode is only read with O_CREAT, which is never passed)
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count)
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void *buf, size_t count)
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int fcntl(int fd, int cmd, ...)  (with an int or with nothing, which it does not read)
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // ssize_t getdents64(int fd, void *dirp, size_t count)  (glibc has it since 2.30)
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize", optional: true },
  // off_t lseek(int fd, off_t offset, int whence)
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // int fchmod(int fd, mode_t mode)
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  // int access(const char *path, int mode)
  access: { parameters: ["buffer", "i32"], result: "i32" },
  // int statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *buf)
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  // These, open and read in a thread of the runtime's pool, where they may wait; errno is lost there
  openWaiting: { name: "open", parameters: ["buffer", "i32"], result: "i32", nonblocking: true },
  statxWaiting: {
    name: "statx",
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  readWaiting: { name: "read", parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  // long syscall(long number, ...)  (with a pid_t or an int, and flags)
  syscall: { parameters: ["i64", "i32", "u32"], result: "i64" },
  // ssize_t readlink(const char *path, char *buf, size_t bufsiz)
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  // DIR *opendir(const char *name)
  opendir: { parameters: ["buffer"], result: "usize" },
  // struct dirent *readdir(DIR *dirp)
  readdir: { parameters: ["usize"], result: "usize" },
  // int closedir(DIR *dirp)
  closedir: { parameters: ["usize"], result: "i32" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout)  (only with timeout 0: it would hold everything up)
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  // pid_t getpid(void)
  getpid: { parameters: [], result: "i32" },
  // int getrusage(int who, struct rusage *usage)
  getrusage: { parameters: ["i32", "buffer"], result: "i32" },
  // int clock_gettime(clockid_t clockid, struct timespec *tp)
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // int getrlimit(int resource, struct rlimit *limit)
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // int setrlimit(int resource, const struct rlimit *limit)
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // int prlimit(pid_t pid, int resource, const struct rlimit *new, struct rlimit *old)
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  // int malloc_trim(size_t pad)  (glibc alone has it)
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
  // int eventfd(unsigned int initval, int flags)
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int epoll_create1(int flags)
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)  (only with timeout 0)
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  // The same, with any timeout, in a thread of the runtime's pool
  epollWaiting: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // int ioctl(int fd, unsigned long request, ...)  (with a pointer)
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
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
  // ssize_t send(int fd, const void *buf, size_t len, int flags)
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  // ssize_t recv(int fd, void *buf, size_t len, int flags)
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  // ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *src, socklen_t *addrlen)
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "isize" },
  // ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  // ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *dest, socklen_t addrlen)
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  // unsigned int if_nametoindex(const char *ifname)
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  // char *if_indextoname(unsigned int ifindex, char *ifname)  (16 bytes)
  if_indextoname: { parameters: ["u32", "buffer"], result: "usize" },
} as const;

/** The functions of the C library, typed; -1 and null results have to be checked (`Libc.check`). */
export type LibcSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/**
 * The open C library. Once disposed it is gone for everybody: `symbols` throws, so that nothing can call into memory
 * that is no library any more. Take it anew for every call that may come later; never keep it across an `await`.
 */
export interface Libc extends Disposable {
  /** @throws {Error} the library is closed */
  readonly symbols: LibcSymbols;
  readonly closed: boolean;
  /** The errno of this thread. Only good straight after a synchronous call. */
  errno(): number;
  /** `result` as a number where it is not negative. @throws {ErrnoError} with the errno of the call just made */
  check(operation: string, result: number | bigint): number;
  /** Where `bytes` are, for structs that hold addresses. They have to stay referenced, over a buffer of their own. */
  addressOf(bytes: Uint8Array<ArrayBuffer>): bigint;
  /** The text at an address that a function returned. @throws {RangeError} for the null address */
  textAt(address: bigint): string;
  /** Closes a descriptor; does nothing once the library is closed. */
  close(fd: number): void;
}

/**
 * Opens the C library. Addresses are numbers everywhere: under `--allow-ffi=PATH` Deno forbids its pointer classes.
 * @throws {LibraryError} it is missing, or the process may not use FFI
 */
export function openLibc(): Libc {
  const library = openLazily({ soname: "libc.so.6", debianPackage: "libc6" }, SYMBOLS);
  const errnoAddress = library.symbols.__errno_location();
  // Bound here and now: opening the library again between a failed call and the look at errno may overwrite it.
  const { memcpy: copyErrno } = library.symbols;
  const errnoBytes = new Int32Array(new ArrayBuffer(4));
  const errnoOctets = new Uint8Array(errnoBytes.buffer);
  let open = true;
  const opened = () => {
    if (!open) throw new Error("the C library is closed");
    return library.symbols;
  };
  const errno = () => {
    opened();
    copyErrno(errnoOctets, errnoAddress, 4n);
    return errnoBytes[0] ?? 0;
  };
  return {
    get symbols() {
      return opened();
    },
    get closed() {
      return !open;
    },
    errno,
    check(operation, result) {
      if (result < 0) throw new ErrnoError(operation, errno());
      return Number(result);
    },
    // It returns its first argument, and copies nothing here.
    addressOf: (bytes) => opened().memcpy(bytes, errnoAddress, 0n),
    textAt(address) {
      if (address === 0n) throw new RangeError("there is no text at the null address");
      const { strlen, memcpy } = opened();
      const bytes = new Uint8Array(Number(strlen(address)));
      memcpy(bytes, address, BigInt(bytes.byteLength));
      return new TextDecoder().decode(bytes);
    },
    close(fd) {
      // close(2) releases the descriptor on Linux whatever it returns.
      if (open) library.symbols.close(fd);
    },
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      library.close();
    },
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
