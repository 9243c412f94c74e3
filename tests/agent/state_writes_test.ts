// Whether what is written of a file of state is told to have got to the disk.
import assert from "node:assert/strict";
import { toldWrites } from "../../src/agent/state_writes.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("toldWrites() tells of each write whether it got to the disk; one that hangs counts as failed until it is done", async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  const disk: PromiseWithResolvers<void>[] = [];
  const files = {
    read: () => Promise.resolve(undefined),
    setAside: () => Promise.resolve(),
    replace() {
      const write = Promise.withResolvers<void>();
      disk.push(write);
      return write.promise;
    },
  };
  const { replace } = toldWrites(files, clock, (file, isKept) => told.push(`${file} ${isKept}`));
  const octets = new Uint8Array();
  const first = replace("/state/drains", octets);
  disk[0]?.resolve();
  await first;
  const second = replace("/state/drains", octets);
  disk[1]?.reject(new Error("no space"));
  await assert.rejects(second, /no space/);
  assert.deepEqual(told.splice(0), ["drains true", "drains false"]);
  // A disk that hangs, and another folder that takes its place: what is written there is what counts.
  const third = replace("/hangs/drains", octets);
  await clock.advance(2001);
  assert.deepEqual(told.splice(0), ["drains false"]);
  const fourth = replace("/other/drains", octets);
  disk[3]?.resolve();
  await fourth;
  disk[2]?.reject(new Error("gone"));
  await assert.rejects(third, /gone/);
  assert.deepEqual(told, ["drains true"]);
});
