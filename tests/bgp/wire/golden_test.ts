// The golden messages, decoded and encoded.
import assert from "node:assert/strict";
import { decodeFramed, decodeMessage, encodeMessage, frame } from "../../../src/bgp/wire/message.ts";
import { BGP_MESSAGES } from "../../golden/bgp_messages.ts";
import { fromHex, plain, toHex } from "./support.ts";

for (const { name, context, hex, message } of BGP_MESSAGES) {
  Deno.test(`decodeMessage() reads the golden ${name}`, () => {
    assert.deepEqual(plain(decodeMessage(fromHex(hex), context)), plain(message));
  });

  Deno.test(`decodeFramed() reads the golden ${name} between others`, () => {
    const bytes = fromHex(hex);
    const stream = new Uint8Array([...bytes, ...bytes, ...bytes]);
    const [from, to] = [bytes.byteLength, 2 * bytes.byteLength];
    assert.deepEqual(plain(decodeFramed(stream, from, to, context)), plain(message));
  });

  Deno.test(`encodeMessage() writes the golden ${name}`, () => {
    assert.equal(toHex(encodeMessage(message, context)), toHex(fromHex(hex)));
  });

  Deno.test(`frame() finds the golden ${name} whole, and wants more of every part of it`, () => {
    const bytes = fromHex(hex);
    const padded = new Uint8Array([...bytes, ...bytes]);
    assert.deepEqual(frame(padded, 4096), {
      type: "message",
      length: bytes.byteLength,
      messageType: bytes[18],
    });
    for (let length = 0; length < bytes.byteLength; length++) {
      const needed = length < 19 ? 19 : bytes.byteLength;
      assert.deepEqual(frame(bytes.subarray(0, length), 4096), { type: "incomplete", needed });
    }
  });
}

Deno.test("the goldens have all five message types", () => {
  assert.deepEqual(new Set(BGP_MESSAGES.map(({ message }) => message.type)).size, 5);
});
