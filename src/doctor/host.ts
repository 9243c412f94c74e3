/**
 * The port to the host that doctor looks at: what can be read of it, and nothing that changes it. Asking for a module may make
 * the kernel load it, as a start of the agent would. What may not be seen is an error of its own, not an answer.
 */
import type { ActualKernel } from "../kernel/state.ts";
import type { Interest } from "../kernel/kernel.ts";
import type { Address } from "../net/address.ts";
import type { Link } from "../netlink/rtnetlink.ts";

/** An interface of the host. */
export interface HostLink extends Pick<Link, "index" | "name" | "kind" | "alias" | "group" | "up" | "mtu"> {
  readonly addresses: readonly { readonly address: Address; readonly prefixLength: number }[];
}

/** Where packets to an address go. */
export interface HostRoute {
  /** The outgoing interface's index; undefined: the kernel did not say, as of several next hops. */
  readonly link: number | undefined;
  /** The address is one of this host. */
  readonly local: boolean;
  /** Of the route itself, where it has one. */
  readonly mtu: number | undefined;
}

/** Options of a TCP socket that not every kernel has. */
export type SocketOption = "TCP-MD5" | "TCP-AO" | "GTSM over IPv4" | "GTSM over IPv6";

/** What can be read of a host. Everything may throw `NotSeenError`. */
export interface Host {
  /** The text of a small file; undefined where there is none. */
  read(path: string): string | undefined;
  /** The names in a folder; none where there is no folder. */
  list(folder: string): readonly string[];
  /** What a symbolic link says; undefined where there is none. */
  target(path: string): string | undefined;
  /** Whether this process may write to what is at `path`; undefined where nothing is there. */
  mayWrite(path: string): boolean | undefined;
  /** Whether this process may run the program at `path`; undefined where nothing is there. */
  mayRun(path: string): boolean | undefined;
  links(): readonly HostLink[];
  /** Undefined where there is no route. */
  routeTo(address: Address): HostRoute | undefined;
  /** Whether the kernel can create dummy interfaces. */
  hasDummy(): boolean;
  hasIpvs(): boolean;
  /** Whether IPVS has, or can load, a scheduler. */
  hasScheduler(name: string): boolean;
  /** What the agent would see; no virtual services where the kernel has no IPVS. */
  kernelState(interest: Interest): Promise<ActualKernel>;
  hasSocketOption(option: SocketOption): boolean;
  /** What keeps libnl from being opened; undefined: nothing. */
  libnlProblem(): string | undefined;
  /** How many descriptors this process may have at most, and up to how many it may allow itself. */
  descriptorLimit(): { readonly soft: number; readonly hard: number };
}

/** Something could not be looked at: a reason in words. */
export class NotSeenError extends Error {
  override readonly name = "NotSeenError";
}
