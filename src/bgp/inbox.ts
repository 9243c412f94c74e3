/** The receive buffer of a connection: chunks in, whole messages out, however the chunks fall. */
import { HEADER_LENGTH } from "./wire/constants.ts";
import { frame } from "./wire/message.ts";

const SMALLEST_BUFFER = 8192;

/** Cuts a stream of bytes into messages. It holds less than one message and one chunk. */
export class Inbox {
  #bytes: Uint8Array = new Uint8Array();
  #start = 0;
  #end = 0;
  /** False: `#bytes` is the last chunk itself. */
  #owned = false;
  /** It is not worth framing again before this many octets are here. */
  #needed = 1;

  /** Octets that wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Takes over `chunk`; messages that were handed out before are void. */
  push(chunk: Uint8Array): void {
    const left = this.length;
    if (left === 0) {
      [this.#bytes, this.#start, this.#end, this.#owned] = [chunk, 0, chunk.byteLength, false];
      return;
    }
    const total = left + chunk.byteLength;
    if (!this.#owned || total > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(SMALLEST_BUFFER, 2 * total));
      larger.set(this.#bytes.subarray(this.#start, this.#end));
      [this.#bytes, this.#start, this.#end, this.#owned] = [larger, 0, left, true];
    } else if (this.#end + chunk.byteLength > this.#bytes.byteLength) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      [this.#start, this.#end] = [0, left];
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.byteLength;
  }

  /**
   * The next whole message, header included, or undefined where more bytes are needed. A view: void after `push`.
   * @throws {NotificationError} for a bad header
   */
  next(maxLength: number): Uint8Array | undefined {
    if (this.length < this.#needed) return undefined;
    const waiting = this.#bytes.subarray(this.#start, this.#end);
    const head = frame(waiting, maxLength);
    if (head.type === "incomplete") {
      // Up to the header every octet is looked at as it comes, so that a wrong one is answered at once.
      this.#needed = waiting.byteLength < HEADER_LENGTH ? waiting.byteLength + 1 : head.needed;
      return undefined;
    }
    this.#needed = 1;
    this.#start += head.length;
    return waiting.subarray(0, head.length);
  }
}
