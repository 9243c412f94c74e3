/**
 * Preloaded into the process whose event loop is looked at: by how much a timer of 5 ms is late, and the CPU time of the
 * process since the timer before, which is what it comes to where nobody else uses the machine. It appends a line of JSON each
 * second to `loop.jsonl` in the folder of the main module, and costs the process some CPU itself.
 */
import process from "node:process";

const TIMER_MS = 5;
const LINE_MS = 1000;

let delaysMs: number[] = [];
let cpusMs: number[] = [];
let lastMs = performance.now();
let lastCpuMs = cpuMs();
let lineMs = lastMs;

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function look(): void {
  const nowMs = performance.now();
  delaysMs.push(Math.max(0, nowMs - lastMs - TIMER_MS));
  cpusMs.push(cpuMs() - lastCpuMs);
  if (nowMs - lineMs >= LINE_MS) {
    lineMs = nowMs;
    const path = new URL("loop.jsonl", Deno.mainModule);
    Deno.writeTextFileSync(path, `${JSON.stringify({ atMs: Date.now(), delaysMs, cpusMs })}\n`, {
      append: true,
    });
    delaysMs = [];
    cpusMs = [];
  }
  // Writing is not counted.
  [lastMs, lastCpuMs] = [performance.now(), cpuMs()];
}

Deno.unrefTimer(setInterval(look, TIMER_MS));
