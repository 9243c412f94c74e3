/**
 * Preloaded into the process whose event loop is looked at: by how much a timer of 5 ms is late. It appends a line of JSON
 * each second to `loop.jsonl` in the folder of the main module, and costs the process some CPU itself.
 */
const TIMER_MS = 5;
const LINE_MS = 1000;

let delaysMs: number[] = [];
let lastMs = performance.now();
let lineMs = lastMs;

function look(): void {
  const nowMs = performance.now();
  delaysMs.push(Math.max(0, nowMs - lastMs - TIMER_MS));
  lastMs = nowMs;
  if (nowMs - lineMs < LINE_MS) return;
  lineMs = nowMs;
  const path = new URL("loop.jsonl", Deno.mainModule);
  Deno.writeTextFileSync(path, `${JSON.stringify({ atMs: Date.now(), delaysMs })}\n`, { append: true });
  delaysMs = [];
  // Writing is not counted.
  lastMs = performance.now();
}

Deno.unrefTimer(setInterval(look, TIMER_MS));
