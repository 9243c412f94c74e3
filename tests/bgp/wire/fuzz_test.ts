// A slice of the fuzzer, the corpus of what once failed, and hostile messages of the largest size.
import assert from "node:assert/strict";
import type { CodecContext } from "../../../src/bgp/wire/codec_context.ts";
import { decodeMessage } from "../../../src/bgp/wire/message.ts";
import { fuzz } from "../../fuzz/fuzz.ts";
import { BGP_FUZZ, judge } from "./fuzz.ts";
import { codecContext, fromHex, MARKER, plain, updateBytes } from "./support.ts";

for (const seed of [1, 2]) {
  Deno.test(`decodeMessage() survives 10,000 messages of seed ${seed} with nothing but NotificationError`, async () => {
    const { answers, sorts } = await fuzz(BGP_FUZZ, { seed, answers: 10_000 });
    assert.equal(answers, 10_000);
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
      const verdict = /^\d/.test(outcome) ? "fail" : "pass";
      assert.ok((sorts.get(`${verdict}: ${outcome}`) ?? 0) > 0, `${outcome} never came up`);
    }
  });
}

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

/** Octets of a message for its attributes. */
const LARGEST = 65535 - 23;
const SMALLER = 8;

/** Attributes that are as many as fit in so many octets. */
const HOSTILE: readonly (readonly [string, (octets: number) => string])[] = [
  ["an attribute of three octets, repeated", (octets) => "400600".repeat(octets / 3)],
  ["unknown attributes of three octets", (octets) => "c06300".repeat(octets / 3)],
  ["communities to the end", (octets) => `d008 ${u16(octets - 6 & ~3)} ${"00".repeat(octets - 6 & ~3)}`],
  [
    "an AS_PATH of one-AS segments",
    (octets) => `5002 ${u16(octets - 6 - (octets - 6) % 6)} ${"020100000001".repeat((octets - 6) / 6)}`,
  ],
  [
    "::/0 over and over",
    (octets) => `900e ${u16(octets - 4)} 00020110${"20".repeat(16)}00${"00".repeat(octets - 25)}`,
  ],
];

for (const [name, attributes] of HOSTILE) {
  Deno.test(`decodeMessage() takes no more than linear time for ${name} in 65,535 octets`, () => {
    const context = codecContext({ maxReceiveLength: 65535 });
    assertLinear(LARGEST, (octets) => {
      const bytes = updateBytes({ attributes: attributes(octets) });
      return () => void judge(bytes, context);
    });
  });
}

Deno.test("decodeMessage() takes no more than linear time for a merge of the longest AS_PATH and AS4_PATH", () => {
  const context = codecContext({ fourOctetAs: false, maxReceiveLength: 65535 });
  assertLinear(4000, (length) => {
    const path = "02010001".repeat(length);
    const as4 = "020100000001".repeat(length);
    const attributes = `5002 ${u16(4 * length)} ${path} d011 ${u16(6 * length)} ${as4}`;
    const bytes = updateBytes({ attributes });
    return () => {
      const message = decodeMessage(bytes, context);
      assert.equal(message.type === "UPDATE" && message.attributes.asPath?.length, length);
    };
  });
});

function u16(value: number): string {
  return value.toString(16).padStart(4, "0");
}

/**
 * That work on `size` takes about as long as eight times that on an eighth of it, so that what else the machine does meets
 * both alike; quadratic work would take eight times as long. Each is done several times and the fastest counts, and where
 * a busy machine gives another picture it is looked at for longer.
 */
function assertLinear(size: number, make: (size: number) => () => void): void {
  const [small, large] = [make(Math.floor(size / SMALLER)), make(size)];
  const inParts = () => {
    for (let part = 0; part < SMALLER; part++) small();
  };
  const fastest = { inParts: Infinity, whole: Infinity };
  const isLinear = () => fastest.whole < 4 * Math.max(fastest.inParts, CLOCK_STEP_MS);
  const began = performance.now();
  for (let round = 0; round < ROUNDS.least || !isLinear(); round++) {
    fastest.inParts = Math.min(fastest.inParts, timeOf(inParts));
    fastest.whole = Math.min(fastest.whole, timeOf(large));
    if (performance.now() - began > ROUNDS.ms) break;
  }
  assert.ok(isLinear(), `${fastest.inParts} ms for eight eighths, ${fastest.whole} ms for all`);
}

/** So often at least, and no longer than so. */
const ROUNDS = { least: 3, ms: 20_000 } as const;
/** performance.now() is no finer. */
const CLOCK_STEP_MS = 0.05;

function timeOf(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

Deno.test("decodeMessage() of an UPDATE gives the same values as often as they are asked for", () => {
  const attributes = "40 01 01 00 40 02 06 0201 0000ffe8 40 03 04 0a000001";
  const message = decodeMessage(updateBytes({ attributes, nlri: "20 0a000002" }), codecContext());
  assert.deepEqual(plain(message), plain(message));
  if (message.type === "UPDATE") assert.equal(message.attributes, message.attributes);
});
