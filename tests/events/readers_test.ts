// The readers of the journal through the real HTTP server, on streams in memory and a virtual clock.
import assert from "node:assert/strict";
import type { AgentFact } from "../../src/events/event.ts";
import { Journal, type JournalLimits } from "../../src/events/journal.ts";
import { JournalReaders } from "../../src/events/readers.ts";
import { EventStream } from "../../src/events/stream.ts";
import { createHttpApp } from "../../src/http/app.ts";
import { HttpServer } from "../../src/http/server.ts";
import { type ServerSentEvent, serverSentEventReader } from "../../src/net/server_sent_events.ts";
import type { Clock } from "../../src/time/clock.ts";
import { liveOctets } from "../support/live_memory.ts";
import { type MemorySocket, MemoryStreams } from "../support/memory_streams.ts";
import { quietPage, status } from "../support/status.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** A client that reads whatever comes, until it is told not to. */
class Client {
  readonly socket: MemorySocket;
  text = "";
  ended = false;

  constructor(socket: MemorySocket, head: string, reads = true) {
    this.socket = socket;
    socket.send(head);
    if (reads) void this.read();
  }

  async read(): Promise<void> {
    for (let octets = await this.socket.read(); octets !== undefined; octets = await this.socket.read()) {
      this.text += new TextDecoder("latin1").decode(octets);
    }
    this.ended = true;
  }

  /** The body, out of its chunks. */
  get body(): string {
    const [, chunks = ""] = this.text.split(/\r\n\r\n(.*)/s);
    return chunks.replaceAll(/[0-9a-f]+\r\n(.*?)\r\n(?=[0-9a-f]+\r\n|$)/gs, "$1");
  }

  get events(): readonly ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    this.body.split("\n").forEach(serverSentEventReader((event) => events.push(event)));
    return events;
  }

  /** Numbers of events, and words of gaps and cuts. */
  get seen(): readonly string[] {
    return this.events.map(({ name, data }) => {
      const record = JSON.parse(data);
      return name === undefined ? String(record.id) : `${name}: ${record.cause}`;
    });
  }

  get place(): string {
    return this.events.at(-1)?.id ?? "";
  }
}

class Scene {
  readonly clock = new VirtualClock();
  readonly streams = new MemoryStreams();
  readonly stream = new EventStream(this.clock);
  readonly journal: Journal;
  readonly readers: JournalReaders;
  readonly server: HttpServer;
  readonly cuts: string[] = [];

  constructor({ readers = 64, connections = 256, random = 0.5, ...limits }: {
    readers?: number;
    connections?: number;
    random?: number;
  } & Partial<JournalLimits> = {}) {
    const { clock, stream } = this;
    const journal = this.journal = new Journal({ clock, random: () => random }, limits);
    stream.subscribe("journal", (event) => journal.append(event));
    this.readers = new JournalReaders({
      journal,
      clock,
      limit: readers,
      onCut: (count, cause) => {
        this.cuts.push(`${count} ${cause}`);
        stream.publish({ kind: "reader-cut", reader: "r", cause });
      },
    });
    this.server = new HttpServer({
      clock,
      limits: { connections },
      app: createHttpApp({
        clock,
        status: () => status([]),
        metrics: () => Promise.reject(new Error("none")),
        events: (request) => this.readers.answer(request),
        ...quietPage,
      }),
      onFault: (error) => assert.fail(String(error)),
    });
  }

  publish(...facts: AgentFact[]): void {
    for (const fact of facts) this.stream.publish(fact);
  }

  warn(count: number, cause = "w"): void {
    for (let at = 0; at < count; at++) this.publish({ kind: "warning", cause });
  }

  client(query = "", { fields = "", method = "GET", version = "1.1", reads = true } = {}): Client {
    const [client, server] = this.streams.pair();
    this.server.connection(server);
    return new Client(
      client,
      `${method} /api/v1/events${query} HTTP/${version}\r\nHost: x\r\n${fields}\r\n`,
      reads,
    );
  }

  async turns(count = 50): Promise<void> {
    for (let turn = 0; turn < count; turn++) await this.clock.advance(0);
  }

