/** What the process may use and has used: descriptors (setrlimit(2)), CPU time (getrusage(2)), heap memory (malloc_trim(3)). */
import type { Libc } from "./libc.ts";

const RUSAGE_SELF = 0;
const RLIMIT_NOFILE = 7;
/** struct rusage, of which only ru_utime and ru_stime, two struct timeval, are read. */
const RUSAGE = { size: 144, userSeconds: 0, userMicros: 8, systemSeconds: 16, systemMicros: 24 } as const;

/** CPU time so far, in seconds. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

/** How many descriptors this process may have, and up to how many it may allow itself. */
export interface DescriptorLimit {
  readonly soft: number;
  readonly hard: number;
}

/** CPU time that this process has used so far. @throws {ErrnoError} */
export function cpuTime(libc: Libc): CpuTime {
  const usage = new DataView(new ArrayBuffer(RUSAGE.size));
  libc.check("getrusage", libc.symbols.getrusage(RUSAGE_SELF, new Uint8Array(usage.buffer)));
  const seconds = (whole: number, micros: number) =>
    Number(usage.getBigInt64(whole, true)) + Number(usage.getBigInt64(micros, true)) / 1e6;
  return {
    user: seconds(RUSAGE.userSeconds, RUSAGE.userMicros),
    system: seconds(RUSAGE.systemSeconds, RUSAGE.systemMicros),
  };
}

/** The limit of descriptors; Infinity where there is none. @throws {ErrnoError} */
export function descriptorLimit(libc: Libc): DescriptorLimit {
  const limit = new BigUint64Array(2);
  const bytes = new Uint8Array(limit.buffer);
  libc.check("getrlimit", libc.symbols.getrlimit(RLIMIT_NOFILE, bytes));
  const [soft = 0n, hard = 0n] = limit;
  return { soft: fromRlim(soft), hard: fromRlim(hard) };
}

/**
 * Allows this process `wanted` descriptors, or as many as it may have: beyond the hard limit only with CAP_SYS_RESOURCE.
 * Never lowers anything.
 * @returns the limit that holds now; its `soft` is below `wanted` where that could not be had
 * @throws {ErrnoError} the limits cannot be read
 */
export function raiseNoFile(libc: Libc, wanted: number): DescriptorLimit {
  const { soft, hard } = descriptorLimit(libc);
  if (soft >= wanted) return { soft, hard };
  if (hard >= wanted || !setNoFile(libc, wanted, wanted)) setNoFile(libc, Math.min(wanted, hard), hard);
  return descriptorLimit(libc);
}

/** Gives free heap memory back to the kernel; false where this C library cannot. */
export function trimMemory(libc: Libc): boolean {
  const { malloc_trim } = libc.symbols;
  if (malloc_trim === null) return false;
  malloc_trim(0n);
  return true;
}

function setNoFile(libc: Libc, soft: number, hard: number): boolean {
  const bytes = new Uint8Array(new BigUint64Array([toRlim(soft), toRlim(hard)]).buffer);
  return libc.symbols.setrlimit(RLIMIT_NOFILE, bytes) === 0;
}

const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

function fromRlim(value: bigint): number {
  return value === RLIM_INFINITY ? Infinity : Number(value);
}

function toRlim(value: number): bigint {
  return value === Infinity ? RLIM_INFINITY : BigInt(value);
}
