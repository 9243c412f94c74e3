/** The receive buffer of a connection: chunks in, whole messages out, however the chunks fall. */
import { HEADER_LENGTH } from "../wire/constants.ts";
import { frame } from "../wire/message.ts";

const SMALLEST_BUFFER = 8192;

/**
 * Cuts a stream of bytes into messages. It holds less than one message and one chunk. The message that `next` has found
 * stands in `bytes` between `from` and `to`, header included, and is void after the next `push` or `next`: a view of each
 * would be a sixth of the work of a flood.
 */
export class Inbox {
  #bytes: Uint8Array = new Uint8Array();
  #from = 0;
  #start = 0;
  #end = 0;
  /** False: `#bytes` is the last chunk itself; true: it is `#buffer`. */
  #owned = false;
  #buffer = new Uint8Array();
  /** It is not worth framing again before this many octets are here. */
  #needed = 1;

  /** Octets that wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** What the message is in. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where the message begins. */
  get from(): number {
    return this.#from;
  }

  /** Where the message ends. */
  get to(): number {
    return this.#start;
  }

  /** Takes `chunk`, which stays its owner's. */
  push(chunk: Uint8Array): void {
    if (this.length === 0) {
      [this.#bytes, this.#start, this.#end, this.#owned] = [chunk, 0, chunk.byteLength, false];
    } else {
      this.#own(chunk.byteLength);
      this.#bytes.set(chunk, this.#end);
      this.#end += chunk.byteLength;
    }
  }

  /**
   * Goes to the next whole message; false where more bytes are needed, and what is left of the chunk has been copied then.
   * @throws {NotificationError} for a bad header
   */
  next(maxLength: number): boolean {
    const isWhole = this.#next(maxLength);
    if (!isWhole && this.length > 0) this.#own(0);
    return isWhole;
  }

  #next(maxLength: number): boolean {
    if (this.length < this.#needed) return false;
    const head = frame(this.#bytes, maxLength, this.#start, this.#end);
    if (head.type === "incomplete") {
      // Up to the header every octet is looked at as it comes, so that a wrong one is answered at once.
      this.#needed = this.length < HEADER_LENGTH ? this.length + 1 : head.needed;
      return false;
    }
    this.#needed = 1;
    this.#from = this.#start;
    this.#start += head.length;
    return true;
  }

  /** Moves what waits to the buffer, with room for `more` octets behind it. */
  #own(more: number): void {
    const left = this.length;
    if (this.#owned && this.#end + more <= this.#bytes.byteLength) return;
    const waiting = this.#bytes.subarray(this.#start, this.#end);
    if (left + more > this.#buffer.byteLength) {
      this.#buffer = new Uint8Array(Math.max(SMALLEST_BUFFER, 2 * (left + more)));
    }
    this.#buffer.set(waiting);
    [this.#bytes, this.#start, this.#end, this.#owned] = [this.#buffer, 0, left, true];
  }
}
