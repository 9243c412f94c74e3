/**
 * Small files, folders and symbolic links through the C library: /proc and /sys are closed to the runtime's own functions
 * under any permission short of all. Bounded, and nothing waits: a FIFO is opened without its other end.
 */
import { ERRNO, ErrnoError } from "./errno.ts";
import { cString, type Libc } from "./libc.ts";

const O_NONBLOCK_CLOEXEC = 0x800 | 0x80000;
const X_OK = 1;
const W_OK = 2;
/** Where the name is in struct dirent of a 64-bit glibc. */
const D_NAME = 19n;
const MAX_NAMES = 65_536;
const PATH_MAX = 4096;
const PIECE_OCTETS = 65_536;

/** The first `maxOctets` of a file as text; undefined where there is none. @throws {ErrnoError} */
export function readSmallFile(libc: Libc, path: string, maxOctets: number): string | undefined {
  const fd = libc.symbols.open(cString(path), O_NONBLOCK_CLOEXEC);
  if (fd < 0) return undefinedWhereMissing(libc, `open ${path}`);
  try {
    const pieces = new Uint8Array(maxOctets);
    let length = 0;
    while (length < maxOctets) {
      const piece = pieces.subarray(length, Math.min(length + PIECE_OCTETS, maxOctets));
      const count = libc.check(`read ${path}`, libc.symbols.read(fd, piece, BigInt(piece.byteLength)));
      if (count === 0) break;
      length += count;
    }
    return new TextDecoder().decode(pieces.subarray(0, length));
  } finally {
    libc.close(fd);
  }
}

/** The names in a folder, without `.` and `..`; undefined where there is none. @throws {ErrnoError} */
export function listFolder(libc: Libc, path: string): readonly string[] | undefined {
  const folder = libc.symbols.opendir(cString(path));
  if (folder === 0n) return undefinedWhereMissing(libc, `opendir ${path}`);
  try {
    const names: string[] = [];
    while (names.length < MAX_NAMES) {
      const entry = libc.symbols.readdir(folder);
      if (entry === 0n) break;
      const name = libc.textAt(entry + D_NAME);
      if (name !== "." && name !== "..") names.push(name);
    }
    return names;
  } finally {
    libc.symbols.closedir(folder);
  }
}

/** How many descriptors this process has open; undefined where /proc does not say. */
export function openDescriptors(libc: Libc): number | undefined {
  try {
    // Without the one that lists them.
    const names = listFolder(libc, "/proc/self/fd");
    return names && names.length - 1;
  } catch {
    return undefined;
  }
}

/** What a symbolic link says; undefined where there is none. @throws {ErrnoError} */
export function linkTarget(libc: Libc, path: string): string | undefined {
  const buffer = new Uint8Array(PATH_MAX);
  const length = Number(libc.symbols.readlink(cString(path), buffer, BigInt(PATH_MAX)));
  if (length < 0) return undefinedWhereMissing(libc, `readlink ${path}`);
  return new TextDecoder().decode(buffer.subarray(0, length));
}

/** Whether this process may write to what is at `path` (access(2)); undefined where nothing is there. */
export function mayWrite(libc: Libc, path: string): boolean | undefined {
  return mayAccess(libc, path, W_OK);
}

/** Whether this process may run the program at `path`; undefined where nothing is there. */
export function mayRun(libc: Libc, path: string): boolean | undefined {
  const may = mayAccess(libc, path, X_OK);
  // A folder may be entered, and that is all.
  return may === true && mayAccess(libc, `${path}/.`, 0) === true ? false : may;
}

function mayAccess(libc: Libc, path: string, mode: number): boolean | undefined {
  if (libc.symbols.access(cString(path), mode) === 0) return true;
  const errno = libc.errno();
  return errno === ERRNO.ENOENT || errno === ERRNO.ENOTDIR ? undefined : false;
}

/** @throws {ErrnoError} something is there, but may not be seen */
function undefinedWhereMissing(libc: Libc, operation: string): undefined {
  const errno = libc.errno();
  // ESRCH: the process that a file of /proc was about has ended.
  if (errno === ERRNO.ENOENT || errno === ERRNO.ENOTDIR || errno === ERRNO.ESRCH) return undefined;
  throw new ErrnoError(operation, errno);
}
