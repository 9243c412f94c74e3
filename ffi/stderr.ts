/**
 * Standard error without waiting: neither the event loop nor a thread of the runtime's pool hangs on a reader that is
 * stuck (a full pipe, a stopped terminal, a stalled journal). The descriptor's own flags are not touched, as they are
 * shared with whoever started us: a pipe or terminal is opened a second time, non-blocking; where that is not allowed,
 * poll(2) says whether a short write would wait.
 */
import { ERRNO, ErrnoError } from "./errno.ts";
import { cString, type Libc } from "./libc.ts";
import { lengthOf } from "./socket_options.ts";

const STDERR = 2;
const O_WRONLY = 0o1;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const SEEK_CUR = 1;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const POLLOUT = 0x4;
/** What a pipe that poll(2) calls writable takes at once. */
const PIPE_BUF = 4096;
const AT_EMPTY_PATH = 0x1000;
const STATX_INO = 0x100;
/** struct statx. */
const STATX = { size: 256, inode: 32, major: 136, minor: 140 } as const;
const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 200;

type Kind =
  | { readonly type: "socket" | "file" | "polled" }
  | { readonly type: "reopened"; readonly fd: number };

/** Standard error; disposing closes nothing that was there before. */
export class StandardError implements Disposable {
  readonly #libc: Libc;
  readonly #kind: Kind;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: (() => void) | undefined;
  #closed = false;

  /** @throws {ErrnoError} there is no standard error */
  constructor(libc: Libc) {
    this.#libc = libc;
    this.#kind = kindOf(libc);
  }

  /** Takes some octets, when there is room; resolves to how many. @throws {ErrnoError} nobody can read any more */
  async write(octets: Uint8Array): Promise<number> {
    for (let waitMs = FIRST_WAIT_MS;; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      if (this.#closed) throw new Error("standard error is closed");
      const written = this.tryWrite(octets);
      if (written > 0 || octets.byteLength === 0) return written;
      await this.#pause(waitMs);
    }
  }

  /** Takes as many octets as there is room for, at once: how many, 0 where there is none. @throws {ErrnoError} */
  tryWrite(octets: Uint8Array): number {
    const result = Number(this.#attempt(octets as Uint8Array<ArrayBuffer>));
    if (result >= 0) return result;
    const errno = this.#libc.errno();
    const full: readonly number[] = [ERRNO.EAGAIN, ERRNO.EINTR, ERRNO.ENOBUFS];
    if (full.includes(errno)) return 0;
    throw new ErrnoError("write to standard error", errno);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#wake?.();
    if (this.#kind.type === "reopened") this.#libc.close(this.#kind.fd);
  }

  #attempt(octets: Uint8Array<ArrayBuffer>): bigint {
    const { symbols } = this.#libc;
    const length = BigInt(octets.byteLength);
    switch (this.#kind.type) {
      case "reopened":
        return symbols.write(this.#kind.fd, octets, length);
      case "socket":
        return symbols.send(STDERR, octets, length, MSG_DONTWAIT | MSG_NOSIGNAL);
      case "file":
        return symbols.write(STDERR, octets, length);
      case "polled": {
        if (!isWritable(this.#libc)) return 0n;
        const short = octets.subarray(0, PIPE_BUF);
        return symbols.write(STDERR, short, BigInt(short.byteLength));
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = setTimeout(resolve, ms);
    });
  }
}

/** Whether standard error is the stream that `name`, as `$JOURNAL_STREAM` has it, names by `DEVICE:INODE` (systemd.exec(5)). */
export function isStandardError(libc: Libc, name: string): boolean {
  const bytes = new Uint8Array(new ArrayBuffer(STATX.size));
  if (libc.symbols.statx(STDERR, cString(""), AT_EMPTY_PATH, STATX_INO, bytes) !== 0) return false;
  const view = new DataView(bytes.buffer);
  const [major, minor] = [view.getUint32(STATX.major, true), view.getUint32(STATX.minor, true)];
  return name === `${deviceNumber(major, minor)}:${view.getBigUint64(STATX.inode, true)}`;
}

/** One number of the two, as makedev(3) makes it. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (high & 0xfffff000n) << 32n | (high & 0xfffn) << 8n | (low & 0xffffff00n) << 12n | low & 0xffn;
}

function kindOf(libc: Libc): Kind {
  const { symbols } = libc;
  const type = new Uint8Array(4);
  if (symbols.getsockopt(STDERR, SOL_SOCKET, SO_TYPE, type, lengthOf(type)) === 0) return { type: "socket" };
  if (libc.errno() === ERRNO.EBADF) throw new ErrnoError("standard error", ERRNO.EBADF);
  if (symbols.lseek(STDERR, 0n, SEEK_CUR) >= 0n) return { type: "file" };
  const flags = O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
  const fd = symbols.open(cString(`/proc/self/fd/${STDERR}`), flags);
  return fd >= 0 ? { type: "reopened", fd } : { type: "polled" };
}

/** Whether poll(2) says that a short write to standard error returns at once, even if only to fail. */
function isWritable(libc: Libc): boolean {
  const pollfd = new DataView(new ArrayBuffer(8));
  pollfd.setInt32(0, STDERR, true);
  pollfd.setInt16(4, POLLOUT, true);
  return libc.symbols.poll(new Uint8Array(pollfd.buffer), 1n, 0) > 0;
}
