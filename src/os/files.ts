/**
 * Files and standard streams, whole and bounded, in words for people where they fail. Only regular files are opened: a
 * FIFO or a device could block for ever. What cannot be read is named by the path that was really tried.
 */
import { messageOf } from "../text/error_message.ts";
import { fileWords, refuseIrregular } from "./file_words.ts";

/** A file as it was read. */
export interface WholeFile {
  /** One more than was asked for where there is more. */
  readonly octets: Uint8Array;
  /** Permission bits, such as 0o644. */
  readonly mode: number | undefined;
}

/** Reads the file at `path`, at most one octet more than `maxOctets`. @throws {Error} in words for people */
export function readFile(path: string, maxOctets: number): WholeFile {
  try {
    refuseIrregular(Deno.statSync(path));
    using file = Deno.openSync(path);
    const { mode } = file.statSync();
    return { octets: readAll(file, maxOctets + 1), mode: mode === null ? undefined : mode & 0o7777 };
  } catch (error) {
    const own = error instanceof Error && error.constructor === Error ? error.message : undefined;
    const words = own ?? fileWords(error) ?? `cannot be read: ${messageOf(error)}`;
    throw new Error(`${words}${whereFrom(path)}`);
  }
}

/** Where a relative path led: whoever started this may have been in another folder (`deno task` goes to the project's). */
function whereFrom(path: string): string {
  if (path.startsWith("/")) return "";
  try {
    const folder = Deno.cwd();
    return `: ${folder === "/" ? "" : folder}/${path} was tried, from the working directory ${folder}`;
  } catch {
    return ": it was tried from a working directory that cannot be told";
  }
}

function readAll(file: { readSync(into: Uint8Array): number | null }, maxOctets: number): Uint8Array {
  const octets = new Uint8Array(maxOctets);
  let length = 0;
  for (let read: number | null = 0; read !== null && length < octets.length; length += read ?? 0) {
    read = file.readSync(octets.subarray(length));
  }
  return octets.slice(0, length);
}

/** Reads standard input to its end, at most one octet more than `maxOctets`. @throws {Error} in words for people */
export async function readStdin(maxOctets: number): Promise<Uint8Array> {
  const octets = new Uint8Array(maxOctets + 1);
  let length = 0;
  try {
    for (let read: number | null = 0; read !== null && length < octets.length; length += read ?? 0) {
      read = await Deno.stdin.read(octets.subarray(length));
    }
  } catch (error) {
    throw new Error(`cannot be read: ${messageOf(error)}`);
  }
  return octets.slice(0, length);
}

/** Writes all of `text`, however little is taken at once. @throws what the system says */
export function writeText(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}
