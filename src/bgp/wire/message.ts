/** Framing and the five messages (RFC 4271 section 4, RFC 2918, RFC 7313). */
import type { AfiSafi } from "./capability.ts";
import type { NotificationMessage } from "./notification.ts";
import type { OpenMessage } from "./open.ts";
import type { UpdateMessage } from "./update.ts";

export interface KeepaliveMessage {
  readonly type: "KEEPALIVE";
}

/** ROUTE-REFRESH; `subtype` 0 is a request, 1 BoRR, 2 EoRR (RFC 7313). */
export interface RouteRefreshMessage {
  readonly type: "ROUTE-REFRESH";
  readonly family: AfiSafi;
  readonly subtype: number;
}

export type Message =
  | OpenMessage
  | UpdateMessage
  | NotificationMessage
  | KeepaliveMessage
  | RouteRefreshMessage;

/** What both sides agreed on and the codec must know. Before OPEN: four-octet false, 4096. */
export interface CodecContext {
  /** Both sides have the four-octet AS capability (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** The session is internal: LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST are only allowed there (RFC 7606). */
  readonly internal: boolean;
  /** Largest message that we may receive. */
  readonly maxReceiveLength: number;
  /** Families that were negotiated. */
  readonly families: readonly AfiSafi[];
  /** Families whose next hop may be of the other AFI (RFC 8950). */
  readonly extendedNextHop: readonly AfiSafi[];
}
