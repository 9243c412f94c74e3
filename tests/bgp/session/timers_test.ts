/** Deadlines, jitter and back-off. */
import assert from "node:assert/strict";
import {
  connectRetryDelayMs,
  type Deadlines,
  earliest,
  expired,
  idleHoldDelayMs,
  keepaliveDelayMs,
  STOPPED,
} from "../../../src/bgp/session/timers.ts";

Deno.test("earliest() is the first of the running timers (RFC 4271 8)", () => {
  assert.equal(earliest(STOPPED), undefined);
  assert.equal(earliest({ ...STOPPED, hold: 5, keepalive: 3, sendHold: 9 }), 3);
  assert.equal(earliest({ ...STOPPED, idleHold: 0 }), 0);
});

Deno.test("expired() names the timer that is due, at its very moment and of equals the one that ends the session (RFC 4271 8.1.3)", () => {
  const rows: readonly (readonly [Partial<Deadlines>, number, string | undefined])[] = [
    [{}, 100, undefined],
    [{ hold: 10 }, 9.9, undefined],
    [{ hold: 10 }, 10, "HoldTimer_Expires"],
    [{ hold: 10, keepalive: 10 }, 10, "HoldTimer_Expires"],
    [{ hold: 10, keepalive: 4 }, 100, "KeepaliveTimer_Expires"],
    [{ sendHold: 10, keepalive: 10 }, 10, "SendHoldTimer_Expires"],
    [{ connectRetry: 10 }, 10, "ConnectRetryTimer_Expires"],
    [{ idleHold: 10 }, 10, "IdleHoldTimer_Expires"],
  ];
  for (const [deadlines, now, type] of rows) {
    assert.equal(expired({ ...STOPPED, ...deadlines }, now)?.type, type);
  }
});

Deno.test("keepaliveDelayMs() is 0.75 to 1.0 of the time and never under a second (RFC 4271 4.4 and 10)", () => {
  assert.equal(keepaliveDelayMs(30, () => 0), 22_500);
  assert.equal(keepaliveDelayMs(30, () => 1), 30_000);
  assert.equal(keepaliveDelayMs(1, () => 0), 1000);
});

Deno.test("connectRetryDelayMs() doubles to ten times (RFC 4271 8)", () => {
  const delays = [0, 1, 2, 3, 4, 1000].map((failures) => connectRetryDelayMs(5000, failures, () => 1));
  assert.deepEqual(delays, [5000, 10_000, 20_000, 40_000, 50_000, 50_000]);
});

Deno.test("idleHoldDelayMs() starts short and ends at three times ConnectRetryTime (RFC 4271 8.1.1)", () => {
  const delays = [0, 1, 3, 4, 1000].map((oscillations) => idleHoldDelayMs(5000, oscillations, () => 1));
  assert.deepEqual(delays, [1000, 2000, 8000, 15_000, 15_000]);
});
