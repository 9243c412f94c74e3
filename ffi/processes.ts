/** The processes of this host, by /proc, where the runtime's own reading is not allowed: their numbers and names. */
import type { Libc } from "./libc.ts";

const O_CLOEXEC = 0o2000000;
const O_DIRECTORY = 0o200000;
/** struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name. */
const DIRENT = { recordLength: 16, name: 19 } as const;
/** TASK_COMM_LEN, and a line end. */
const COMM_OCTETS = 32;
const LISTING_OCTETS = 32_768;
const MAX_PIDS = 65_536;

/** What is known of processes. None of it throws: what cannot be read is undefined, or none. */
export class Processes {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** The name of a process (/proc/PID/comm); undefined where there is no such process, or it may not be known. */
  name(pid: number): string | undefined {
    if (!Number.isInteger(pid) || pid < 1) return undefined;
    const octets = this.#within(`/proc/${pid}/comm`, O_CLOEXEC, (fd) => {
      const buffer = new Uint8Array(new ArrayBuffer(COMM_OCTETS));
      const count = Number(this.#libc.symbols.read(fd, buffer, BigInt(buffer.byteLength)));
      return buffer.subarray(0, Math.max(0, count));
    });
    const name = octets && new TextDecoder().decode(octets).replace(/\n[^]*$/, "");
    return name === "" ? undefined : name;
  }

  /** The numbers of the processes that this one may see. */
  pids(): readonly number[] {
    return this.#within("/proc", O_CLOEXEC | O_DIRECTORY, (fd) => this.#list(fd)) ?? [];
  }

  #list(fd: number): readonly number[] {
    const { getdents64 } = this.#libc.symbols;
    const pids: number[] = [];
    if (getdents64 === null) return pids;
    const buffer = new Uint8Array(new ArrayBuffer(LISTING_OCTETS));
    const view = new DataView(buffer.buffer);
    while (pids.length < MAX_PIDS) {
      const length = Number(getdents64(fd, buffer, BigInt(buffer.byteLength)));
      if (length <= 0) break;
      for (let at = 0; at + DIRENT.name < length;) {
        const recordLength = view.getUint16(at + DIRENT.recordLength, true);
        if (recordLength === 0) return pids;
        const name = new TextDecoder().decode(buffer.subarray(at + DIRENT.name, at + recordLength));
        const pid = /^([1-9][0-9]*)\0/.exec(name)?.[1];
        if (pid !== undefined) pids.push(Number(pid));
        at += recordLength;
      }
    }
    return pids;
  }

  #within<T>(path: string, flags: number, use: (fd: number) => T): T | undefined {
    if (this.#libc.closed) return undefined;
    const fd = this.#libc.symbols.open(new TextEncoder().encode(`${path}\0`), flags);
    if (fd < 0) return undefined;
    try {
      return use(fd);
    } finally {
      this.#libc.close(fd);
    }
  }
}
