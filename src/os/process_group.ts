/**
 * A program as the leader of a process group: how it is spawned, what its group is told, and the beginning of what it
 * writes. What floods its pipe waits, and not this process.
 */
import { sleep, systemClock } from "../time/clock.ts";

/** Of each stream. */
const MAX_OCTETS = 4096;
/** What comes beyond is read and dropped, a chunk at a time. */
const FLOOD_PACE_MS = 10;
const FLOOD_OCTETS = 65_536;

/** How a program is spawned: nothing of this process's environment gets to it. */
export interface SpawnOptions {
  readonly args: string[];
  readonly env: Record<string, string>;
  readonly clearEnv: true;
  readonly cwd: string;
  readonly stdin: "piped" | "null";
  readonly stdout: "piped" | "null";
  readonly stderr: "piped";
  readonly detached?: true;
}

/** A program cannot be started, in words. */
export class SpawnError extends Error {
  override readonly name = "SpawnError";
}

/** Undefined: there is no such program. @throws {SpawnError} why else it cannot be started, in words */
export function spawned(command: string, options: SpawnOptions): Deno.ChildProcess | undefined {
  try {
    return new Deno.Command(command, options).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SpawnError(`${command} ${startWords(error)}`, { cause: error });
  }
}

function startWords(error: unknown): string {
  const { NotFound, PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof NotFound) {
    return "does not exist, or the interpreter that its first line names does not";
  }
  if (error instanceof NotCapable) return "may not be run: --allow-run leaves it out";
  if (error instanceof PermissionDenied) {
    return "may not be run by this user: it is not executable, or a folder above is shut";
  }
  const words = error instanceof Error
    ? error.message.replace(/^Failed to spawn '.*': /s, "")
    : String(error);
  return `cannot be started: ${words}`;
}

/** To all of a process group. False: there is none. */
export function signalGroup(leader: number, name: "SIGTERM" | "SIGKILL"): boolean {
  try {
    Deno.kill(-leader, name);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** The beginning of a stream that is read to its end, however much there is. */
export class Beginning {
  /** With a buffer of ours: one that the stream makes has 64 KiB, and costs more than starting the program. */
  readonly #reader: ReadableStreamBYOBReader;
  readonly #octets = new Uint8Array(MAX_OCTETS);
  readonly #read: Promise<void>;
  #isRead = false;
  #length = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader({ mode: "byob" });
    this.#read = this.#readAll().catch(() => undefined).finally(() => this.#isRead = true);
  }

  get text(): string {
    return new TextDecoder().decode(this.#octets.subarray(0, this.#length));
  }

  /** Reads no further than what comes within `graceMs`. */
  async end(graceMs: number): Promise<void> {
    if (this.#isRead) return;
    const over = Promise.withResolvers<void>();
    const now = systemClock.now();
    using _limit = systemClock.at(now + graceMs, over.resolve);
    await Promise.race([this.#read, over.promise]);
    await this.#reader.cancel().catch(() => undefined);
    await this.#read;
  }

  async #readAll(): Promise<void> {
    let buffer = new Uint8Array(MAX_OCTETS);
    for (;;) {
      const { done, value } = await this.#reader.read(buffer);
      if (done || value === undefined) return;
      buffer = new Uint8Array(value.buffer);
      const room = value.subarray(0, MAX_OCTETS - this.#length);
      this.#octets.set(room, this.#length);
      this.#length += room.byteLength;
      if (room.byteLength === value.byteLength) continue;
      if (buffer.byteLength < FLOOD_OCTETS) buffer = new Uint8Array(FLOOD_OCTETS);
      await sleep(systemClock, FLOOD_PACE_MS);
    }
  }
}
