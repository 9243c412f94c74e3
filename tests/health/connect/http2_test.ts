/** HTTP/2 and its header compression over octets in memory: the RFC's own examples, what is refused, what is let go. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import { decodeFields, encodeFields } from "../../../src/health/connect/hpack.ts";
import { askByHttp2 } from "../../../src/health/connect/http2.ts";
import type { StreamSocket } from "../../../src/net/sockets.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

for (
  const [sentence, block, fields] of [
    ["C.6.1, Huffman", "88", [[":status", "200"]]],
    // :status 302 as a literal by Huffman, cache-control, date, location https://www.example.com
    [
      "C.6.1: a first response",
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      [[":status", "302"], ["location", "https://www.example.com"]],
    ],
    [
      "C.5.1: the same without Huffman",
      "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      [[":status", "302"], ["location", "https://www.example.com"]],
    ],
    ["a new size of the table first", "20 3f e1 1f 89", [[":status", "204"]]],
    ["a literal name", "00 07 3a73 7461 7475 73 03 3130 33", [[":status", "103"]]],
  ] as const
) {
  Deno.test(`decodeFields() reads ${sentence} (RFC 7541)`, () => {
    const known = decodeFields(hex(block), ["location"]).flatMap(({ name, value }) =>
      name === undefined ? [] : [[name, value]]
    );
    assert.deepEqual(known, fields);
  });
}

for (
  const [sentence, block] of [
    ["an entry of a dynamic table", "88 be"],
    ["a name of a dynamic table", "7e 01 61"],
    ["index 0", "80"],
    ["a text that is cut", "00 07 3a73"],
    ["a length that is too large", "00 7f ffff ffff 0f"],
    ["a Huffman code of the end of the text", "48 84 ffff ffff"],
  ] as const
) {
  Deno.test(`decodeFields() refuses ${sentence}`, () => {
    assert.throws(() => decodeFields(hex(block), ["location"]), ProbeFailure);
  });
}

Deno.test("decodeFields() keeps the fields that are asked for, and no other", () => {
  const block = encodeFields([[":status", "200"], ["x-weight", "7"], ["x-other", "8"]]);
  const named = (...wanted: string[]) => decodeFields(block, wanted).flatMap(({ name }) => name ?? []);
  assert.deepEqual(named("x-weight"), [":status", "x-weight"]);
  assert.deepEqual(named(), [":status"]);
});

Deno.test("decodeFields() reads what encodeFields() writes, and ends with a ProbeFailure at worst, whatever comes", () => {
  const texts = fc.string({ maxLength: 300 });
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 5 }), (locations) => {
      const written = encodeFields(locations.map((text) => ["location", text]));
      const octets = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
      assert.deepEqual(decodeFields(written, ["location"]).map(({ value }) => value), locations.map(octets));
    }),
    { seed: 7541 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
      try {
        decodeFields(octets, ["location"]);
      } catch (error) {
        assert.ok(error instanceof ProbeFailure, String(error));
      }
    }),
    { seed: 7541, numRuns: 2000 },
  );
});

function frame(type: number, flags: number, stream: number, payload: Uint8Array | string = ""): Uint8Array {
  const octets = typeof payload === "string" ? hex(payload) : payload;
  const head = [
    octets.length >> 16,
    octets.length >> 8 & 255,
    octets.length & 255,
    type,
    flags,
    0,
    0,
    0,
    stream,
  ];
  return new Uint8Array([...head, ...octets]);
}

const SETTINGS = frame(4, 0, 0);
const LIMIT = 1000;

/** The answer to a request that is met by `pieces`; what was asked goes to `sent`. */
function ask(pieces: readonly Uint8Array[], sent: Uint8Array[] = []) {
  const rest = [...pieces];
  const stream: StreamSocket = {
    local: undefined,
    remote: undefined,
    read: () => Promise.resolve(rest.shift()),
    write: (octets) => Promise.resolve(void sent.push(octets.slice())),
    end: () => Promise.resolve(),
    [Symbol.dispose]() {},
  };
  return askByHttp2(stream, {
    method: "GET",
    scheme: "https",
    authority: "a.example",
    path: `/${"p".repeat(LIMIT)}`,
    fields: { "user-agent": "bgp-lb" },
    wanted: { fields: ["location"], body: true },
  });
}