  async close(): Promise<void> {
    this.journal[Symbol.dispose]();
    const closing = this.server.close(500);
    await this.clock.advance(2000);
    await closing;
    this.readers[Symbol.dispose]();
    assert.equal(this.clock.pending, 0);
    assert.equal(this.readers.count, 0);
  }
}

Deno.test("a reader of events gets all that is kept, then each one as it happens, with its place (CONTRACT HTTP)", async () => {
  const scene = new Scene();
  scene.warn(3);
  const client = scene.client();
  await scene.turns();
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*content-type: text\/event-stream\r\n/);
  assert.deepEqual(client.seen, ["1", "2", "3"]);
  scene.warn(1);
  await scene.turns();
  assert.deepEqual(client.seen, ["1", "2", "3", "4"]);
  assert.equal(client.place, "iiiiiiii-4");
  await scene.clock.advance(15_000);
  assert.match(client.body, /\n\n:\n\n$/, "a sign of life");
  scene.warn(1);
  await scene.close();
  assert.equal(client.seen.at(-1), "5", "what happened in the very turn of the end, too");
  assert.equal(client.ended, true);
  assert.match(client.text, /\r\n0\r\n\r\n$/, "a whole end, as the agent stopped in order");
});

Deno.test("a reader comes back by Last-Event-ID without loss or repetition, or hears how many it missed", async () => {
  const scene = new Scene({ entries: 5 });
  const first = scene.client();
  scene.warn(2);
  await scene.turns();
  first.socket[Symbol.dispose]();
  await scene.turns();
  assert.equal(scene.readers.count, 0);
  scene.warn(2);
  const second = scene.client("", { fields: `Last-Event-ID: ${first.place}\r\n` });
  await scene.turns();
  assert.deepEqual([...first.seen, ...second.seen], ["1", "2", "3", "4"]);
  second.socket[Symbol.dispose]();
  await scene.turns();
  scene.warn(8);
  const third = scene.client("?since=now", { fields: `Last-Event-ID: ${second.place}\r\n` });
  await scene.turns();
  assert.deepEqual(third.seen, ["gap: 3 events are not kept any more", "8", "9", "10", "11", "12"]);
  assert.equal(third.events[0]?.id, "iiiiiiii-4", "who hears only of the gap is told of it again");
  const one = scene.client("?since=6&follow=false");
  await scene.turns();
  assert.deepEqual(one.seen, ["gap: 1 event is not kept any more", "8", "9", "10", "11", "12"]);
  await scene.close();
});

Deno.test("a reader with a place of another run, or of none, hears that the agent was started anew, and gets all that is kept", async () => {
  const scene = new Scene({ entries: 2 });
  scene.warn(3);
  for (const id of ["zzzzzzzz-1", "iiiiiiii-4", "?!", "zzzzzzzz-3"]) {
    const client = scene.client("?follow=false", { fields: `Last-Event-ID: ${id}\r\n` });
    await scene.turns();
    assert.deepEqual(
      client.seen,
      ["gap: the agent was started anew; 1 event is not kept any more", "2", "3"],
      id,
    );
    assert.deepEqual([JSON.parse(client.events[0]?.data ?? "").restarted], [true]);
  }
  await scene.close();
});

