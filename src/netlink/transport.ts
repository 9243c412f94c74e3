/** The port behind which netlink sockets are (`ffi/` satisfies it by shape), and the error that a refusal becomes. */
import { ERRNO } from "./errno.ts";
import type { Failure } from "./message.ts";

/** A netlink socket. Nothing of it blocks. */
export interface NetlinkSocket extends Disposable {
  /** The descriptor, for readiness only. */
  readonly fd: number;
  /** Sends one datagram to the kernel, which has acted on it when this returns. 0, or an errno. */
  send(datagram: Uint8Array<ArrayBuffer>): number;
  /** The next datagram (a view that holds until the next call), or an errno: EAGAIN where there is none. */
  receive(): Uint8Array | number;
  /** An errno in words and by name, such as `no such device (ENODEV)`. */
  describe(errno: number): string;
}

/** One step of a classic BPF program: struct sock_filter of <linux/filter.h>. */
export interface FilterStep {
  readonly code: number;
  /** Steps to skip where the comparison holds, and where it does not. */
  readonly jumps: readonly [number, number];
  readonly operand: number;
}

/** Where netlink sockets come from. */
export interface NetlinkTransport {
  /**
   * A socket of a protocol (NETLINK_ROUTE, NETLINK_GENERIC), a member of multicast `groups`, of whose messages it gets
   * those alone that `filter` lets through.
   * @throws an Error with `errno`
   */
  open(protocol: number, groups: readonly number[], filter?: readonly FilterStep[]): NetlinkSocket;
  /** The number of a generic netlink family; undefined where the kernel does not know it (module not loaded). */
  resolveFamily(name: string): number | undefined;
}

/** What tells about readiness of a descriptor. */
export interface ReactorPort {
  /** Calls back while `events` (EPOLLIN) hold for `fd`. */
  add(fd: number, events: number, callback: () => void): Disposable;
}

/** EPOLLIN of <sys/epoll.h>. */
export const EPOLLIN = 0x1;

/** The kernel refused: what was tried, the kernel's own words, and the cure where it is known. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  /** As in <asm-generic/errno.h>; 0 where it was not the kernel that failed. */
  readonly errno: number;
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(
    /** What was tried, such as `create dummy interface web`. */
    readonly operation: string,
    failure: Failure,
    hint: string | undefined = hintOf(failure.errno),
  ) {
    const words = [failure.words, failure.extendedAck].filter((part) => part !== undefined);
    super(
      `${operation}: ${words.join(": ") || `errno ${failure.errno}`}${
        hint === undefined ? "" : ` (${hint})`
      }`,
    );
    this.errno = failure.errno;
    this.hint = hint;
  }
}

/** A socket of `protocol`, a member of `groups`. @throws {KernelError} */
export function openSocket(
  transport: NetlinkTransport,
  protocol: number,
  groups: readonly number[] = [],
  filter?: readonly FilterStep[],
): NetlinkSocket {
  return withKernelErrors("open a netlink socket", () => transport.open(protocol, groups, filter));
}

/** The number of the generic netlink family `name`, undefined where the kernel has none. @throws {KernelError} */
export function resolveFamily(transport: NetlinkTransport, name: string): number | undefined {
  return withKernelErrors(`find ${name}`, () => transport.resolveFamily(name));
}

/** What `call` returns; an error of it that has an errno becomes one of the kernel. @throws {KernelError} */
export function withKernelErrors<T>(operation: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Error) || !("errno" in error) || typeof error.errno !== "number") throw error;
    throw new KernelError(operation, { errno: error.errno, extendedAck: error.message });
  }
}

function hintOf(errno: number): string | undefined {
  return errno === ERRNO.EPERM ? "needs CAP_NET_ADMIN" : undefined;
}
