/** The ports to this host: its files and its processes. */

/** What is at a path, where symbolic links lead to. */
export interface FileSight {
  readonly type: "regular" | "folder" | "other";
  /** On the clock of the wall. */
  readonly modifiedMs: number;
  /** The beginning of a regular file; of everything else nothing is read. */
  readonly head: Uint8Array;
}

/** Looks at files. */
export interface HostFiles {
  /**
   * What is at `path`, with the first `headOctets` of it; resolves to undefined where nothing is. It may take for ever, as
   * the file system does. Undefined: so many looks have no answer that this one cannot begin.
   * @throws {Error} it may not be seen
   */
  look(path: string, headOctets: number): Promise<FileSight | undefined> | undefined;
}

/** A process that runs; undefined is what may not be known of it. */
export interface RunningProcess {
  readonly name: string | undefined;
  /** On the clock of the wall. */
  readonly startedMs: number | undefined;
}

/** Looks at processes. */
export interface HostProcesses {
  /** Undefined: none with this number runs; one that has ended does not, noticed or not. @throws {Error} our own shortage */
  find(pid: number): RunningProcess | undefined;
  /** Calls `ended` once, when it has ended; disposing ends that. Undefined: it has ended. @throws {Error} our own shortage */
  onEnd(pid: number, ended: () => void): Disposable | undefined;
}

/** What of this host only FFI shows. */
export interface HostPorts {
  readonly files: HostFiles;
  readonly processes: HostProcesses;
}
