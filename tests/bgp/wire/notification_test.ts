// NOTIFICATION: its words, the shutdown communication, Hard Reset (RFC 4271 section 6, RFC 4486, RFC 8538, RFC 9003).
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  cease,
  describeCodes,
  describeNotification,
  hardReset,
  hardResetReason,
  isHardReset,
  NotificationError,
  type NotificationMessage,
  shutdownCommunication,
} from "../../../src/bgp/wire/notification.ts";
import { fromHex, toHex } from "./support.ts";

const notification = (code: number, subcode: number, data = ""): NotificationMessage => ({
  type: "NOTIFICATION",
  code,
  subcode,
  data: fromHex(data),
});

const WORDS: readonly (readonly [number, number, string])[] = [
  [1, 1, "Message Header Error/Connection Not Synchronized"],
  [1, 2, "Message Header Error/Bad Message Length"],
  [1, 3, "Message Header Error/Bad Message Type"],
  [2, 0, "OPEN Message Error"],
  [2, 1, "OPEN Message Error/Unsupported Version Number"],
  [2, 2, "OPEN Message Error/Bad Peer AS"],
  [2, 3, "OPEN Message Error/Bad BGP Identifier"],
  [2, 4, "OPEN Message Error/Unsupported Optional Parameter"],
  [2, 6, "OPEN Message Error/Unacceptable Hold Time"],
  [2, 7, "OPEN Message Error/Unsupported Capability"],
  [3, 1, "UPDATE Message Error/Malformed Attribute List"],
  [3, 2, "UPDATE Message Error/Unrecognized Well-known Attribute"],
  [3, 3, "UPDATE Message Error/Missing Well-known Attribute"],
  [3, 4, "UPDATE Message Error/Attribute Flags Error"],
  [3, 5, "UPDATE Message Error/Attribute Length Error"],
  [3, 6, "UPDATE Message Error/Invalid ORIGIN Attribute"],
  [3, 8, "UPDATE Message Error/Invalid NEXT_HOP Attribute"],
  [3, 9, "UPDATE Message Error/Optional Attribute Error"],
  [3, 10, "UPDATE Message Error/Invalid Network Field"],
  [3, 11, "UPDATE Message Error/Malformed AS_PATH"],
  [4, 0, "Hold Timer Expired"],
  [5, 0, "Finite State Machine Error"],
  [5, 1, "Finite State Machine Error/Receive Unexpected Message in OpenSent State"],
  [5, 2, "Finite State Machine Error/Receive Unexpected Message in OpenConfirm State"],
  [5, 3, "Finite State Machine Error/Receive Unexpected Message in Established State"],
  [6, 1, "Cease/Maximum Number of Prefixes Reached"],
  [6, 2, "Cease/Administrative Shutdown"],
  [6, 3, "Cease/Peer De-configured"],
  [6, 4, "Cease/Administrative Reset"],
  [6, 5, "Cease/Connection Rejected"],
  [6, 6, "Cease/Other Configuration Change"],
  [6, 7, "Cease/Connection Collision Resolution"],
  [6, 8, "Cease/Out of Resources"],
  [6, 9, "Cease/Hard Reset"],
  [6, 10, "Cease/BFD Down"],
  [7, 1, "ROUTE-REFRESH Message Error/Invalid Message Length"],
  [8, 0, "Send Hold Timer Expired"],
  [6, 200, "Cease/subcode 200"],
  [4, 7, "Hold Timer Expired/subcode 7"],
  [0, 0, "error 0/0"],
  [99, 3, "error 99/3"],
];

for (const [code, subcode, words] of WORDS) {
  Deno.test(`describeCodes() of ${code}/${subcode} is "${words}" (IANA)`, () => {
    assert.equal(describeCodes(code, subcode), words);
    assert.equal(describeNotification(notification(code, subcode)), words);
  });
}

