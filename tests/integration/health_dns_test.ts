/** The dns check against a real name server, over udp and tcp, and against what no name server should do. */
import assert from "node:assert/strict";
import type { DnsCheckConfig } from "../../src/config/checks/dns.ts";
import type { ProbePorts } from "../../src/health/create_probe.ts";
import { dnsProbe } from "../../src/health/kinds/dns.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { addressOf, withPort } from "../../src/net/address.ts";
import type { Datagram, Datagrams, DatagramSocket, SocketAddress } from "../../src/net/sockets.ts";
import { address as addressText } from "../support/bgp.ts";
import { dnsCheckConfig } from "../support/config.ts";
import { hex, octetsOf, rawMessage, rawName, RESPONSE, TRUNCATED, word } from "../support/dns_messages.ts";
import { Dnsmasq } from "../support/dnsmasq.ts";
import { type Floor, LOOPBACK, withFloor } from "../support/ffi.ts";
import { until, within } from "../support/until.ts";
import { hang, probePorts, RawServer } from "./health_servers.ts";

const ADDRESS = { type: "A", data: hex("c0000201") };

interface Probing {
  readonly config?: Partial<DnsCheckConfig>;
  readonly floor?: Pick<Floor, "datagrams" | "streams">;
  readonly ports?: Partial<ProbePorts>;
  readonly controller?: AbortController;
  readonly onStep?: (step: string) => void;
}

async function probe({ config, floor, ports, controller = new AbortController(), onStep }: Probing) {
  const steps: string[] = [];
  const known = probePorts({ ...floor, ...ports });
  const outcome: ProbeOutcome = await within(
    dnsProbe(dnsCheckConfig({ timeoutMs: 600_000, ...config }), known).run(controller.signal, (step) => {
      steps.push(step);
      onStep?.(step);
    }),
    "a probe",
  );
  return { ...outcome, steps };
}

async function told(probing: Probing): Promise<string> {
  const { kind, detail } = await probe(probing);
  return `${kind}: ${detail}`;
}

/** A server on loopback that does this with each question. */
function serve(
  datagrams: Datagrams,
  answer: (server: DatagramSocket, from: SocketAddress, id: number, question: Uint8Array) => void,
  address = LOOPBACK[4],
) {
  const server = datagrams.open({
    family: address.family,
    kind: "udp",
    local: { address, port: 0, scopeId: 0 },
  });
  const came: string[] = [];
  server.onReadable(() => {
    for (let got: Datagram | undefined = server.receive(); got !== undefined; got = server.receive()) {
      const { octets, from } = got;
      if (from === undefined) continue;
      const { port } = from;
      came.push(withPort(addressOf(from.address.bytes), port));
      const copy = octets.slice();
      answer(server, from, ((copy[0] ?? 0) << 8) | (copy[1] ?? 0), copy);
    }
  });
  const { port } = server.localAddress();
  return { port, came, [Symbol.dispose]: () => server[Symbol.dispose]() };
}

/** What dnsmasq is told of example.org, and of nothing else. */
const ZONE = [
  "local=/example.org/",
  "host-record=a.example.org,192.0.2.1",
  "host-record=a.example.org,192.0.2.2",
  "host-record=a.example.org,2001:db8::1",
  "host-record=b.example.org,192.0.2.3",
  "cname=alias.example.org,b.example.org",
  "mx-host=example.org,mail.example.org,10",
  "txt-record=t.example.org,v=spf1,-all",
  "srv-host=_sip._udp.example.org,sip.example.org,5060,1,2",
  "ptr-record=1.2.0.192.in-addr.arpa,a.example.org",
  "caa-record=example.org,0,issue,ca.example.net",
  "naptr-record=n.example.org,100,10,S,SIP+D2U,,_sip._udp.example.org",
  "dns-rr=_443._tcp.example.org,52,030101abcd",
  "dns-rr=s.example.org,44,010100112233445566778899aabbccddeeff00112233",
  "dns-rr=d.example.org,43,ec4505012bb1",
  "dns-rr=ns.example.org,2,036e7331076578616d706c65036f726700",
  ...Array.from({ length: 60 }, (_, index) => `host-record=many.example.org,192.0.2.${index + 1}`),
];

