import assert from "node:assert/strict";
import { onAbort, untilAborted } from "../../src/time/abort.ts";

Deno.test("onAbort() calls back once, at once where the signal is aborted already, and not after it is disposed", () => {
  let calls = 0;
  const controller = new AbortController();
  const count = () => void calls++;
  onAbort(controller.signal, count)[Symbol.dispose]();
  onAbort(controller.signal, count);
  assert.equal(calls, 0);
  controller.abort();
  assert.equal(calls, 1);
  onAbort(controller.signal, count);
  assert.equal(calls, 2);
});

Deno.test("untilAborted() comes to what the promise comes to, or to the reason of the signal, whichever is first", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const never = new Promise<void>(() => {});
  assert.equal(await untilAborted(Promise.resolve(1), controller.signal), 1);
  await assert.rejects(untilAborted(Promise.reject(new Error("failed")), controller.signal), /failed/);
  const waiting = untilAborted(never, controller.signal);
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(untilAborted(Promise.resolve(1), controller.signal), reason);
});