Deno.test("a reader may ask from some event on, once, and for some events only", async () => {
  const scene = new Scene();
  scene.publish(
    { kind: "route", service: "web", address: "10.0.0.1", to: "announced", cause: "c" },
    { kind: "drained", services: ["web", "db"], cause: "c" },
    { kind: "drained", services: undefined, cause: "c" },
    { kind: "end-of-rib-sent", peer: "r1", cause: "c" },
    { kind: "phase", service: "db", from: "serving", to: "down", cause: "c" },
  );
  const rows: [string, readonly string[]][] = [
    ["?follow=false", ["1", "2", "3", "4", "5"]],
    ["?follow=false&since=3", ["4", "5"]],
    ["?follow=false&since=iiiiiiii-4", ["5"]],
    ["?follow=false&since=now", []],
    ["?follow=false&service=web", ["1", "2", "3"]],
    ["?follow=false&peer=r1", ["4"]],
    ["?follow=false&kind=phase,route", ["1", "5"]],
    ["?follow=false&kind=phase&kind=drained&service=db", ["2", "3", "5"]],
  ];
  for (const [query, expected] of rows) {
    const client = scene.client(query);
    await scene.turns();
    assert.deepEqual(client.seen, expected, query);
    assert.match(client.text, /\r\n0\r\n\r\n$/, query);
  }
  for (const query of ["?since=x", "?follow=maybe", "?sinse=3"]) {
    const client = scene.client(query);
    await scene.turns();
    assert.match(client.text, /^HTTP\/1\.1 400 /, query);
  }
  const lines = scene.client("?follow=false&since=3", { fields: "Accept: application/x-ndjson\r\n" });
  await scene.turns();
  assert.deepEqual(lines.body.trim().split("\n").slice(0, 2).map((line) => JSON.parse(line).id), [4, 5]);
  await scene.close();
});

Deno.test("a filter that lets nothing through of thousands still comes to the one that it wants", async () => {
  const scene = new Scene();
  scene.warn(4000);
  scene.publish({ kind: "handover", cause: "c" });
  const client = scene.client("?kind=handover");
  await scene.turns();
  assert.deepEqual(client.seen, ["4001"]);
  await scene.close();
});

Deno.test("a reader that takes nothing while events wait is cut off and told; others are not", async () => {
  const scene = new Scene();
  const stuck = scene.client("", { reads: false });
  const sound = scene.client();
  await scene.turns();
  for (let round = 0; round < 200; round++) {
    scene.warn(20, "x".repeat(300));
    await scene.turns(2);
  }
  assert.deepEqual(scene.cuts.map((cut) => cut.replace(/\d{4}/, "N")), [
    "1 it took nothing while N events waited",
  ]);
  assert.equal(scene.readers.count, 1);
  assert.equal(scene.readers.cut, 1);
  assert.equal(sound.events.length, 4001, "each one, and that of the cut");
  void stuck.read();
  await scene.turns(200);
  assert.match(stuck.seen.at(-1) ?? "", /^cut: it took nothing/);
  assert.equal(new Set(stuck.seen).size, stuck.seen.length);
  // What it had is a place to come back to.
  const back = scene.client("", { fields: `Last-Event-ID: ${stuck.place}\r\n` });
  await scene.turns(200);
  const ids = [...stuck.seen.slice(0, -1), ...back.seen];
  assert.deepEqual(ids, Array.from({ length: 4001 }, (_, at) => String(at + 1)));
  await scene.close();
});

Deno.test("a reader that takes nothing for a time is cut off at a beat; cuts in any number are few events", async () => {
  const scene = new Scene();
  scene.warn(500, "x".repeat(300));
  const stuck = Array.from({ length: 20 }, () => scene.client("", { reads: false }));
  await scene.turns();
  assert.equal(scene.readers.count, 20);
  await scene.clock.advance(15_000);
  assert.deepEqual(scene.cuts, ["1 it has taken nothing for 15 s"]);
  assert.equal(scene.readers.cut, 20);
  await scene.clock.advance(10_000);
  assert.deepEqual(scene.cuts, ["1 it has taken nothing for 15 s", "19 it has taken nothing for 15 s"]);
  await scene.clock.advance(30_000);
  assert.equal(scene.server.status.connections, 0, "the server closes what takes nothing");
  assert.equal(stuck.length, 20);
  await scene.close();
});

Deno.test("readers are bounded in number: one more is refused in words, and a place is free when one goes", async () => {
  const scene = new Scene({ readers: 2 });
  const [first] = [scene.client(), scene.client()];
  await scene.turns();
  const third = scene.client();
  await scene.turns();
  assert.match(third.text, /^HTTP\/1\.1 503 .*2 readers follow the events, more cannot/s);
  const once = scene.client("?follow=false");
  await scene.turns();
  assert.match(once.text, /^HTTP\/1\.1 200 /, "who does not stay is answered");
  first?.socket[Symbol.dispose]();
  await scene.turns();
  const next = scene.client();
  await scene.turns();
  assert.match(next.text, /^HTTP\/1\.1 200 /);
  await scene.close();
});

