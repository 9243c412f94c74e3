/** Files and standard streams, in words for people where they fail. */
import { messageOf } from "../text/error_message.ts";

/**
 * The file's first `limit` octets and one more where it is longer: whoever asked sees that it is too large.
 * @throws {Error} in words for people
 */
export function readFile(path: string, limit: number): Uint8Array {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(limit + 1);
    let length = 0;
    for (let read: number | null = 0; read !== null && length < bytes.length; length += read ?? 0) {
      read = file.readSync(bytes.subarray(length));
    }
    return bytes.subarray(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Error("does not exist");
    if (error instanceof Deno.errors.IsADirectory) throw new Error("is a folder, not a file");
    if (error instanceof Deno.errors.PermissionDenied) throw new Error("may not be read by this user");
    throw new Error(`cannot be read: ${messageOf(error)}`);
  }
}

/** Writes all of `text`, however little is taken at once. @throws what the system says */
export function writeText(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}
