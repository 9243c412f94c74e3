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

interface Message {
  readonly isResponse: boolean;
  readonly isTruncated: boolean;
  readonly rcode: string;
  readonly questions: readonly { readonly name: string; readonly type: string; readonly class: string }[];
  readonly answers: readonly {
    readonly name: string;
    readonly type: string;
    readonly class: string;
    readonly data: Data;
  }[];
}

/** As much of the library as is used. It has no types of its own. */
interface Library {
  encode(packet: unknown): Uint8Array;
  decode(octets: Uint8Array): {
    readonly type: string;
    readonly flag_tc: boolean;
    readonly rcode: string;
    readonly questions: Message["questions"];
    readonly answers: readonly {
      readonly name: string;
      readonly type: string;
      readonly class?: string;
      readonly data?: Data;
    }[];
  };
}

const RECURSION_DESIRED = 1 << 8;

/** Loads the library. */
export async function loadDnsCodec(): Promise<
  { encode(id: number, question: Question): Uint8Array; decode(octets: Uint8Array): Message }
> {
  const { Buffer } = await import("node:buffer");
  const library = await loadLibrary({ Buffer });
  return {
    encode(id, { domain, recordType, recursion }) {
      const questions = [{ name: domain, type: recordType, class: "IN" }];
      const flags = recursion ? RECURSION_DESIRED : 0;
      return new Uint8Array(library.encode({ type: "query", id, flags, questions }));
    },
    decode(octets) {
      const { type, flag_tc, rcode, questions, answers } = library.decode(
        Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength),
      );
      return {
        isResponse: type === "response",
        isTruncated: flag_tc,
        rcode,
        questions,
        answers: answers.map(({ name, type, class: ofClass = "", data = "" }) => ({
          name,
          type,
          class: ofClass,
          data,
        })),
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
