/**
 * A bounded, big- or little-endian reader. All bounds are checked in one place; the error names the field
 * and the offset, counted from the start of the outermost buffer.
 */

/** A read past the end of its buffer. */
export class ReadError extends Error {
  override readonly name = "ReadError";
  constructor(
    /** What was being read. */
    readonly field: string,
    /** Where, in bytes from the start of the outermost buffer. */
    readonly offset: number,
    needed: number,
    left: number,
  ) {
    super(`${field} at offset ${offset} needs ${needed} bytes, ${left} left`);
  }
}

/**
 * Reads integers and byte runs off a buffer, front to back.
 *
 * @example
 * ```ts
 * import { equal, throws } from "node:assert/strict";
 *
 * const reader = new Reader(Uint8Array.of(0, 179, 4));
 * equal(reader.u16("port"), 179);
 * equal(reader.remaining, 1);
 * throws(() => reader.u32("length"), /length at offset 2 needs 4 bytes, 1 left/);
 * ```
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  readonly #littleEndian: boolean;
  #position = 0;

  /** @param base offset of `bytes` in the outermost buffer, for error messages */
  constructor(bytes: Uint8Array, options: { readonly base?: number; readonly littleEndian?: boolean } = {}) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = options.base ?? 0;
    this.#littleEndian = options.littleEndian ?? false;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.byteLength - this.#position;
  }

  /** Position in bytes from the start of the outermost buffer. */
  get offset(): number {
    return this.#base + this.#position;
  }

  /** @throws {ReadError} */
  u8(field: string): number {
    return this.#view.getUint8(this.#take(1, field));
  }

  /** @throws {ReadError} */
  u16(field: string): number {
    return this.#view.getUint16(this.#take(2, field), this.#littleEndian);
  }

  /** @throws {ReadError} */
  u32(field: string): number {
    return this.#view.getUint32(this.#take(4, field), this.#littleEndian);
  }

  /** @throws {ReadError} */
  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#take(8, field), this.#littleEndian);
  }

  /**
   * A view of the next `length` bytes, not a copy.
   * @throws {ReadError}
   */
  bytes(length: number, field: string): Uint8Array {
    const start = this.#take(length, field);
    return this.#bytes.subarray(start, start + length);
  }

  /**
   * A reader bounded to the next `length` bytes.
   * @throws {ReadError}
   */
  sub(length: number, field: string): Reader {
    const base = this.offset;
    return new Reader(this.bytes(length, field), { base, littleEndian: this.#littleEndian });
  }

  /** A view of everything that is left. */
  rest(): Uint8Array {
    return this.bytes(this.remaining, "rest");
  }

  #take(length: number, field: string): number {
    if (length > this.remaining) throw new ReadError(field, this.offset, length, this.remaining);
    const start = this.#position;
    this.#position += length;
    return start;
  }
}
