/** Octets that arrive in pieces and are used up from the front: a buffer that grows by doubling and moves seldom. */

const FIRST_LENGTH = 1024;

/** A queue of octets. */
export class OctetQueue {
  #buffer = new Uint8Array(0);
  #from = 0;
  #to = 0;

  /** Octets that are held. */
  get length(): number {
    return this.#to - this.#from;
  }

  /** All that is held, a view that is good until the next call. */
  get view(): Uint8Array {
    return this.#buffer.subarray(this.#from, this.#to);
  }

  /** Puts a copy at the end. */
  append(octets: Uint8Array): void {
    if (this.#to + octets.length > this.#buffer.length) this.#makeRoom(octets.length);
    this.#buffer.set(octets, this.#to);
    this.#to += octets.length;
  }

  /** Drops octets from the front; where none are left, the memory too. */
  consume(count: number): void {
    this.#from = Math.min(this.#from + count, this.#to);
    if (this.#from < this.#to) return;
    this.#buffer = new Uint8Array(0);
    this.#from = this.#to = 0;
  }

  #makeRoom(count: number): void {
    const needed = this.length + count;
    const fits = needed <= this.#buffer.length / 2;
    const target = fits
      ? this.#buffer
      : new Uint8Array(Math.max(FIRST_LENGTH, 2 ** Math.ceil(Math.log2(needed))));
    target.set(this.view);
    this.#to = this.length;
    this.#from = 0;
    this.#buffer = target;
  }
}
