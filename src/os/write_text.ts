/** A standard stream, written whole. */

/** Writes all of `text`, however little is taken at once. @throws what the system says */
export function writeText(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}
