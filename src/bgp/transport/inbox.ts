/** The receive buffer of a connection: chunks in, whole messages out, however the chunks fall. */
import { HEADER_LENGTH } from "../wire/constants.ts";
import { frame } from "../wire/message.ts";

const SMALLEST_BUFFER = 8192;

/** Cuts a stream of bytes into messages. It holds less than one message and one chunk. */
export class Inbox {
  #bytes: Uint8Array = new Uint8Array();
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

  /** Takes `chunk`, which stays its owner's; messages that were handed out before are void. */
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
   * The next whole message, header included. A view: void after `push`. Undefined where more bytes are needed; what is
   * left of the chunk has been copied then.
   * @throws {NotificationError} for a bad header
   */
  next(maxLength: number): Uint8Array | undefined {
    const message = this.#next(maxLength);
    if (message === undefined && this.length > 0) this.#own(0);
    return message;
  }

  #next(maxLength: number): Uint8Array | undefined {
    if (this.length < this.#needed) return undefined;
    const start = this.#start;
    const head = frame(this.#bytes, maxLength, start, this.#end);
    if (head.type === "incomplete") {
      // Up to the header every octet is looked at as it comes, so that a wrong one is answered at once.
      this.#needed = this.length < HEADER_LENGTH ? this.length + 1 : head.needed;
      return undefined;
    }
    this.#needed = 1;
    this.#start += head.length;
    return this.#bytes.subarray(start, this.#start);
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
