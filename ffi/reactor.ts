/**
 * One epoll thread for every raw descriptor: `epoll_wait` runs off the event loop while something is registered, an
 * eventfd wakes it, and callbacks run on the event loop. Reads and writes stay synchronous, non-blocking calls of
 * whoever registered. The process stays alive exactly while something is registered.
 */
import type { Libc } from "./libc.ts";

export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLONESHOT = 0x4000_0000;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLL_CLOEXEC = 0x80000;
const EFD_CLOEXEC = 0x80000;
const EFD_NONBLOCK = 0x800;
const EVENTS_PER_WAIT = 64;
/** The token of the eventfd; those of registrations count from 1. */
const WAKE = 0;
/** epoll_wait fails with EINTR at most; its errno is on another thread, so a row of failures means something else. */
const FAILURES_IN_A_ROW = 1000;

/** A watched descriptor. Dispose before closing the descriptor; disposing twice is fine. */
export interface Registration extends Disposable {
  /** Watches for `events` from now on; arms a one-shot registration again. @throws {ErrnoError} */
  modify(events: number): void;
}

/** What became ready, as EPOLL bits. Level-triggered: it is called again until the cause is consumed. */
export type ReadyCallback = (events: number) => void;

/** Options of a reactor. */
export interface ReactorOptions {
  /** Where an exception of a callback goes. Default: reported as an uncaught error. */
  readonly onError?: (error: unknown) => void;
}

/** The epoll thread. Its owner closes it. */
export class Reactor implements AsyncDisposable {
  readonly #libc: Libc;
  readonly #onError: (error: unknown) => void;
  readonly #epoll: number;
  readonly #wake: number;
  readonly #callbacks = new Map<number, ReadyCallback>();
  readonly #events = new Uint8Array(new ArrayBuffer(EVENTS_PER_WAIT * EVENT.size));
  #nextToken = 1;
  #loop: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** @throws {ErrnoError} when descriptors have run out */
  constructor(libc: Libc, options: ReactorOptions = {}) {
    this.#libc = libc;
    this.#onError = options.onError ?? ((error) => reportError(error));
    this.#epoll = libc.check("epoll_create1", libc.symbols.epoll_create1(EPOLL_CLOEXEC));
    try {
      this.#wake = libc.check("eventfd", libc.symbols.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    } catch (error) {
      libc.symbols.close(this.#epoll);
      throw error;
    }
    try {
      this.#control("add", EPOLL_CTL_ADD, this.#wake, EPOLLIN, WAKE);
    } catch (error) {
      libc.symbols.close(this.#wake);
      libc.symbols.close(this.#epoll);
      throw error;
    }
  }

  /** How many descriptors are registered. */
  get size(): number {
    return this.#callbacks.size;
  }

  /** Whether the thread is out there waiting, which keeps the process alive. */
  get running(): boolean {
    return this.#loop !== undefined;
  }

  /**
   * Calls back on the event loop while `events` hold for `fd` (errors and hang-ups always), once with EPOLLONESHOT.
   * @throws {ErrnoError} the kernel refuses, such as EEXIST for a descriptor that is registered already
   */
  add(fd: number, events: number, callback: ReadyCallback): Registration {
    if (this.#closing !== undefined) throw new Error("the reactor is closed");
    const token = this.#takeToken();
    this.#control("add", EPOLL_CTL_ADD, fd, events, token);
    this.#callbacks.set(token, callback);
    this.#loop ??= this.#run();
    return {
      modify: (newEvents) => {
        if (!this.#callbacks.has(token)) throw new Error("the registration is disposed");
        this.#control("modify", EPOLL_CTL_MOD, fd, newEvents, token);
      },
      [Symbol.dispose]: () => {
        if (!this.#callbacks.delete(token)) return;
        // A descriptor that is closed already has left the set by itself, so a failure says nothing new.
        this.#libc.symbols.epoll_ctl(this.#epoll, EPOLL_CTL_DEL, fd, epollEvent(0, token));
        if (this.#callbacks.size === 0) this.#wakeUp();
      },
    };
  }

  /** Drops every registration; resolves when the thread is out and both descriptors are closed. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#callbacks.clear();
    if (this.#loop !== undefined) {
      this.#wakeUp();
      await this.#loop;
    }
    this.#libc.symbols.close(this.#wake);
    this.#libc.symbols.close(this.#epoll);
  }

  async #run(): Promise<void> {
    const view = new DataView(this.#events.buffer);
    let failures = 0;
    try {
      while (this.#callbacks.size > 0) {
        const count = await this.#libc.symbols.epoll_wait(this.#epoll, this.#events, EVENTS_PER_WAIT, -1);
        failures = count < 0 ? failures + 1 : 0;
        if (failures >= FAILURES_IN_A_ROW) throw new Error("epoll_wait keeps failing");
        for (let index = 0; index < count; index++) {
          const offset = index * EVENT.size;
          this.#dispatch(view.getUint32(offset + EVENT.token, true), view.getUint32(offset, true));
        }
      }
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#loop = undefined;
    }
  }

  #dispatch(token: number, events: number): void {
    if (token === WAKE) {
      this.#libc.symbols.read(this.#wake, new Uint8Array(8), 8n);
      return;
    }
    try {
      // A callback earlier in the batch may have disposed this registration.
      this.#callbacks.get(token)?.(events);
    } catch (error) {
      this.#onError(error);
    }
  }

  #control(verb: string, op: number, fd: number, events: number, token: number): void {
    const { symbols } = this.#libc;
    this.#libc.check(
      `epoll_ctl ${verb} ${fd}`,
      symbols.epoll_ctl(this.#epoll, op, fd, epollEvent(events, token)),
    );
  }

  /** Tokens instead of descriptors: a number that was closed and reused cannot receive its predecessor's event. */
  #takeToken(): number {
    do {
      this.#nextToken = this.#nextToken >= 0xffff_ffff ? 1 : this.#nextToken + 1;
    } while (this.#callbacks.has(this.#nextToken));
    return this.#nextToken;
  }

  #wakeUp(): void {
    this.#libc.symbols.write(this.#wake, new Uint8Array(new BigUint64Array([1n]).buffer), 8n);
  }
}

/** struct epoll_event: packed on x86-64 only. `token` is the offset of its data. */
const EVENT = Deno.build.arch === "x86_64"
  ? { size: 12, token: 4 } as const
  : { size: 16, token: 8 } as const;

function epollEvent(events: number, token: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(EVENT.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, events >>> 0, true);
  view.setUint32(EVENT.token, token, true);
  return bytes;
}
