/** The clock of this process on the event loop of this process. */
import assert from "node:assert/strict";
import { NEXT_TURN, systemClock } from "../../src/time/clock.ts";

/** What a slice of long work takes. */
const SLICE_MS = 5;

for (const works of [1, 2, 3]) {
  Deno.test(`turns of ${works} works that follow each other let sockets have theirs (faults K13)`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using server = await listener.accept();
    let isRead = false;
    let turns = 0;
    async function work(): Promise<void> {
      while (!isRead && turns < 1000) {
        const endMs = systemClock.now() + SLICE_MS;
        while (systemClock.now() < endMs);
        turns++;
        await new Promise<void>((resolve) => void systemClock.at(NEXT_TURN, resolve));
      }
    }
    const working = Array.from({ length: works }, work);
    while (turns < 10) await new Promise<void>((resolve) => void systemClock.at(NEXT_TURN, resolve));
    turns = 0;
    const reading = server.read(new Uint8Array(1)).then(() => isRead = true);
    await client.write(Uint8Array.of(1));
    await Promise.all([reading, ...working]);
    assert.ok(turns < 30, `${turns} turns: the runtime itself asks for sockets in every 61st`);
  });
}

Deno.test("a turn that is disposed does not come, whether the loop waits before it or not", async () => {
  const came: string[] = [];
  for (const round of ["waited for", "at once"]) {
    systemClock.at(NEXT_TURN, () => came.push(`disposed ${round}`))[Symbol.dispose]();
    await new Promise<void>((resolve) => void systemClock.at(NEXT_TURN, resolve));
    came.push(round);
  }
  await new Promise<void>((resolve) => void systemClock.at(systemClock.now() + 5, resolve));
  assert.deepEqual(came, ["waited for", "at once"]);
});
