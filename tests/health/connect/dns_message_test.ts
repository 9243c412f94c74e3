/** Answers of name servers octet by octet, with the codec that the agent has: what they say, and what is refused unread. */
import assert from "node:assert/strict";
import { RECORD_TYPES } from "../../../src/config/checks/dns_record.ts";
import { type DnsQuestion, idOf, readAnswer } from "../../../src/health/connect/dns_message.ts";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import { loadDnsCodec } from "../../../src/os/dns_packet.ts";
import {
  chainedMessage,
  hex,
  octetsOf,
  pascal,
  QUESTION_NAME,
  rawMessage,
  rawName,
  type RawRecord,
  RESPONSE,
  TRUNCATED,
  word,
} from "../../support/dns_messages.ts";
import { fuzz } from "../../fuzz/fuzz.ts";
import { DNS_FUZZ } from "./dns_fuzz.ts";

const QUESTION: DnsQuestion = { domain: "example.org", recordType: "A", recursion: true };
const ADDRESS = hex("c0000201");

/** What `readAnswer` makes of it, or the words of its failure. */
async function read(octets: Uint8Array, question: Partial<DnsQuestion> = {}) {
  const codec = await loadDnsCodec();
  try {
    return readAnswer(octets, { ...QUESTION, ...question }, codec);
  } catch (error) {
    assert.ok(error instanceof ProbeFailure, `${error}`);
    return `! ${error.message}`;
  }
}

async function valuesOf(octets: Uint8Array, question: Partial<DnsQuestion> = {}) {
  const answer = await read(octets, question);
  return typeof answer === "string" ? answer : answer.values;
}

Deno.test("the codec asks one question of class IN (RFC 1035 section 4.1)", async () => {
  const codec = await loadDnsCodec();
  assert.deepEqual(
    codec.encode(0x1234, { domain: "a.example", recordType: "MX", recursion: true }),
    hex("1234" + "0100" + "0001000000000000" + "0161076578616d706c6500" + "000f" + "0001"),
  );
  assert.deepEqual(
    codec.encode(0xffff, { domain: ".", recordType: "NS", recursion: false }),
    hex("ffff" + "0000" + "0001000000000000" + "00" + "0002" + "0001"),
  );
});

const RECORDS: readonly (readonly [RawRecord, string])[] = [
  [{ type: "A", data: ADDRESS }, "192.0.2.1"],
  [{ type: "AAAA", data: hex("20010db8000000000000000000000001") }, "2001:db8::1"],
  [{ type: "CNAME", data: octetsOf(pascal("WWW"), QUESTION_NAME) }, "www.example.org"],
  [{ type: "DNAME", data: rawName("Other.example") }, "other.example"],
  [{ type: "NS", data: rawName("") }, "."],
  [{ type: "PTR", data: QUESTION_NAME }, "example.org"],
  [{ type: "MX", data: octetsOf(word(10), rawName("m")) }, "10 m"],
  [{ type: "SRV", data: octetsOf(word(1), word(2), word(3), rawName("s")) }, "1 2 3 s"],
  [{ type: "TXT", data: octetsOf(pascal("v=spf1 "), pascal("-all")) }, "v=spf1 -all"],
  [{ type: "CAA", data: octetsOf(hex("80"), pascal("issue"), hex("6162")) }, '128 "issue" "ab"'],
  [{ type: "DS", data: hex("ec4505012bb1") }, "60485 5 1 2bb1"],
  [{ type: "SSHFP", data: octetsOf(hex("0101"), new Uint8Array(20)) }, `1 1 ${"00".repeat(20)}`],
  [{ type: "TLSA", data: hex("030101abcd") }, "3 1 1 abcd"],
  [
    {
      type: "SOA",
      data: octetsOf(rawName("n"), rawName("a.b"), hex("ffffffff00000001000000020000000300000004")),
    },
    "n a.b 4294967295 1 2 3 4",
  ],
  [
    {
      type: "NAPTR",
      data: octetsOf(word(100), word(10), pascal("S"), pascal("SIP+D2U"), pascal(""), rawName("r")),
    },
    '100 10 "S" "SIP+D2U" "" r',
  ],
];

for (const [record, text] of RECORDS) {
  Deno.test(`readAnswer() reads ${record.type} ${text}`, async () => {
    const octets = rawMessage({ question: { type: record.type }, answers: [record] });
    const recordType = RECORD_TYPES.find((type) => type === record.type) ?? "A";
    assert.deepEqual(await valuesOf(octets, { recordType }), [text]);
  });
}