const REAL: readonly (readonly [Partial<DnsCheckConfig>, string])[] = [
  [{ domain: "a.example.org" }, /^pass: NOERROR: 192\.0\.2\.\d, 192\.0\.2\.\d$/.source],
  [{ domain: "a.example.org", expect: ["192.0.2.2", "192.0.2.1"] }, "^pass: NOERROR: "],
  [{ domain: "a.example.org", expect: [] }, "^pass: NOERROR: "],
  [
    { domain: "b.example.org", expect: ["192.0.2.3", "192.0.2.9"] },
    "^fail: expected 192.0.2.9, and the answer has 192.0.2.3$",
  ],
  [{ domain: "alias.example.org", expect: ["192.0.2.3"] }, "^pass: NOERROR: 192.0.2.3$"],
  [
    { domain: "alias.example.org", recordType: "CNAME", expect: ["b.example.org"] },
    "^pass: NOERROR: b.example.org$",
  ],
  [{ domain: "a.example.org", recordType: "AAAA", expect: ["2001:db8::1"] }, "^pass: NOERROR: 2001:db8::1$"],
  [
    { domain: "example.org", recordType: "MX", expect: ["10 mail.example.org"] },
    "^pass: NOERROR: 10 mail.example.org$",
  ],
  [{ domain: "t.example.org", recordType: "TXT", expect: ["v=spf1-all"] }, "^pass: NOERROR: v=spf1-all$"],
  [
    { domain: "_sip._udp.example.org", recordType: "SRV", expect: ["1 2 5060 sip.example.org"] },
    "^pass: NOERROR: 1 2 5060 sip.example.org$",
  ],
  [
    { domain: "1.2.0.192.in-addr.arpa", recordType: "PTR", expect: ["a.example.org"] },
    "^pass: NOERROR: a.example.org$",
  ],
  [
    { domain: "example.org", recordType: "CAA", expect: ['0 "issue" "ca.example.net"'] },
    "^pass: NOERROR: 0 ",
  ],
  [
    {
      domain: "n.example.org",
      recordType: "NAPTR",
      expect: ['100 10 "S" "SIP+D2U" "" _sip._udp.example.org'],
    },
    "^pass: NOERROR: 100 10 ",
  ],
  [
    { domain: "_443._tcp.example.org", recordType: "TLSA", expect: ["3 1 1 abcd"] },
    "^pass: NOERROR: 3 1 1 abcd$",
  ],
  [
    { domain: "s.example.org", recordType: "SSHFP" },
    "^pass: NOERROR: 1 1 00112233445566778899aabbccddeeff00112233$",
  ],
  [
    { domain: "d.example.org", recordType: "DS", expect: ["60485 5 1 2bb1"] },
    "^pass: NOERROR: 60485 5 1 2bb1$",
  ],
  [
    { domain: "ns.example.org", recordType: "NS", expect: ["ns1.example.org"] },
    "^pass: NOERROR: ns1.example.org$",
  ],
  [{ domain: "no.example.org" }, "^fail: NXDOMAIN, there is no such name; expected NOERROR$"],
  [{ domain: "no.example.org", rcode: "NXDOMAIN" }, "^pass: NXDOMAIN$"],
  [{ domain: "b.example.org", rcode: "NXDOMAIN" }, "^fail: NOERROR; expected NXDOMAIN$"],
  [
    { domain: "b.example.org", recordType: "AAAA" },
    "^fail: no record of type AAAA for b.example.org in the answer$",
  ],
  [{ domain: "b.example.org", recordType: "AAAA", expect: [] }, "^pass: NOERROR$"],
  [
    { domain: "b.example.org", recordType: "AAAA", expect: ["2001:db8::9"] },
    "^fail: expected 2001:db8::9, and the answer has no record of type AAAA$",
  ],
  [{ domain: "example.com" }, "^fail: REFUSED, the server refuses to answer; expected NOERROR$"],
  [{ domain: "example.com", rcode: "REFUSED", recursion: false }, "^pass: REFUSED$"],
];

