/**
 * The codec of DNS messages, `dns-packet`, brought in where a dns check first needs it: it stands on node's buffers, which no
 * other part of the agent needs. Satisfies the port `DnsCodec` of src/health.
 */

/** A question; see the port `DnsQuestion`. */
interface Question {
  readonly domain: string;
  readonly recordType: string;
  readonly recursion: boolean;
}

/** What a record may say; see the port `RecordData`. */
type Data = string | readonly Uint8Array[] | Readonly<Record<string, unknown>>;

/** Reads parts of a message; see the port `DnsDecoder`. */
interface Decoder {
  name(offset: number): string;
  data(type: string, offset: number, end: number): Data;
}

/** Reads a part of a message, and notes how many octets it had. */
interface Decode<T> {
  (octets: Uint8Array, offset: number): T;
  readonly bytes: number;
}

/** As much of the library as is used. It has no types of its own. */
interface Library {
  encode(packet: unknown): Uint8Array;
  readonly name: { readonly decode: Decode<string> };
  record(type: string): { readonly decode: Decode<Data> };
}

const RECURSION_DESIRED = 1 << 8;

/** Loads the library. */
export async function loadDnsCodec(): Promise<
  { encode(id: number, question: Question): Uint8Array; decoder(octets: Uint8Array): Decoder }
> {
  const { Buffer } = await import("node:buffer");
  const library = await loadLibrary({ Buffer });
  return {
    encode(id, { domain, recordType, recursion }) {
      const questions = [{ name: domain, type: recordType, class: "IN" }];
      const flags = recursion ? RECURSION_DESIRED : 0;
      return new Uint8Array(library.encode({ type: "query", id, flags, questions }));
    },
    decoder(octets) {
      const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
      return {
        name: (offset) => library.name.decode(buffer, offset),
        data(type, offset, end) {
          const { decode } = library.record(type);
          // The library itself would read on past the end of the data, whatever its length says.
          const data = decode(buffer.subarray(0, end), offset);
          if (decode.bytes !== end - offset) throw new Error(`data of type ${type} of another length`);
          return data;
        },
      };
    },
  };
}

/** In a bundle the library asks a global `require` for node's buffers when it is first evaluated: it has one so long. */
async function loadLibrary(buffers: unknown): Promise<Library> {
  const isBundled = !("require" in globalThis);
  if (isBundled) {
    Object.defineProperty(globalThis, "require", { value: () => buffers, configurable: true });
  }
  try {
    return (await import("dns-packet")).default;
  } finally {
    if (isBundled) Reflect.deleteProperty(globalThis, "require");
  }
}
