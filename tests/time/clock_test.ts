/** The clock of this process: those who wait for the same moment share a timer of the runtime, and nothing else. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/time/clock.ts";

const SOON_MS = 2;

Deno.test("systemClock calls back all who wait for one moment, in order and in one turn", async () => {
  const atMs = systemClock.now() + SOON_MS;
  const came: string[] = [];
  const same = () => void came.push("same");
  systemClock.at(atMs, () => void came.push("first"));
  systemClock.at(atMs, same);
  systemClock.at(atMs, same);
  await new Promise<void>((resolve) => {
    systemClock.at(atMs, () => {
      assert.ok(systemClock.now() >= atMs);
      came.push("last");
      resolve();
    });
  });
  assert.deepEqual(came, ["first", "same", "same", "last"]);
});

Deno.test("systemClock calls back nobody who does not wait any more, also where one before it ends that", async () => {
  const atMs = systemClock.now() + SOON_MS;
  const came: string[] = [];
  const alone = systemClock.at(atMs, () => void came.push("alone"));
  alone[Symbol.dispose]();
  alone[Symbol.dispose]();
  await new Promise<void>((resolve) => {
    const ended = systemClock.at(atMs, () => void came.push("ended"));
    systemClock.at(atMs, () => later[Symbol.dispose]());
    const later = systemClock.at(atMs, () => void came.push("later"));
    systemClock.at(atMs, resolve);
    ended[Symbol.dispose]();
  });
  assert.deepEqual(came, []);
});

Deno.test("systemClock: whoever asks for a moment that is just being told of has a timer of its own", async () => {
  const atMs = systemClock.now() + SOON_MS;
  let turn = "before";
  await new Promise<void>((resolve) => {
    systemClock.at(atMs, () => {
      systemClock.at(atMs, () => {
        assert.equal(turn, "after");
        resolve();
      });
      queueMicrotask(() => turn = "after");
    });
  });
});

Deno.test("systemClock: what one throws is an uncaught exception, and those of the same moment are called all the same", async () => {
  const atMs = systemClock.now() + SOON_MS;
  const uncaught: unknown[] = [];
  const keep = (event: ErrorEvent) => {
    event.preventDefault();
    uncaught.push(event.error);
  };
  addEventListener("error", keep);
  try {
    const error = new Error("a fault");
    systemClock.at(atMs, () => {
      throw error;
    });
    await new Promise<void>((resolve) => void systemClock.at(atMs, resolve));
    assert.deepEqual(uncaught, [error]);
  } finally {
    removeEventListener("error", keep);
  }
});
