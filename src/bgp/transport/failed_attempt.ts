/** What is known of an attempt to connect that failed or was given up: facts, which `src/status` puts into words. Pure. */
import type { PeerConfig } from "../../config/config.ts";
import { codeOf, operationOf } from "../../text/error_message.ts";
import type { SegmentDrops } from "./segment_drops.ts";
import { ttlPolicy } from "./ttl.ts";

/** The ICMP error that ended an attempt. */
export interface IcmpError {
  readonly family: 4 | 6;
  readonly type: number;
  readonly code: number;
  /** Who sent it; undefined: not named. */
  readonly from: string | undefined;
  /** This host itself did, as nobody answered for the next hop on the link. */
  readonly isOwn: boolean;
}

/** An attempt to connect that came to nothing. */
export interface FailedAttempt {
  /** The system call that failed, such as `bind` or `setsockopt TCP_MD5SIG`; undefined: none, or not known. */
  readonly operation: string | undefined;
  /** The kernel's name of the error; undefined: given up without an answer, or the error has none. */
  readonly code: string | undefined;
  /** It was given up, as nothing had come of it in time. */
  readonly unanswered: boolean;
  readonly icmp: IcmpError | undefined;
  /** While it was under way, on all connections of this network namespace. */
  readonly drops: SegmentDrops;
}

/** What of a peer's configuration its sockets show: what a failed attempt may be due to. No secret is in it. */
export interface SocketSettings {
  readonly port: number;
  readonly device: string | undefined;
  readonly localAddress: string | undefined;
  readonly signature: "TCP-MD5" | "TCP-AO" | undefined;
  readonly external: boolean;
  readonly ttl: number;
  readonly ttlSecurity: number | undefined;
  readonly multihop: number | undefined;
}

/** A failed attempt with all that its words go by. */
export interface AttemptFacts {
  readonly address: string;
  readonly settings: SocketSettings;
  readonly failed: FailedAttempt;
}

/** The settings of `peer`, to whom we are `localAs`. */
export function socketSettings(peer: PeerConfig, localAs: number): SocketSettings {
  return {
    port: peer.port,
    device: peer.device,
    localAddress: peer.localAddress?.text,
    signature: peer.password !== undefined ? "TCP-MD5" : peer.tcpAo.length > 0 ? "TCP-AO" : undefined,
    external: peer.as !== (peer.localAs ?? localAs),
    ttl: ttlPolicy(peer, localAs).ttl,
    ttlSecurity: peer.ttlSecurity,
    multihop: peer.multihop,
  };
}

/** What `error` says of an attempt. */
export function failureOf(
  error: unknown,
  { unanswered, icmp, drops }: Pick<FailedAttempt, "unanswered" | "icmp" | "drops">,
): FailedAttempt {
  return unanswered
    ? { operation: undefined, code: undefined, unanswered, icmp, drops }
    : { operation: operationOf(error), code: codeOf(error), unanswered, icmp, drops };
}
