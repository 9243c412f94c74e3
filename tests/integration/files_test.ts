/** Files that are read while the agent runs: what hangs takes no thread from the rest, what is no file is never opened. */
import assert from "node:assert/strict";
import { BoundedFiles, type FileReader, type ReadResult } from "../../src/os/bounded_files.ts";
import { until } from "../support/until.ts";

const LIMITS = { active: 2, hanging: 3, timeoutMs: 50 };
const OPTIONS = { limitOctets: 1000 };
const RESULT: ReadResult = {
  version: { octets: 2, inode: 1, modifiedMs: 1 },
  octets: new TextEncoder().encode("ok"),
};

/** A file system where paths below /dead never answer until they are let go. */
function rig() {
  const running: string[] = [];
  const held: (() => void)[] = [];
  let most = 0;
  const reader: FileReader = async (path) => {
    running.push(path);
    most = Math.max(most, running.filter((other) => !other.startsWith("/dead")).length);
    if (path.startsWith("/dead")) await new Promise<void>((resolve) => held.push(resolve));
    else await Promise.resolve();
    running.splice(running.indexOf(path), 1);
    return RESULT;
  };
  return {
    files: new BoundedFiles(LIMITS, reader),
    running,
    most: () => most,
    release: () => held.splice(0).forEach((resolve) => resolve()),
  };
}

Deno.test("BoundedFiles reads while others hang, and holds no more threads than it may (S3)", async () => {
  const { files, running, release } = rig();
  const dead = ["/dead/1", "/dead/2", "/dead/3", "/dead/4"];
  const hanging = dead.map((path) => assert.rejects(files.read(path, OPTIONS), /does not answer/));
  // Two of them hold the turns until they are given up; nobody else is kept longer than that.
  const alive = files.read("/alive", OPTIONS).catch((error) => error);
  await Promise.all(hanging);
  const most = LIMITS.active + LIMITS.hanging - 1;
  assert.ok(running.length <= most, running.join(" "));
  await alive;
  for (let attempt = 0; attempt < 10; attempt++) {
    await assert.rejects(files.read("/dead/1", OPTIONS), /does not answer/);
  }
  assert.ok(running.length <= most, "a file that hangs is not opened again");
  release();
  await until(() => running.length === 0);
  release();
  assert.deepEqual(await files.read("/alive", OPTIONS), RESULT);
  release();
});

Deno.test("BoundedFiles refuses while as many hang as may, and goes on when they answer", async () => {
  const { files, running, release } = rig();
  for (const path of ["/dead/1", "/dead/2", "/dead/3"]) {
    await assert.rejects(files.read(path, OPTIONS), /does not answer/);
  }
  assert.equal(running.length, 3);
  await assert.rejects(files.read("/alive", OPTIONS), /too many file systems do not answer/);
  release();
  await until(() => running.length === 0);
  assert.deepEqual(await files.read("/alive", OPTIONS), RESULT);
  const again = files.read("/dead/1", OPTIONS);
  release();
  assert.deepEqual(await again, RESULT);
});

Deno.test("BoundedFiles reads one file once for all who ask, and so many at once", async () => {
  const { files, most } = rig();
  let reads = 0;
  const once = new BoundedFiles(LIMITS, () => (reads++, Promise.resolve(RESULT)));
  await Promise.all(Array.from({ length: 10 }, () => once.read("/alive", OPTIONS)));
  assert.equal(reads, 1);
  await Promise.all(Array.from({ length: 10 }, (_, index) => files.read(`/alive/${index}`, OPTIONS)));
  assert.equal(most(), LIMITS.active);
});

Deno.test("BoundedFiles opens regular files of a bounded size alone, and tells what changed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files = new BoundedFiles();
    const path = `${folder}/file`;
    await assert.rejects(files.read(path, OPTIONS), /^Error: does not exist$/);
    await assert.rejects(files.read(folder, OPTIONS), /^Error: is a folder, not a file$/);
    await assert.rejects(files.read("/dev/zero", OPTIONS), /^Error: is no regular file$/);
    const fifo = `${folder}/fifo`;
    assert.ok((await new Deno.Command("mkfifo", { args: [fifo] }).output()).success);
    await assert.rejects(files.read(fifo, OPTIONS), /^Error: is no regular file$/);
    await Deno.symlink(fifo, `${folder}/link`);
    await assert.rejects(files.read(`${folder}/link`, OPTIONS), /^Error: is no regular file$/);
    await Deno.writeFile(path, new Uint8Array(1000));
    const { octets, version } = await files.read(path, OPTIONS);
    assert.equal(octets?.length, 1000);
    assert.equal((await files.read(path, { ...OPTIONS, unless: version })).octets, undefined);
    await Deno.writeFile(path, new Uint8Array(999));
    assert.equal((await files.read(path, { ...OPTIONS, unless: version })).octets?.length, 999);
    await Deno.writeFile(path, new Uint8Array(1001));
    await assert.rejects(files.read(path, OPTIONS), /^Error: is larger than 1000 octets$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
