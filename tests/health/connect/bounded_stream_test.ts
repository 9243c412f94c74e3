/** What one answer may have, and that others have their turn while a server sends without a pause. */
import assert from "node:assert/strict";
import { boundedStream } from "../../../src/health/connect/bounded_stream.ts";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import type { StreamSocket } from "../../../src/net/sockets.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

/** A stream on which the next piece is always there. */
function endless(octets: number) {
  const counts = { reads: 0, disposed: 0 };
  const stream: StreamSocket = {
    local: undefined,
    remote: undefined,
    read: () => (counts.reads++, Promise.resolve(new Uint8Array(octets))),
    write: () => Promise.resolve(),
    end: () => Promise.resolve(),
    [Symbol.dispose]: () => void counts.disposed++,
  };
  return { stream, counts };
}

for (
  const [octets, limits, reads, words] of [
    [10, { octets: 50, pieces: 100 }, 6, /^the answer is longer than 50 octets$/],
    [1, { octets: 50, pieces: 7 }, 8, /^the answer comes in more than 7 pieces$/],
    [51, { octets: 50, pieces: 7 }, 1, /^the answer is longer than 50 octets$/],
  ] as const
) {
  Deno.test(`boundedStream() of pieces of ${octets} within ${JSON.stringify(limits)} fails at read ${reads}`, async () => {
    const clock = new VirtualClock();
    const { stream, counts } = endless(octets);
    const bounded = boundedStream(stream, clock, limits);
    const reading = (async () => {
      for (;;) await bounded.read();
    })();
    const failed = assert.rejects(reading, (error) => {
      return error instanceof ProbeFailure && words.test(error.message);
    });
    await clock.advance(0);
    await failed;
    assert.equal(counts.reads, reads);
  });
}

Deno.test("boundedStream() lets timers have their turn after every few pieces (S4)", async () => {
  const clock = new VirtualClock();
  const { stream, counts } = endless(1);
  const bounded = boundedStream(stream, clock, { octets: 1000, pieces: 1000 });
  const all = (async () => {
    while (counts.reads < 100) await bounded.read();
  })();
  await settle();
  assert.ok(counts.reads <= 8, `${counts.reads} reads in one turn`);
  assert.equal(clock.pending, 1);
  await clock.advance(0);
  await all;
  assert.equal(counts.reads, 100);
});
