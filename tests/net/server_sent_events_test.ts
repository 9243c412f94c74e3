import assert from "node:assert/strict";
import {
  COMMENT,
  formatServerSentEvent,
  type ServerSentEvent,
  serverSentEventReader,
} from "../../src/net/server_sent_events.ts";

function read(text: string): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const take = serverSentEventReader((event) => events.push(event));
  text.split("\n").forEach(take);
  return events;
}

Deno.test("formatServerSentEvent() writes what serverSentEventReader() reads (WHATWG HTML 9.2.6)", () => {
  const events = [
    { id: "r-1", name: undefined, data: '{"a":": b"}' },
    { id: undefined, name: "gap", data: "" },
    { id: "r-2", name: "cut", data: "x" },
  ];
  assert.deepEqual(read(events.map(formatServerSentEvent).join(COMMENT)), events);
  assert.equal(formatServerSentEvent({ id: "r-1", data: "a" }), "id: r-1\ndata: a\n\n");
});

Deno.test("serverSentEventReader() skips comments, other fields, and events without data; it joins data of several lines", () => {
  assert.deepEqual(read(":beat\nretry: 3000\n\nid: 1\n\ndata:a\ndata: b\nnothing\n\ndata: cut off"), [
    { id: undefined, name: undefined, data: "a\nb" },
  ]);
});
