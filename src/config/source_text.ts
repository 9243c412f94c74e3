/** A file's octets as text, or why they are none, with the place of the first octet that is wrong. */
import type { Position } from "./values/finding.ts";

/** Larger files are refused: 10,000 services fit. */
export const MAX_FILE_OCTETS = 4 * 1024 * 1024;

/** Text without a byte order mark, or what is wrong, and where. */
export type SourceText = { readonly text: string } | {
  readonly problem: string;
  readonly position: Position | undefined;
};

/** Decodes UTF-8. */
export function decodeText(octets: Uint8Array): SourceText {
  if (octets.byteLength > MAX_FILE_OCTETS) {
    return { problem: `is larger than ${MAX_FILE_OCTETS / 1024 / 1024} MiB`, position: undefined };
  }
  const utf16 = (octets[0] === 0xff && octets[1] === 0xfe) || (octets[0] === 0xfe && octets[1] === 0xff);
  if (utf16) return { problem: "is UTF-16 text, save it as UTF-8", position: undefined };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(octets) };
  } catch {
    return notText(octets);
  }
}

/** Every wrong octet is decoded as U+FFFD; the first of those that does not stand in the file itself is the place. */
function notText(octets: Uint8Array): SourceText {
  const text = new TextDecoder().decode(octets);
  let offset = octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf ? 3 : 0;
  let [line, column] = [1, 1];
  for (const character of text) {
    const genuine = octets[offset] === 0xef && octets[offset + 1] === 0xbf && octets[offset + 2] === 0xbd;
    if (character === "\ufffd" && !genuine) break;
    offset += octetsOf(character);
    [line, column] = character === "\n" ? [line + 1, 1] : [line, column + character.length];
  }
  const octet = (octets[offset] ?? 0).toString(16).padStart(2, "0");
  return { problem: `is not UTF-8 text: octet 0x${octet} is not allowed here`, position: { line, column } };
}

function octetsOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}
