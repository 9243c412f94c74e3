/** Error numbers of <asm-generic/errno.h> that netlink answers with, in the words of strerror(3). */

/** The numbers that the program acts on. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EADDRNOTAVAIL: 99,
  ENOBUFS: 105,
} as const;

const WORDS: ReadonlyMap<number, readonly [name: string, words: string]> = new Map([
  [1, ["EPERM", "Operation not permitted"]],
  [2, ["ENOENT", "No such file or directory"]],
  [3, ["ESRCH", "No such process"]],
  [4, ["EINTR", "Interrupted system call"]],
  [9, ["EBADF", "Bad file descriptor"]],
  [11, ["EAGAIN", "Resource temporarily unavailable"]],
  [12, ["ENOMEM", "Cannot allocate memory"]],
  [13, ["EACCES", "Permission denied"]],
  [16, ["EBUSY", "Device or resource busy"]],
  [17, ["EEXIST", "File exists"]],
  [19, ["ENODEV", "No such device"]],
  [22, ["EINVAL", "Invalid argument"]],
  [24, ["EMFILE", "Too many open files"]],
  [28, ["ENOSPC", "No space left on device"]],
  [34, ["ERANGE", "Numerical result out of range"]],
  [90, ["EMSGSIZE", "Message too long"]],
  [93, ["EPROTONOSUPPORT", "Protocol not supported"]],
  [95, ["EOPNOTSUPP", "Operation not supported"]],
  [97, ["EAFNOSUPPORT", "Address family not supported by protocol"]],
  [99, ["EADDRNOTAVAIL", "Cannot assign requested address"]],
  [105, ["ENOBUFS", "No buffer space available"]],
]);

/** An error number in words and by name, such as `No such device (ENODEV)`. */
export function errnoText(errno: number): string {
  const entry = WORDS.get(errno);
  return entry === undefined ? `error ${errno}` : `${entry[1]} (${entry[0]})`;
}
