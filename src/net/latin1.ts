/** Octets as text and back, one character for each octet: how HTTP has its heads (RFC 9110 section 5.5). Pure. */

/** The text of `octets`, characters up to U+00FF. */
export function latin1Text(octets: Uint8Array): string {
  let text = "";
  // Spreading them as arguments takes ten times as long.
  for (let at = 0; at < octets.length; at++) text += String.fromCharCode(octets[at] ?? 0);
  return text;
}

/** The octets of a text that has no characters beyond U+00FF. */
export function latin1Octets(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i);
  return octets;
}
