/** The boot that this kernel is in, and how long ago it was: /proc/sys/kernel/random/boot_id, CLOCK_BOOTTIME (clock_gettime(2)). */
import { readSmallFile } from "./files.ts";
import type { Libc } from "./libc.ts";

const CLOCK_BOOTTIME = 7;
const BOOT_ID = "/proc/sys/kernel/random/boot_id";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A clock of milliseconds since this boot, sleep included, with the boot's ID; undefined where /proc does not tell. */
export function bootClock(libc: Libc): (() => { readonly id: string; readonly ms: number }) | undefined {
  const id = readSmallFile(libc, BOOT_ID, 64)?.trim() ?? "";
  return UUID.test(id) ? () => ({ id, ms: sinceBootMs(libc) }) : undefined;
}

/** @throws {ErrnoError} */
function sinceBootMs(libc: Libc): number {
  const time = new BigInt64Array(2);
  const bytes = new Uint8Array(time.buffer);
  libc.check("clock_gettime", libc.symbols.clock_gettime(CLOCK_BOOTTIME, bytes));
  const [seconds = 0n, nanoseconds = 0n] = time;
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
}
