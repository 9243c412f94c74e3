/** The boot of this kernel through the C library. */
import assert from "node:assert/strict";
import { bootClock } from "../../ffi/boot.ts";
import { readSmallFile } from "../../ffi/files.ts";
import { openLibc } from "../../ffi/libc.ts";

Deno.test("bootClock() goes with /proc/uptime, and names the boot as the kernel does", () => {
  using libc = openLibc();
  const clock = bootClock(libc) ?? assert.fail("no boot ID");
  const uptimeMs = () => Number(readSmallFile(libc, "/proc/uptime", 100)?.split(" ")[0]) * 1000;
  const before = uptimeMs();
  const { id, ms } = clock();
  // The file has hundredths of a second.
  assert.ok(before <= ms && ms <= uptimeMs() + 10, `${before} ${ms}`);
  assert.equal(id, readSmallFile(libc, "/proc/sys/kernel/random/boot_id", 100)?.trim());
  assert.ok(clock().ms >= ms);
  assert.equal(clock().id, id);
});
