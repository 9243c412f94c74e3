/** DNS answers by chance, seeded: right ones of every type, and what becomes of them by mutation. */
import { type DnsCodec, type DnsQuestion, readAnswer } from "../../../src/health/connect/dns_message.ts";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import { messageOf } from "../../../src/text/error_message.ts";
import {
  chainedMessage,
  octetsOf,
  pascal,
  QUESTION_NAME,
  rawMessage,
  rawName,
  RESPONSE,
  TRUNCATED,
  word,
} from "../../support/dns_messages.ts";
import { seeded } from "../../support/random.ts";

/** Whatever comes, this is what is asked. */
const QUESTION: DnsQuestion = { domain: "example.org", recordType: "A", recursion: true };

const name = octetsOf(pascal("mail"), QUESTION_NAME);
const zeros = (count: number) => new Uint8Array(count);
const RECORDS = [
  { type: "A", data: Uint8Array.of(192, 168, 2, 1) },
  { type: "AAAA", data: zeros(16) },
  { type: "CNAME", data: name },
  { type: "DNAME", data: rawName("other.example") },
  { type: "NS", data: QUESTION_NAME },
  { type: "PTR", data: name },
  { type: "MX", data: octetsOf(word(10), name) },
  { type: "SOA", data: octetsOf(name, name, zeros(20)) },
  { type: "SRV", data: octetsOf(zeros(6), name) },
  { type: "TXT", data: octetsOf(pascal("one"), pascal("two")) },
  { type: "CAA", data: octetsOf(zeros(1), pascal("issue"), word(0x6162)) },
  { type: "DS", data: zeros(24) },
  { type: "SSHFP", data: octetsOf(Uint8Array.of(1, 1), zeros(20)) },
  { type: "TLSA", data: zeros(35) },
  { type: "NAPTR", data: octetsOf(zeros(4), pascal("S"), pascal("x"), pascal(""), name) },
  { type: "OPT", name: ".", data: octetsOf(word(10), word(8), zeros(8)) },
  ...[4, 13, 17, 46, 47, 48, 50, 60, 250, 255, 65535].map((type) => ({ type: `${type}`, data: zeros(40) })),
];

/** What valid answers the mutations begin with. */
const SEEDS: readonly Uint8Array[] = [
  rawMessage({ answers: RECORDS }),
  ...RECORDS.map((record) => rawMessage({ answers: [record] })),
  ...RECORDS.map((record) => rawMessage({ question: { type: record.type }, authorities: [record, record] })),
  rawMessage({ question: undefined, flags: RESPONSE | 2 }),
  rawMessage({ flags: RESPONSE | TRUNCATED, additionals: RECORDS }),
  chainedMessage(60, 20),
];

/**
 * Reads `count` answers, mutated by `seed`, and counts what became of them.
 * @throws {Error} anything else than a ProbeFailure comes of one, with its octets
 */
export function fuzzDnsAnswers(codec: DnsCodec, seed: number, count: number): ReadonlyMap<string, number> {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const outcomes = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const octets = mutated(SEEDS[below(SEEDS.length)] ?? new Uint8Array(), below);
    const outcome = outcomeOf(octets, codec);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  return outcomes;
}

function mutated(seed: Uint8Array, below: (limit: number) => number): Uint8Array {
  let octets: Uint8Array = seed.slice();
  for (let times = below(4); times > 0; times--) {
    const at = below(octets.byteLength + 1);
    switch (below(5)) {
      case 0:
        octets = octets.slice(0, at);
        break;
      case 1:
        octets[at] = below(256);
        break;
      case 2:
        octets[at] = 0xc0;
        octets[at + 1] = below(octets.byteLength);
        break;
      case 3:
        octets = octetsOf(
          octets.subarray(0, at),
          Uint8Array.from({ length: below(30) }, () => below(256)),
          octets.subarray(at),
        );
        break;
      default:
        octets[at] = (octets[at] ?? 0) ^ (1 << below(8));
    }
  }
  return octets;
}

function outcomeOf(octets: Uint8Array, codec: DnsCodec): string {
  try {
    const answer = readAnswer(octets, QUESTION, codec);
    return typeof answer === "string" ? answer : "answer";
  } catch (error) {
    if (error instanceof ProbeFailure) return "unreadable";
    const text = [...octets].map((octet) => octet.toString(16).padStart(2, "0")).join("");
    throw new Error(`${messageOf(error)}: ${text}`);
  }
}
