// What is kept of a peer, where its configuration changes.
import assert from "node:assert/strict";
import { afterEnd, inheritedRecord, newRecord } from "../../src/bgp/peer_record.ts";

const REFUSED = { from: "OpenSent", cause: "peer sent Bad Peer AS", noted: "received", atMs: 1 } as const;
const SILENT = { from: "Connect", cause: "SYN unanswered", noted: undefined, atMs: 3 } as const;

Deno.test("afterEnd() keeps in view what a NOTIFICATION said before an end without words", () => {
  const refused = afterEnd(newRecord(0), REFUSED);
  assert.equal(
    afterEnd(refused, SILENT).lastError?.text,
    "SYN unanswered; before that, peer sent Bad Peer AS",
  );
});

Deno.test("inheritedRecord() explains no end by what was said under the configuration before", () => {
  const ended = afterEnd(inheritedRecord(afterEnd(newRecord(0), REFUSED), 2), SILENT);
  assert.deepEqual(ended.lastError, { atMs: 3, text: "SYN unanswered", noted: undefined });
  assert.equal(ended.sinceMs, 2);
});
