/**
 * Header compression of HTTP/2 (RFC 7541), as far as a client that keeps no dynamic table needs it: what it writes is
 * literal, and what it reads may refer to the static table alone, of which it knows the entries that it looks at.
 */
import { Reader, ReadError } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { latin1Text } from "../../net/latin1.ts";
import { ProbeFailure } from "./failure.ts";

/** A field, decoded as far as it matters: `name` is undefined where it is none of those that are looked at. */
export interface HeaderField {
  readonly name: string | undefined;
  readonly value: string;
}

/** The static table (RFC 7541 appendix A): names from index 1 on, and those of its values that are statuses. */
const STATIC_NAMES =
  (":authority :method :method :path :path :scheme :scheme :status :status :status :status :status " +
    ":status :status accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age " +
    "allow authorization cache-control content-disposition content-encoding content-language content-length " +
    "content-location content-range content-type cookie date etag expect expires from host if-match if-modified-since " +
    "if-none-match if-range if-unmodified-since last-modified link location max-forwards proxy-authenticate " +
    "proxy-authorization range referer refresh retry-after server set-cookie strict-transport-security transfer-encoding " +
    "user-agent vary via www-authenticate").split(" ");
const STATUSES: ReadonlyMap<number, string> = new Map([
  [8, "200"],
  [9, "204"],
  [10, "206"],
  [11, "304"],
  [12, "400"],
  [13, "404"],
  [14, "500"],
]);
const STATIC_ENTRIES = 61;

/** A block of literal fields that enter no table, names and values as they are. */
export function encodeFields(fields: readonly (readonly [name: string, value: string])[]): Uint8Array {
  const writer = new Writer();
  for (const [name, value] of fields) {
    writer.u8(0);
    for (const text of [name, value]) {
      const octets = new TextEncoder().encode(text);
      writeInteger(writer, 7, octets.byteLength);
      writer.bytes(octets);
    }
  }
  return writer.finish();
}

/**
 * The fields of a whole block: the status, and those whose names are among `wanted`, in lower case.
 * @throws {ProbeFailure} it is malformed, or needs a dynamic table
 */
export function decodeFields(block: Uint8Array, wanted: readonly string[]): readonly HeaderField[] {
  const reader = new TextReader(block);
  const fields: HeaderField[] = [];
  try {
    while (reader.remaining > 0) {
      const first = reader.u8("field");
      if (first & 0x80) fields.push(indexed(readInteger(reader, first, 7)));
      else if ((first & 0xe0) === 0x20) readInteger(reader, first, 5); // The size of a table that is not kept.
      else fields.push(literal(reader, readInteger(reader, first, first & 0x40 ? 6 : 4), wanted));
    }
  } catch (error) {
    if (error instanceof ReadError) throw new ProbeFailure("the answer is not HTTP/2: a header that is cut");
    throw error;
  }
  return fields;
}

const IRRELEVANT: HeaderField = { name: undefined, value: "" };

function indexed(index: number): HeaderField {
  checkIndex(index);
  const status = STATUSES.get(index);
  return status === undefined ? IRRELEVANT : { name: ":status", value: status };
}

function literal(reader: TextReader, index: number, wanted: readonly string[]): HeaderField {
  if (index !== 0) checkIndex(index);
  const name = index === 0 ? reader.text() : STATIC_NAMES[index - 1] ?? "";
  if (name === ":status" || wanted.includes(name)) return { name, value: reader.text() };
  reader.skipText();
  return IRRELEVANT;
}

function checkIndex(index: number): void {
  if (index >= 1 && index <= STATIC_ENTRIES) return;
  throw new ProbeFailure("the answer is not HTTP/2: a header that refers to a table which was switched off");
}

/** RFC 7541 section 5.1. */
function readInteger(reader: Reader, first: number, bits: number): number {
  const most = (1 << bits) - 1;
  let value = first & most;
  if (value < most) return value;
  for (let shift = 0; shift <= 21; shift += 7) {
    const octet = reader.u8("integer");
    value += (octet & 0x7f) << shift;
    if ((octet & 0x80) === 0) return value;
  }
  throw new ProbeFailure("the answer is not HTTP/2: a number in a header that is too large");
}

function writeInteger(writer: Writer, bits: number, value: number): void {
  const most = (1 << bits) - 1;
  writer.u8(Math.min(value, most));
  if (value < most) return;
  let rest = value - most;
  for (; rest >= 0x80; rest >>>= 7) writer.u8(rest & 0x7f | 0x80);
  writer.u8(rest);
}

/** The length of each octet's code (RFC 7541 appendix B), from "A" for 5 on, and that of the end of the text. */
const CODE_LENGTHS = "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHF" +
  "IBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJBKABABABBBACCBBBABCBAABCCCCCKGJIX" +
  "PRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRS" +
  "VVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWV" +
  "Z";
const LETTER_OF_NONE = 60;
const LONGEST_CODE = 30;
const END = 256;

/** Reads texts (RFC 7541 section 5.2); what is needed for Huffman codes is made with the first that is one. */
class TextReader extends Reader {
  #code: HuffmanCode | undefined;

  text(): string {
    const { octets, huffman } = this.#octets();
    if (!huffman) return latin1Text(octets);
    this.#code ??= huffmanCode();
    return huffmanText(octets, this.#code);
  }

  skipText(): void {
    this.#octets();
  }

  #octets(): { readonly octets: Uint8Array; readonly huffman: boolean } {
    const first = this.u8("text");
    return { octets: this.bytes(readInteger(this, first, 7), "text"), huffman: (first & 0x80) !== 0 };
  }
}

/** By the length of codes: those of one length are consecutive, from `first` on, as their symbols are, from `from` on. */
interface HuffmanCode {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly from: Int32Array;
  readonly symbols: Int32Array;
}

/** Some nanoseconds for each bit: a text may be as long as a block, and whoever sends it is nobody's friend. */
function huffmanText(octets: Uint8Array, { first, count, from, symbols }: HuffmanCode): string {
  let text = "";
  let code = 0;
  let length = 0;
  for (const octet of octets) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code << 1 | octet >> bit & 1;
      length++;
      const index = code - (first[length] ?? 0);
      const symbol = index < (count[length] ?? 0) ? symbols[(from[length] ?? 0) + index] : undefined;
      if (symbol === undefined && length < LONGEST_CODE) continue;
      if (symbol === undefined || symbol === END) {
        throw new ProbeFailure("the answer is not HTTP/2: a text that is no Huffman code");
      }
      text += String.fromCharCode(symbol);
      code = length = 0;
    }
  }
  return text;
}

function huffmanCode(): HuffmanCode {
  const byLength = () => new Int32Array(LONGEST_CODE + 1);
  const [first, count, from] = [byLength(), byLength(), byLength()];
  const lengths = Array.from(CODE_LENGTHS, (letter) => letter.charCodeAt(0) - LETTER_OF_NONE);
  const symbols = Int32Array.from(lengths.keys())
    .sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
  for (const length of lengths) count[length] = (count[length] ?? 0) + 1;
  for (let length = 1; length <= LONGEST_CODE; length++) {
    const before = count[length - 1] ?? 0;
    first[length] = ((first[length - 1] ?? 0) + before) * 2;
    from[length] = (from[length - 1] ?? 0) + before;
  }
  return { first, count, from, symbols };
}
