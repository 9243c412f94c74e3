/** What the codec must know of a session: what both sides agreed on in their OPENs. */
import type { AfiSafi } from "./capability.ts";
import { MAX_MESSAGE_LENGTH } from "./constants.ts";

/** What both sides agreed on and the codec must know. */
export interface CodecContext {
  /** Both sides have the four-octet AS capability (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** The session is internal: LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST are only allowed there (RFC 7606). */
  readonly internal: boolean;
  /** Largest message that we may receive. */
  readonly maxReceiveLength: number;
  /** Largest UPDATE, NOTIFICATION or ROUTE-REFRESH that we may send. */
  readonly maxSendLength: number;
  /** Families that were negotiated. */
  readonly families: readonly AfiSafi[];
  /** Families whose next hop may be of the other AFI (RFC 8950). */
  readonly extendedNextHop: readonly AfiSafi[];
}

/** The context before the OPENs were exchanged. */
export const INITIAL_CONTEXT: CodecContext = {
  fourOctetAs: false,
  internal: false,
  maxReceiveLength: MAX_MESSAGE_LENGTH,
  maxSendLength: MAX_MESSAGE_LENGTH,
  families: [],
  extendedNextHop: [],
};
