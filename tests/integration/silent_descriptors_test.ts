/** Descriptors without SIGIO: heard by a thread, without any timer, from the first to the last. */
import assert from "node:assert/strict";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { SilentDescriptors } from "../../ffi/silent_descriptors.ts";
import { withoutLeak } from "../support/descriptors.ts";
import { until } from "../support/until.ts";

const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;

/** The set, how often it was heard, and an eventfd. */
async function withSet(
  body: (
    scene: { libc: Libc; set: SilentDescriptors; heard: () => number; open: () => number },
  ) => Promise<void>,
): Promise<void> {
  await withoutLeak(async () => {
    using libc = openLibc();
    let count = 0;
    const opened: number[] = [];
    const set = new SilentDescriptors(libc, () => count++);
    const open = () => {
      const fd = libc.check("eventfd", libc.symbols.eventfd(0, 0x800));
      opened.push(fd);
      return fd;
    };
    await body({ libc, set, heard: () => count, open });
    await set.close();
    await set.close();
    opened.forEach((fd) => libc.close(fd));
  });
}

function raise(libc: Libc, fd: number): void {
  libc.symbols.write(fd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), 8n);
}

Deno.test("SilentDescriptors hears of each change of those in the set, of no other, and not twice", () =>
  withSet(async ({ libc, set, heard, open }) => {
    const [first, second, stranger] = [open(), open(), open()];
    assert.equal(set.isHeard, true, "there is nobody to be heard");
    set.add(first, EPOLLIN);
    assert.equal(set.isHeard, false, "the thread has not shown itself");
    await until(() => set.isHeard);
    const before = heard();
    raise(libc, stranger);
    raise(libc, first);
    await until(() => heard() === before + 1);
    set.add(second, EPOLLIN);
    // What is ready and was not consumed is heard of no more: its place in the line is behind what comes.
    raise(libc, second);
    await until(() => heard() === before + 2);
    raise(libc, first);
    await until(() => heard() === before + 3);
    assert.equal(set.size, 2);
  }));

Deno.test("SilentDescriptors hears of what is ready already, and of other events once it is told", () =>
  withSet(async ({ libc, set, heard, open }) => {
    const fd = open();
    raise(libc, fd);
    set.add(fd, EPOLLIN);
    await until(() => heard() >= 2);
    const before = heard();
    set.modify(fd, EPOLLOUT);
    await until(() => heard() > before);
  }));

Deno.test("SilentDescriptors lets the thread go with the last one, and has one again for the next", () =>
  withSet(async ({ libc, set, heard, open }) => {
    for (let round = 0; round < 50; round++) {
      const fd = open();
      set.add(fd, EPOLLIN);
      if (round % 2 === 0) await until(() => set.isHeard);
      const before = heard();
      raise(libc, fd);
      if (round % 3 === 0) await until(() => heard() > before);
      set.remove(fd);
      set.remove(fd);
      assert.equal(set.size, 0);
    }
  }));