Deno.test("dnsProbe() and a real name server, by both protocols and families", (t) =>
  withFloor(async (floor) => {
    await using server = await Dnsmasq.start(ZONE);
    for (const protocol of ["udp", "tcp"] as const) {
      for (const address of ["127.0.0.1", "::1"]) {
        await t.step(`${protocol} to ${address}`, async () => {
          for (const [config, words] of REAL) {
            const outcome = await told({
              floor,
              config: { ...config, address, port: server.port, protocol },
            });
            assert.match(outcome, new RegExp(words), JSON.stringify(config));
          }
        });
      }
    }
    await t.step("an answer that is truncated over udp is asked for again over tcp", async () => {
      const config = { domain: "many.example.org", expect: ["192.0.2.60"], port: server.port };
      const { kind, detail, steps } = await probe({ floor, config });
      assert.equal(kind, "pass");
      assert.match(detail, /^NOERROR: [\d., ]+ and 57 more, truncated over udp, again over tcp$/);
      assert.deepEqual(steps.slice(-3), [
        "waiting for the answer",
        "connecting, truncated over udp, again over tcp",
        "waiting for the answer, truncated over udp, again over tcp",
      ]);
    });
    await t.step("a host name tells which address answered", async () => {
      const config = { domain: "b.example.org", address: "localhost", port: server.port };
      assert.equal(await told({ floor, config }), "pass: NOERROR: 192.0.2.3 (127.0.0.1)");
    });
    await t.step("over tcp without what only FFI opens, and not over udp", async () => {
      const config = { domain: "b.example.org", port: server.port };
      assert.equal(await told({ config: { ...config, protocol: "tcp" } }), "pass: NOERROR: 192.0.2.3");
      assert.equal(
        await told({ config }),
        "unknown: dns checks need --allow-ffi, or protocol: tcp",
      );
    });
  }));

for (const family of [4, 6] as const) {
  Deno.test(`dnsProbe() by IPv${family} fails at once where nothing listens`, () =>
    withFloor(async (floor) => {
      const server = serve(floor.datagrams, () => {}, LOOPBACK[family]);
      server[Symbol.dispose]();
      const config = { address: LOOPBACK[family].text, port: server.port };
      assert.equal(await told({ floor, config }), "fail: port unreachable (ICMP)");
      assert.equal(await told({ floor, config: { ...config, protocol: "tcp" } }), "fail: connection refused");
    }));
}

Deno.test("dnsProbe() asks a name's next address, and tells what each said", () =>
  withFloor(async (floor) => {
    using six = serve(floor.datagrams, (server, from, id) => {
      server.send(rawMessage({ id, answers: [ADDRESS] }), from);
    }, LOOPBACK[6]);
    const config = { address: "localhost", port: six.port };
    assert.equal(await told({ floor, config }), "pass: NOERROR: 192.0.2.1 (::1)");
    six[Symbol.dispose]();
    assert.equal(await told({ floor, config }), "fail: port unreachable (ICMP) (127.0.0.1, ::1)");
  }));

Deno.test("dnsProbe() asks from its source, and says where this host does not have it", () =>
  withFloor(async (floor) => {
    using server = serve(floor.datagrams, (server, from, id) => {
      server.send(rawMessage({ id, answers: [ADDRESS] }), from);
    });
    const { port } = server;
    assert.equal(
      await told({ floor, config: { port, source: addressText("127.0.0.9") } }),
      "pass: NOERROR: 192.0.2.1",
    );
    assert.match(server.came[0] ?? "", /^127\.0\.0\.9:/);
    for (const protocol of ["udp", "tcp"] as const) {
      const config = { port, protocol, source: addressText("192.0.2.77") };
      assert.equal(await told({ floor, config }), "unknown: source 192.0.2.77 is no address of this host");
    }
  }));

Deno.test("dnsProbe() uses another port and another identifier for each question", () =>
  withFloor(async (floor) => {
    const ids = new Set<number>();
    using server = serve(floor.datagrams, (server, from, id) => {
      ids.add(id);
      server.send(rawMessage({ id, answers: [ADDRESS] }), from);
    });
    for (let count = 0; count < 8; count++) await probe({ floor, config: { port: server.port } });
    assert.ok(ids.size > 4, `${[...ids]}`);
    assert.ok(new Set(server.came).size > 4, `${server.came}`);
  }));

