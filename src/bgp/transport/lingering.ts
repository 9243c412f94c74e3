/**
 * Sockets on their way out. One that lingers hands over its last words and reads until the peer has closed, too, so that
 * they are not lost by a reset; how many may do so at once is bounded, and beyond that a socket is closed at once.
 */
import type { TcpSocket } from "./transport.ts";

/** How long a socket may linger. */
const LINGER_MS = 2000;

/** How many may linger at once; `within`, a wider bound that counts them, too. */
export class Lingering {
  readonly #limit: number;
  readonly #within: Lingering | undefined;
  #count = 0;

  constructor(limit: number, within?: Lingering) {
    this.#limit = limit;
    this.#within = within;
  }

  /** May another one linger? */
  get free(): boolean {
    return this.#count < this.#limit && (this.#within?.free ?? true);
  }

  /** Ends a socket, lingering where there is room for that; resolves when it is closed. Never throws. */
  async end(socket: TcpSocket): Promise<void> {
    if (!this.free) return socket[Symbol.dispose]();
    using _place = this.reserve();
    await endSocket(socket);
  }

  /** Counts one that will linger, until it is disposed. */
  reserve(): Disposable {
    this.#count++;
    const wider = this.#within?.reserve();
    return {
      [Symbol.dispose]: () => {
        this.#count--;
        wider?.[Symbol.dispose]();
      },
    };
  }
}

/** Ends a socket within the bound. Never throws. */
export async function endSocket(socket: TcpSocket): Promise<void> {
  try {
    await socket.end(LINGER_MS);
  } catch {
    socket[Symbol.dispose]();
  }
}
