/** The ICMP errors that the kernel keeps for a socket (IP_RECVERR of ip(7), struct sock_extended_err of linux/errqueue.h). */
import type { MessageBuffer } from "./message.ts";
import { decodeSocketAddress, type SocketAddress } from "./sockaddr.ts";

/** Level and type of the control message, and its `ee_origin` where it is of ICMP. */
const RETURNED = {
  4: { level: 0, type: 11, origin: 2 },
  6: { level: 41, type: 25, origin: 3 },
} as const;
/** struct sock_extended_err; `offender` (SO_EE_OFFENDER): the sockaddr of who sent the ICMP error. */
const EXTENDED_ERROR = { errno: 0, origin: 4, type: 5, code: 6, offender: 16 } as const;

/** An ICMP error, and who sent it. */
export interface ReturnedIcmp {
  readonly type: number;
  readonly code: number;
  readonly from: SocketAddress | undefined;
}

/** What a message from the queue of errors says: the error number, and the ICMP error where it was one. */
export function returnedError(
  message: MessageBuffer,
  family: 4 | 6,
): { readonly errno: number; readonly icmp: ReturnedIcmp | undefined } {
  const wanted = RETURNED[family];
  let errno = 0;
  let icmp: ReturnedIcmp | undefined;
  for (const { level, type: kind, bytes } of message.control()) {
    if (level !== wanted.level || kind !== wanted.type) continue;
    errno = new DataView(bytes.buffer, bytes.byteOffset).getUint32(EXTENDED_ERROR.errno, true);
    if (bytes[EXTENDED_ERROR.origin] !== wanted.origin) continue;
    const [type = 0, code = 0] = bytes.subarray(EXTENDED_ERROR.type, EXTENDED_ERROR.code + 1);
    const offender = bytes.subarray(EXTENDED_ERROR.offender);
    icmp = { type, code, from: offender.byteLength < 16 ? undefined : decodeSocketAddress(offender) };
  }
  return { errno, icmp };
}
