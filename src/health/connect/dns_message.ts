/**
 * DNS messages (RFC 1035 section 4): a question, and what a server's answer says. The codec is a library behind a port; what
 * an answer may cost it is bounded before, for its names can lead from one to the next (section 4.1.4) thousands of times.
 */
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

/** A record as the codec reads it. */
export interface DnsRecord {
  readonly name: string;
  readonly type: string;
  readonly class: string;
  readonly data: RecordData;
}

/** A message as the codec reads it. */
export interface DnsMessage {
  readonly isResponse: boolean;
  readonly isTruncated: boolean;
  readonly rcode: string;
  readonly questions: readonly { readonly name: string; readonly type: string; readonly class: string }[];
  readonly answers: readonly DnsRecord[];
}

/** The port to the library. */
export interface DnsCodec {
  /** A query with one question of class IN. */
  encode(id: number, question: DnsQuestion): Uint8Array;
  /** @throws {Error} whatever the library throws at octets that are no message */
  decode(octets: Uint8Array): DnsMessage;
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

/** All records of one answer, in whichever section. */
const MAX_RECORDS = 256;
/** So often one name may lead to another place of the message. */
const MAX_JUMPS = 64;
/** An alias may be one of an alias. */
const MAX_ALIASES = 16;
const HEADER_OCTETS = 12;

/** The identifier of a message, which may be anything; undefined where it is too short to have one. */
export function idOf(octets: Uint8Array): number | undefined {
  return octets.byteLength < 2 ? undefined : u16(octets, 0);
}

/**
 * What `octets` answer to `question`, or why they are no answer to it: then another may still come.
 * @throws {ProbeFailure} they cannot be read
 */
export function readAnswer(octets: Uint8Array, question: DnsQuestion, codec: DnsCodec): DnsAnswer | string {
  const message = decoded(octets, codec);
  if (!message.isResponse) return "that is no answer";
  const [asked, ...more] = message.questions;
  // A server that does not understand a question, or will not look at it, may leave it out.
  const isEchoed = asked === undefined ? message.rcode !== "NOERROR" : more.length === 0 &&
    canonicalName(asked.name) === question.domain && asked.type === question.recordType &&
    asked.class === "IN";
  if (!isEchoed) return "that answers another question";
  return {
    rcode: message.rcode,
    isTruncated: message.isTruncated,
    values: valuesOf(message.answers, question),
    records: message.answers.length,
  };
}

function decoded(octets: Uint8Array, codec: DnsCodec): DnsMessage {
  if (octets.byteLength < HEADER_OCTETS) {
    throw new ProbeFailure(`the answer has ${octets.byteLength} octets, which is no DNS message`);
  }
  const records = [6, 8, 10].reduce((sum, offset) => sum + u16(octets, offset), 0);
  if (records > MAX_RECORDS) throw new ProbeFailure(`the answer has more than ${MAX_RECORDS} records`);
  if (u16(octets, 4) > 1) throw new ProbeFailure("the answer has more than one question");
  if (mostJumps(octets) > MAX_JUMPS) {
    throw new ProbeFailure(`a name in the answer leads on more than ${MAX_JUMPS} times`);
  }
  try {
    return codec.decode(octets);
  } catch (error) {
    throw new ProbeFailure(`the answer cannot be read: ${foreignText(messageOf(error))}`);
  }
}

/**
 * How often a name that begins anywhere in the message leads to another place at most. A pointer leads to a place before
 * that which its own labels began at, or the name ends there; so each place is looked at once.
 */
function mostJumps(octets: Uint8Array): number {
  const length = octets.byteLength;
  // Where the pointer is that the labels from a place on lead to, and one more; 0: they lead to none.
  const pointers = new Uint32Array(length);
  for (let at = length - 1; at >= 0; at--) {
    const octet = octets[at] ?? 0;
    if (octet >= 0xc0) pointers[at] = at + 1;
    else if (octet > 0 && octet < 0x40) pointers[at] = pointers[at + 1 + octet] ?? 0;
  }
  const jumps = new Uint16Array(length);
  let most = 0;
  for (let at = 0; at < length; at++) {
    const pointer = pointers[at] ?? 0;
    if (pointer === 0 || pointer >= length) continue;
    const to = u16(octets, pointer - 1) & 0x3fff;
    if (to < at) most = Math.max(most, jumps[at] = 1 + (jumps[to] ?? 0));
  }
  return most;
}

/** @throws {ProbeFailure} a record has no data of its type */
function valuesOf(answers: readonly DnsRecord[], { domain, recordType }: DnsQuestion): readonly string[] {
  const names = new Set([domain]);
  if (recordType !== "CNAME") {
    for (let more = true; more && names.size <= MAX_ALIASES;) {
      const before = names.size;
      for (const { name, type, data } of answers) {
        if (type === "CNAME" && typeof data === "string" && names.has(canonicalName(name))) {
          names.add(canonicalName(data));
        }
      }
      more = names.size > before;
    }
  }
  return answers
    .filter((record) =>
      record.type === recordType && record.class === "IN" && names.has(canonicalName(record.name))
    )
    .map(({ data }) => {
      const text = recordText(recordType, data);
      if (text === undefined) {
        throw new ProbeFailure(`the answer cannot be read: no data of type ${recordType}`);
      }
      return text;
    });
}

function u16(octets: Uint8Array, offset: number): number {
  return ((octets[offset] ?? 0) << 8) | (octets[offset + 1] ?? 0);
}
