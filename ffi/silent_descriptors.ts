/**
 * Descriptors whose kind sends no SIGIO (pidfd, eventfd): one thread of the runtime's pool waits for all of them in an epoll
 * set of their own, from the first to the last. It is a hint, as SIGIO is: where the pool is full, nobody waits.
 */
import type { Libc } from "./libc.ts";

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLL_CLOEXEC = 0x80000;
const EFD_NONBLOCK_CLOEXEC = 0x80800;
const EPOLLIN = 0x1;
const EPOLLET = 0x8000_0000;
/** struct epoll_event, packed on x86-64 only; who is ready is for the reactor to find out. */
const EVENT_OCTETS = Deno.build.arch === "x86_64" ? 12 : 16;
const ALARM_BYTES = new Uint8Array(new BigUint64Array([1n]).buffer);

/** The set, and the thread that waits for it while somebody is in it. */
export class SilentDescriptors {
  readonly #libc: Libc;
  readonly #onReady: () => void;
  /** Who is in the set. */
  readonly #fds = new Set<number>();
  /** Descriptors of the set itself, and of what wakes the thread to end it. */
  #epoll = -1;
  #alarm = -1;
  #waiting: Promise<void> | undefined;
  #isHeard = false;

  /** @param onReady called when somebody in the set may be ready */
  constructor(libc: Libc, onReady: () => void) {
    this.#libc = libc;
    this.#onReady = onReady;
  }

  /** How many are in it. */
  get size(): number {
    return this.#fds.size;
  }

  /** Whether the thread waits, so that nobody else needs to look. */
  get isHeard(): boolean {
    return this.#fds.size === 0 || this.#isHeard;
  }

  /** Hears of `fd` from now on; where descriptors or threads are short nobody does, and nothing is wrong. */
  add(fd: number, events: number): void {
    this.#fds.add(fd);
    if (this.#epoll < 0 && !this.#open()) return;
    // At each change once: who is ready is called back until it is not, without the thread.
    this.#control(EPOLL_CTL_ADD, fd, events | EPOLLET);
    this.#waiting ??= this.#wait();
  }

  /** Hears of other events of it. */
  modify(fd: number, events: number): void {
    if (this.#epoll >= 0) this.#control(EPOLL_CTL_MOD, fd, events | EPOLLET);
  }

  /** Hears of it no longer; the last one lets the thread go. */
  remove(fd: number): void {
    if (!this.#fds.delete(fd) || this.#epoll < 0 || this.#libc.closed) return;
    this.#control(EPOLL_CTL_DEL, fd, 0);
    if (this.#fds.size === 0) this.#raiseAlarm();
  }

  /** Resolves when the thread is gone and the set closed. */
  async close(): Promise<void> {
    this.#fds.clear();
    if (this.#waiting !== undefined) this.#raiseAlarm();
    await this.#waiting;
    if (!this.#libc.closed) [this.#epoll, this.#alarm].forEach((fd) => fd >= 0 && this.#libc.close(fd));
    this.#epoll = this.#alarm = -1;
  }

  #open(): boolean {
    const { epoll_create1, eventfd } = this.#libc.symbols;
    const [epoll, alarm] = [epoll_create1(EPOLL_CLOEXEC), eventfd(0, EFD_NONBLOCK_CLOEXEC)];
    if (epoll < 0 || alarm < 0) {
      [epoll, alarm].forEach((fd) => fd >= 0 && this.#libc.close(fd));
      return false;
    }
    [this.#epoll, this.#alarm] = [epoll, alarm];
    this.#control(EPOLL_CTL_ADD, alarm, EPOLLIN | EPOLLET);
    return true;
  }

  async #wait(): Promise<void> {
    const event = new Uint8Array(new ArrayBuffer(EVENT_OCTETS));
    // The first time it only comes back, which shows that the pool has a thread.
    this.#raiseAlarm();
    try {
      while (this.#fds.size > 0 && !this.#libc.closed) {
        await this.#libc.symbols.epollWaiting(this.#epoll, event, 1, -1);
        this.#isHeard = true;
        this.#onReady();
      }
    } finally {
      this.#isHeard = false;
      this.#waiting = undefined;
    }
  }

  #raiseAlarm(): void {
    if (!this.#libc.closed) this.#libc.symbols.write(this.#alarm, ALARM_BYTES, 8n);
  }

  #control(op: number, fd: number, events: number): void {
    const event = new Uint8Array(EVENT_OCTETS);
    new DataView(event.buffer).setUint32(0, events >>> 0, true);
    this.#libc.symbols.epoll_ctl(this.#epoll, op, fd, event);
  }
}
