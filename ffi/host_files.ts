/**
 * What is at a path of this host, for checks: through the C library, for /proc, /sys and what `--allow-read` leaves out are
 * closed to the runtime's own functions. Nothing is opened but a regular file: opening a FIFO waits, and opening a device
 * does something. A file system that does not answer (NFS) holds a thread of the runtime's pool, of which few are used.
 */
import { ERRNO, ErrnoError } from "./errno.ts";
import { cString, type Libc } from "./libc.ts";

const O_RDONLY_NONBLOCK_CLOEXEC = 0o2004000;
/** O_PATH | O_CLOEXEC: finds it, and opens nothing. */
const O_PATH_CLOEXEC = 0o12000000;
const AT_EMPTY_PATH = 0x1000;
/** STATX_TYPE | STATX_MTIME. */
const TYPE_AND_MTIME = 0x41;
/** struct statx. */
const STATX = { size: 256, mode: 28, mtimeSeconds: 112, mtimeNanos: 120 } as const;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
/** Looks under way: each has one of the runtime's 32 threads. */
const MAX_LOOKS = 8;
/** Looks that wait for their turn, as where many checks begin in one moment; where file systems do not answer there are more. */
const MAX_QUEUED = 1024;

/** What there is. */
interface Sight {
  readonly type: "regular" | "folder" | "other";
  /** On the clock of the wall. */
  readonly modifiedMs: number;
  /** The beginning of a regular file. */
  readonly head: Uint8Array;
}

/** Looks at files; satisfies a port of src/health. One for the whole process: what it bounds is the process's. */
export class HostFiles {
  readonly #libc: Libc;
  #looks = 0;
  readonly #queue: (() => void)[] = [];

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /**
   * What is at `path`, where symbolic links lead to, with the first `headOctets`; undefined: nothing.
   * @returns undefined, at once, where too many looks have no answer
   * @throws {ErrnoError} it may not be seen
   */
  look(path: string, headOctets: number): Promise<Sight | undefined> | undefined {
    if (this.#looks === MAX_LOOKS && this.#queue.length === MAX_QUEUED) return undefined;
    return this.#inTurn(() => this.#look(path, headOctets));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#looks < MAX_LOOKS) this.#looks++;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      return await work();
    } finally {
      // Whoever is next has this turn.
      const next = this.#queue.shift();
      if (next === undefined) this.#looks--;
      else next();
    }
  }

  async #look(path: string, headOctets: number): Promise<Sight | undefined> {
    const fd = await this.#open(path, O_PATH_CLOEXEC);
    if (fd === undefined) return undefined;
    try {
      const seen = await this.#stat(fd, path);
      const head = seen.type === "regular" && headOctets > 0
        ? await this.#head(`/proc/self/fd/${fd}`, path, headOctets)
        : new Uint8Array(0);
      return { ...seen, head };
    } finally {
      this.#libc.close(fd);
    }
  }

  async #open(path: string, flags: number, name = path): Promise<number | undefined> {
    const text = cString(path);
    let fd = await this.#libc.symbols.openWaiting(text, flags);
    // Errno stays in the thread. Asked again here: what did not take long there does not take longer now.
    if (fd < 0) fd = this.#libc.symbols.open(text, flags);
    if (fd >= 0) return fd;
    const errno = this.#libc.errno();
    if (errno === ERRNO.ENOENT || errno === ERRNO.ENOTDIR) return undefined;
    throw new ErrnoError(`open ${name}`, errno);
  }

  async #stat(fd: number, path: string): Promise<Omit<Sight, "head">> {
    const { statx, statxWaiting } = this.#libc.symbols;
    const bytes = new Uint8Array(new ArrayBuffer(STATX.size));
    const empty = cString("");
    if (await statxWaiting(fd, empty, AT_EMPTY_PATH, TYPE_AND_MTIME, bytes) < 0) {
      this.#libc.check(`stat ${path}`, statx(fd, empty, AT_EMPTY_PATH, TYPE_AND_MTIME, bytes));
    }
    const view = new DataView(bytes.buffer);
    const kind = view.getUint16(STATX.mode, true) & S_IFMT;
    const seconds = Number(view.getBigInt64(STATX.mtimeSeconds, true));
    return {
      type: kind === S_IFREG ? "regular" : kind === S_IFDIR ? "folder" : "other",
      modifiedMs: seconds * 1000 + view.getUint32(STATX.mtimeNanos, true) / 1e6,
    };
  }

  async #head(link: string, path: string, maxOctets: number): Promise<Uint8Array> {
    const fd = await this.#open(link, O_RDONLY_NONBLOCK_CLOEXEC, path);
    if (fd === undefined) throw new Error(`open ${path}: /proc is not mounted`);
    try {
      const octets = new Uint8Array(new ArrayBuffer(maxOctets));
      let length = 0;
      while (length < maxOctets) {
        const room = octets.subarray(length);
        const { read, readWaiting } = this.#libc.symbols;
        let count = Number(await readWaiting(fd, room, BigInt(room.byteLength)));
        if (count < 0) count = this.#libc.check(`read ${path}`, read(fd, room, BigInt(room.byteLength)));
        if (count === 0) break;
        length += count;
      }
      return octets.subarray(0, length);
    } finally {
      this.#libc.close(fd);
    }
  }
}