const ALIAS = { type: "CNAME", data: rawName("b.example") };

for (
  const [sentence, answers, values] of [
    ["two of them", [{ type: "A", data: ADDRESS }, { type: "A", data: hex("c0000202") }], [
      "192.0.2.1",
      "192.0.2.2",
    ]],
    ["none", [], []],
    ["others alone", [{ type: "TXT", data: pascal("x") }], []],
    ["that of an alias", [ALIAS, { name: "B.Example", type: "A", data: ADDRESS }], ["192.0.2.1"]],
    [
      "that of an alias of an alias, whatever their order",
      [
        { name: "c.example", type: "A", data: ADDRESS },
        { name: "b.example", type: "CNAME", data: rawName("c.example") },
        ALIAS,
      ],
      ["192.0.2.1"],
    ],
    ["not that of another name", [{ name: "b.example", type: "A", data: ADDRESS }], []],
    ["not that of another class", [{ type: "A", class: 3, data: ADDRESS }], []],
  ] as const
) {
  Deno.test(`readAnswer() gives the records of the type that was asked for: ${sentence}`, async () => {
    assert.deepEqual(await valuesOf(rawMessage({ answers })), values);
  });
}

Deno.test("readAnswer() ends where aliases go in a circle", async () => {
  const circle = [ALIAS, { name: "b.example", type: "CNAME", data: rawName("example.org") }];
  assert.deepEqual(await valuesOf(rawMessage({ answers: circle })), []);
});

Deno.test("readAnswer() says what the server says of the question, and that the answer is truncated", async () => {
  assert.deepEqual(await read(rawMessage({ flags: RESPONSE | 3, answers: [] })), {
    rcode: "NXDOMAIN",
    isTruncated: false,
    values: [],
    records: 0,
  });
  assert.deepEqual(await read(rawMessage({ flags: RESPONSE | TRUNCATED, answers: [ALIAS] })), {
    rcode: "NOERROR",
    isTruncated: true,
    values: [],
    records: 1,
  });
});

const two = octetsOf(rawMessage().subarray(0, 4), word(2), rawMessage().subarray(6));

Deno.test("readAnswer() does not mind that an answer ends early that says so itself", async () => {
  const octets = rawMessage({ flags: RESPONSE | TRUNCATED, answers: [{ type: "A", data: ADDRESS }] });
  const answer = await read(octets.subarray(0, -2));
  assert.deepEqual(typeof answer === "string" ? answer : answer.isTruncated, true);
});

for (
  const [sentence, octets, words] of [
    ["a query", rawMessage({ flags: 0x0100 }), "that is no answer"],
    ["another name", rawMessage({ question: { name: "example.com" } }), "that answers another question"],
    ["another type", rawMessage({ question: { type: "NS" } }), "that answers another question"],
    ["another class", rawMessage({ question: { class: 3 } }), "that answers another question"],
    ["two questions", two, "that answers another question"],
    ["no question, and no fault", rawMessage({ question: undefined }), "that answers another question"],
  ] as const
) {
  Deno.test(`readAnswer() does not take ${sentence} for an answer`, async () => {
    assert.equal(await read(octets), words);
  });
}

Deno.test("readAnswer() takes a name in capitals, and a refusal without the question, for an answer", async () => {
  assert.deepEqual(await valuesOf(rawMessage({ question: { name: "EXAMPLE.org" } })), []);
  const refused = await read(rawMessage({ question: undefined, flags: RESPONSE | 5 }));
  assert.equal(typeof refused === "string" ? refused : refused.rcode, "REFUSED");
});

const A_RECORD = { type: "A", data: ADDRESS };
/** The longest names that there are, each of them three times in a record. */
const LONG = Array.from({ length: 127 }, () => "a").join(".");
const longNames = (records: number) =>
  rawMessage({
    question: { name: LONG, type: "SOA" },
    answers: Array.from({ length: records }, () => ({
      type: "SOA",
      data: octetsOf(QUESTION_NAME, QUESTION_NAME, new Uint8Array(20)),
    })),
  });

/** Texts of no characters, each octet of which is a piece of its own. */
const longTexts = (octets: readonly number[]) =>
  rawMessage({
    question: { type: "TXT" },
    answers: octets.map((count) => ({ type: "TXT", data: new Uint8Array(count) })),
  });