for (
  const [sentence, pieces, status] of [
    ["the status", [SETTINGS, frame(1, 4, 1, "88")], 200],
    [
      "the status in one piece with the settings",
      [new Uint8Array([...SETTINGS, ...frame(1, 4, 1, "8b")])],
      304,
    ],
    ["padding and priority", [SETTINGS, frame(1, 0x2c, 1, "02 0000 0000 00 8d 0000")], 404],
    ["continuations", [SETTINGS, frame(1, 0, 1, "48"), frame(9, 0, 1, "03 35"), frame(9, 4, 1, "3033")], 503],
    ["the answer after interim ones", [
      SETTINGS,
      ...Array(16).fill(frame(1, 4, 1, "08 03 313033")),
      frame(1, 4, 1, "88"),
    ], 200],
    ["past what it does not know", [
      SETTINGS,
      frame(8, 0, 0, "00000001"),
      frame(99, 0, 1, "00"),
      frame(1, 4, 1, "88"),
    ], 200],
    ["past a GOAWAY that still answers us", [
      SETTINGS,
      frame(7, 0, 0, "7fffffff 00000000"),
      frame(1, 4, 1, "88"),
    ], 200],
  ] as const
) {
  Deno.test(`askByHttp2() reads ${sentence}, in whatever pieces (RFC 9113)`, async () => {
    assert.equal((await ask(pieces)).status, status);
    const octets = pieces.flatMap((piece) => [...piece]);
    assert.equal((await ask(octets.map((octet) => new Uint8Array([octet])))).status, status);
  });
}

