import assert from "node:assert/strict";
import { askControl, postControl } from "../../src/control/client.ts";
import { latin1Octets } from "../../src/net/latin1.ts";
import type { Streams } from "../../src/net/sockets.ts";
import { kernelError, MemoryStreams } from "../support/memory_streams.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** What a question gets where somebody answers with these pieces, and then ends the connection. */
async function asked(pieces: readonly string[], ends = true): Promise<string> {
  const clock = new VirtualClock();
  const streams = new MemoryStreams();
  let request = "";
  streams.listeners.set("/s", {
    fault() {},
    async connection(socket) {
      request = new TextDecoder().decode(await socket.read());
      for (const piece of pieces) await socket.write(latin1Octets(piece));
      if (ends) await socket.end(0);
    },
  });
  let result: string | undefined;
  ask(streams, clock).then((answer) => result = answer);
  for (let turn = 0; turn < 50; turn++) await settle();
  await clock.advance(6000);
  assert.ok(result !== undefined);
  assert.equal(clock.pending, 0);
  assert.match(
    request,
    /^GET \/v1\/status HTTP\/1\.1\r\nhost: bgp-lb\r\naccept: text\/plain\r\nconnection: close\r\n\r\n$/,
  );
  return result;
}

function ask(streams: Streams, clock: VirtualClock): Promise<string> {
  return askControl({ path: "/s", target: "/v1/status", accept: "text/plain" }, { streams, clock })
    .then(({ status, body }) => `${status} ${body}`, (error) => error.message);
}

Deno.test("askControl() reads an answer by length, in chunks, or to the end of the connection, in whatever pieces", async () => {
  const rows: [readonly string[], string][] = [
    [["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nh\xc3\xa4ll"], "200 häll"],
    [[..."HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"], "404 no"],
    [["HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "1\r\nc\r\n0\r\n\r\n"], "200 abc"],
    [["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nab", "c"], "200 abc"],
  ];
  for (const [pieces, answer] of rows) assert.equal(await asked(pieces), answer);
  assert.equal(
    await asked(["HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"], false),
    "200 a",
    "no wait for the end",
  );
});

Deno.test("askControl() says what answers instead of an agent, or that nothing does in time", async () => {
  const rows: [readonly string[], RegExp][] = [
    [["SSH-2.0-OpenSSH_9\r\n"], /what answers there is no agent: this is not a status line/],
    [[], /the connection ended without an answer/],
    [["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"], /ended in the middle of the answer/],
    [["HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab"], /content length/],
    [["HTTP/1.1 200 OK\r\n\r\n", "x".repeat(17 * 1024 * 1024)], /more than 16777216 octets/],
    [[`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}`], /head is longer|more than 256 fields/],
  ];
  for (const [pieces, words] of rows) {
    const said = await asked(pieces);
    assert.match(said, /^no agent answers at \/s: /);
    assert.match(said, words);
  }
  assert.match(await asked(["HTTP/1.1 200 OK\r\nContent-Le"], false), /nothing came within 5 s/);
});

Deno.test("askControl() says in words why nobody can be asked", async () => {
  const rows = [
    ["ENOENT", /there is no socket/],
    ["ECONNREFUSED", /nobody listens there/],
    ["EACCES", /this user may not: .*root.*control\.group/],
    ["EAGAIN", /hangs, or is overrun/],
    ["ENOTDIR", /no folder/],
    ["EIO", /EIO/],
  ] as const;
  const streams = new MemoryStreams();
  const connecting = (connect: Streams["connect"]) => ({ connect, listen: streams.listen.bind(streams) });
  for (const [code, words] of rows) {
    const said = await ask(connecting(() => Promise.reject(kernelError(code))), new VirtualClock());
    assert.match(said, words, code);
  }
  const clock = new VirtualClock();
  const [late, other] = streams.pair();
  const { promise, resolve } = Promise.withResolvers<typeof late>();
  const said = ask(connecting(() => promise), clock);
  await clock.advance(5000);
  assert.match(await said, /nothing came within 5 s/);
  resolve(late);
  assert.equal(await other.read(), undefined, "a socket that comes too late is closed");
});

Deno.test("postControl() reads why it is refused by one who does not read the order first, and says where it may have been followed", async () => {
  const rows: readonly (readonly [string | undefined, string])[] = [
    ["HTTP/1.1 503 X\r\nContent-Length: 4\r\n\r\nfull", "503 full"],
    [
      undefined,
      "the agent at /s ended before it answered: the order may have been followed; ask with bgp-lb status",
    ],
  ];
  for (const [answer, said] of rows) {
    const clock = new VirtualClock();
    const streams = new MemoryStreams();
    streams.listeners.set("/s", {
      fault() {},
      connection(socket) {
        if (answer !== undefined) void socket.write(latin1Octets(answer));
        socket[Symbol.dispose]();
      },
    });
    const order = { path: "/s", target: "/v1/drain", accept: "*/*", body: {}, limitMs: 1000 };
    const outcome = await postControl(order, { streams, clock })
      .then(({ status, body }) => `${status} ${body}`, (error) => error.message);
    assert.equal(outcome, said);
    assert.equal(clock.pending, 0);
  }
});
