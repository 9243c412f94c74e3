// The ports of the file commands, in memory.
import type { FilePorts } from "../../src/cli/file_ports.ts";

/** Files by name; what the command wrote is in `out` and `err`. */
export function filePorts(files: Readonly<Record<string, string>>): FilePorts & {
  readonly out: string[];
  readonly err: string[];
} {
  const out: string[] = [];
  const err: string[] = [];
  return {
    out,
    err,
    stdout: (text) => void out.push(text),
    stderr: (text) => void err.push(text),
    readStdin: () => Promise.resolve(new TextEncoder().encode(files["-"] ?? "")),
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error("does not exist");
      return { octets: new TextEncoder().encode(text), mode: 0o600 };
    },
  };
}
