/** A growing big- or little-endian writer. Lengths are reserved first and patched when they are known. */

/**
 * Writes integers and byte runs to a buffer that grows.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const writer = new Writer().u8(4).u16(65_512).zeros(1);
 * equal(writer.finish().toHex(), "04ffe800");
 * ```
 */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;
  readonly #littleEndian: boolean;

  constructor(options: { readonly capacity?: number; readonly littleEndian?: boolean } = {}) {
    this.#bytes = new Uint8Array(options.capacity ?? 256);
    this.#view = new DataView(this.#bytes.buffer);
    this.#littleEndian = options.littleEndian ?? false;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, this.#littleEndian);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, this.#littleEndian);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, this.#littleEndian);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.byteLength);
    this.#bytes.set(value, at);
    return this;
  }

  /** Writes `count` zero bytes. */
  zeros(count: number): this {
    const at = this.#grow(count);
    this.#bytes.fill(0, at, at + count);
    return this;
  }

  /** Overwrites the octet at `at`, which was written before. */
  patchU8(at: number, value: number): void {
    this.#view.setUint8(at, value);
  }

  /** Overwrites the two octets at `at`, which were written before. */
  patchU16(at: number, value: number): void {
    this.#view.setUint16(at, value, this.#littleEndian);
  }

  /** Overwrites the four octets at `at`, which were written before. */
  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, this.#littleEndian);
  }

  /** Begins again: what was written is given up, and so are views of it. */
  clear(): void {
    this.#length = 0;
  }

  /** What was written from `start` on, without a copy: nothing of it may be patched any more; more may be written. */
  view(start = 0): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, this.#length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = needed;
    return at;
  }
}