Deno.test("dnsProbe() ignores what is no answer to it, counts and tells it, and takes the answer that comes then", () =>
  withFloor(async (floor) => {
    const { datagrams } = floor;
    using stranger = datagrams.open({
      family: 4,
      kind: "udp",
      local: { address: addressText("127.0.0.2"), port: 0, scopeId: 0 },
    });
    const strange = withPort(addressText("127.0.0.2"), stranger.localAddress().port);
    const gate = Promise.withResolvers<void>();
    using server = serve(datagrams, (server, from, id) => {
      const right = rawMessage({ id, answers: [ADDRESS] });
      for (let count = 0; count < 2; count++) stranger.send(right, from);
      server.send(rawMessage({ id: id ^ 1, answers: [ADDRESS] }), from);
      server.send(Uint8Array.of(1), from);
      server.send(rawMessage({ id, question: { name: "example.com" }, answers: [ADDRESS] }), from);
      gate.promise.then(() => server.send(right, from));
    });
    const words =
      `waiting for the answer, ignored 5 datagrams: 2 from ${strange}, 2 with another identifier, ` +
      "1 that answers another question";
    const onStep = (step: string) => step === words && gate.resolve();
    const { kind, detail, steps } = await probe({ floor, config: { port: server.port }, onStep });
    assert.deepEqual([kind, detail], ["pass", "NOERROR: 192.0.2.1"]);
    assert.equal(steps.at(-1), words);
  }));

Deno.test("dnsProbe() that is flooded gives up, and blames nobody", () =>
  withFloor(async (floor) => {
    const { datagrams } = floor;
    using stranger = datagrams.open({ family: 4, kind: "udp" });
    const flood = Promise.withResolvers<SocketAddress>();
    using server = serve(datagrams, (_, from) => flood.resolve(from));
    const running = told({ floor, config: { port: server.port } });
    const from = await flood.promise;
    let isOver = false;
    const outcome = running.finally(() => isOver = true);
    await until(() => {
      for (let count = 0; count < 50; count++) {
        stranger.send(Uint8Array.of(0, 0), { ...from, address: LOOPBACK[4] });
      }
      return isOver;
    });
    assert.match(await outcome, /^unknown: flooded: ignored 1000 datagrams: 1000 from 127\.0\.0\.1:\d+$/);
  }));

for (
  const [sentence, answer, words] of [
    ["SERVFAIL", { flags: RESPONSE | 2 }, "fail: SERVFAIL, the server cannot find out; expected NOERROR"],
    [
      "FORMERR without the question",
      { flags: RESPONSE | 1, question: undefined },
      /^fail: FORMERR, the server does not/,
    ],
    ["RCODE 11", { flags: RESPONSE | 11 }, "fail: RCODE 11; expected NOERROR"],
    ["no answers", {}, "fail: no record of type A for example.org in the answer"],
    [
      "others alone",
      { answers: [{ type: "NS", data: rawName("n") }] },
      "fail: 1 record, none of type A for example.org in the answer",
    ],
    [
      "a name that leads to itself",
      { answers: [{ ...ADDRESS, name: hex("c01d") }] },
      "fail: the answer cannot be read: Cannot decode name (bad pointer)",
    ],
    [
      "a truncated answer, where nobody listens on tcp",
      { flags: RESPONSE | TRUNCATED },
      "fail: truncated over udp, again over tcp: connection refused",
    ],
  ] as const
) {
  Deno.test(`dnsProbe() says what is wrong with ${sentence}`, () =>
    withFloor(async (floor) => {
      using server = serve(floor.datagrams, (server, from, id) => {
        server.send(rawMessage({ id, ...answer }), from);
      });
      const outcome = await told({ floor, config: { port: server.port } });
      if (typeof words === "string") assert.equal(outcome, words);
      else assert.match(outcome, words);
    }));
}

Deno.test("dnsProbe() that is cut off leaves nothing, whatever the server is silent about", () =>
  withFloor(async (floor) => {
    using silent = serve(floor.datagrams, () => {});
    await using half = new RawServer(async (connection) => {
      await connection.read(new Uint8Array(512));
      await connection.write(Uint8Array.of(1, 0, 0));
      await hang(connection);
    });
    for (const [protocol, port] of [["udp", silent.port], ["tcp", half.port]] as const) {
      const controller = new AbortController();
      const running = probe({ floor, config: { port, protocol }, controller });
      await until(() => silent.came.length > 0 && (protocol === "udp" || half.open.size > 0));
      controller.abort(new Error("timed out"));
      const { steps } = await running;
      assert.equal(steps.at(-1), "waiting for the answer");
    }
    await until(() => half.open.size === 0);
  }));

/** What a server says over tcp, once it was asked under that identifier. */
type Say = (id: Uint8Array) => Uint8Array;

const framed = (octets: Uint8Array) => octetsOf(word(octets.byteLength), octets);
const answerTo = (id: Uint8Array) => octetsOf(id, rawMessage({ answers: [ADDRESS] }).subarray(2));
const texts = (octets: number) =>
  rawMessage({
    question: { type: "TXT" },
    answers: [{ type: "TXT", data: new Uint8Array(octets) }],
  }).subarray(2);

