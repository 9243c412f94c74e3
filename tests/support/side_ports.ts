/** What the agent's servers need of the host, in memory. */
import type { StateFiles } from "../../src/agent/drain_keeper.ts";
import type { AgentPorts } from "../../src/agent/ports.ts";
import type { FileFacts, SocketFiles } from "../../src/control/socket_files.ts";
import { kernelError, MemoryStreams } from "./memory_streams.ts";

/** Files in memory: root's folders, and what is put there. */
export class MemorySocketFiles implements SocketFiles {
  user: number | undefined = 0;
  readonly files = new Map<string, FileFacts>();
  readonly locked = new Set<string>();
  /** The text of /etc/group. */
  groupFile = "root:x:0:\nops:x:42:alice,bob\n";
  #inodes = 1;

  constructor(folders: readonly string[] = ["/", "/run"]) {
    for (const folder of folders) this.put(folder, { kind: "folder", mode: 0o755 });
  }

  /** Puts something at a path, as a new file. */
  put(path: string, facts: Partial<FileFacts>): void {
    this.files.set(path, {
      kind: "other",
      owner: 0,
      group: 0,
      mode: 0o600,
      identity: `1:${this.#inodes++}`,
      ...facts,
    });
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

  list(folder: string): readonly string[] {
    const inside = [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`));
    return inside.map((path) => path.slice(folder.length + 1));
  }

  makePrivateFolder(parent: string): string {
    this.put(`${parent}/.0`, { kind: "folder", mode: 0o700 });
    return `${parent}/.0`;
  }

  give(path: string, group: number, mode: number): void {
    const facts = this.files.get(path);
    if (facts === undefined) throw kernelError("ENOENT");
    if (this.user !== 0) throw kernelError("EPERM");
    this.files.set(path, { ...facts, group, mode });
  }

  link(from: string, to: string): void {
    const facts = this.files.get(from);
    if (facts === undefined || this.files.has(to)) {
      throw kernelError(facts === undefined ? "ENOENT" : "EEXIST");
    }
    this.files.set(to, facts);
  }

  groups(): string {
    return this.groupFile;
  }

  lock(folder: string): Disposable | undefined {
    if (this.locked.has(folder)) return undefined;
    this.locked.add(folder);
    return { [Symbol.dispose]: () => void this.locked.delete(folder) };
  }
}

/** What must outlive a process, in memory. */
export class MemoryStateFiles implements StateFiles {
  readonly files = new Map<string, Uint8Array>();
  /** Why nothing can be read or written. */
  fault: Error | undefined;

  // deno-lint-ignore require-await -- as the port has it
  async read(path: string): Promise<Uint8Array | undefined> {
    if (this.fault !== undefined) throw this.fault;
    return this.files.get(path);
  }

  // deno-lint-ignore require-await -- as the port has it
  async replace(path: string, octets: Uint8Array): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
    this.files.set(path, octets);
  }

  // deno-lint-ignore require-await -- as the port has it
  async setAside(path: string): Promise<void> {
    const file = this.files.get(path);
    if (file !== undefined) this.files.set(`${path}.damaged`, file);
    this.files.delete(path);
  }
}

/** The ports of the servers, with the parts that a test may want to reach into. */
export function sidePorts():
  & Pick<
    AgentPorts,
    | "hostname"
    | "pid"
    | "maxClients"
    | "releaseMemory"
    | "refuse"
    | "stateFiles"
    | "setLog"
    | "requestHandover"
    | "runProgram"
  >
  & {
    readonly streams: MemoryStreams;
    readonly socketFiles: MemorySocketFiles;
    readonly stateFiles: MemoryStateFiles;
  } {
  const stateFiles = new MemoryStateFiles();
  const streams = new MemoryStreams();
  const socketFiles = new MemorySocketFiles();
  streams.bind = (path) => socketFiles.put(path, { kind: "socket" });
  return {
    streams,
    socketFiles,
    hostname: () => "host",
    pid: 1,
    maxClients: () => ({ http: 256, control: 32 }),
    refuse: () => [],
    stateFiles,
    setLog() {},
    requestHandover() {},
    runProgram: ({ argv: [command] }) => {
      throw new Error(`${command} cannot be run in a test that has no programs`);
    },
    releaseMemory() {},
  };
}
