/**
 * DNS messages (RFC 1035 section 4): a question, and what a server's answer says. Names and data are the library's, behind a
 * port; where they stand is found here, and what they may cost is bounded before: a name of an answer may lead to another
 * place of it (section 4.1.4) thousands of times, as may the next, and no more is read than what was asked for.
 */
import { RCODES } from "../../config/checks/dns.ts";
import {
  canonicalName,
  type RecordData,
  recordText,
  type RecordType,
} from "../../config/checks/dns_record.ts";
import { messageOf } from "../../text/error_message.ts";
import { foreignText } from "../../text/foreign.ts";
import { ProbeFailure } from "./failure.ts";

/** What is asked. */
export interface DnsQuestion {
  /** In small letters, without the dot at its end. */
  readonly domain: string;
  readonly recordType: RecordType;
  readonly recursion: boolean;
}

/** Reads parts of one message. */
export interface DnsDecoder {
  /** The name that begins there. @throws {Error} it is none */
  name(offset: number): string;
  /** The data of a record, from its length on to its end. @throws {Error} it is none of that type, or of another length */
  data(type: RecordType, offset: number, end: number): RecordData;
}

/** The port to the library. */
export interface DnsCodec {
  /** A query with one question of class IN. */
  encode(id: number, question: DnsQuestion): Uint8Array;
  /** Of a message that must not change meanwhile. */
  decoder(octets: Uint8Array): DnsDecoder;
}

/** What a server answers to a question. */
export interface DnsAnswer {
  readonly rcode: string;
  readonly isTruncated: boolean;
  /** What its records of the type that was asked for say, of the name itself or of one that it is an alias of. */
  readonly values: readonly string[];
  /** All records of the answer, whatever type they have. */
  readonly records: number;
}

/** The numbers of the types (RFC 1035 section 3.2.2 and later ones). */
const TYPES: Readonly<Record<RecordType, number>> = {
  ...{ A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33 },
  ...{ NAPTR: 35, DNAME: 39, DS: 43, SSHFP: 44, TLSA: 52, CAA: 257 },
};
/** Before the data of a record. */
const LENGTH_OCTETS = 2;
/** Data of a type that has names has so many at most. */
const NAMES_IN_DATA = 2;
const NAMING: readonly RecordType[] = ["NS", "CNAME", "SOA", "PTR", "MX", "SRV", "NAPTR", "DNAME"];
const CLASS_IN = 1;
const HEADER_OCTETS = 12;
const RESPONSE = 0x8000;
const TRUNCATED = 0x0200;
/** The records of an answer. */
const MAX_RECORDS = 256;
/** The labels of all names that are read, and how often these lead on: some 4 ms of work. */
const MAX_LABELS = 8192;
/** The data of all records that are read: as much work again. */
const MAX_DATA_OCTETS = 8192;
/** An alias may be one of an alias. */
const MAX_ALIASES = 16;

/** The identifier of a message, which may be anything; undefined where it is too short to have one. */
export function idOf(octets: Uint8Array): number | undefined {
  return octets.byteLength < 2 ? undefined : u16(octets, 0);
}

/**
 * What `octets` answer to `question`, or why they are no answer to it: then another may still come.
 * @throws {ProbeFailure} they cannot be read
 */
export function readAnswer(octets: Uint8Array, question: DnsQuestion, codec: DnsCodec): DnsAnswer | string {
  if (octets.byteLength < HEADER_OCTETS) {
    throw new ProbeFailure(`the answer has ${octets.byteLength} octets, which is no DNS message`);
  }
  const flags = u16(octets, 2);
  if ((flags & RESPONSE) === 0) return "that is no answer";
  const rcode = RCODES[flags & 0xf] ?? `RCODE ${flags & 0xf}`;
  const records = u16(octets, 6);
  if (records > MAX_RECORDS) throw new ProbeFailure(`the answer has more than ${MAX_RECORDS} records`);
  try {
    const reading = new Reading(octets, codec.decoder(octets));
    const questions = u16(octets, 4);
    // A server that does not understand a question, or will not look at it, may leave it out.
    const isEchoed = questions === 0 ? rcode !== "NOERROR" : questions === 1 && reading.repeats(question);
    if (!isEchoed) return "that answers another question";
    const isTruncated = (flags & TRUNCATED) !== 0;
    // What is truncated is not looked at: it will be asked for again.
    return { rcode, isTruncated, records, values: isTruncated ? [] : reading.values(question, records) };
  } catch (error) {
    if (error instanceof ProbeFailure) throw error;
    throw new ProbeFailure(`the answer cannot be read: ${foreignText(messageOf(error))}`);
  }
}

interface Place {
  readonly name: number;
  readonly type: number;
  readonly data: number;
  readonly end: number;
}

/** Goes through a message from front to back. */
class Reading {
  readonly #octets: Uint8Array;
  readonly #decoder: DnsDecoder;
  readonly #labels: Uint32Array;
  #at = HEADER_OCTETS;
  #labelsRead = 0;
  #dataRead = 0;

