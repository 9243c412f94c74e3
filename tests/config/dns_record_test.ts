/** What records say, compared: what a configuration expects, and what the codec makes of the same record. */
import assert from "node:assert/strict";
import {
  canonicalName,
  expectedPattern,
  parseDomainName,
  parseExpected,
  RECORD_TYPES,
  recordText,
  type RecordType,
} from "../../src/config/checks/dns_record.ts";

const long = (length: number) => "a".repeat(length);
const DOMAIN =
  "must be a domain name of labels of at most 63 characters, 253 in all (other alphabets: as xn--…)";

for (
  const [text, value] of [
    ["example.org", "example.org"],
    ["Example.ORG.", "example.org"],
    [".", "."],
    ["_sip._tcp.example.org", "_sip._tcp.example.org"],
    ["*.example.org", "*.example.org"],
    ["0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"],
    ["192.0.2.1", "1.2.0.192.in-addr.arpa"],
    [
      "2001:db8::567:89ab",
      "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
    ],
    [long(63), long(63)],
    [[63, 63, 63, 61].map(long).join("."), [63, 63, 63, 61].map(long).join(".")],
    [`${[63, 63, 63, 61].map(long).join(".")}.`, [63, 63, 63, 61].map(long).join(".")],
    [long(64), undefined],
    [[63, 63, 63, 62].map(long).join("."), undefined],
    ["", undefined],
    ["..", undefined],
    ["a..b", undefined],
    [".a", undefined],
    ["a b", undefined],
    ["bücher.example", undefined],
    ["a:53", undefined],
  ] as const
) {
  Deno.test(`parseDomainName(${text.slice(0, 40)}${text.length > 40 ? `… ${text.length}` : ""})`, () => {
    assert.deepEqual(parseDomainName(text), value === undefined ? { problem: DOMAIN } : { value });
  });
}

/** What is expected, as written; how it is compared; and the same as the codec has it. */
const SAME: readonly (readonly [RecordType, string, string, Parameters<typeof recordText>[1]])[] = [
  ["A", "192.0.2.1", "192.0.2.1", "192.0.2.1"],
  ["AAAA", "2001:DB8:0::1", "2001:db8::1", "2001:db8:0:0:0:0:0:1"],
  ["NS", "NS.Example.org.", "ns.example.org", "ns.EXAMPLE.org"],
  ["CNAME", "a", "a", "A"],
  ["DNAME", ".", ".", "."],
  ["PTR", "a.b", "a.b", "a.b"],
  ["TXT", "v=spf1 -all", "v=spf1 -all", [Uint8Array.of(0x76, 0x3d), new TextEncoder().encode("spf1 -all")]],
  ["TXT", "", "", []],
  ["MX", "10  Mail.example.org.", "10 mail.example.org", { preference: 10, exchange: "mail.Example.org" }],
  ["MX", "0 .", "0 .", { preference: 0, exchange: "." }],
  ["SRV", "1 2 5060 sip.example.org", "1 2 5060 sip.example.org", {
    priority: 1,
    weight: 2,
    port: 5060,
    target: "SIP.example.org",
  }],
  ["SOA", "ns.a admin.a. 4294967295 1 2 3 4", "ns.a admin.a 4294967295 1 2 3 4", {
    mname: "ns.a",
    rname: "admin.A",
    serial: 4294967295,
    refresh: 1,
    retry: 2,
    expire: 3,
    minimum: 4,
  }],
  ["CAA", "0 issue letsencrypt.org", '0 "issue" "letsencrypt.org"', {
    flags: 0,
    tag: "issue",
    value: "letsencrypt.org",
    issuerCritical: false,
  }],
  ["CAA", '128 "iodef" "mailto:a b"', '128 "iodef" "mailto:a b"', {
    flags: 128,
    tag: "iodef",
    value: "mailto:a b",
  }],
  ["NAPTR", '100 10 "S" SIP+D2U "" _sip._udp.a.', '100 10 "S" "SIP+D2U" "" _sip._udp.a', {
    order: 100,
    preference: 10,
    flags: "S",
    services: "SIP+D2U",
    regexp: "",
    replacement: "_sip._udp.A",
  }],
  ["DS", "60485 5 1 2BB1", "60485 5 1 2bb1", {
    keyTag: 60485,
    algorithm: 5,
    digestType: 1,
    digest: Uint8Array.of(0x2b, 0xb1),
  }],
  ["SSHFP", "4 2 0AFF", "4 2 0aff", { algorithm: 4, hash: 2, fingerprint: "0aff" }],
  ["TLSA", "3 1 1 00ff", "3 1 1 00ff", {
    usage: 3,
    selector: 1,
    matchingType: 1,
    certificate: Uint8Array.of(0, 255),
  }],
];

for (const [type, written, compared, data] of SAME) {
  Deno.test(`${type} ${JSON.stringify(written)} is what the server says as ${JSON.stringify(compared)}`, () => {
    assert.deepEqual(parseExpected(type, written), { value: compared });
    assert.deepEqual(parseExpected(type, compared), { value: compared }, "printed and read again");
    assert.match(written, new RegExp(expectedPattern(type)));
    assert.equal(recordText(type, data), compared);
  });
}

Deno.test("every type of records is compared here", () => {
  assert.deepEqual(new Set(SAME.map(([type]) => type)), new Set(RECORD_TYPES));
});

for (
  const [type, text, problem] of [
    ["A", "2001:db8::1", "must be an IPv4 address"],
    ["AAAA", "192.0.2.1", "must be an IPv6 address"],
    ["NS", "a b", "must be a domain name"],
    ["MX", "mail.example.org", "must be the fields of a record of type MX: preference exchange"],
    ["MX", "10 a b", "must be the fields of a record of type MX: preference exchange"],
    ["MX", "010 a", "must be the fields of a record of type MX: preference exchange"],
    ["SRV", "1 2 sip.example.org", "must be the fields of a record of type SRV: priority weight port target"],
    [
      "DS",
      "1 2 3 xy",
      "must be the fields of a record of type DS: keyTag algorithm digestType digest (hexadecimal)",
    ],
    ["CAA", '0 issue "open', "must be the fields of a record of type CAA: flags tag value"],
  ] as const
) {
  Deno.test(`parseExpected(${type}, ${text}) says what is wrong`, () => {
    assert.deepEqual(parseExpected(type, text), { problem });
    assert.doesNotMatch(text, new RegExp(expectedPattern(type)));
  });
}

Deno.test("recordText() has nothing to say of data that is of another type", () => {
  const strange = ["x", "1.2.3.undefined", [], {}, { preference: 10 }, { preference: {}, exchange: [] }];
  for (const type of RECORD_TYPES) {
    for (const data of strange) {
      const isText = ["NS", "CNAME", "DNAME", "PTR"].includes(type) && typeof data === "string";
      const isPieces = type === "TXT" && Array.isArray(data);
      assert.equal(
        recordText(type, data) === undefined,
        !isText && !isPieces,
        `${type} ${JSON.stringify(data)}`,
      );
    }
  }
});

Deno.test("canonicalName() is in small letters and without the dot at its end (RFC 4343)", () => {
  assert.deepEqual(["A.b.", "a.B", ".", ""].map(canonicalName), ["a.b", "a.b", ".", "."]);
});
