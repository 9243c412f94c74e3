/** The sysctls of our own interfaces: what of them netlink tells but cannot set. */
import { ERRNO } from "../netlink/errno.ts";
import { KernelError, withKernelErrors } from "../netlink/transport.ts";

/** Where sysctls are set (`ffi/` satisfies it by shape). */
export interface Sysctls {
  /** Sets one, by its path under /proc/sys. @throws an Error with `errno` */
  set(path: readonly string[], value: string): void;
}

/** Switches IPv6 on for an interface, whatever the default of the host. @throws {KernelError} */
export function enableIpv6(sysctls: Sysctls, operation: string, interfaceName: string): void {
  const path = ["net", "ipv6", "conf", interfaceName, "disable_ipv6"];
  try {
    withKernelErrors(operation, () => sysctls.set(path, "0"));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new KernelError(operation, { errno: error.errno, extendedAck: error.message }, hintOf(error.errno));
  }
}

function hintOf(errno: number): string {
  return errno === ERRNO.ENOENT
    ? "this kernel has no IPv6: was it started with ipv6.disable=1?"
    : "/proc/sys must be writable: no ProtectKernelTunables, no read-only container";
}
