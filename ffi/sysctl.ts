/** Sysctls, by their files under /proc/sys: Deno itself may not open these with less than every permission. */
import { ErrnoError } from "./errno.ts";
import { cString, type Libc } from "./libc.ts";

const O_WRONLY = 0x1;
const O_CLOEXEC = 0x80000;

/** Sets sysctls of the network namespace that this process is in. */
export class Sysctls {
  readonly #libc: Libc;

  /** `libc` stays the caller's. */
  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Sets one, by its path under /proc/sys. @throws {ErrnoError} */
  set(path: readonly string[], value: string): void {
    const { symbols } = this.#libc;
    const file = `/proc/sys/${path.join("/")}`;
    const fd = this.#libc.check(`open ${file}`, symbols.open(cString(file), O_WRONLY | O_CLOEXEC));
    try {
      const bytes = new TextEncoder().encode(value);
      const written = symbols.write(fd, bytes, BigInt(bytes.byteLength));
      // The kernel takes a value whole or not at all.
      if (written < 0) throw new ErrnoError(`write ${file}`, this.#libc.errno());
    } finally {
      this.#libc.close(fd);
    }
  }
}
