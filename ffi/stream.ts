/**
 * A connected stream over a descriptor. Reads happen when somebody reads, so that a flood costs no memory and closes the
 * peer's window; the first octets of a write are with the kernel in the same turn. Watched edge-triggered and once for
 * its whole life: an idle connection costs no call, and no buffer either.
 */
import { ERRNO, ErrnoError } from "./errno.ts";
import type { Libc } from "./libc.ts";
import {
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  type Reactor,
  type Registration,
} from "./reactor.ts";
import type { PeerCredentials } from "./socket_options.ts";
import type { Transmission } from "./tcp_info.ts";

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
const READ_OCTETS = 65536;
/** So many buffers wait for the next reader; more readers at once make their own. */
const SPARE_BUFFERS = 4;

/** Read buffers: a connection has one only from when something came until it is read again and nothing is there. */
export class ReadBuffers {
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  take(): Uint8Array<ArrayBuffer> {
    return this.#spare.pop() ?? new Uint8Array(new ArrayBuffer(READ_OCTETS));
  }

  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    if (this.#spare.length < SPARE_BUFFERS) this.#spare.push(buffer);
  }
}

/** What a stream needs besides its descriptor, which it closes. */
export interface StreamOptions<E> {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly buffers: ReadBuffers;
  readonly fd: number;
  /** The ends of a TCP connection. */
  readonly local: E | undefined;
  readonly remote: E | undefined;
  /** Who connected a unix socket that was accepted. */
  readonly credentials?: PeerCredentials | undefined;
  /** What became of what was sent over TCP. @throws {ErrnoError} */
  transmission(): Transmission;
}

interface Write {
  octets: Uint8Array<ArrayBuffer>;
  readonly done: PromiseWithResolvers<void>;
}

/** A connected stream; see the port `StreamSocket` for what its methods promise. */
export class Stream<E> implements Disposable {
  readonly local: E | undefined;
  readonly remote: E | undefined;
  readonly credentials: PeerCredentials | undefined;
  readonly #libc: Libc;
  readonly #reactor: Reactor;
  readonly #buffers: ReadBuffers;
  readonly #fd: number;
  readonly #registration: Registration;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  /** Something can be read: octets, the end, or an error. */
  #readable = false;
  /** The end or an error is behind the octets: what is short is not all. */
  #hungUp = false;
  #readFault: Error | undefined;
  #ended = false;
  #writes: Write[] = [];
  #writeFault: Error | undefined;
  /** Set by `end`: resolves when it is closed. */
  #ending: PromiseWithResolvers<void> | undefined;
  #shut = false;
  #limit: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  readonly #transmission: () => Transmission;

