// The server on streams in memory and a virtual clock: what each kind of client gets, and what none can take from another.
import assert from "node:assert/strict";
import type { App } from "../../src/http/connection.ts";
import { HttpServer, type ServerOptions } from "../../src/http/server.ts";
import { kernelError, type MemorySocket, MemoryStreams } from "../support/memory_streams.ts";
import { until } from "../support/until.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const echo: App = async (request) => {
  const { pathname, search } = new URL(request.url);
  if (pathname === "/throws") throw new Error("a fault of ours");
  return new Response(`${request.method} ${pathname}${search} ${await request.text()}`, {
    status: pathname === "/missing" ? 404 : 200,
  });
};

class World {
  readonly clock = new VirtualClock();
  readonly streams = new MemoryStreams();
  readonly faults: string[] = [];
  readonly acceptFaults: string[] = [];
  readonly server: HttpServer;

  constructor(options: Partial<ServerOptions> = {}) {
    this.server = new HttpServer({
      clock: this.clock,
      app: echo,
      onFault: (error) => void this.faults.push(String(error)),
      onAcceptFault: (error) => void this.acceptFaults.push(error.message),
      ...options,
    });
  }

  client(): MemorySocket {
    const [client, server] = this.streams.pair();
    this.server.connection(server);
    return client;
  }

  /** The answers to what one client sends, without those fields that are always the same. */
  async ask(text: string): Promise<string> {
    const client = this.client();
    client.send(text);
    client.closeWrite();
    return (await this.textOf(client)).replaceAll("date: Thu, 01 Jan 2026 00:00:00 GMT\r\n", "")
      .replaceAll(/content-type: text\/plain;charset=UTF-8\r\n/gi, "");
  }

  /** All that comes until the end, while turns of the event loop pass. */
  async textOf(client: MemorySocket): Promise<string> {
    let text: string | undefined;
    const reading = client.text().then((all) => text = all);
    await until(() => {
      void this.clock.advance(0);
      return text !== undefined;
    });
    return await reading;
  }

  async status(text: string): Promise<number> {
    return Number((await this.ask(text)).slice(9, 12));
  }
}

const GET = "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n";
const GOT = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nGET /a?b ";

Deno.test("HttpServer answers request after request on one connection, also those that are sent ahead (RFC 9112 section 9.3)", async () => {
  const world = new World();
  assert.equal(await world.ask(GET), GOT.replace("10", "9"));
  assert.equal(await world.ask(GET.repeat(3)), GOT.replace("10", "9").repeat(3));
  const client = world.client();
  const reading = client.text();
  for (const character of GET + GET.replace("Host: x", "Host: x\r\nConnection: Close") + GET) {
    client.send(character);
    await settle();
  }
  await world.clock.advance(0);
  const answers = await reading;
  assert.equal(answers.split("HTTP/1.1 200 OK").length - 1, 2, "nothing after Connection: close");
  assert.match(answers, /connection: close\r\n\r\nGET \/a\?b $/);
  assert.equal(world.server.status.requests, 6);
  assert.equal(world.server.status.connections, 0);
});

Deno.test("HttpServer lets all else run between two requests, whoever sends them", async () => {
  let running = 0;
  const world = new World({ app: () => Promise.resolve(new Response(String(++running))) });
  const clients = Array.from({ length: 10 }, () => world.client());
  for (const client of clients) client.send(GET.repeat(10));
  await settle();
  assert.equal(running, 1);
  for (let turn = 1; running < 100; turn++) {
    assert.ok(running <= turn, `${running} requests in ${turn} turns`);
    await new Promise((resolve) => setTimeout(resolve));
    await world.clock.advance(0);
  }
  for (const client of clients) client[Symbol.dispose]();

  const each = new World();
  const answers = await Promise.all(Array.from({ length: 10 }, () => each.status(GET)));
  assert.deepEqual(answers, Array(10).fill(200), "nobody is forgotten");
});

