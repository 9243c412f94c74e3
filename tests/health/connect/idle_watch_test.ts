/** The idle watch: what ends it, what it does with what comes, and what is left of it. */
import assert from "node:assert/strict";
import { idleWatch } from "../../../src/health/connect/idle_watch.ts";
import { kernelError, MemoryStreams } from "../../support/memory_streams.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

function watched() {
  const clock = new VirtualClock();
  const [own, server] = new MemoryStreams().pair();
  const ends: string[] = [];
  const watch = idleWatch(() => Promise.resolve(own), clock, (reason, how) => ends.push(`${how}: ${reason}`));
  return { clock, own, server, ends, watch };
}

Deno.test("idleWatch() says once that the server has closed, and closes its own end", async () => {
  const { server, ends } = watched();
  await settle();
  assert.deepEqual(ends, []);
  await server.end();
  await settle();
  assert.deepEqual(ends, ["idle: the server closed an idle connection"]);
  await assert.rejects(server.write(new Uint8Array(1)));
});

Deno.test("idleWatch() drops what comes, and ends a connection on which it does not end", async () => {
  const { clock, server, ends } = watched();
  await server.write(new TextEncoder().encode("220 smtp.example.org ready\r\n"));
  await clock.advance(0);
  assert.deepEqual(ends, []);
  const flood = (async () => {
    for (;;) await server.write(new Uint8Array(5000));
  })();
  const gone = assert.rejects(flood);
  await clock.advance(1);
  await gone;
  assert.deepEqual(ends, ["idle: idle connection: the answer is longer than 65536 octets"]);
});

for (
  const [code, end] of [
    ["ECONNREFUSED", "idle: idle connection: connection refused"],
    ["ECONNRESET", "idle: idle connection: connection reset"],
    ["EMFILE", "lost: idle connection: this process has too many open files"],
    ["EADDRNOTAVAIL", "lost: idle connection: no local address or port to connect from"],
  ] as const
) {
  Deno.test(`idleWatch() that meets ${code} says "${end}"`, async () => {
    const ends: string[] = [];
    const connect = () => Promise.reject(kernelError(code));
    idleWatch(connect, new VirtualClock(), (reason, how) => ends.push(`${how}: ${reason}`));
    await settle();
    assert.deepEqual(ends, [end]);
  });
}

Deno.test("idleWatch() that is disposed says nothing and leaves nothing, at whatever moment", async () => {
  const { server, ends, watch } = watched();
  await settle();
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  await settle();
  assert.equal(await server.read(), undefined);
  // While it connects.
  const [late, lateServer] = new MemoryStreams().pair();
  const connecting = Promise.withResolvers<typeof late>();
  let signal: AbortSignal | undefined;
  const early = idleWatch((given) => (signal = given, connecting.promise), new VirtualClock(), (reason) => {
    ends.push(reason);
  });
  early[Symbol.dispose]();
  assert.equal(signal?.aborted, true);
  connecting.resolve(late);
  await settle();
  assert.equal(await lateServer.read(), undefined);
  assert.deepEqual(ends, []);
});
