/** Adapter: reads configuration and secret files from this host, with errors that people understand. */
import { MAX_FILE_OCTETS } from "./load.ts";

/** The bytes of the file, pipe or device at `path`, or a few more than `loadConfig` takes. @throws {Error} such as "does not exist" */
export function readHostFile(path: string): Uint8Array {
  try {
    using file = Deno.openSync(path, { read: true });
    if (file.statSync().isDirectory) throw new Error("is a folder, not a file");
    return readBounded(file);
  } catch (error) {
    throw plainError(error);
  }
}

function readBounded(file: Deno.FsFile): Uint8Array {
  let bytes = new Uint8Array(64 * 1024);
  let length = 0;
  for (;;) {
    if (length === bytes.byteLength) {
      const larger = new Uint8Array(2 * length);
      larger.set(bytes);
      bytes = larger;
    }
    const count = file.readSync(bytes.subarray(length));
    if (count === null) return bytes.subarray(0, length);
    length += count;
    if (length > MAX_FILE_OCTETS) return bytes.subarray(0, length);
  }
}

function plainError(error: unknown): Error {
  if (error instanceof Deno.errors.NotFound) return new Error("does not exist");
  if (error instanceof Deno.errors.IsADirectory) return new Error("is a folder, not a file");
  if (error instanceof Deno.errors.NotADirectory) {
    return new Error("does not exist: a part of its path is a file");
  }
  if (error instanceof Deno.errors.PermissionDenied) return new Error("cannot be read: permission denied");
  if (error instanceof Deno.errors.NotCapable) {
    return new Error(
      "cannot be read: this process was started without permission to (deno run --allow-read)",
    );
  }
  return error instanceof Error ? error : new Error(String(error));
}
