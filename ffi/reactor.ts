/**
 * Readiness of raw descriptors without a thread: a thread of the runtime's pool would not run where name look-ups and
 * file reads that hang have filled the pool. epoll holds who is watched; the kernel's SIGIO (O_ASYNC, fcntl(2)) says on
 * the event loop that a look is worth while; epoll_wait with no timeout says at what. SIGIO is a hint and no more: after
 * every registration there is a look in any case, and a slow timer looks again. For descriptors whose kind sends no SIGIO
 * (eventfd, pidfd) a thread of the pool waits all the same; where it has none, the timer is a quick one. The process stays alive exactly while something is registered.
 */
import type { Libc } from "./libc.ts";
import { SilentDescriptors } from "./silent_descriptors.ts";

export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLONESHOT = 0x4000_0000;
export const EPOLLET = 0x8000_0000;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLL_CLOEXEC = 0x80000;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const O_ASYNC = 0x2000;
const EVENTS_PER_LOOK = 64;
/** What callbacks and who waits for them may take before timers and everything else have their turn. */
const TURN_MS = 5;
/** A lost SIGIO costs no more than this; so long, too, a registration rests whose callback threw. */
const SLOW_LOOK_MS = 1000;
/** How late an event of a descriptor without SIGIO is at most, where no thread waits for it. */
const QUICK_LOOK_MS = 20;

/** A watched descriptor. Dispose before closing the descriptor; disposing twice is fine. */
export interface Registration extends Disposable {
  /** Watches for `events` from now on; arms a one-shot registration again. @throws {ErrnoError} */
  modify(events: number): void;
}

/**
 * What became ready, as EPOLL bits. Level-triggered unless registered with EPOLLET: it is called again until the cause is
 * consumed. Where it throws, it is told to the reactor's `onError` and not called for a second.
 */
export type ReadyCallback = (events: number) => void;

/** Options of a reactor. */
export interface ReactorOptions {
  /** Where an exception of a callback goes. Default: reported as an uncaught error. */
  readonly onError?: (error: unknown) => void;
}

interface Watch {
  readonly fd: number;
  events: number;
  readonly callback: ReadyCallback;
  /** Told where the reactor is closed before. */
  readonly onClose: (() => void) | undefined;
  /** Its kind of descriptor sends SIGIO. */
  readonly signals: boolean;
  /** Out of the set until then, because its callback threw. */
  restingUntilMs: number | undefined;
}

