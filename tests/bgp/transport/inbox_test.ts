/** Messages out of a stream of bytes, however it is cut. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Inbox } from "../../../src/bgp/transport/inbox.ts";
import { INITIAL_CONTEXT } from "../../../src/bgp/wire/codec_context.ts";
import { encodeMessage, keepalive } from "../../../src/bgp/wire/message.ts";
import { NotificationError } from "../../../src/bgp/wire/notification.ts";
import { openOf } from "../../support/sessions.ts";

const OPEN = encodeMessage(openOf(), INITIAL_CONTEXT);
const NOTIFICATION = encodeMessage(
  { type: "NOTIFICATION", code: 6, subcode: 2, data: new Uint8Array(4000).fill(7) },
  INITIAL_CONTEXT,
);

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function drain(inbox: Inbox, into: Uint8Array[]): void {
  while (inbox.next(4096)) into.push(inbox.bytes.slice(inbox.from, inbox.to));
}

Deno.test("Inbox.next() finds the same messages however the stream is cut (RFC 4271 4.1)", () => {
  const message = fc.constantFrom(OPEN, keepalive(), NOTIFICATION);
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 12 }),
      fc.array(fc.nat(6000), { maxLength: 30 }),
      (messages, cuts) => {
        const stream = concat(messages);
        const places = [
          ...new Set([0, ...cuts.map((cut) => cut % (stream.byteLength + 1)), stream.byteLength]),
        ].sort((a, b) => a - b);
        const inbox = new Inbox();
        const found: Uint8Array[] = [];
        for (let i = 1; i < places.length; i++) {
          inbox.push(stream.slice(places[i - 1], places[i]));
          drain(inbox, found);
        }
        assert.deepEqual(found, messages);
        assert.equal(inbox.length, 0);
      },
    ),
    { seed: 4271, numRuns: 300 },
  );
});

Deno.test("Inbox.next() takes a stream byte by byte (RFC 4271 4.1)", () => {
  const inbox = new Inbox();
  const found: Uint8Array[] = [];
  for (const octet of concat([OPEN, keepalive(), NOTIFICATION, keepalive()])) {
    inbox.push(Uint8Array.of(octet));
    drain(inbox, found);
  }
  assert.deepEqual(found, [OPEN, keepalive(), NOTIFICATION, keepalive()]);
});

Deno.test("Inbox.next() refuses a bad header as soon as its octet is there (RFC 4271 6.1)", () => {
  const inbox = new Inbox();
  inbox.push(Uint8Array.of(255, 255));
  assert.equal(inbox.next(4096), false);
  inbox.push(Uint8Array.of(254));
  assert.throws(() => inbox.next(4096), (error) => error instanceof NotificationError && error.subcode === 1);

  const long = new Inbox();
  long.push(new Uint8Array(16).fill(255));
  long.push(Uint8Array.of(0xff));
  assert.equal(long.next(4096), false);
  long.push(Uint8Array.of(0xff));
  assert.throws(() => long.next(4096), (error) => error instanceof NotificationError && error.subcode === 2);
});

Deno.test("Inbox holds no more than one message and one chunk (STYLE)", () => {
  const inbox = new Inbox();
  const stream = concat(Array.from({ length: 40 }, () => NOTIFICATION));
  let largest = 0;
  for (let at = 0; at < stream.byteLength; at += 1000) {
    inbox.push(stream.slice(at, at + 1000));
    drain(inbox, []);
    largest = Math.max(largest, inbox.length);
  }
  assert.ok(largest < NOTIFICATION.byteLength, `${largest} octets wait`);
});

Deno.test("Inbox keeps nothing of a chunk once it has said that it needs more (port Connection)", () => {
  const inbox = new Inbox();
  const chunk = OPEN.slice(0, 25);
  inbox.push(chunk);
  assert.equal(inbox.next(4096), false);
  chunk.fill(0);
  inbox.push(OPEN.slice(25));
  const found: Uint8Array[] = [];
  drain(inbox, found);
  assert.deepEqual(found, [OPEN]);
});