Deno.test("HEAD, HTTP/1.0, and a client that goes before its answer begins leave no reader behind", async () => {
  const scene = new Scene();
  scene.warn(1);
  const head = scene.client("", { method: "HEAD" });
  await scene.turns();
  assert.match(head.text, /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*transfer-encoding: chunked\r\n\r\n$/);
  assert.equal(scene.readers.count, 0);
  const old = scene.client("", { version: "1.0" });
  await scene.turns();
  assert.match(old.text, /connection: close\r\n\r\nretry: 3000\n\nid: iiiiiiii-1\n/);
  old.socket[Symbol.dispose]();
  const gone = scene.client();
  gone.socket[Symbol.dispose]();
  await scene.turns();
  assert.equal(scene.readers.count, 0);
  // In the middle of a piece that its socket does not take.
  scene.warn(2000, "x".repeat(200));
  const stuck = scene.client("", { reads: false });
  await scene.turns();
  assert.equal(scene.readers.count, 1);
  stuck.socket[Symbol.dispose]();
  await scene.turns();
  assert.equal(scene.readers.count, 0);
  await scene.close();
});

Deno.test("500 readers that take nothing hold no more than a piece each, however much happens", async () => {
  const scene = new Scene({ readers: 500, connections: 600 });
  scene.warn(4096, "x".repeat(300));
  const clients = Array.from({ length: 500 }, () => scene.client("", { reads: false }));
  await scene.turns(1000);
  assert.equal(scene.readers.count, 500);
  const before = liveOctets();
  for (let round = 0; round < 20; round++) {
    scene.warn(4096, "y".repeat(300));
    await scene.turns(3);
  }
  const grown = liveOctets() - before;
  assert.ok(grown < 8 * 1024 * 1024, `${grown} octets more`);
  for (const { socket } of clients) socket[Symbol.dispose]();
  await scene.turns();
  await scene.close();
});

Deno.test("publishing costs nothing of the readers': they are served in turns between which all else runs", async () => {
  const scene = new Scene();
  const clients = Array.from({ length: 64 }, () => scene.client());
  await scene.turns();
  let turns = 0;
  const count = () => {
    turns++;
    if (turns < 5000) scene.clock.at(scene.clock.now(), count);
  };
  count();
  scene.warn(10_000);
  const before = clients[0]?.events.length;
  assert.equal(before, 0, "nobody was told in the turn of the publisher");
  await scene.turns(1);
  assert.ok(turns > 10, "others had their turns");
  await scene.turns(100);
  // As much as the ring keeps, and the gap before it.
  for (const { seen } of clients) assert.deepEqual([seen.length, seen.at(-1)], [4097, "10000"]);
  await scene.close();
});

Deno.test("however many readers ask, a turn serves a few of them, and the next turns the others", async () => {
  // Each look at the clock takes a millisecond.
  let nowMs = 0;
  const turns: (() => void)[] = [];
  const clock: Clock = {
    now: () => nowMs++,
    wallTime: () => new Date(0),
    at(atMs, callback) {
      if (atMs - nowMs < 1000) turns.push(callback);
      return { [Symbol.dispose]() {} };
    },
  };
  const stream = new EventStream(clock);
  const journal = new Journal({ clock, random: () => 0.5 });
  stream.subscribe("journal", (event) => journal.append(event));
  using readers = new JournalReaders({ journal, clock, limit: 64, onCut: () => assert.fail("cut") });
  stream.publish({ kind: "warning", cause: "w" });
  let served = 0;
  const bodies = Array.from({ length: 64 }, () => readers.answer(new Request("http://x/")).body?.getReader());
  for (const body of bodies) void body?.read().then(() => served++);
  await settle();
  let taken = 0;
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    const before = served;
    turn();
    await settle();
    assert.ok(served - before < 10, `${served - before} in one turn`);
    taken++;
  }
  assert.deepEqual([served, readers.count], [64, 64]);
  assert.ok(taken > 6);
  for (const body of bodies) await body?.cancel();
  assert.equal(readers.count, 0);
});
