/**
 * NOTIFICATION (RFC 4271 sections 4.5 and 6, RFC 4486, RFC 6608, RFC 9003): the message, and the one error that
 * hostile or broken input becomes.
 */

/** A NOTIFICATION message, as sent or received. */
export interface NotificationMessage {
  readonly type: "NOTIFICATION";
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** A fault of the peer's that ends the session with this NOTIFICATION. Thrown by codecs, caught in one place. */
export class NotificationError extends Error {
  override readonly name = "NotificationError";
  constructor(
    readonly code: number,
    readonly subcode: number,
    message: string,
    readonly data: Uint8Array = new Uint8Array(),
  ) {
    super(message);
  }
}
