/** OPEN (RFC 4271 sections 4.2 and 6.2, RFC 5492, RFC 9072). */
import type { Capability } from "./capability.ts";

/** An OPEN message. */
export interface OpenMessage {
  readonly type: "OPEN";
  readonly version: number;
  /** The two-octet field "My Autonomous System": AS_TRANS where the AS needs four octets. */
  readonly myAs: number;
  readonly holdTimeSeconds: number;
  /** Unsigned 32-bit. */
  readonly bgpIdentifier: number;
  /** In the order of the message, over all optional parameters. */
  readonly capabilities: readonly Capability[];
}
