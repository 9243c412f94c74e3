/** DNS messages octet by octet (RFC 1035 section 4.1), right ones and wrong ones; nothing of it is the codec's. */

/** The number of each type of records that the tests have. */
const TYPES: Readonly<Record<string, number>> = {
  ...{ A: 1, NS: 2, CNAME: 5, SOA: 6, NULL: 10, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, NAPTR: 35 },
  ...{ DNAME: 39, OPT: 41, DS: 43, SSHFP: 44, TLSA: 52, CAA: 257 },
};

/** One record; its data may be of any length. */
export interface RawRecord {
  readonly name?: string | Uint8Array;
  readonly type: string;
  readonly class?: number;
  readonly data: Uint8Array;
}

/** A message; without more, a response to `example.org A` that says NOERROR and nothing else. */
export interface RawMessage {
  readonly id?: number;
  /** The second word: QR, opcode, AA, TC, RD, RA, rcode. */
  readonly flags?: number;
  readonly question?: { readonly name?: string; readonly type?: string; readonly class?: number } | undefined;
  readonly answers?: readonly RawRecord[];
  readonly authorities?: readonly RawRecord[];
  readonly additionals?: readonly RawRecord[];
}

/** QR, RD, RA. */
export const RESPONSE = 0x8180;
export const TRUNCATED = 0x0200;
/** Where the name of the question is. */
export const QUESTION_NAME = Uint8Array.of(0xc0, 12);

/** The octets of a message. */
export function rawMessage(message: RawMessage = {}): Uint8Array {
  const { id = 0, flags = RESPONSE, answers = [], authorities = [], additionals = [] } = message;
  const question = "question" in message ? message.question : {};
  return octetsOf(
    ...[id, flags, question === undefined ? 0 : 1, answers.length, authorities.length, additionals.length]
      .map(word),
    ...question === undefined ? [] : [
      rawName(question.name ?? "example.org"),
      word(typeOf(question.type ?? "A")),
      word(question.class ?? 1),
    ],
    ...[...answers, ...authorities, ...additionals].map(rawRecord),
  );
}

function rawRecord({ name = QUESTION_NAME, type, class: ofClass = 1, data }: RawRecord): Uint8Array {
  const owner = typeof name === "string" ? rawName(name) : name;
  return octetsOf(
    owner,
    word(typeOf(type)),
    word(ofClass),
    Uint8Array.of(0, 0, 0, 60),
    word(data.byteLength),
    data,
  );
}

/** Labels and the root. */
export function rawName(name: string): Uint8Array {
  const labels = name.split(".").filter((label) => label !== "");
  return octetsOf(...labels.map(pascal), Uint8Array.of(0));
}

/** A text after its length. */
export function pascal(text: string): Uint8Array {
  const octets = new TextEncoder().encode(text);
  return octetsOf(Uint8Array.of(octets.byteLength), octets);
}

/** Two octets. */
export function word(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** All in one. */
export function octetsOf(...pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** Octets in hexadecimal. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** A message with a chain of `count` pointers, and MX records whose names begin at its end. */
export function chainedMessage(count: number, records: number): Uint8Array {
  const root = rawMessage({ question: { name: ".", type: "MX" } });
  const start = root.byteLength + 11;
  const chain = Array.from(
    { length: count },
    (_, at) => word(0xc000 | (at === 0 ? 12 : start + 2 * (at - 1))),
  );
  const end = word(0xc000 | (start + 2 * (count - 1)));
  const names = Array.from({ length: records - 1 }, () => ({
    name: end,
    type: "MX",
    data: octetsOf(word(10), end),
  }));
  return rawMessage({
    question: { name: ".", type: "MX" },
    answers: [{ name: ".", type: "NULL", data: octetsOf(...chain) }, ...names],
  });
}

function typeOf(type: string): number {
  return TYPES[type] ?? Number(type);
}
