import assert from "node:assert/strict";
import { LineLimiter } from "../../src/events/line_limiter.ts";
import type { LogLine } from "../../src/events/log_line.ts";
import { PERIOD_MS } from "../../src/time/repeats.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const line = (message: string, repeats?: string): LogLine => {
  return { logger: "bgp", level: "warning", message, fields: {}, repeats };
};

interface Scene extends Disposable {
  readonly clock: VirtualClock;
  readonly limiter: LineLimiter;
  readonly written: string[];
}

function scene(): Scene {
  const clock = new VirtualClock();
  const written: string[] = [];
  const limiter = new LineLimiter(clock, ({ message, fields }) => {
    written.push(message.replace("{repeated}", String(fields["repeated"])));
  });
  return { clock, limiter, written, [Symbol.dispose]: () => limiter[Symbol.dispose]() };
}

Deno.test("LineLimiter lets every transition through, however many", () => {
  using at = scene();
  for (let count = 0; count < 1000; count++) at.limiter.line(line(`${count}`));
  assert.equal(at.written.length, 1000);
  assert.equal(at.clock.pending, 0);
});

Deno.test("LineLimiter tells the first of a key at once, and how many more there were at the end of the period (faults S7)", async () => {
  using at = scene();
  for (let count = 0; count < 5000; count++) at.limiter.line(line(`stranger ${count}`, "refused"));
  at.limiter.line(line("another thing", "other"));
  assert.deepEqual(at.written, ["stranger 0", "another thing"]);
  await at.clock.advance(PERIOD_MS);
  assert.deepEqual(at.written.slice(2), ["stranger 1 (the first of 4999 more in 10 s)"]);
  await at.clock.advance(PERIOD_MS);
  assert.equal(at.clock.pending, 0, "nothing is armed where nothing repeats");
  at.limiter.line(line("stranger again", "refused"));
  assert.equal(at.written.at(-1), "stranger again", "after a quiet period a line goes out at once");
});

Deno.test("LineLimiter tells at its end what it has counted", () => {
  const at = scene();
  at.limiter.line(line("a", "k"));
  at.limiter.line(line("b", "k"));
  at[Symbol.dispose]();
  assert.deepEqual(at.written, ["a", "b (the first of 1 more in 10 s)"]);
  assert.equal(at.clock.pending, 0);
});
