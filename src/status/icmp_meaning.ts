/** What an ICMP error means for a connection (RFC 792, RFC 1812 section 5.2.7.1, RFC 4443 section 3). Pure. */
import type { IcmpError } from "../bgp/transport/failed_attempt.ts";

/** What is told apart. */
export type IcmpMeaning = "time exceeded" | "prohibited" | "port unreachable" | "unreachable" | "other";

const TIME_EXCEEDED = { 4: 11, 6: 3 } as const;
const UNREACHABLE = { 4: 3, 6: 1 } as const;
const PORT_UNREACHABLE = { 4: 3, 6: 4 } as const;
const PROHIBITED: { readonly [Family in 4 | 6]: readonly number[] } = { 4: [9, 10, 13], 6: [1, 5, 6] };

/** The meaning of `type` and `code`. */
export function icmpMeaning(
  { family, type, code }: Pick<IcmpError, "family" | "type" | "code">,
): IcmpMeaning {
  if (type === TIME_EXCEEDED[family]) return "time exceeded";
  if (type !== UNREACHABLE[family]) return "other";
  if (code === PORT_UNREACHABLE[family]) return "port unreachable";
  return PROHIBITED[family].includes(code) ? "prohibited" : "unreachable";
}
