/** Linux error numbers (asm-generic/errno-base.h and errno.h) and the error that a failed system call becomes. */

/** The numbers that this program acts on or names, by the kernel's spelling. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  EPROTO: 71,
  EOVERFLOW: 75,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ECANCELED: 125,
  EKEYREJECTED: 129,
} as const;

const WORDS: Readonly<Record<number, string>> = {
  [ERRNO.EPERM]: "operation not permitted",
  [ERRNO.ENOENT]: "no such file or directory",
  [ERRNO.ESRCH]: "no such process, or object",
  [ERRNO.EINTR]: "interrupted by a signal",
  [ERRNO.EIO]: "input/output error",
  [ERRNO.ENXIO]: "no such device or address",
  [ERRNO.EBADF]: "bad file descriptor",
  [ERRNO.EAGAIN]: "would block",
  [ERRNO.ENOMEM]: "out of memory",
  [ERRNO.EACCES]: "permission denied",
  [ERRNO.EFAULT]: "bad address",
  [ERRNO.EBUSY]: "busy",
  [ERRNO.EEXIST]: "already exists",
  [ERRNO.ENODEV]: "no such device",
  [ERRNO.ENOTDIR]: "not a directory",
  [ERRNO.EISDIR]: "is a directory",
  [ERRNO.EINVAL]: "invalid argument",
  [ERRNO.ENFILE]: "too many open files in the system",
  [ERRNO.EMFILE]: "too many open files",
  [ERRNO.ENOSPC]: "no space left",
  [ERRNO.EROFS]: "read-only file system",
  [ERRNO.EPIPE]: "broken pipe",
  [ERRNO.ERANGE]: "out of range",
  [ERRNO.ENAMETOOLONG]: "name too long",
  [ERRNO.ENOSYS]: "not implemented by this kernel",
  [ERRNO.EPROTO]: "protocol error",
  [ERRNO.EOVERFLOW]: "value too large",
  [ERRNO.ENOTSOCK]: "not a socket",
  [ERRNO.EDESTADDRREQ]: "destination address required",
  [ERRNO.EMSGSIZE]: "message too long",
  [ERRNO.EPROTOTYPE]: "wrong protocol for the socket",
  [ERRNO.ENOPROTOOPT]: "option not known to this kernel",
  [ERRNO.EPROTONOSUPPORT]: "protocol not supported",
  [ERRNO.EOPNOTSUPP]: "operation not supported",
  [ERRNO.EAFNOSUPPORT]: "address family not supported",
  [ERRNO.EADDRINUSE]: "address already in use",
  [ERRNO.EADDRNOTAVAIL]: "address not available on this host",
  [ERRNO.ENETDOWN]: "network is down",
  [ERRNO.ENETUNREACH]: "network is unreachable",
  [ERRNO.ECONNABORTED]: "connection aborted",
  [ERRNO.ECONNRESET]: "connection reset by peer",
  [ERRNO.ENOBUFS]: "no buffer space",
  [ERRNO.EISCONN]: "already connected",
  [ERRNO.ENOTCONN]: "not connected",
  [ERRNO.ETIMEDOUT]: "timed out",
  [ERRNO.ECONNREFUSED]: "connection refused",
  [ERRNO.EHOSTDOWN]: "host is down",
  [ERRNO.EHOSTUNREACH]: "no route to host",
  [ERRNO.EALREADY]: "already in progress",
  [ERRNO.EINPROGRESS]: "in progress",
  [ERRNO.ECANCELED]: "cancelled",
  [ERRNO.EKEYREJECTED]: "key rejected",
};

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ERRNO).map(([name, number]) => [number, name]),
);

/** An error number in words and by name, such as `connection refused (ECONNREFUSED)`; `errno N` for one without. */
export function errnoText(errno: number): string {
  const words = WORDS[errno];
  return words === undefined ? nameOf(errno) : `${words} (${nameOf(errno)})`;
}

/** A system call that failed. `code` is the kernel's name, as in node's errors; `operation` says what was tried. */
export class ErrnoError extends Error {
  override readonly name = "ErrnoError";
  readonly code: string;
  constructor(readonly operation: string, readonly errno: number, detail?: string) {
    super(`${operation}: ${errnoText(errno)}${detail === undefined ? "" : `: ${detail}`}`);
    this.code = nameOf(errno);
  }
}

function nameOf(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}
