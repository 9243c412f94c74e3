/**
 * Files that are read while the agent runs, within bounds: the runtime's file operations wait in threads that are few
 * and that nothing can call back, so one that hangs (a dead NFS server) must take none from others. Only regular files
 * are opened: a FIFO or a device would block.
 */
import { concat } from "../bytes/concat.ts";
import { fileWords, refuseIrregular } from "./file_words.ts";

/** What tells one version of a file from another. */
export interface FileVersion {
  readonly octets: number;
  readonly inode: number;
  readonly modifiedMs: number;
}

/** What is read, and what was known of it before. */
export interface ReadOptions {
  /** A larger file is refused. */
  readonly limitOctets: number;
  /** Not read again where it is still this one. */
  readonly unless?: FileVersion | undefined;
}

/** A file that was read, or that has not changed. */
export interface ReadResult {
  readonly version: FileVersion;
  /** Undefined: it is still `unless`. */
  readonly octets: Uint8Array | undefined;
}

/** The file system did not answer in time, or too much of it does not. */
export class FileSystemBusyError extends Error {
  override readonly name = "FileSystemBusyError";
}

/** How much of the file system is in use at once: `active` and `hanging` threads together at most. */
export interface FileLimits {
  /** Operations that are waited for. */
  readonly active: number;
  /** Operations that nobody waits for any more, and that hold a thread all the same. */
  readonly hanging: number;
  readonly timeoutMs: number;
}

/** Of the runtime's 32 threads. */
const FILE_LIMITS: FileLimits = { active: 4, hanging: 8, timeoutMs: 2000 };

/** What reads; the runtime, but for tests of what hangs. */
export type FileReader = (path: string, options: ReadOptions) => Promise<ReadResult>;

/** Reads files; one for the whole process. */
export class BoundedFiles {
  readonly #limits: FileLimits;
  readonly #readFile: FileReader;
  /** By path: whoever wants a file that is being read waits for the same. */
  readonly #operations = new Map<string, Promise<ReadResult>>();
  readonly #hanging = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(limits: FileLimits = FILE_LIMITS, readFile: FileReader = readRegularFile) {
    this.#limits = limits;
    this.#readFile = readFile;
  }

  /**
   * @throws {FileSystemBusyError} no answer in time
   * @throws {Error} in words: what is wrong with the file
   */
  async read(path: string, options: ReadOptions): Promise<ReadResult> {
    if (this.#hanging.has(path)) throw new FileSystemBusyError("the file system does not answer");
    const operation = this.#shared(path, options);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new FileSystemBusyError("the file system does not answer"));
    }, this.#limits.timeoutMs);
    try {
      return await Promise.race([operation, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #shared(path: string, options: ReadOptions): Promise<ReadResult> {
    const known = this.#operations.get(path);
    if (known !== undefined) return known;
    const operation = this.#inTurn(path, options).finally(() => this.#operations.delete(path));
    this.#operations.set(path, operation);
    operation.catch(() => {});
    return operation;
  }

  async #inTurn(path: string, options: ReadOptions): Promise<ReadResult> {
    for (;;) {
      if (this.#hanging.size >= this.#limits.hanging) {
        throw new FileSystemBusyError("too many file systems do not answer");
      }
      if (this.#active < this.#limits.active) break;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#active++;
    const release = () => {
      this.#active--;
      this.#waiting.shift()?.();
    };
    const timer = setTimeout(() => {
      this.#hanging.add(path);
      release();
    }, this.#limits.timeoutMs);
    try {
      return await this.#readFile(path, options);
    } finally {
      clearTimeout(timer);
      if (!this.#hanging.delete(path)) release();
    }
  }
}

async function readRegularFile(path: string, { limitOctets, unless }: ReadOptions): Promise<ReadResult> {
  try {
    const version = versionOf(await Deno.stat(path));
    if (unless !== undefined && sameVersion(version, unless)) return { version, octets: undefined };
    if (version.octets > limitOctets) throw new Error(`is larger than ${limitOctets} octets`);
    const file = await Deno.open(path);
    using _file = file;
    return { version, octets: await readAtMost(file, limitOctets) };
  } catch (error) {
    throw inWords(error);
  }
}

function versionOf(info: Deno.FileInfo): FileVersion {
  refuseIrregular(info);
  return { octets: info.size, inode: info.ino ?? 0, modifiedMs: info.mtime?.getTime() ?? 0 };
}

function sameVersion(a: FileVersion, b: FileVersion): boolean {
  return a.octets === b.octets && a.inode === b.inode && a.modifiedMs === b.modifiedMs;
}

/** It may have grown since its length was asked. */
async function readAtMost(file: Deno.FsFile, limitOctets: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const piece = new Uint8Array(65_536);
    const count = await file.read(piece);
    if (count === null) break;
    length += count;
    if (length > limitOctets) throw new Error(`is larger than ${limitOctets} octets`);
    pieces.push(piece.subarray(0, count));
  }
  return concat(pieces);
}

function inWords(error: unknown): unknown {
  const words = fileWords(error);
  return words === undefined ? error : new Error(words, { cause: error });
}
