/** Why a connection was closed at accept, in words. Pure. */
import type { RefusalReason } from "../bgp/transport/transport.ts";

/** The reason, with the cure where one is known. */
export function refusalText(reason: RefusalReason): string {
  switch (reason.type) {
    case "no-peer":
      return "no peer is configured with this address";
    case "unknown-zone":
      return "several peers have this link-local address, and its interface cannot be told: --allow-sys=networkInterfaces, or --allow-ffi";
    case "other-device":
      return reason.device === undefined
        ? "it came in by a VRF, and the peer with this address has none: set its interface"
        : `it did not come in by ${reason.device}, the interface of the peer with this address, or came before anybody listened there`;
    case "ttl":
      return `TTL ${reason.ttl} is below ${reason.minimum} (GTSM, RFC 5082)`;
    case "option":
      return reason.message;
    case "surplus":
      return "the peer has connections enough, connects too often, or is not to be spoken with";
    case "held-back":
      return `no session is begun: ${reason.cause}`;
    default:
      return reason satisfies never;
  }
}
