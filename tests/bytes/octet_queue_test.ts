import assert from "node:assert/strict";
import fc from "fast-check";
import { OctetQueue } from "../../src/bytes/octet_queue.ts";

Deno.test("OctetQueue gives back what was appended, in order, in whatever pieces", () => {
  const step = fc.oneof(fc.uint8Array({ maxLength: 3000 }), fc.nat({ max: 3000 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queue = new OctetQueue();
      let model: number[] = [];
      for (const step of steps) {
        if (typeof step === "number") {
          queue.consume(step);
          model = model.slice(step);
        } else {
          queue.append(step);
          model = [...model, ...step];
        }
        assert.equal(queue.length, model.length);
        assert.deepEqual([...queue.view], model);
      }
    }),
    { seed: 91124 },
  );
});

Deno.test("OctetQueue that is used up as fast as it is filled keeps no memory", () => {
  const queue = new OctetQueue();
  for (let turn = 0; turn < 100; turn++) {
    queue.append(new Uint8Array(5000));
    queue.consume(4999);
  }
  assert.ok(queue.view.buffer.byteLength <= 16_384, `${queue.view.buffer.byteLength}`);
  queue.consume(queue.length);
  assert.equal(queue.view.buffer.byteLength, 0);
});
