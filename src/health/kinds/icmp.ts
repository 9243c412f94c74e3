/** The port to ICMP: what the ping check needs of the network. */
import type { Address } from "../../net/address.ts";

/** How long an echo may take, and what cancels it. */
export interface EchoOptions {
  readonly timeoutMs: number;
  /** The local address; undefined: the kernel's choice. */
  readonly source?: Address | undefined;
  readonly signal: AbortSignal;
}

/** What an answered echo tells. */
export interface EchoReply {
  readonly rttMs: number;
}

/** Sends ICMP and ICMPv6 echo requests. */
export interface Icmp {
  /**
   * One echo request; resolves with the reply.
   * @throws {Error} no answer in time, destination unreachable, aborted, or the host allows neither raw nor ping sockets
   */
  echo(address: Address, options: EchoOptions): Promise<EchoReply>;
}
