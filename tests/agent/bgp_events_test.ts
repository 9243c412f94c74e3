import assert from "node:assert/strict";
import { factOf, SpeakerEvents } from "../../src/agent/bgp_events.ts";
import type { SpeakerEvent } from "../../src/bgp/speaker.ts";
import { NO_DROPS } from "../../src/bgp/transport/segment_drops.ts";
import { logLines } from "../../src/events/log_line.ts";
import { attemptWords } from "../../src/status/attempt_words.ts";
import { RecordedEvents } from "../support/events.ts";

Deno.test("factOf() says why routes are held by the first of them, and that none is any more", () => {
  const event = { type: "routes-held", peer: "r1", count: 2 } as const;
  const held = [{ prefix: "10.0.0.1/32", reason: "no next hop" }, {
    prefix: "10.0.0.2/32",
    reason: "another",
  }];
  assert.equal(factOf({ ...event, held }).cause, "no next hop");
  assert.equal(factOf({ ...event, count: 0, held: [] }).cause, "none is held any more");
});

Deno.test("factOf() tells listeners, refusals and faults by what they are", () => {
  const place = { address: "::", port: 179 };
  assert.deepEqual(factOf({ type: "listening", ...place }), {
    kind: "listener",
    ...place,
    to: "listening",
    cause: "the address is there",
  });
  assert.deepEqual(factOf({ type: "listen-failed", ...place, kind: "in-use", cause: "in use" }), {
    kind: "listener",
    ...place,
    to: "failed",
    cause: "in use",
  });
  const refused = factOf({ type: "connection-refused", ...place, count: 3, reason: { type: "no-peer" } });
  assert.equal(refused.cause, "no peer is configured with this address");
  assert.deepEqual(factOf({ type: "peer-fault", peer: "r1", cause: "broke" }), {
    kind: "fault",
    part: "bgp",
    name: "r1",
    cause: "broke",
  });
});

Deno.test("SpeakerEvents names what led to the next event of a peer's step, and nothing across peers, steps or others' events", () => {
  const { stream, events } = new RecordedEvents({ now: () => 0 });
  const speaker = new SpeakerEvents(stream);
  const note = { type: "notification-received", peer: "r1", code: 6, subcode: 2, text: "Cease" } as const;
  const ended = { type: "session-ended", peer: "r1", from: "Established", cause: "peer sent Cease" } as const;
  const idle = {
    type: "peer-state",
    peer: "r1",
    from: "Established",
    to: "Idle",
    cause: "peer sent Cease",
  } as const;
  const up = {
    type: "peer-state",
    peer: "r1",
    from: "OpenConfirm",
    to: "Established",
    cause: "KEEPALIVE",
  } as const;
  const sent = { type: "updates-sent", peer: "r1", announced: 1, withdrawn: 0, at: 0 } as const;
  const held = { type: "routes-held", peer: "r1", count: 0, held: [] } as const;
  const causes = (...told: (SpeakerEvent | "another")[]) => {
    const before = events.length;
    for (const event of told) {
      if (event === "another") stream.publish({ kind: "warning", cause: "" });
      else speaker.publish(event);
    }
    return events.slice(before).map(({ because }) => because === undefined ? undefined : because - before);
  };
  assert.deepEqual(causes(note, ended, idle), [undefined, 1, 2]);
  assert.deepEqual(causes(up, sent, held), [undefined, 1, 1]);
  assert.deepEqual(causes("another", sent), [undefined, undefined], "long after it came up");
  assert.deepEqual(causes(note, { ...ended, peer: "r2" }), [undefined, undefined]);
  assert.deepEqual(causes(ended, { ...idle, cause: "another" }), [undefined, undefined]);
  assert.deepEqual(causes(ended, "another", idle), [undefined, undefined, undefined]);
});

Deno.test("SpeakerEvents tells what an attempt that failed means and what helps, with its end and the state that it led to (B7)", () => {
  const { stream, events } = new RecordedEvents({ now: () => 0 });
  const speaker = new SpeakerEvents(stream);
  const settings = {
    port: 179,
    device: undefined,
    localAddress: undefined,
    signature: undefined,
    external: true,
    ttl: 1,
    ttlSecurity: undefined,
    multihop: undefined,
  };
  const failed = {
    operation: "connect",
    code: "ECONNREFUSED",
    unanswered: false,
    icmp: undefined,
    drops: NO_DROPS,
  };
  const attempt = { address: "10.0.0.2", settings, failed };
  const cause = "cannot connect to r1: connect: connection refused (ECONNREFUSED)";
  const ended = { type: "session-ended", peer: "r1", from: "Connect", cause } as const;
  const idle = { type: "peer-state", peer: "r1", from: "Connect", to: "Idle", cause } as const;
  const told = (...facts: readonly SpeakerEvent[]) => {
    const before = events.length;
    for (const event of facts) speaker.publish(event);
    return events.slice(before).map((event) => "means" in event ? [event.means, event.cure] : undefined);
  };
  const words = attemptWords({ name: "r1", ...attempt });
  const both = [words?.sentence, words?.cure];
  assert.match(both[0] ?? "", /^nobody listens at 10\.0\.0\.2 on TCP port 179/);
  assert.deepEqual(told({ ...ended, attempt }, idle), [both, both]);
  assert.deepEqual(told(ended, idle), [undefined, undefined], "nothing is known of it");
  assert.deepEqual(told({ ...ended, attempt }, { ...idle, cause: "another" }), [both, undefined]);
  assert.deepEqual(told({ ...ended, attempt }, { ...idle, peer: "r2" }), [both, undefined]);
  // What repeats itself is counted by its cause, so that a number in the words makes no new line.
  const [first] = logLines(events[0] ?? assert.fail());
  assert.deepEqual([first?.repeats, first?.fields.means, first?.fields.cure], [`r1 ${cause}`, ...both]);
});