for (
  const [sentence, octets, words, question] of [
    ["nothing", new Uint8Array(), "the answer has 0 octets, which is no DNS message"],
    ["half a header", rawMessage().subarray(0, 11), "the answer has 11 octets, which is no DNS message"],
    ["257 records", rawMessage({ answers: Array(257).fill(ALIAS) }), "the answer has more than 256 records"],
    [
      "a record that is not there",
      octetsOf(rawMessage().subarray(0, 6), word(1), rawMessage().subarray(8)),
      "the answer cannot be read: it ends within a name",
    ],
    [
      "a name that leads to itself",
      rawMessage({ answers: [{ ...A_RECORD, name: Uint8Array.of(0xc0, 29) }] }),
      "the answer cannot be read: Cannot decode name (bad pointer)",
    ],
    [
      "a label of a kind that is none",
      rawMessage({ answers: [{ ...A_RECORD, name: Uint8Array.of(0x80, 1) }] }),
      "the answer cannot be read: a label of unknown kind",
    ],
    [
      "names that lead on 5,000 times",
      chainedMessage(5000, 3),
      "the names in the answer have more than 8192 labels",
      { domain: ".", recordType: "MX" },
    ],
    [
      "22 records of the longest names",
      longNames(22),
      "the names in the answer have more than 8192 labels",
      { domain: LONG, recordType: "SOA" },
    ],
    [
      "8,193 octets of text",
      longTexts([8000, 193]),
      "the records in the answer have more than 8192 octets",
      { recordType: "TXT" },
    ],
    [
      "an address that is cut",
      rawMessage({ answers: [A_RECORD] }).subarray(0, -2),
      "the answer cannot be read: it ends within a data",
    ],
    [
      "an address of five octets",
      rawMessage({ answers: [{ type: "A", data: hex("c000020101") }] }),
      "the answer cannot be read: data of type A of another length",
    ],
    [
      "an address of three octets",
      rawMessage({ answers: [{ type: "A", data: hex("c00002") }, A_RECORD] }),
      /^the answer cannot be read: /,
    ],
    [
      "a text that is longer than its record",
      rawMessage({ question: { type: "TXT" }, answers: [{ type: "TXT", data: Uint8Array.of(200, 1) }] }),
      /^the answer cannot be read: /,
      { recordType: "TXT" },
    ],
  ] as const
) {
  Deno.test(`readAnswer() fails ${sentence}, in words`, async () => {
    const failure = await read(octets, question);
    assert.ok(typeof failure === "string", JSON.stringify(failure));
    if (typeof words === "string") assert.equal(failure, `! ${words}`);
    else assert.match(failure.slice(2), words);
  });
}

Deno.test("readAnswer() reads 256 records, 21 of the longest names, 8,192 octets of text, and names that lead on often", async () => {
  assert.deepEqual(
    await valuesOf(rawMessage({ answers: Array(256).fill(A_RECORD) })),
    Array(256).fill("192.0.2.1"),
  );
  const soa = await valuesOf(longNames(21), { domain: LONG, recordType: "SOA" });
  assert.equal(typeof soa === "string" ? soa : soa.length, 21);
  assert.deepEqual(await valuesOf(longTexts([8000, 192]), { recordType: "TXT" }), ["", ""]);
  assert.deepEqual(await valuesOf(chainedMessage(800, 3), { domain: ".", recordType: "MX" }), [
    "10 .",
    "10 .",
  ]);
});

Deno.test("readAnswer() looks at nothing that was not asked for, whatever it is", async () => {
  const garbage = { name: Uint8Array.of(0xc0, 200), data: new Uint8Array(500).fill(255) };
  const strange = ["NULL", "OPT", "47", "46", "MX"].map((type) => ({ ...garbage, type }));
  const octets = rawMessage({ answers: [...strange, A_RECORD], authorities: strange, additionals: strange });
  assert.deepEqual(await valuesOf(octets), ["192.0.2.1"]);
});

Deno.test("idOf() is the first word, where there is one", () => {
  assert.deepEqual([hex(""), hex("12"), hex("1234"), hex("123456")].map(idOf), [
    undefined,
    undefined,
    0x1234,
    0x1234,
  ]);
});

Deno.test("a dns check ends with an outcome whatever comes: 5,000 answers by chance, seeded", async () => {
  const { verdicts, sorts } = await fuzz(DNS_FUZZ, { seed: 9, answers: 5000 });
  for (const verdict of ["pass", "fail"] as const) {
    assert.ok((verdicts.get(verdict) ?? 0) > 100, `${verdict}: ${verdicts.get(verdict)}`);
  }
  assert.ok(sorts.size > 20, JSON.stringify([...sorts]));
});