/** Watches descriptors. Its owner closes it. */
export class Reactor implements AsyncDisposable {
  readonly #libc: Libc;
  readonly #onError: (error: unknown) => void;
  readonly #epoll: number;
  readonly #watches = new Map<number, Watch>();
  /** Those of them that have no SIGIO. */
  readonly #silent: SilentDescriptors;
  readonly #eventBytes = new Uint8Array(new ArrayBuffer(EVENTS_PER_LOOK * EVENT.size));
  readonly #events = new DataView(this.#eventBytes.buffer);
  readonly #onSignal = () => this.#look();
  /** What is to be done behind what is ready. */
  #deferred: (() => void)[] = [];
  #nextToken = 1;
  #listening = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #timerMs = 0;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  /** When the latest turn began; one that an immediate goes on with is the same. */
  #sinceMs = 0;
  /** Callbacks are being called, or the next turn is waited for to go on with it. */
  #active = false;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  /** @throws {ErrnoError} when descriptors have run out */
  constructor(libc: Libc, options: ReactorOptions = {}) {
    this.#libc = libc;
    this.#onError = options.onError ?? ((error) => reportError(error));
    this.#silent = new SilentDescriptors(libc, () => {
      this.#setTimer();
      this.#look();
    });
    this.#epoll = libc.check("epoll_create1", libc.symbols.epoll_create1(EPOLL_CLOEXEC));
  }

  /** How many descriptors are registered. */
  get size(): number {
    return this.#watches.size;
  }

  /** Whether something is registered, which keeps the process alive. */
  get running(): boolean {
    return this.#timer !== undefined;
  }

  /** By when it has to turn again (src/time/loop.ts). */
  get dueMs(): number {
    return this.#timer === undefined ? Infinity : this.#sinceMs + SLOW_LOOK_MS;
  }

  /**
   * Calls back on the event loop while `events` hold for `fd` (errors and hang-ups always), once with EPOLLONESHOT, at
   * each change with EPOLLET; never before this has returned. `onClose` is called when the reactor is closed first.
   * @throws {ErrnoError} the kernel refuses, such as EEXIST for a descriptor that is registered already
   */
  add(fd: number, events: number, callback: ReadyCallback, onClose?: () => void): Registration {
    if (this.#closed) throw new Error("the reactor is closed");
    // Before the first O_ASYNC: the default action of SIGIO is to end the process.
    this.#listen();
    const token = this.#takeToken();
    this.#control("add", EPOLL_CTL_ADD, fd, events, token);
    const signals = this.#setAsyncOrRemove(fd);
    const watch: Watch = { fd, events, callback, onClose, signals, restingUntilMs: undefined };
    this.#watches.set(token, watch);
    if (!signals) this.#silent.add(fd, events);
    this.#setTimer();
    this.#lookSoon();
    return {
      modify: (newEvents) => {
        if (this.#watches.get(token) !== watch) throw new Error("the registration is disposed");
        watch.events = newEvents;
        if (watch.restingUntilMs !== undefined) return;
        this.#control("modify", EPOLL_CTL_MOD, fd, newEvents, token);
        if (!signals) this.#silent.modify(fd, newEvents);
        this.#lookSoon();
      },
      [Symbol.dispose]: () => {
        if (!this.#watches.delete(token)) return;
        if (!signals) this.#silent.remove(fd);
        this.#setTimer();
        if (!this.#libc.closed) this.#unwatch(watch);
      },
    };
  }

  /** Calls back later, behind everything that is ready now; for work that goes on and on, which shares the turns then. */
  defer(callback: () => void): void {
    if (this.#closed) return;
    this.#deferred.push(callback);
    if (!this.#active) this.#immediate ??= setImmediate(() => this.#look(this.#sinceMs));
  }

  /** Calls `callback`, now; what it throws is told to `onError`, and false returned. */
  guard(callback: () => void): boolean {
    try {
      callback();
      return true;
    } catch (error) {
      this.#tell(error);
      return false;
    }
  }

  /** Drops every registration; resolves when no callback can come any more and the set is closed. Idempotent. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      const watches = [...this.#watches.values()];
      this.#watches.clear();
      if (!this.#libc.closed) watches.forEach((watch) => this.#unwatch(watch));
      watches.forEach(({ onClose }) => onClose && this.guard(onClose));
      this.#deferred = [];
      this.#setTimer();
      if (this.#immediate !== undefined) clearImmediate(this.#immediate);
      if (this.#listening) Deno.removeSignalListener("SIGIO", this.#onSignal);
      this.#libc.close(this.#epoll);
    }
    await this.#silent.close();
    await this.#looking;
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Looks when the caller is through: nobody is called back out of `add` or `modify`. */
  #lookSoon(): void {
    if (!this.#active) Promise.resolve().then(this.#onSignal);
  }

  #look(sinceMs = performance.now()): void {
    if (this.#closed || this.#active || this.#libc.closed) return;
    this.#active = true;
    this.#immediate = undefined;
    this.#sinceMs = sinceMs;
    this.#looking = this.#callBack();
  }

  /** Calls back for everything that is ready, in turns, until nothing is. */
  async #callBack(): Promise<void> {
    try {
      for (;;) {
        for (const callback of this.#deferred.splice(0)) {
          this.guard(callback);
          this.#sinceMs = await breathe(this.#sinceMs);
        }
        if (this.#closed || this.#libc.closed) return;
        const count = this.#wait();
        if (count === 0 && this.#deferred.length === 0) return;
        for (let index = 0; index < count; index++) {
          const offset = index * EVENT.size;
          const events = this.#events.getUint32(offset, true);
          this.#dispatch(this.#events.getUint32(offset + EVENT.token, true), events);
          this.#sinceMs = await breathe(this.#sinceMs);
        }
      }
    } catch (error) {
      this.#tell(error);
    } finally {
      // In the turn of the last look: what is registered in the same turn has another one.
      this.#active = false;
    }
  }

  #wait(): number {
    const { symbols } = this.#libc;
    return Math.max(0, symbols.epoll_wait(this.#epoll, this.#eventBytes, EVENTS_PER_LOOK, 0));
  }

  #dispatch(token: number, events: number): void {
    // A callback earlier in the batch may have disposed this registration.
    const watch = this.#watches.get(token);
    if (watch === undefined || this.guard(() => watch.callback(events))) return;
    // What it did not consume would call it again at once, for ever.
    if (this.#watches.get(token) !== watch) return;
    watch.restingUntilMs = performance.now() + SLOW_LOOK_MS;
    this.#libc.symbols.epoll_ctl(this.#epoll, EPOLL_CTL_DEL, watch.fd, epollEvent(0, token));
  }

  #tell(error: unknown): void {
    try {
      this.#onError(error);
    } catch (worse) {
      reportError(worse);
    }
  }

  #onTimer(): void {
    for (const [token, watch] of this.#watches) {
      if (watch.restingUntilMs === undefined || watch.restingUntilMs > performance.now()) continue;
      // Where the kernel cannot take it now, it rests on.
      this.guard(() => {
        this.#control("add", EPOLL_CTL_ADD, watch.fd, watch.events, token);
        watch.restingUntilMs = undefined;
      });
    }
    this.#look();
  }

  /** Runs the timer as slowly as what is registered allows, and not at all where nothing is. */
  #setTimer(): void {
    const wanted = this.#watches.size === 0 ? 0 : this.#silent.isHeard ? SLOW_LOOK_MS : QUICK_LOOK_MS;
    if (wanted === this.#timerMs) return;
    clearInterval(this.#timer);
    this.#timerMs = wanted;
    this.#timer = wanted === 0 ? undefined : setInterval(() => this.#onTimer(), wanted);
  }

  #listen(): void {
    if (this.#listening) return;
    Deno.addSignalListener("SIGIO", this.#onSignal);
    this.#listening = true;
  }

  #unwatch({ fd }: Watch): void {
    // A descriptor that is closed already has left the set by itself, so a failure says nothing new.
    this.#remove(fd);
    this.#setAsync(fd, false);
  }

  #remove(fd: number): void {
    this.#libc.symbols.epoll_ctl(this.#epoll, EPOLL_CTL_DEL, fd, epollEvent(0, 0));
  }

  /** As `#setAsync`. What throws in the middle leaves nothing in the set: it would refuse the descriptor for ever. */
  #setAsyncOrRemove(fd: number): boolean {
    try {
      return this.#setAsync(fd, true);
    } catch (error) {
      this.#remove(fd);
      throw error;
    }
  }

  /** Has the kernel signal what happens to `fd`, or not any more. False where its kind cannot. */
  #setAsync(fd: number, wanted: boolean): boolean {
    const { symbols } = this.#libc;
    const flags = symbols.fcntl(fd, F_GETFL, 0);
    if (flags < 0) return false;
    if (wanted) symbols.fcntl(fd, F_SETOWN, symbols.getpid());
    symbols.fcntl(fd, F_SETFL, wanted ? flags | O_ASYNC : flags & ~O_ASYNC);
    return (symbols.fcntl(fd, F_GETFL, 0) & O_ASYNC) !== 0;
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
    } while (this.#watches.has(this.#nextToken));
    return this.#nextToken;
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

/**
 * Lets whoever was waiting work, so that it counts as part of this turn, and ends the turn where that took long. Resolves
 * to when the turn began.
 */
async function breathe(sinceMs: number): Promise<number> {
  await undefined;
  return performance.now() - sinceMs < TURN_MS ? sinceMs : await nextTurn();
}

/**
 * Resolves, to the time then, when timers and the runtime's own sockets have had their turn. By a timer: while immediates
 * follow one another, tokio asks for its sockets in every 61st turn only, which is 0.3 s in such of 5 ms.
 */
function nextTurn(): Promise<number> {
  return new Promise((resolve) => setTimeout(() => resolve(performance.now()), 0));
}