const TEXTS: readonly {
  readonly name: string;
  readonly message: NotificationMessage;
  readonly text: string | undefined;
}[] = [
  { name: "a text of Administrative Shutdown", message: notification(6, 2, "02 6869"), text: "hi" },
  { name: "a text of Administrative Reset", message: notification(6, 4, "02 6869"), text: "hi" },
  { name: "no data", message: notification(6, 2), text: undefined },
  { name: "length 0", message: notification(6, 2, "00"), text: undefined },
  { name: "length 0 and more", message: notification(6, 2, "00 6869"), text: undefined },
  { name: "a length beyond the data", message: notification(6, 2, "03 6869"), text: undefined },
  { name: "octets after the text", message: notification(6, 2, "02 6869 21"), text: "hi" },
  { name: "an overlong encoding", message: notification(6, 2, "02 c080"), text: undefined },
  { name: "half a character", message: notification(6, 2, "02 68c3"), text: undefined },
  { name: "a surrogate", message: notification(6, 2, "03 eda080"), text: undefined },
  { name: "beyond Unicode", message: notification(6, 2, "04 f4908080"), text: undefined },
  {
    name: "control characters and bidi marks",
    message: notification(6, 2, "08 1b5b 0a 7f e280ae 41"),
    text: "\ufffd[\ufffd\ufffd\ufffdA",
  },
  { name: "another Cease", message: notification(6, 3, "02 6869"), text: undefined },
  { name: "another error", message: notification(2, 2, "02 6869"), text: undefined },
  { name: "a Hard Reset around it", message: notification(6, 9, "06 02 02 6869"), text: "hi" },
  {
    name: "a Hard Reset within a Hard Reset",
    message: notification(6, 9, "06 09 06 02 02 6869"),
    text: undefined,
  },
  { name: "an empty Hard Reset", message: notification(6, 9), text: undefined },
];

for (const { name, message, text } of TEXTS) {
  Deno.test(`shutdownCommunication() reads ${name} (RFC 9003 2)`, () => {
    assert.equal(shutdownCommunication(message), text);
  });
}

Deno.test("describeNotification() adds the text and what a Hard Reset wraps (RFC 8538, RFC 9003)", () => {
  const shutdown = cease(2, "maintenance until 6");
  assert.equal(describeNotification(shutdown), "Cease/Administrative Shutdown: maintenance until 6");
  assert.equal(
    describeNotification(hardReset(shutdown)),
    "Cease/Hard Reset (Cease/Administrative Shutdown: maintenance until 6)",
  );
  assert.equal(describeNotification(hardReset(hardReset(shutdown))), "Cease/Hard Reset (Cease/Hard Reset)");
  assert.equal(describeNotification(hardReset(cease(4))), "Cease/Hard Reset (Cease/Administrative Reset)");
  assert.equal(describeNotification(notification(6, 9)), "Cease/Hard Reset");
  assert.equal(describeNotification(notification(6, 9, "04")), "Cease/Hard Reset");
});

Deno.test("hardReset() wraps code, subcode and data, and hardResetReason() takes them out (RFC 8538 3.1)", () => {
  const inner = notification(6, 4, "02 6869");
  const outer = hardReset(inner);
  assert.deepEqual([outer.code, outer.subcode, toHex(outer.data)], [6, 9, "0604026869"]);
  assert.equal(isHardReset(outer), true);
  assert.equal(isHardReset(inner), false);
  assert.deepEqual(hardResetReason(outer), inner);
  assert.equal(hardResetReason(inner), undefined);
});

Deno.test("cease() cuts the text to 255 octets between characters, and sends it only where RFC 9003 allows", () => {
  assert.equal(toHex(cease(2, "hi").data), "026869");
  assert.equal(cease(2, "").data.byteLength, 0);
  assert.equal(cease(3, "hi").data.byteLength, 0);
  assert.equal(cease(2, "x".repeat(255)).data.byteLength, 256);
  assert.equal(cease(2, "x".repeat(256)).data.byteLength, 256);
  const cut = cease(2, "x".repeat(254) + "é");
  assert.deepEqual([cut.data[0], cut.data.byteLength], [254, 255]);
  const pair = cease(4, "x".repeat(252) + "😀");
  assert.deepEqual([pair.data[0], shutdownCommunication(pair)], [252, "x".repeat(252)]);
  assert.equal(shutdownCommunication(cease(2, "\ud800")), "\ufffd");
});

Deno.test("a text of cease() is read back as its longest part that fits (RFC 9003 2)", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
      const message = cease(2, text);
      assert.ok(message.data.byteLength <= 256);
      const read = shutdownCommunication(message) ?? "";
      const clean = text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
      const whole = new TextEncoder().encode(text).byteLength <= 255;
      assert.ok(whole ? read === clean : clean.startsWith(read));
    }),
    { seed: 9003, numRuns: 300 },
  );
});

Deno.test("NotificationError is the message that it asks for (RFC 4271 6)", () => {
  const error = new NotificationError(1, 2, "text", Uint8Array.of(0, 18));
  assert.deepEqual(error.notification(), notification(1, 2, "0012"));
  assert.equal(error.message, "text");
});