  constructor(octets: Uint8Array, decoder: DnsDecoder) {
    [this.#octets, this.#decoder, this.#labels] = [octets, decoder, labelsFrom(octets)];
  }

  /** Whether this is the question that comes next. */
  repeats({ domain, recordType }: DnsQuestion): boolean {
    const name = this.#name(this.#at);
    this.#skipName();
    const [type, ofClass] = [this.#word("type"), this.#word("class")];
    return name === domain && type === TYPES[recordType] && ofClass === CLASS_IN;
  }

  /** What the records that come next say to the question. */
  values({ domain, recordType }: DnsQuestion, count: number): readonly string[] {
    const asked: Place[] = [];
    const aliases: Place[] = [];
    for (let index = 0; index < count; index++) {
      const { place, ofClass } = this.#place();
      if (ofClass !== CLASS_IN) continue;
      if (place.type === TYPES[recordType]) asked.push(place);
      else if (place.type === TYPES.CNAME) aliases.push(place);
    }
    const names = this.#namesOf(domain, aliases);
    return asked.filter(({ name }) => names.has(this.#name(name))).map((place) => {
      const text = recordText(recordType, this.#data(recordType, place));
      if (text === undefined) {
        throw new ProbeFailure(`the answer cannot be read: no data of type ${recordType}`);
      }
      return text;
    });
  }

  /** The name, and all that it is an alias of. */
  #namesOf(domain: string, aliases: readonly Place[]): ReadonlySet<string> {
    const targets = new Map(aliases.map((place) => {
      const target = this.#data("CNAME", place);
      return [this.#name(place.name), typeof target === "string" ? canonicalName(target) : ""];
    }));
    const names = new Set([domain]);
    for (let next = targets.get(domain); next !== undefined && !names.has(next); next = targets.get(next)) {
      if (names.size > MAX_ALIASES) break;
      names.add(next);
    }
    return names;
  }

  #name(offset: number): string {
    this.#count(this.#labels[offset] ?? 0);
    return canonicalName(this.#decoder.name(offset));
  }

  #data(type: RecordType, { data, end }: Place): RecordData {
    if (NAMING.includes(type)) {
      const most = this.#labels.subarray(data + LENGTH_OCTETS, end).reduce((a, b) => Math.max(a, b), 0);
      this.#count(NAMES_IN_DATA * most);
    }
    this.#dataRead += end - data - LENGTH_OCTETS;
    if (this.#dataRead > MAX_DATA_OCTETS) {
      throw new ProbeFailure(`the records in the answer have more than ${MAX_DATA_OCTETS} octets`);
    }
    return this.#decoder.data(type, data, end);
  }

  #count(labels: number): void {
    this.#labelsRead += labels;
    if (this.#labelsRead > MAX_LABELS) {
      throw new ProbeFailure(`the names in the answer have more than ${MAX_LABELS} labels`);
    }
  }

  /** Where the parts of the next record are. */
  #place(): { readonly place: Place; readonly ofClass: number } {
    const name = this.#at;
    this.#skipName();
    const [type, ofClass] = [this.#word("type"), this.#word("class")];
    this.#skip(4, "TTL");
    const data = this.#at;
    this.#skip(this.#word("length of the data"), "data");
    return { place: { name, type, data, end: this.#at }, ofClass };
  }

  #skipName(): void {
    for (;;) {
      const octet = this.#octets[this.#at] ?? 0;
      if (octet >= POINTER) return this.#skip(2, "name");
      if (octet >= 0x40) throw new ProbeFailure("the answer cannot be read: a label of unknown kind");
      this.#skip(1 + octet, "name");
      if (octet === 0) return;
    }
  }

  #word(what: string): number {
    const at = this.#at;
    this.#skip(2, what);
    return u16(this.#octets, at);
  }

  #skip(octets: number, what: string): void {
    this.#at += octets;
    if (this.#at > this.#octets.byteLength) {
      throw new ProbeFailure(`the answer cannot be read: it ends within a ${what}`);
    }
  }
}

/** The upper two bits of an octet that begins a pointer. */
const POINTER = 0xc0;

/**
 * The labels of the name that begins at each offset, and how often it leads on. A pointer leads to a place before that which
 * its own labels began at, or the name is none: so whatever the message is, each of its octets is looked at twice.
 */
function labelsFrom(octets: Uint8Array): Uint32Array {
  const length = octets.byteLength;
  // Of the labels that are in one place: how many they are, and where the pointer is behind them (0: there is none).
  const labels = new Uint32Array(length);
  const pointers = new Uint32Array(length);
  for (let at = length - 1; at >= 0; at--) {
    const octet = octets[at] ?? 0;
    const next = at + 1 + octet;
    if (octet >= POINTER) pointers[at] = at;
    else if (octet > 0 && octet < 0x40) {
      labels[at] = 1 + (labels[next] ?? 0);
      pointers[at] = pointers[next] ?? 0;
    }
  }
  for (let at = 0; at < length; at++) {
    const pointer = pointers[at] ?? 0;
    const to = pointer === 0 ? length : u16(octets, pointer) & 0x3fff;
    if (to < at) labels[at] = (labels[at] ?? 0) + 1 + (labels[to] ?? 0);
  }
  return labels;
}

function u16(octets: Uint8Array, offset: number): number {
  return ((octets[offset] ?? 0) << 8) | (octets[offset + 1] ?? 0);
}