Deno.test("HttpServer gives HEAD the length of GET and no body (RFC 9110 section 9.3.2)", async () => {
  const world = new World();
  assert.equal(
    await world.ask(`HEAD${GET.slice(3)}${GET}`),
    `HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n${GOT.replace("10", "9")}`,
  );
  for (const request of ["HEAD /throws HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n"]) {
    assert.match(await world.ask(request), /content-length: [1-9]\d*\r\n(.*\r\n)*\r\n$/);
  }
});

Deno.test("HttpServer takes the path from the target alone, whatever Host says (RFC 9112 section 3.2)", async () => {
  const world = new World();
  const path = async (target: string, host: string) => {
    const answer = await world.ask(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return answer.split("\r\n\r\n")[1] ?? answer;
  };
  assert.equal(await path("/", "x/metrics?"), "GET / ");
  assert.equal(await path("/a", "x/metrics?y#"), "GET /a ");
  assert.equal(await path("//evil/metrics", "x"), "GET //evil/metrics ");
  assert.equal(await path("http://other/a?b", "x"), "GET /a?b ");
  assert.equal(await path("http://other?b", "x"), "GET /?b ");
  assert.equal(await path("http://other", "x"), "GET / ");
  for (const target of ["a", "http:///a", "ftp://x/a", "/a#b", "http://u@x/", "http:/a"]) {
    assert.match(await path(target, "x"), /^a target that is/, target);
  }
});

Deno.test("HttpServer refuses what is no request, or none for it, with the status that says so", async () => {
  const world = new World({ limits: { bodyOctets: 10 } });
  const rows = [
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400],
    ["GET / HTTP/1.0\r\n\r\n", 200],
    ["GET / HTTP/1.1\nHost: a\n\n", 400],
    ["\x16\x03\x01\x02", 400],
    ["BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501],
    ["CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    [`GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: a\r\n${"x: y\r\n".repeat(100)}\r\n`, 431],
    [`GET / HTTP/1.1\r\nHost: a\r\n${`x: ${"y".repeat(8000)}\r\n`.repeat(3)}\r\n`, 431],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890", 413],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501],
    [
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n",
      413,
    ],
    ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", 400],
    ["POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417],
  ] as const;
  for (const [request, status] of rows) {
    const answer = await world.ask(request + GET);
    assert.equal(Number(answer.slice(9, 12)), status, request);
    assert.match(answer, /connection: close/);
    assert.equal(answer.split(/^HTTP\/1\.1 \d/m).length, 2, "and reads no further");
  }
  assert.equal(world.server.status.refusedRequests, rows.length - 1);
});

Deno.test("HttpServer reads bodies by length and in chunks, and asks for those that wait (RFC 9110 section 10.1.1)", async () => {
  const world = new World();
  const body = async (fields: string, body: string) =>
    (await world.ask(`POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n${body}`)).split(
      "\r\n\r\n",
    ).at(-1);
  assert.equal(await body("Content-Length: 3\r\n", "abc"), "POST /p abc");
  assert.equal(await body("Transfer-Encoding: chunked\r\n", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), "POST /p abc");
  const client = world.client();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  assert.equal(new TextDecoder().decode(await client.read()), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  assert.match(new TextDecoder().decode(await client.read()), /POST \/p abc$/);
  const late = world.client();
  late.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab");
  await world.clock.advance(10_000);
  assert.match(await late.text(), /^HTTP\/1\.1 \d+ /);
  client[Symbol.dispose]();
});

Deno.test("HttpServer answers only hosts that are ours, and an absolute target counts instead of Host", async () => {
  const world = new World({ isOurHost: (host) => host === "ours:80" });
  assert.equal(await world.status("GET / HTTP/1.1\r\nHost: ours:80\r\n\r\n"), 200);
  assert.equal(await world.status("GET / HTTP/1.1\r\nHost: evil\r\n\r\n"), 421);
  assert.equal(await world.status("GET http://evil/ HTTP/1.1\r\nHost: ours:80\r\n\r\n"), 421);
  assert.equal(await world.status("GET http://ours:80/ HTTP/1.1\r\nHost: evil\r\n\r\n"), 200);
});

Deno.test("HttpServer says a fault of the app once, answers 500 and goes on (faults.md S23)", async () => {
  const world = new World();
  const answer = await world.ask("GET /throws HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(answer, /^HTTP\/1\.1 500 /);
  assert.doesNotMatch(answer, /a fault of ours/);
  assert.deepEqual(world.faults, ["Error: a fault of ours"]);
  assert.equal(await world.status(GET), 200);
  assert.equal(world.server.status.faults, 1);
});

/** App whose answer is a stream that the test feeds. */
function streaming(): {
  app: App;
  feed: (text: string | Error | undefined) => void;
  cancelled: () => boolean;
} {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let cancelled = false;
  const app = () => {
    const body = new ReadableStream<Uint8Array>({
      start: (given) => void (controller = given),
      cancel: () => void (cancelled = true),
    });
    return Promise.resolve(new Response(body, { headers: { "transfer-encoding": "chunked" } }));
  };
  const feed = (text: string | Error | undefined) => {
    if (text === undefined) controller?.close();
    else if (text instanceof Error) controller?.error(text);
    else controller?.enqueue(new TextEncoder().encode(text));
  };
  return { app, feed, cancelled: () => cancelled };
}

Deno.test("HttpServer sends a stream as it comes, in chunks, for as long as it lasts", async () => {
  const { app, feed } = streaming();
  const world = new World({ app });
  const client = world.client();
  client.send(GET);
  const next = async () => new TextDecoder().decode(await client.read());
  assert.match(await next(), /transfer-encoding: chunked\r\n\r\n$/);
  for (const text of ["one", "a second"]) {
    await world.clock.advance(600_000);
    feed(text);
    assert.equal(await next(), `${text.length.toString(16)}\r\n${text}\r\n`);
  }
  feed(undefined);
  assert.equal(await next(), "0\r\n\r\n");
  client.send(GET);
  assert.match(await next(), /^HTTP\/1\.1 200/, "and the connection goes on");
  client[Symbol.dispose]();
  await world.clock.advance(0);
  assert.equal(world.server.status.connections, 0);
  assert.equal(world.clock.pending, 0);
});

Deno.test("HttpServer ends a stream that fails without its last chunk, so that it does not look whole", async () => {
  const { app, feed } = streaming();
  const world = new World({ app });
  const client = world.client();
  client.send(GET);
  await client.read();
  feed(new Error("broken"));
  assert.equal(await client.text(), "");
  assert.deepEqual(world.faults, ["Error: broken"]);
});

Deno.test("HttpServer cancels a stream whose client has gone, and all of them when it closes", async () => {
  const gone = streaming();
  const one = new World({ app: gone.app });
  const client = one.client();
  client.send(GET);
  await client.read();
  client[Symbol.dispose]();
  await settle();
  assert.ok(gone.cancelled());
  assert.equal(one.server.status.connections, 0);

  for (const begun of [false, true]) {
    const closed = streaming();
    const other = new World({ app: closed.app });
    const stays = other.client();
    stays.send(GET);
    await stays.read();
    if (begun) {
      closed.feed("one");
      await stays.read();
      await settle();
    }
    const closing = other.server.close(500);
    await settle();
    await other.clock.advance(0);
    assert.equal(other.server.status.connections, 0, "before the limit");
    await closing;
    assert.ok(closed.cancelled());
    assert.equal(await stays.text(), "0\r\n\r\n");
    assert.equal(other.clock.pending, 0);
  }
});

Deno.test("HttpServer tells the app that their client has gone", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  let signal: AbortSignal | undefined;
  const world = new World({
    app(request) {
      signal = request.signal;
      return promise;
    },
  });
  const client = world.client();
  client.send(GET);
  await settle();
  assert.equal(signal?.aborted, false);
  client[Symbol.dispose]();
  await settle();
  assert.equal(signal?.aborted, true);
  resolve(new Response("too late"));
  await settle();
  assert.equal(world.server.status.connections, 0);
  assert.deepEqual(world.faults, []);
});

Deno.test("HttpServer bounds how long a head, a body, silence and a reader who does not read may last", async () => {
  const world = new World({ app: () => Promise.resolve(new Response("x".repeat(1_000_000))) });
  const limits: [string, number, RegExp][] = [
    ["", 10_000, /^$/],
    ["GET / HT", 10_000, /^HTTP\/1\.1 408 /],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", 10_000, /^HTTP\/1\.1 408 /],
    ["", 10_000, /^$/],
  ];
  for (const [sent, limitMs, answer] of limits) {
    const client = world.client();
    client.send(sent);
    await world.clock.advance(limitMs - 1);
    assert.equal(world.server.status.connections, 1, sent);
    await world.clock.advance(1);
    assert.equal(world.server.status.connections, 0, sent);
    assert.match(await client.text(), answer);
  }
  assert.equal(world.server.status.timeouts, limits.length);
  const deaf = world.client();
  deaf.send(GET);
  await deaf.read();
  await world.clock.advance(29_999);
  assert.equal(world.server.status.connections, 1);
  await world.clock.advance(1);
  assert.equal(world.server.status.connections, 0);
  assert.equal(world.server.status.timeouts, limits.length + 1);
  assert.doesNotMatch(await deaf.text(), /408/, "an answer is never broken into");

  const slow = world.client();
  slow.send(GET);
  for (let turn = 0; turn < 5; turn++) {
    await world.clock.advance(20_000);
    await slow.read();
  }
  assert.equal(world.server.status.connections, 1, "a slow reader that reads may");
  slow[Symbol.dispose]();
  await settle();
  assert.equal(world.clock.pending, 0);
});

Deno.test("HttpServer lets a slow drip of octets have no more time than silence", async () => {
  const world = new World();
  const client = world.client();
  for (let second = 0; second < 10; second++) {
    client.send("G");
    await world.clock.advance(999);
  }
  assert.equal(world.server.status.connections, 1);
  await world.clock.advance(10);
  assert.equal(world.server.status.connections, 0);
});

Deno.test("HttpServer gives a first request no more time for beginning late", async () => {
  const world = new World();
  const client = world.client();
  await world.clock.advance(9000);
  client.send("GET / HT");
  await world.clock.advance(999);
  assert.equal(world.server.status.connections, 1);
  await world.clock.advance(1);
  assert.match(await client.text(), /^HTTP\/1\.1 408 /);
});

Deno.test("HttpServer gives a later request no more time than the first one", async () => {
  const world = new World();
  const client = world.client();
  client.send(GET);
  await client.read();
  await world.clock.advance(5000);
  client.send("GET / HT");
  await world.clock.advance(9999);
  assert.equal(world.server.status.connections, 1);
  await world.clock.advance(1);
  assert.match(await client.text(), /^HTTP\/1\.1 408 /);
});

Deno.test("HttpServer closes idle connections after their time, which begins anew with each request", async () => {
  const world = new World();
  const client = world.client();
  for (let turn = 0; turn < 3; turn++) {
    client.send(GET);
    await client.read();
    await world.clock.advance(29_999);
  }
  assert.equal(world.server.status.connections, 1);
  await world.clock.advance(1);
  assert.equal(world.server.status.connections, 0);
  assert.equal(world.server.status.timeouts, 0, "which is nobody's fault");
});

Deno.test("HttpServer makes room for a new client by closing the one that has kept it waiting longest", async () => {
  const world = new World({ limits: { connections: 3 } });
  const clients: MemorySocket[] = [];
  for (let index = 0; index < 3; index++) {
    clients.push(world.client());
    await world.clock.advance(10);
  }
  clients[0]?.send(GET);
  await clients[0]?.read();
  for (let index = 0; index < 50; index++) assert.equal(await world.status(GET), 200);
  assert.equal(world.server.status.connections, 2);
  assert.equal(world.server.status.displaced, 1);
  assert.equal(await clients[1]?.read(), undefined, "the one that was silent longest");
  for (const client of clients) client[Symbol.dispose]();
  await settle();
  assert.equal(world.server.status.connections, 0);
});

Deno.test("HttpServer refuses a client with 503 where all others are being answered, and displaces a stalled reader", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const busy = new World({ limits: { connections: 2 }, app: () => promise.then(() => new Response("x")) });
  const two = [busy.client(), busy.client()];
  for (const client of two) client.send(GET);
  await busy.clock.advance(0);
  assert.match(await busy.client().text(), /^HTTP\/1\.1 503 /);
  assert.equal(busy.server.status.refused, 1);
  resolve();
  for (const client of two) assert.match(new TextDecoder().decode(await client.read()), /200/);
  for (const client of two) client[Symbol.dispose]();

  const deaf = new World({
    limits: { connections: 1 },
    app: () => Promise.resolve(new Response("x".repeat(1e6))),
  });
  const stalls = deaf.client();
  stalls.send(GET);
  await stalls.read();
  assert.match(await deaf.client().text(), /^HTTP\/1\.1 503 /, "it may still read");
  await deaf.clock.advance(5000);
  assert.equal(await deaf.status(GET.replace("GET", "HEAD")), 200);
  assert.equal(deaf.server.status.displaced, 1);
});

Deno.test("HttpServer gives descriptors back when they run out, says so once, and again only after it has accepted", async () => {
  const world = new World();
  const clients = Array.from({ length: 8 }, () => world.client());
  world.server.fault(kernelError("EMFILE"));
  assert.equal(world.server.status.connections, 4);
  world.server.fault(kernelError("EMFILE"));
  assert.equal(world.server.status.connections, 2);
  assert.deepEqual(world.acceptFaults, ["EMFILE"]);
  assert.equal(await world.status(GET), 200);
  world.server.fault(kernelError("EMFILE"));
  assert.deepEqual(world.acceptFaults, ["EMFILE", "EMFILE"]);
  assert.equal(world.server.status.acceptFaults, 3);
  for (const client of clients) client[Symbol.dispose]();
  await settle();
  assert.equal(world.clock.pending, 0);
});

Deno.test("HttpServer.close() answers what is under way, ends the rest, and does not wait longer than its limit", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const world = new World({ app: () => promise });
  const asked = world.client();
  asked.send(GET);
  const idle = world.client();
  await settle();
  const closing = world.server.close(500);
  resolve(new Response("x"));
  assert.match(await asked.text(), /200 OK.*connection: close\r\n\r\nx$/s);
  assert.equal(await world.client().text(), "", "nobody new");
  await world.clock.advance(499);
  assert.equal(world.server.status.connections, 1, "a request may still come whole");
  await world.clock.advance(1);
  await closing;
  await settle();
  assert.equal(world.server.status.connections, 0);
  assert.equal(await idle.text(), "");

  const hung = new World({ app: () => new Promise(() => {}) });
  hung.client().send(GET);
  await settle();
  const late = hung.server.close(500);
  await hung.clock.advance(500);
  await late;
  assert.equal(world.clock.pending + hung.clock.pending, 0);
  await new World().server.close(500);
});

Deno.test("HttpServer.close() again with less time ends the first one, too", async () => {
  const hung = new World({ app: () => new Promise(() => {}) });
  hung.client().send(GET);
  await settle();
  const first = hung.server.close(15_000);
  const second = hung.server.close(500);
  await hung.clock.advance(500);
  await Promise.all([first, second]);
  assert.equal(hung.clock.pending, 0);
});
