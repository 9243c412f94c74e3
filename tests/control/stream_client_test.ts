// The lines of an answer that goes on, and every way in which it can end.
import assert from "node:assert/strict";
import { BrokenStreamError, streamControl } from "../../src/control/stream_client.ts";
import { latin1Octets } from "../../src/net/latin1.ts";
import type { StreamSocket } from "../../src/net/sockets.ts";
import { MemoryStreams } from "../support/memory_streams.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/** One conversation; the server's end is the test's. */
class Scene {
  readonly clock = new VirtualClock();
  readonly lines: string[] = [];
  readonly ending = new AbortController();
  server: StreamSocket | undefined;
  said: string | undefined;
  error: unknown;

  constructor({ body, onLine }: { body?: unknown; onLine?: (line: string) => void } = {}) {
    const streams = new MemoryStreams();
    streams.listeners.set("/s", { fault() {}, connection: (socket) => void (this.server = socket) });
    const request = { path: "/s", target: "/v1/events", accept: "text/event-stream", body };
    const take = onLine ?? ((line: string) => void this.lines.push(line));
    streamControl(request, { streams, clock: this.clock }, take, this.ending.signal).then(
      ({ status, body }) => this.said = `${status} ${body}`,
      (error) => {
        this.error = error;
        this.said = String(error.message ?? error);
      },
    );
  }

  async send(...pieces: string[]): Promise<void> {
    await settle();
    for (const piece of pieces) {
      this.server?.write(latin1Octets(piece));
      await settle();
    }
  }
}

Deno.test("streamControl() calls back for each line as soon as it is whole, in whatever pieces it comes", async () => {
  const scene = new Scene();
  await scene.send(HEAD, "3\r\na\nb\r\n");
  assert.deepEqual(scene.lines, ["a"]);
  await scene.send(..."4\r\nc\n\nd\r\n0\r\n\r\n");
  assert.deepEqual(scene.lines, ["a", "bc", "", "d"]);
  assert.equal(scene.said, "200 ");
  assert.equal(scene.clock.pending, 0);
});

Deno.test("streamControl() sends an order with its body, and gives the words of a refusal instead of lines", async () => {
  const scene = new Scene({ body: { "a": "\u00e4" } });
  await settle();
  const request = new TextDecoder().decode(await scene.server?.read());
  assert.match(request, /^POST \/v1\/events HTTP\/1\.1\r\n(.*\r\n)*content-length: 10\r\n\r\n/);
  await scene.send("HTTP/1.1 503 \r\nContent-Length: 8\r\n\r\nno\nroom\n");
  assert.deepEqual([scene.said, scene.lines], ["503 no\nroom\n", []]);
});

Deno.test("streamControl() tells an answer that is cut off, or falls silent, from an agent that never answered", async () => {
  const cut = new Scene();
  await cut.send(HEAD, "2\r\na\n\r\n");
  await cut.server?.end(0);
  await settle();
  assert.ok(cut.error instanceof BrokenStreamError);
  assert.match(cut.said ?? "", /ended in the middle/);

  const silent = new Scene();
  await silent.send(HEAD, "2\r\na\n\r\n");
  await silent.clock.advance(44_000);
  await silent.send("1\r\n\n\r\n");
  await silent.clock.advance(44_000);
  assert.equal(silent.said, undefined, "an empty line is a sign of life");
  await silent.clock.advance(1000);
  assert.ok(silent.error instanceof BrokenStreamError);
  assert.match(silent.said ?? "", /nothing came within 45 s/);

  const never = new Scene();
  await never.clock.advance(5000);
  assert.equal(never.said, "no agent answers at /s: nothing came within 5 s");
  const endless = new Scene();
  await endless.send(HEAD, `${(2 ** 20 + 1).toString(16)}\r\n${"x".repeat(2 ** 20 + 1)}\r\n`);
  assert.match(endless.said ?? "", /a line of more than/);
  for (const scene of [cut, silent, never, endless]) assert.equal(scene.clock.pending, 0);
});

Deno.test("streamControl() ends with the caller's signal, and with what the caller throws, closing the connection", async () => {
  const scene = new Scene();
  await scene.send(HEAD, "2\r\na\n\r\n");
  scene.ending.abort(new Error("enough"));
  await settle();
  assert.equal(scene.said, "enough");
  const broken = new Scene({
    onLine() {
      throw new Error("no way");
    },
  });
  await broken.send(HEAD, "2\r\na\n\r\n");
  assert.equal(broken.said, "no way");
  for (const { server, clock } of [scene, broken]) {
    await server?.read();
    assert.equal(await server?.read(), undefined);
    assert.equal(clock.pending, 0);
  }
});
