// Whether standard error is what JOURNAL_STREAM names, and the clock of the service manager: systemd.exec(5), sd_notify(3).
import assert from "node:assert/strict";
import { monotonicMicroseconds } from "../../ffi/boot.ts";
import { openLibc } from "../../ffi/libc.ts";
import { isStandardError } from "../../ffi/stderr.ts";
import { runOrThrow } from "../support/process.ts";

Deno.test("isStandardError() knows its device and inode as stat(1) has them, and no others", async () => {
  const libc = openLibc();
  using _libc = libc;
  const stream = (await runOrThrow("stat", ["-L", "-c", "%d:%i", `/proc/${Deno.pid}/fd/2`])).trim();
  assert.ok(isStandardError(libc, stream), stream);
  assert.ok(!isStandardError(libc, `1${stream}`));
  assert.ok(!isStandardError(libc, `${stream}1`));
  assert.ok(!isStandardError(libc, "nonsense"));
});

Deno.test("monotonicMicroseconds() is CLOCK_MONOTONIC: near the uptime, and never back", async () => {
  const libc = openLibc();
  using _libc = libc;
  const first = monotonicMicroseconds(libc);
  const uptime = Number((await runOrThrow("cat", ["/proc/uptime"])).split(" ")[0]) * 1e6;
  const then = monotonicMicroseconds(libc);
  assert.ok(Number.isInteger(first) && first <= then);
  // Sleep counts for the one and not for the other.
  assert.ok(first <= uptime + 1e6, `${first} ${uptime}`);
});
