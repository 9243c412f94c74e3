/** A file as it is read: so many octets at a time, whatever the pieces that it comes in, gzip taken off. */

/** What is no file that can be replayed, in words. */
export class ReplayError extends Error {
  override readonly name = "ReplayError";
}

/** Octets in the order of a file. */
export class OctetStream {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array();
  /** How many octets were taken. */
  offset = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next octets, or undefined where the file ends before; they stay where they are. */
  async peek(octets: number): Promise<Uint8Array | undefined> {
    const parts = [this.#held];
    let length = this.#held.byteLength;
    while (length < octets) {
      const { done, value } = await this.#chunks.next();
      if (done === true) break;
      parts.push(value);
      length += value.byteLength;
    }
    if (parts.length > 1) {
      this.#held = new Uint8Array(length);
      let at = 0;
      for (const part of parts) {
        this.#held.set(part, at);
        at += part.byteLength;
      }
    }
    return length < octets ? undefined : this.#held.subarray(0, octets);
  }

  /** The next octets, or undefined where the file ends before. */
  async take(octets: number): Promise<Uint8Array | undefined> {
    const taken = await this.peek(octets);
    if (taken === undefined) return undefined;
    this.#held = this.#held.subarray(octets);
    this.offset += octets;
    return taken;
  }

  /** How many octets are left where the file ends before the next so many do. */
  get left(): number {
    return this.#held.byteLength;
  }

  /** All that was not taken. */
  async *rest(): AsyncGenerator<Uint8Array> {
    yield this.#held;
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return;
      yield value;
    }
  }
}

/** The file without its compression. @throws {ReplayError} where that is one that cannot be taken off */
export async function decompressed(chunks: AsyncIterable<Uint8Array>): Promise<OctetStream> {
  const stream = new OctetStream(chunks);
  const magic = await stream.peek(3);
  if (magic?.[0] === 0x42 && magic[1] === 0x5a && magic[2] === 0x68) {
    throw new ReplayError("is compressed with bzip2, which is not read here: run bunzip2 on it first");
  }
  if (magic?.[0] !== 0x1f || magic[1] !== 0x8b) return stream;
  const source = ReadableStream.from(owned(stream.rest()));
  return new OctetStream(source.pipeThrough(new DecompressionStream("gzip")));
}

/** DecompressionStream wants octets of a buffer that nobody shares. */
async function* owned(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of chunks) yield chunk.slice();
}
