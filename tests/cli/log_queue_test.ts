/** Log lines keep their order, never make anybody wait, and are bounded. */
import assert from "node:assert/strict";
import { IMPORTANT_OCTETS, LogQueue, MAX_WAITING_OCTETS } from "../../src/cli/log_queue.ts";

/** A reader that reads when it is told to, three octets at a time. */
class Reader {
  text = "";
  #resume: () => void = () => {};
  #gate: Promise<void> = Promise.resolve();

  stall(): void {
    this.#gate = new Promise((resolve) => this.#resume = resolve);
  }

  resume(): void {
    this.#resume();
  }

  async write(octets: Uint8Array): Promise<number> {
    await this.#gate;
    const taken = octets.subarray(0, 3);
    this.text += new TextDecoder().decode(taken);
    return taken.byteLength;
  }
}

Deno.test("LogQueue hands every line on, whole and in order, however little is taken at once", async () => {
  const reader = new Reader();
  const queue = new LogQueue(reader);
  for (const line of ["first\n", "second\n", "", "third\n"]) queue.write(line);
  await queue.drained;
  queue.write("fourth\n");
  await queue.drained;
  assert.equal(reader.text, "first\nsecond\nthird\nfourth\n");
});

Deno.test("LogQueue keeps a bounded number of octets for a stuck reader, and tells the gap afterwards", async () => {
  const reader = new Reader();
  reader.stall();
  const queue = new LogQueue(reader);
  const line = `${"x".repeat(1023)}\n`;
  for (let count = 0; count < MAX_WAITING_OCTETS / 1024 + 7; count++) queue.write(line);
  reader.resume();
  await queue.drained;
  assert.equal(reader.text.split(line).length - 1, MAX_WAITING_OCTETS / 1024);
  assert.match(reader.text, /bgp-lb: 7 log lines lost: nobody read them in time\n/);
  queue.write("after\n");
  await queue.drained;
  assert.ok(reader.text.endsWith("after\n"));
});

Deno.test("LogQueue goes on where writing fails, as with a pipe that is closed", async () => {
  let failures = 0;
  const queue = new LogQueue({ write: () => Promise.reject(new Error(`EPIPE ${failures++}`)) });
  queue.write("a\n");
  queue.write("b\n");
  await queue.drained;
  assert.equal(failures, 2);
});

Deno.test("LogQueue keeps room for what matters where bulk has filled it (faults S7)", async () => {
  const reader = new Reader();
  reader.stall();
  const queue = new LogQueue(reader);
  queue.lostLine = (count) => `{"lost":${count}}\n`;
  const bulk = `${"x".repeat(1023)}\n`;
  for (let count = 0; count < MAX_WAITING_OCTETS / 1024 + 3; count++) queue.write(bulk);
  queue.write("withdrawn\n", true);
  const important = `${"y".repeat(1023)}\n`;
  for (let count = 0; count < 2 * IMPORTANT_OCTETS / 1024; count++) queue.write(important, true);
  reader.resume();
  await queue.drained;
  assert.ok(reader.text.includes("withdrawn\n"));
  assert.equal(reader.text.split(important).length - 1, IMPORTANT_OCTETS / 1024 - 1, "bounded as well");
  assert.match(reader.text, /\{"lost":1028\}\n/);
});
