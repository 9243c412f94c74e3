// Every path attribute of IANA's registry, right and wrong, through the decoder (RFC 4271 section 6.3, RFC 7606).
import assert from "node:assert/strict";
import type { CodecContext } from "../../../src/bgp/wire/codec_context.ts";
import { decodeMessage } from "../../../src/bgp/wire/message.ts";
import { NotificationError } from "../../../src/bgp/wire/notification.ts";
import { corpus, CORPUS_TYPES, type Outcome } from "./corpus.ts";
import { codecContext, plain } from "./support.ts";

function outcomeOf(bytes: Uint8Array, context: CodecContext): Outcome {
  try {
    const message = decodeMessage(bytes, context);
    assert.ok(message.type === "UPDATE");
    plain(message);
    const actions = message.faults.map(({ action }) => action);
    if (actions.includes("treat-as-withdraw")) return "treat-as-withdraw";
    return actions.includes("attribute-discard") ? "attribute-discard" : "accepted";
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    assert.equal(error.code, 3);
    return `reset 3/${error.subcode}`;
  }
}

Deno.test("corpus() has the attribute types 1 to 40 and 128, and some that nobody assigned", () => {
  const wanted = [...Array.from({ length: 40 }, (_, index) => index + 1), 128];
  assert.deepEqual(wanted.filter((type) => !CORPUS_TYPES.includes(type)), []);
  assert.equal(new Set(CORPUS_TYPES).size, CORPUS_TYPES.length);
  assert.ok(CORPUS_TYPES.length > wanted.length);
});

for (const family of ["NLRI", "MP_REACH_NLRI"] as const) {
  for (const internal of [false, true]) {
    for (const fourOctetAs of [false, true]) {
      const session = `${internal ? "an internal" : "an external"} session with ${
        fourOctetAs ? 4 : 2
      }-octet ASes`;
      Deno.test(`decodeMessage() does with the whole corpus beside ${family} in ${session} what RFC 7606 says`, () => {
        const context = codecContext({ internal, fourOctetAs });
        const wrong: string[] = [];
        let count = 0;
        for (const { name, octets, outcome } of corpus(family, context)) {
          count++;
          const got = outcomeOf(Uint8Array.from(octets), context);
          if (got !== outcome) wrong.push(`${name}: ${got}, must be ${outcome}`);
        }
        assert.ok(count > 450, `${count}`);
        assert.deepEqual(wrong, []);
      });
    }
  }
}