for (
  const [sentence, say, words, config] of [
    ["one octet at a time", (id) => framed(answerTo(id)), "pass: NOERROR: 192.0.2.1", {}],
    ["nothing", () => new Uint8Array(), "fail: connection closed without an answer", {}],
    ["half a length", () => hex("00"), "fail: connection closed without an answer", {}],
    [
      "half an answer",
      (id) => framed(answerTo(id)).subarray(0, 12),
      "fail: connection closed after 10 of 45 octets of the answer",
      {},
    ],
    ["no octets at all", () => hex("0000"), "fail: an answer with another identifier", {}],
    [
      "another identifier",
      () => framed(answerTo(hex("0000"))),
      "fail: an answer with another identifier",
      {},
    ],
    [
      "an answer that is truncated",
      (id) => framed(octetsOf(id, rawMessage({ flags: RESPONSE | TRUNCATED }).subarray(2))),
      "fail: the answer is truncated even over tcp",
      {},
    ],
    [
      "65,535 octets",
      (id) => framed(octetsOf(id, texts(65_535 - 41))),
      "fail: the records in the answer have more than 8192 octets",
      { recordType: "TXT" },
    ],
    [
      "8,192 octets of text",
      (id) => framed(octetsOf(id, texts(8192))),
      "pass: NOERROR: ",
      { recordType: "TXT" },
    ],
    [
      "HTTP",
      () => new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"),
      "fail: connection closed after 26 of 18516 octets of the answer",
      {},
    ],
  ] as readonly (readonly [string, Say, string, Partial<DnsCheckConfig>])[]
) {
  Deno.test(`dnsProbe() over tcp and a server that says ${sentence}`, () =>
    withFloor(async (floor) => {
      await using server = new RawServer(async (connection) => {
        const query = new Uint8Array(512);
        await connection.read(query);
        const answer = say(query.slice(2, 4));
        const step = sentence.startsWith("one octet") ? 1 : 4096;
        for (let at = 0; at < answer.byteLength; at += step) {
          for (let piece = answer.subarray(at, at + step); piece.byteLength > 0;) {
            piece = piece.subarray(await connection.write(piece));
          }
        }
      });
      const probing = { floor, ports: { random: () => 0.5 } };
      assert.equal(
        await told({ ...probing, config: { port: server.port, protocol: "tcp", ...config } }),
        words,
      );
      await until(() => server.open.size === 0);
    }));
}

Deno.test("dnsProbe() over tcp gives up an answer that never ends, and one in too many pieces", () =>
  withFloor(async (floor) => {
    await using server = new RawServer(async (connection) => {
      if ("setNoDelay" in connection && typeof connection.setNoDelay === "function") {
        connection.setNoDelay(true);
      }
      await connection.read(new Uint8Array(512));
      await connection.write(hex("ffff"));
      for (;;) await connection.write(hex("00"));
    });
    const outcome = await told({ floor, config: { port: server.port, protocol: "tcp" } });
    assert.match(
      outcome,
      /^fail: the answer (comes in more than 1024 pieces|is longer than 65537 octets)$/,
    );
    await until(() => server.open.size === 0);
  }));

Deno.test("dnsProbe() knows nothing of a service where the codec cannot be loaded", () =>
  withFloor(async (floor) => {
    const ports = { dnsCodec: () => Promise.reject(new Error("no such module")) };
    assert.equal(
      await told({ floor, ports }),
      "unknown: the codec of DNS messages cannot be loaded: no such module",
    );
  }));

Deno.test("what dnsProbe() sends is a question, and nothing else", () =>
  withFloor(async (floor) => {
    const asked: Uint8Array[] = [];
    using server = serve(floor.datagrams, (server, from, id, question) => {
      asked.push(question);
      server.send(rawMessage({ id, question: { name: "a.b", type: "SOA" }, flags: RESPONSE | 3 }), from);
    });
    const config = { port: server.port, domain: "a.b", recordType: "SOA", recursion: false } as const;
    const ports = { random: () => 0x1234 / 0x1_0000 };
    assert.equal(await told({ floor, ports, config: { ...config, rcode: "NXDOMAIN" } }), "pass: NXDOMAIN");
    assert.deepEqual(asked, [hex("12340000000100000000000001610162000006" + "0001")]);
  }));
