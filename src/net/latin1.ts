/** Octets as text and back, one character for each octet: how HTTP has its heads (RFC 9110 section 5.5). Pure. */

/** Arguments of one call are bounded. */
const SLICE_OCTETS = 4096;

/** The text of `octets`, characters up to U+00FF. */
export function latin1Text(octets: Uint8Array): string {
  if (octets.length <= SLICE_OCTETS) return Reflect.apply(String.fromCharCode, undefined, octets);
  let text = "";
  for (let at = 0; at < octets.length; at += SLICE_OCTETS) {
    // Spread as arguments they take five times as long, and one by one three times the memory.
    text += Reflect.apply(String.fromCharCode, undefined, octets.subarray(at, at + SLICE_OCTETS));
  }
  return text;
}

/** The octets of a text that has no characters beyond U+00FF. */
export function latin1Octets(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i);
  return octets;
}
