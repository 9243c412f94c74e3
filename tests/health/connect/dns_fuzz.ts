/** DNS answers by chance, seeded: right ones of every type, and what becomes of them by mutation. */
import assert from "node:assert/strict";
import { dnsProbe } from "../../../src/health/kinds/dns.ts";
import { latin1Text } from "../../../src/net/latin1.ts";
import { loadDnsCodec } from "../../../src/os/dns_packet.ts";
import type { FuzzSubject } from "../../fuzz/fuzz.ts";
import { dnsCheckConfig } from "../../support/config.ts";
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
import { FuzzNetwork } from "../../support/fuzz_network.ts";

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

const [A = { type: "A", data: zeros(4) }] = RECORDS;
const ALIASES = [
  { type: "CNAME", data: rawName("mail.example.org") },
  { type: "CNAME", name: "mail.example.org", data: rawName("a.example") },
  { ...A, name: "a.example" },
];

/** What valid answers the mutations begin with; half of them pass. */
const SEEDS: readonly Uint8Array[] = [
  ...Array.from({ length: 20 }, () => [rawMessage({ answers: [A] }), rawMessage({ answers: ALIASES })])
    .flat(),
  rawMessage({ answers: RECORDS }),
  ...RECORDS.map((record) => rawMessage({ answers: [record] })),
  ...RECORDS.map((record) => rawMessage({ question: { type: record.type }, authorities: [record, record] })),
  rawMessage({ question: undefined, flags: RESPONSE | 2 }),
  rawMessage({ flags: RESPONSE | TRUNCATED, additionals: RECORDS }),
  chainedMessage(60, 20),
];

/** As in the answers above. */
const EXPECTED = Uint8Array.of(192, 168, 2, 1);

/** Answers to a dns check, over udp and over tcp. */
export const DNS_FUZZ: FuzzSubject = {
  name: "dns",
  async open() {
    const codec = await loadDnsCodec();
    return (dice) => {
      const shown = dice.damaged(dice.pick(SEEDS), [
        QUESTION_NAME,
        Uint8Array.of(0xc0, dice.below(256)),
        word(1),
      ]);
      const expect = dice.oneIn(2) ? ["192.168.2.1"] : undefined;
      const protocol = dice.oneIn(3) ? "tcp" : "udp";
      const answer = octetsOf(word(shown.length), shown).subarray(
        0,
        dice.oneIn(20) ? dice.below(99) : undefined,
      );
      const pieces = dice.pieces(answer, 400);
      return {
        shown,
        async judge() {
          // Whatever it is, it is asked for again over tcp where it says that it is truncated.
          const network = new FuzzNetwork({ datagrams: [shown], stream: { pieces } });
          const { streams, names, clock, datagrams } = network;
          const config = dnsCheckConfig({ protocol, expect });
          const ports = {
            streams,
            names,
            clock,
            datagrams,
            random: () => 0,
            dnsCodec: () => Promise.resolve(codec),
          };
          const outcome = await network.outcomeOf(dnsProbe(config, ports));
          assert.notEqual(outcome.verdict, "unknown", outcome.detail);
          const seen = latin1Text(shown).includes(latin1Text(EXPECTED));
          assert.ok(outcome.verdict === "fail" || expect === undefined || seen, outcome.detail);
          return { verdict: outcome.verdict, sort: outcome.sort.replace(/(NOERROR: ).*/s, "$1…") };
        },
      };
    };
  },
};