  /** @throws {ErrnoError} the descriptor cannot be watched; it is still the caller's then */
  constructor({ libc, reactor, buffers, fd, local, remote, credentials, transmission }: StreamOptions<E>) {
    this.#transmission = transmission;
    [this.#libc, this.#reactor, this.#buffers, this.#fd] = [libc, reactor, buffers, fd];
    [this.local, this.remote, this.credentials] = [local, remote, credentials];
    const events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    const close = () => this[Symbol.dispose]();
    this.#registration = reactor.add(fd, events, (ready) => this.#onReady(ready), close);
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#reader !== undefined) return Promise.reject(new Error("a read of this connection is pending"));
    if (this.#isClosed || this.#ending !== undefined) return Promise.resolve(undefined);
    this.#reader = Promise.withResolvers();
    const { promise } = this.#reader;
    if (this.#readable) this.#receive();
    else this.#giveBuffer();
    return promise;
  }

  write(octets: Uint8Array): Promise<void> {
    const fault = this.#writeFault ?? this.#readFault;
    if (this.#isClosed || this.#ending !== undefined || fault !== undefined) {
      return Promise.reject(fault ?? new Error("the connection is closed"));
    }
    const done = Promise.withResolvers<void>();
    this.#writes.push({ octets: octets as Uint8Array<ArrayBuffer>, done });
    // What waits goes first; the kernel says when it takes more.
    if (this.#writes.length === 1) this.#flush();
    return done.promise;
  }

  transmission(): Transmission | undefined {
    return this.#closed || this.local === undefined ? undefined : this.#transmission();
  }

  end(limitMs: number): Promise<void> {
    if (this.#ending !== undefined) return this.#ending.promise;
    this.#ending = Promise.withResolvers();
    if (this.#isClosed) this.#ending.resolve();
    else {
      this.#wakeReader();
      this.#limit = setTimeout(() => this[Symbol.dispose](), limitMs);
      this.#shutWhenFlushed();
      if (this.#readable) this.#drop();
    }
    return this.#ending.promise;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#limit);
    this.#registration[Symbol.dispose]();
    this.#libc.close(this.#fd);
    this.#failWrites(this.#writeFault ?? new Error("the connection is closed"));
    this.#wakeReader();
    this.#giveBuffer();
    this.#ending?.resolve();
  }

  get #isClosed(): boolean {
    return this.#closed || this.#libc.closed;
  }

  #onReady(events: number): void {
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) this.#hungUp = true;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) this.#readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) this.#flush();
    if (this.#isClosed || !this.#readable) return;
    if (this.#ending !== undefined) this.#drop();
    else if (this.#reader !== undefined) this.#receive();
  }

  /** Reads for the reader that waits: once, however much there is; the rest has to wait for its next turn. */
  #receive(): void {
    this.#buffer ??= this.#buffers.take();
    const length = this.#recv(this.#buffer);
    if (length === undefined) return this.#giveBuffer();
    const chunk = length > 0 ? this.#buffer.subarray(0, length) : undefined;
    if (chunk === undefined) this.#giveBuffer();
    const reader = this.#reader;
    this.#reader = undefined;
    if (this.#readFault === undefined) reader?.resolve(chunk);
    else reader?.reject(this.#readFault);
  }

  /** Reads and drops, once a turn, and closes at the end of the stream. */
  #drop(): void {
    const scratch = this.#buffers.take();
    const length = this.#recv(scratch);
    this.#buffers.giveBack(scratch);
    if (length !== 0) return;
    // Its FIN or its reset is here; ours goes out first where it has not yet.
    if (this.#shut || this.#readFault !== undefined) this[Symbol.dispose]();
    else this.#readable = false;
  }

  /** How many octets came, 0 at the end or for a fault, undefined where nothing is there yet. */
  #recv(buffer: Uint8Array<ArrayBuffer>): number | undefined {
    if (this.#ended || this.#readFault !== undefined) return 0;
    const result = this.#libc.symbols.recv(this.#fd, buffer, BigInt(buffer.byteLength), MSG_DONTWAIT);
    if (result > 0n) {
      const length = Number(result);
      this.#readable = false;
      if (length === buffer.byteLength || this.#hungUp) this.#reactor.defer(() => this.#onReady(EPOLLIN));
      return length;
    }
    if (result === 0n) {
      this.#ended = true;
      // A failed write may have been told of the reset in the reader's place.
      if (this.#writeFault instanceof ErrnoError && this.#writeFault.errno !== ERRNO.EPIPE) {
        this.#readFault = this.#writeFault;
      }
      return 0;
    }
    const errno = this.#libc.errno();
    if (errno === ERRNO.EAGAIN || errno === ERRNO.EINTR) {
      this.#readable = false;
      if (errno === ERRNO.EINTR) this.#reactor.defer(() => this.#onReady(EPOLLIN));
      return undefined;
    }
    this.#readFault = new ErrnoError("recv", errno);
    this.#failWrites(this.#readFault);
    return 0;
  }

  /** Hands as much to the kernel as it takes. */
  #flush(): void {
    for (let write = this.#writes[0]; write !== undefined; write = this.#writes[0]) {
      const { octets, done } = write;
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      const result = this.#libc.symbols.send(this.#fd, octets, BigInt(octets.byteLength), flags);
      if (result < 0n) {
        const errno = this.#libc.errno();
        if (errno === ERRNO.EINTR) continue;
        if (errno !== ERRNO.EAGAIN) this.#failWrites(new ErrnoError("send", errno));
        break;
      }
      write.octets = octets.subarray(Number(result));
      if (write.octets.byteLength > 0) continue;
      this.#writes.shift();
      done.resolve();
    }
    this.#shutWhenFlushed();
  }

  #shutWhenFlushed(): void {
    if (this.#ending === undefined || this.#shut || this.#writes.length > 0) return;
    this.#shut = true;
    this.#libc.symbols.shutdown(this.#fd, SHUT_WR);
    if (this.#ended || this.#readFault !== undefined || this.#writeFault !== undefined) {
      this[Symbol.dispose]();
    }
  }

  #failWrites(fault: Error): void {
    this.#writeFault ??= fault;
    for (const { done } of this.#writes.splice(0)) done.reject(fault);
  }

  #wakeReader(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(undefined);
  }

  /** What was read last is void now, so its place is free. */
  #giveBuffer(): void {
    if (this.#buffer !== undefined) this.#buffers.giveBack(this.#buffer);
    this.#buffer = undefined;
  }
}
