/**
 * A stream that ends with an error where the other side sends more than an answer may have: in octets, and in pieces,
 * for many small ones cost as much as few large ones. It also lets others have their turn now and then.
 */
import { onAbort } from "../../time/abort.ts";
import { type Clock, sleep } from "../../time/clock.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { ProbeFailure } from "./failure.ts";

/** What one answer may have. */
export interface StreamLimits {
  readonly octets: number;
  readonly pieces: number;
}

/** A head of 64 KiB, interim answers before it, and 64 KiB of a body; TLS around it. */
export const ANSWER_LIMITS: StreamLimits = { octets: 196_608, pieces: 1024 };

/** By HTTP/2, where each frame of 9 octets is work and may want an answer: a head. */
export const HTTP2_LIMITS: StreamLimits = { octets: 73_728, pieces: 256 };

/** The same with a body. */
export const HTTP2_BODY_LIMITS: StreamLimits = { octets: 147_456, pieces: 512 };

/** After so many reads in a row, which may all have been ready at once, timers and other sockets have their turn. */
const PIECES_A_TURN = 8;

/**
 * `stream` within `limits`; closed when `signal` is aborted, where one is given, until it is disposed.
 */
export function boundedStream(
  stream: StreamSocket,
  clock: Clock,
  limits: StreamLimits,
  signal?: AbortSignal,
): StreamSocket {
  return new BoundedStream(stream, clock, limits, signal);
}

/** A class: there is one for each probe, and what is written as an object with accessors takes ten times as long to make. */
class BoundedStream implements StreamSocket {
  readonly #stream: StreamSocket;
  readonly #clock: Clock;
  readonly #limits: StreamLimits;
  readonly #aborting: Disposable | undefined;
  #octets = 0;
  #pieces = 0;

  constructor(stream: StreamSocket, clock: Clock, limits: StreamLimits, signal: AbortSignal | undefined) {
    this.#stream = stream;
    this.#clock = clock;
    this.#limits = limits;
    this.#aborting = signal && onAbort(signal, () => stream[Symbol.dispose]());
  }

  get local() {
    return this.#stream.local;
  }

  get remote() {
    return this.#stream.remote;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#pieces > 0 && this.#pieces % PIECES_A_TURN === 0) await sleep(this.#clock);
    const piece = await this.#stream.read();
    this.#octets += piece?.byteLength ?? 0;
    this.#pieces++;
    if (this.#octets > this.#limits.octets) {
      throw new ProbeFailure(`the answer is longer than ${this.#limits.octets} octets`);
    }
    if (this.#pieces > this.#limits.pieces) {
      throw new ProbeFailure(`the answer comes in more than ${this.#limits.pieces} pieces`);
    }
    return piece;
  }

  write(octets: Uint8Array): Promise<void> {
    return this.#stream.write(octets);
  }

  end(limitMs: number): Promise<void> {
    return this.#stream.end(limitMs);
  }

  [Symbol.dispose](): void {
    this.#aborting?.[Symbol.dispose]();
    this.#stream[Symbol.dispose]();
  }
}
