// A slice of the fuzzer, the corpus of what once failed, and hostile messages of the largest size.
import assert from "node:assert/strict";
import type { CodecContext } from "../../../src/bgp/wire/codec_context.ts";
import { decodeMessage } from "../../../src/bgp/wire/message.ts";
import { fuzz, judge } from "./fuzz.ts";
import { codecContext, fromHex, MARKER, plain, updateBytes } from "./support.ts";

for (const seed of [1, 2, 3, 4]) {
  Deno.test(`decodeMessage() survives 10,000 messages of seed ${seed} with nothing but NotificationError`, () => {
    const { messages, outcomes } = fuzz(seed, 10_000);
    assert.equal(messages, 10_000);
    const expected = [
      "OPEN",
      "UPDATE",
      "UPDATE, treat-as-withdraw",
      "UPDATE, attribute-discard",
      "NOTIFICATION",
      "KEEPALIVE",
      "ROUTE-REFRESH",
    ];
    for (
      const outcome of [
        ...expected,
        "1/1",
        "1/2",
        "1/3",
        "2/0",
        "2/1",
        "2/3",
        "2/4",
        "2/6",
        "3/1",
        "3/2",
        "3/9",
        "3/10",
        "7/1",
      ]
    ) {
      assert.ok((outcomes.get(outcome) ?? 0) > 0, `${outcome} never came up`);
    }
  });
}

Deno.test("fuzz() judges the same messages for the same seed", () => {
  assert.deepEqual(fuzz(9, 500).outcomes, fuzz(9, 500).outcomes);
  assert.notDeepEqual(fuzz(9, 500).outcomes, fuzz(10, 500).outcomes);
});

/** Octets that once did something else than they should. */
const CORPUS: readonly {
  readonly why: string;
  readonly hex: string;
  readonly outcome: string;
  readonly context?: CodecContext;
}[] = [
  {
    why: "a NOTIFICATION with an octet beyond its length must not be answered",
    hex: `${MARKER} 0015 03 df04 00`,
    outcome: "1/2",
  },
  {
    why:
      "a confederation segment between AS numbers that AS4_PATH must carry, without it (RFC 6793 section 3)",
    hex:
      `${MARKER} 006c 02 0000 0055 c01106 0201b6a95187 c0200c25a420cec21fe2f782c514ff 400218 02043c1670de7f01abf0 ` +
      `04012901 02042b7f049a003b88e2 800f140001011221 8afb127f231f180483130173104fffc01208dd4496dd01eafffb`,
    outcome: "UPDATE",
    context: codecContext({ fourOctetAs: false, internal: true }),
  },
];

for (const { why, hex, outcome, context = codecContext() } of CORPUS) {
  Deno.test(`decodeMessage() still judges right: ${why}`, () => {
    assert.equal(judge(fromHex(hex), context), outcome);
  });
}

const hex16 = (value: number) => value.toString(16).padStart(4, "0");
/** Attributes of about so many octets that a decoder may be slow over. */
const HOSTILE: readonly (readonly [string, (octets: number) => string])[] = [
  ["an attribute of three octets, repeated", (octets) => "400600".repeat(octets / 3)],
  ["unknown attributes of three octets", (octets) => "c06300".repeat(octets / 3)],
  ["communities to the end", (octets) => `d008 ${hex16(octets & ~3)} ${"00".repeat(octets & ~3)}`],
  ["an AS_PATH of one-AS segments", (octets) => {
    const segments = Math.floor(octets / 6);
    return `5002 ${hex16(6 * segments)} ${"020100000001".repeat(segments)}`;
  }],
  [
    "::/0 over and over",
    (octets) => `900e ${hex16(octets)} 00020110${"20".repeat(16)}00${"00".repeat(octets - 21)}`,
  ],
  ["a merge of AS_PATH and AS4_PATH", (octets) => {
    const segments = Math.floor(octets / 10);
    const path = `5002 ${hex16(4 * segments)} ${"02010001".repeat(segments)}`;
    return `${path} d011 ${hex16(6 * segments)} ${"020100000001".repeat(segments)}`;
  }],
];
const SMALL = 8000;
const LARGE = 64_000;
/** Eight times the octets may take so many times as long, and not sixty-four times. */
const MOST = 30;

for (const [name, attributes] of HOSTILE) {
  Deno.test(`decodeMessage() takes no more than linear time for ${name}`, () => {
    const context = codecContext({ fourOctetAs: !name.includes("AS4_PATH"), maxReceiveLength: 65535 });
    const small = updateBytes({ attributes: attributes(SMALL) });
    const large = updateBytes({ attributes: attributes(LARGE) });
    // The quickest of several: whatever else the machine does only makes them slower.
    const quickest = { small: Infinity, large: Infinity };
    for (let round = 0; round < 20; round++) {
      quickest.small = Math.min(quickest.small, millisecondsOf(small, context));
      quickest.large = Math.min(quickest.large, millisecondsOf(large, context));
    }
    assert.ok(quickest.large < MOST * Math.max(quickest.small, 0.05), JSON.stringify(quickest));
  });
}

function millisecondsOf(bytes: Uint8Array, context: CodecContext): number {
  const started = performance.now();
  const message = decodeMessage(bytes, context);
  if (message.type === "UPDATE") assert.ok(message.attributes);
  return performance.now() - started;
}

Deno.test("decodeMessage() of an UPDATE gives the same values as often as they are asked for", () => {
  const attributes = "40 01 01 00 40 02 06 0201 0000ffe8 40 03 04 0a000001";
  const message = decodeMessage(updateBytes({ attributes, nlri: "20 0a000002" }), codecContext());
  assert.deepEqual(plain(message), plain(message));
  if (message.type === "UPDATE") assert.equal(message.attributes, message.attributes);
});
