/** Octets in words for people: what was looked for, and what came in its place. Pure. */
import { foreignText } from "./foreign.ts";

/** More of them are not shown. */
const SHOWN_OCTETS = 80;

/** In quotes where they are a text, else in hexadecimal; cut where there are many. */
export function shownOctets(octets: Uint8Array): string {
  const first = octets.subarray(0, SHOWN_OCTETS);
  const isCut = octets.byteLength > SHOWN_OCTETS;
  const text = textOf(first, isCut);
  // As JSON has it, so that the end of a line is seen as such.
  if (text !== undefined) return `${foreignText(JSON.stringify(text))}${isCut ? "…" : ""}`;
  const hex = octets.subarray(0, SHOWN_OCTETS / 2).toHex();
  return `octets ${hex}${octets.byteLength > SHOWN_OCTETS / 2 ? "…" : ""}`;
}

/** Undefined: they are none. The last character may have been cut. */
function textOf(octets: Uint8Array, isCut: boolean): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets, { stream: isCut });
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}
