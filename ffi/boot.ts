/** The boot that this kernel is in, and how long ago it was: /proc/sys/kernel/random/boot_id, CLOCK_BOOTTIME (clock_gettime(2)). */
import { readSmallFile } from "./files.ts";
import type { Libc } from "./libc.ts";

const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;
const BOOT_ID = "/proc/sys/kernel/random/boot_id";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A clock of milliseconds since this boot, sleep included, with the boot's ID; undefined where /proc does not tell. */
export function bootClock(libc: Libc): (() => { readonly id: string; readonly ms: number }) | undefined {
  const id = readSmallFile(libc, BOOT_ID, 64)?.trim() ?? "";
  return UUID.test(id) ? () => ({ id, ms: readClock(libc, CLOCK_BOOTTIME) }) : undefined;
}

/** Microseconds of CLOCK_MONOTONIC, which service managers go by. @throws {ErrnoError} */
export function monotonicMicroseconds(libc: Libc): number {
  return Math.floor(readClock(libc, CLOCK_MONOTONIC) * 1000);
}

/** In milliseconds. @throws {ErrnoError} */
function readClock(libc: Libc, clock: number): number {
  const time = new BigInt64Array(2);
  const bytes = new Uint8Array(time.buffer);
  libc.check("clock_gettime", libc.symbols.clock_gettime(clock, bytes));
  const [seconds = 0n, nanoseconds = 0n] = time;
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
}