for (
  const [sentence, pieces, words] of [
    ["nothing", [], /^connection closed without an answer$/],
    [
      "half a frame",
      [SETTINGS, frame(1, 4, 1, "88").subarray(0, 9)],
      /^connection closed without an answer$/,
    ],
    [
      "HTTP/1.1",
      [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
      /^the answer is not HTTP\/2, what came: "HTTP\/1.1 "$/,
    ],
    ["no settings first", [frame(1, 4, 1, "88")], /^the answer is not HTTP\/2$/],
    [
      "a frame that is too long",
      [SETTINGS, frame(1, 4, 1, new Uint8Array(16_385))],
      /^the answer is not HTTP\/2, what came: octets 004001010400000001$/,
    ],
    ["a reset stream", [SETTINGS, frame(3, 0, 1, "00000007")], /resets the stream, HTTP\/2 error code 7$/],
    ["a GOAWAY", [SETTINGS, frame(7, 0, 0, "00000000 0000000b")], /goes away, HTTP\/2 error code 11$/],
    ["a body without a header", [SETTINGS, frame(0, 0, 1, "00")], /a body without a header$/],
    ["no status", [SETTINGS, frame(1, 4, 1, "")], /it has no status$/],
    ["a status that is no number", [SETTINGS, frame(1, 4, 1, "08 02 6f6b")], /it has no status$/],
    [
      "a header that another frame interrupts",
      [SETTINGS, frame(1, 0, 1, "88"), SETTINGS],
      /a header that is cut$/,
    ],
    ["too much padding", [SETTINGS, frame(1, 0xc, 1, "05 88")], /too much padding$/],
    [
      "17 interim answers",
      [SETTINGS, ...Array(17).fill(frame(1, 4, 1, "08 03 313033"))],
      /more than 16 interim/,
    ],
    [
      "a header of 5 × 16 KiB",
      [SETTINGS, frame(1, 0, 1, "88"), ...Array(5).fill(frame(9, 0, 1, new Uint8Array(16_384)))],
      /the head is longer than 65536 octets$/,
    ],
  ] as const
) {
  Deno.test(`askByHttp2() fails ${sentence}`, async () => {
    await assert.rejects(ask(pieces), (error) => error instanceof ProbeFailure && words.test(error.message));
  });
}

Deno.test("askByHttp2() asks on stream 1, and acknowledges the settings", async () => {
  const sent: Uint8Array[] = [];
  await ask([SETTINGS, frame(1, 4, 1, "88")], sent);
  const [request = new Uint8Array(), acknowledgement] = sent;
  const text = String.fromCharCode(...request);
  assert.ok(text.startsWith("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  for (
    const part of [":method", "GET", ":authority", "a.example", "user-agent", "bgp-lb", "p".repeat(LIMIT)]
  ) {
    assert.ok(text.includes(part), part);
  }
  assert.deepEqual(acknowledgement, frame(4, 1, 0));
});

const text = (words: string) => new TextEncoder().encode(words);

/** The body that is read of an answer, and what was sent meanwhile. */
async function bodyOf(pieces: readonly Uint8Array[], sent: Uint8Array[] = []): Promise<string> {
  const answer = await ask([SETTINGS, ...pieces], sent);
  let body = "";
  for (let piece = await answer.readBody(); piece !== undefined; piece = await answer.readBody()) {
    body += new TextDecoder().decode(piece);
  }
  return body;
}

for (
  const [sentence, pieces, body] of [
    [
      "in several frames",
      [frame(1, 4, 1, "88"), frame(0, 0, 1, text("all ")), frame(0, 1, 1, text("well"))],
      "all well",
    ],
    ["that is none", [frame(1, 5, 1, "88")], ""],
    [
      "that ends with an empty frame",
      [frame(1, 4, 1, "88"), frame(0, 0, 1, text("ok")), frame(0, 1, 1)],
      "ok",
    ],
    ["without its padding", [frame(1, 4, 1, "88"), frame(0, 9, 1, "03 6f 6b 000000")], "ok"],
    ["that nothing but padding is", [
      frame(1, 4, 1, "88"),
      frame(0, 8, 1, "02 0000"),
      frame(0, 1, 1, text("ok")),
    ], "ok"],
    [
      "with trailers that go on in a continuation",
      [frame(1, 4, 1, "88"), frame(0, 0, 1, text("ok")), frame(1, 1, 1, "00"), frame(9, 4, 1, "0161 0162")],
      "ok",
    ],
    [
      "after a header in pieces that says that there is none",
      [frame(1, 1, 1, "48"), frame(9, 4, 1, "03 323030")],
      "",
    ],
    [
      "past what is of others",
      [
        frame(1, 4, 1, "88"),
        frame(6, 0, 0, "0000000000000000"),
        frame(0, 0, 3, text("no")),
        frame(0, 1, 1, text("ok")),
      ],
      "ok",
    ],
  ] as const
) {
  Deno.test(`askByHttp2() reads a body ${sentence} (RFC 9113 section 8.1)`, async () => {
    assert.equal(await bodyOf(pieces), body);
  });
}

for (
  const [sentence, pieces, words] of [
    [
      "that is cut short",
      [frame(1, 4, 1, "88"), frame(0, 0, 1, text("al"))],
      "connection closed within the body",
    ],
    [
      "that is reset",
      [frame(1, 4, 1, "88"), frame(0, 0, 1, text("al")), frame(3, 0, 1, "00000002")],
      "the server resets the stream, HTTP/2 error code 2",
    ],
    [
      "with too much padding",
      [frame(1, 4, 1, "88"), frame(0, 9, 1, "09 6f")],
      "the answer is not HTTP/2: too much padding",
    ],
    [
      "whose trailers are cut",
      [frame(1, 4, 1, "88"), frame(1, 1, 1, "00"), frame(0, 1, 1, text("x"))],
      "the answer is not HTTP/2: a header that is cut",
    ],
  ] as const
) {
  Deno.test(`askByHttp2() fails a body ${sentence}`, async () => {
    await assert.rejects(bodyOf(pieces), new ProbeFailure(words));
  });
}

Deno.test("askByHttp2() gives windows back for what was used up of them, padding too (RFC 9113 section 6.9)", async () => {
  const sent: Uint8Array[] = [];
  const data = frame(0, 8, 1, new Uint8Array(16_384).fill(255, 0, 1));
  await bodyOf([frame(1, 4, 1, "88"), ...Array(5).fill(data), frame(0, 1, 1)], sent);
  const given = sent.slice(2).map((octets) => Uint8Array.from(octets).toHex());
  const update = (stream: number) =>
    `00000408000000000${stream}` + (2 * 16_384).toString(16).padStart(8, "0");
  assert.deepEqual(given, [`${update(0)}${update(1)}`, `${update(0)}${update(1)}`]);
});
