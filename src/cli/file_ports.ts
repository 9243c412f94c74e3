/** What the commands about configuration files need of the world, and the file that they are given: a path, or `-`. */
import type { ReadFile } from "../config/load.ts";

/** Files, standard input, and where answers go. */
export interface FilePorts {
  readonly readFile: ReadFile;
  /** Standard input to its end. @throws {Error} with a message for people */
  readStdin(): Promise<Uint8Array>;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** What `-` is called in problems. */
const STDIN_NAME = "<stdin>";

/** A file argument: how it is called in problems, and a port by which that name reads it. */
export interface FileArgument {
  readonly name: string;
  readonly readFile: ReadFile;
}

/** Names of standard input: as a file each would be opened anew, and a pipe is none. */
const STDIN: ReadonlySet<string> = new Set(["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]);

/** Whether a file argument means standard input. */
export function isStdin(file: string): boolean {
  return STDIN.has(file);
}

/** Standard input for `-`, which is read here; else the file of that path. */
export async function fileArgument(
  file: string,
  { readFile, readStdin }: Pick<FilePorts, "readFile" | "readStdin">,
): Promise<FileArgument> {
  if (!isStdin(file)) return { name: file, readFile };
  const input = await readStdin().then((octets) => ({ octets }), (error: unknown) => ({ error }));
  return {
    name: STDIN_NAME,
    readFile(path) {
      if (path !== STDIN_NAME) return readFile(path);
      if ("error" in input) throw input.error;
      return input;
    },
  };
}
