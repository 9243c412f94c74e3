/** Router solicitations and advertisements of neighbour discovery (RFC 4861 sections 4.1, 4.2, 6.1): bytes and values. */
import { Reader } from "../bytes/reader.ts";

const SOLICITATION = { type: 133, size: 8 } as const;
const ADVERTISEMENT = { type: 134, size: 16 } as const;
/** Lengths of options are in units of so many octets. */
const OPTION_UNIT = 8;

/** The types that a socket for both lets through. */
export const ROUTER_MESSAGE_TYPES: readonly number[] = [SOLICITATION.type, ADVERTISEMENT.type];

/**
 * What a message is to somebody who looks for a neighbour. What is in it is for hosts, the router lifetime, too: 0 says that it
 * is no default router, which those who peer by interface mostly are not.
 */
export type RouterMessage = "solicitation" | "advertisement";

/** A solicitation. The checksum covers addresses and is the kernel's job, here and below. */
export function encodeRouterSolicitation(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SOLICITATION.size);
  bytes[0] = SOLICITATION.type;
  return bytes;
}

/** An advertisement of a router that is nobody's default one: lifetime 0, nothing specified, no prefix. */
export function encodeRouterAdvertisement(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ADVERTISEMENT.size);
  bytes[0] = ADVERTISEMENT.type;
  return bytes;
}

/**
 * A message without IPv6 header; undefined where it is none of these or RFC 4861 section 6.1 has it discarded.
 * Of what is checked there the checksum is left to the kernel, hop limit and source to whoever received it.
 */
export function decodeRouterMessage(bytes: Uint8Array): RouterMessage | undefined {
  const [type, code] = bytes;
  const form = type === SOLICITATION.type
    ? SOLICITATION
    : type === ADVERTISEMENT.type
    ? ADVERTISEMENT
    : undefined;
  if (form === undefined || code !== 0 || bytes.byteLength < form.size) return undefined;
  if (!areOptionsWhole(bytes.subarray(form.size))) return undefined;
  return form === SOLICITATION ? "solicitation" : "advertisement";
}

/** Has every option a length, and room for it? What is in them is for hosts. */
function areOptionsWhole(bytes: Uint8Array): boolean {
  const reader = new Reader(bytes);
  while (reader.remaining > 0) {
    if (reader.remaining < OPTION_UNIT) return false;
    reader.u8("option type");
    const rest = reader.u8("option length") * OPTION_UNIT - 2;
    if (rest < 0 || rest > reader.remaining) return false;
    reader.bytes(rest, "option");
  }
  return true;
}
