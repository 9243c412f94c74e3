/** Reads files of /proc and /sys, which Deno's own API forbids short of --allow-all. */
import { cString, type Libc } from "./libc.ts";

const O_RDONLY = 0;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x80000;
const CHUNK_SIZE = 4096;
const LARGEST_FILE = 16 * 1024 * 1024;

/**
 * The whole file `path`, whose length need not be known beforehand.
 * @throws {ErrnoError} it is missing, unreadable or a folder
 * @throws {RangeError} it is longer than 16 MiB
 */
export function readFile(libc: Libc, path: string): Uint8Array<ArrayBuffer> {
  const { symbols } = libc;
  const fd = libc.check(`open ${path}`, symbols.open(cString(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  try {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const chunk = new Uint8Array(CHUNK_SIZE);
      const count = libc.check(`read ${path}`, symbols.read(fd, chunk, BigInt(CHUNK_SIZE)));
      if (count === 0) return joined(chunks, length);
      chunks.push(chunk.subarray(0, count));
      length += count;
      if (length > LARGEST_FILE) throw new RangeError(`${path} is longer than ${LARGEST_FILE} bytes`);
    }
  } finally {
    symbols.close(fd);
  }
}

/** The whole file `path` as text. @throws as `readFile` does */
export function readTextFile(libc: Libc, path: string): string {
  return new TextDecoder().decode(readFile(libc, path));
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
