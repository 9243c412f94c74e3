/**
 * Processes that are not ours, by pidfd_open(2): whether one runs, since when, and to be told when it ends. Its number may
 * be another's once it has ended; a pidfd is of one process for good.
 */
import { ERRNO, ErrnoError } from "./errno.ts";
import { readSmallFile } from "./files.ts";
import type { Libc } from "./libc.ts";
import { EPOLLIN, type Reactor } from "./reactor.ts";

/** The same number on every architecture. */
const SYS_PIDFD_OPEN = 434n;
/** pid_t has no greater ones. */
const MAX_PID = 0x7fff_ffff;
const POLLIN = 1;
/** USER_HZ, which /proc counts in whatever the kernel's HZ is. */
const TICKS_PER_SECOND = 100;
const STAT_OCTETS = 4096;
/** proc_pid_stat(5), behind the name. */
const START_TIME_FIELD = 19;

/** A process that runs. */
interface Running {
  /** Undefined: it may not be known. */
  readonly name: string | undefined;
  /** On the clock of the wall. Undefined: it may not be known. */
  readonly startedMs: number | undefined;
}

/** Looks at processes and waits for their end; satisfies a port of src/health. */
export class HostProcesses {
  readonly #libc: Libc;
  readonly #reactor: Reactor;

  constructor(libc: Libc, reactor: Reactor) {
    this.#libc = libc;
    this.#reactor = reactor;
  }

  /** Undefined: there is none, or it has ended and its parent has not noticed (a zombie). @throws {ErrnoError} our own shortage */
  find(pid: number): Running | undefined {
    const fd = this.#open(pid);
    if (fd === undefined) return undefined;
    try {
      return this.#hasEnded(fd) ? undefined : this.#facts(pid);
    } finally {
      this.#libc.close(fd);
    }
  }

  /**
   * Calls `ended` in the turn in which the kernel reports that the process has ended; disposing ends that. Undefined: it has
   * ended already.
   * @throws {ErrnoError} our own shortage
   */
  onEnd(pid: number, ended: () => void): Disposable | undefined {
    const fd = this.#open(pid);
    if (fd === undefined) return undefined;
    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      registration?.[Symbol.dispose]();
      this.#libc.close(fd);
    };
    let registration: Disposable | undefined;
    try {
      registration = this.#reactor.add(fd, EPOLLIN, () => {
        close();
        ended();
      }, close);
    } catch (error) {
      this.#libc.close(fd);
      throw error;
    }
    return { [Symbol.dispose]: close };
  }

  #open(pid: number): number | undefined {
    if (pid > MAX_PID) return undefined;
    const fd = Number(this.#libc.symbols.syscall(SYS_PIDFD_OPEN, pid, 0));
    if (fd >= 0) return fd;
    const errno = this.#libc.errno();
    // EINVAL: no process has this number, or it is a thread's.
    if (errno === ERRNO.ESRCH || errno === ERRNO.EINVAL) return undefined;
    throw new ErrnoError(`pidfd_open ${pid}`, errno);
  }

  #hasEnded(fd: number): boolean {
    const bytes = new Uint8Array(new ArrayBuffer(8));
    const view = new DataView(bytes.buffer);
    view.setInt32(0, fd, true);
    view.setInt16(4, POLLIN, true);
    return this.#libc.symbols.poll(bytes, 1n, 0) > 0;
  }

  /** /proc may hide it (hidepid), and it runs all the same. */
  #facts(pid: number): Running {
    try {
      const stat = readSmallFile(this.#libc, `/proc/${pid}/stat`, STAT_OCTETS) ?? "";
      // The name is in brackets and may have some in it.
      const nameEnd = stat.lastIndexOf(")");
      const ticks = Number(stat.slice(nameEnd + 2).split(" ")[START_TIME_FIELD]);
      const name = nameEnd < 0 ? undefined : stat.slice(stat.indexOf("(") + 1, nameEnd);
      const uptime = Number(readSmallFile(this.#libc, "/proc/uptime", STAT_OCTETS)?.split(" ", 1)[0]);
      const startedMs = Date.now() - (uptime - ticks / TICKS_PER_SECOND) * 1000;
      return { name, startedMs: Number.isFinite(startedMs) ? startedMs : undefined };
    } catch (error) {
      if (error instanceof ErrnoError) return { name: undefined, startedMs: undefined };
      throw error;
    }
  }
}
