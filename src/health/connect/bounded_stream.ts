/**
 * A stream that ends with an error where the other side sends more than an answer may have: in octets, and in pieces,
 * for many small ones cost as much as few large ones. It also lets others have their turn now and then.
 */
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

/** `stream` within `limits`. */
export function boundedStream(stream: StreamSocket, clock: Clock, limits: StreamLimits): StreamSocket {
  let octets = 0;
  let pieces = 0;
  return {
    get local() {
      return stream.local;
    },
    get remote() {
      return stream.remote;
    },
    async read() {
      if (pieces > 0 && pieces % PIECES_A_TURN === 0) await sleep(clock);
      const piece = await stream.read();
      octets += piece?.byteLength ?? 0;
      pieces++;
      if (octets > limits.octets) {
        throw new ProbeFailure(`the answer is longer than ${limits.octets} octets`);
      }
      if (pieces > limits.pieces) {
        throw new ProbeFailure(`the answer comes in more than ${limits.pieces} pieces`);
      }
      return piece;
    },
    write: (octets) => stream.write(octets),
    end: (limitMs) => stream.end(limitMs),
    [Symbol.dispose]: () => stream[Symbol.dispose](),
  };
}
