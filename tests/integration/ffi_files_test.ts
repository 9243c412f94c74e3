/** Files, folders and links through the C library: bounded, and nothing waits. */
import assert from "node:assert/strict";
import { ErrnoError } from "../../ffi/errno.ts";
import { linkTarget, listFolder, mayRun, mayWrite, readSmallFile } from "../../ffi/files.ts";
import { openLibc } from "../../ffi/libc.ts";
import { runOrThrow } from "../support/process.ts";

Deno.test("readSmallFile() reads as much as is asked for, of /proc too, and nothing where there is nothing", () => {
  using libc = openLibc();
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/a`, "x".repeat(100_000));
    assert.equal(readSmallFile(libc, `${folder}/a`, 200_000)?.length, 100_000);
    assert.equal(readSmallFile(libc, `${folder}/a`, 70_000)?.length, 70_000);
    assert.equal(readSmallFile(libc, `${folder}/b`, 10), undefined);
    assert.equal(readSmallFile(libc, `${folder}/a/b`, 10), undefined);
    assert.match(
      readSmallFile(libc, "/proc/self/status", 65_536) ?? "",
      new RegExp(`^Pid:\\s+${Deno.pid}$`, "m"),
    );
    assert.throws(() => readSmallFile(libc, folder, 10), ErrnoError);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("readSmallFile() does not wait for who would write into a FIFO", async () => {
  using libc = openLibc();
  const folder = Deno.makeTempDirSync();
  try {
    await runOrThrow("mkfifo", [`${folder}/fifo`]);
    assert.equal(readSmallFile(libc, `${folder}/fifo`, 10), "");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("listFolder(), linkTarget() and mayWrite() tell what is there, and undefined of what is not", () => {
  using libc = openLibc();
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/ä`, "");
    Deno.symlinkSync("nowhere", `${folder}/link`);
    assert.deepEqual(listFolder(libc, folder)?.toSorted(), ["link", "ä"]);
    assert.equal(listFolder(libc, `${folder}/none`), undefined);
    assert.equal(linkTarget(libc, `${folder}/link`), "nowhere");
    assert.equal(linkTarget(libc, `${folder}/none`), undefined);
    assert.throws(() => linkTarget(libc, folder), ErrnoError);
    assert.equal(mayWrite(libc, folder), true);
    assert.equal(mayWrite(libc, `${folder}/none`), undefined);
    Deno.writeTextFileSync(`${folder}/program`, "#!/bin/sh\n");
    assert.equal(mayRun(libc, `${folder}/program`), false);
    Deno.chmodSync(`${folder}/program`, 0o755);
    assert.equal(mayRun(libc, `${folder}/program`), true);
    assert.equal(mayRun(libc, folder), false, "a folder is no program");
    assert.equal(mayRun(libc, `${folder}/none`), undefined);
    Deno.removeSync(`${folder}/program`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
