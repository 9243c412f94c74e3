/** What the agent's servers need of the host, in memory. */
import type { AgentPorts } from "../../src/agent/ports.ts";
import type { FileFacts, SocketFiles } from "../../src/control/socket_file.ts";
import { kernelError, MemoryStreams } from "./memory_streams.ts";

/** Files in memory: root's folders, and what is put there. */
export class MemorySocketFiles implements SocketFiles {
  user: number | undefined = 0;
  readonly files = new Map<string, FileFacts>();
  readonly locked = new Set<string>();
  #inodes = 1;

  constructor(folders: readonly string[] = ["/", "/run"]) {
    for (const folder of folders) this.put(folder, { kind: "folder", mode: 0o755 });
  }

  /** Puts something at a path, as a new file. */
  put(path: string, facts: Partial<FileFacts>): void {
    this.files.set(path, { kind: "other", owner: 0, mode: 0o600, identity: `1:${this.#inodes++}`, ...facts });
  }

  look(path: string): FileFacts | undefined {
    return this.files.get(path);
  }

  makeFolder(path: string): void {
    this.put(path, { kind: "folder", mode: 0o700 });
  }

  realPath(path: string): string {
    return path;
  }

  remove(path: string): void {
    if (!this.files.delete(path)) throw kernelError("ENOENT");
  }

  lock(folder: string): Disposable | undefined {
    if (this.locked.has(folder)) return undefined;
    this.locked.add(folder);
    return { [Symbol.dispose]: () => void this.locked.delete(folder) };
  }
}

/** The ports of the servers, with the parts that a test may want to reach into. */
export function sidePorts():
  & Pick<AgentPorts, "hostname" | "pid" | "maxClients" | "releaseMemory" | "runProgram">
  & {
    readonly streams: MemoryStreams;
    readonly socketFiles: MemorySocketFiles;
  } {
  const streams = new MemoryStreams();
  const socketFiles = new MemorySocketFiles();
  streams.bind = (path) => socketFiles.put(path, { kind: "socket" });
  return {
    streams,
    socketFiles,
    hostname: () => "host",
    pid: 1,
    maxClients: { http: 256, control: 32 },
    runProgram: ({ argv: [command] }) => {
      throw new Error(`${command} cannot be run in a test that has no programs`);
    },
    releaseMemory() {},
  };
}
