/** How long something takes, and for how long the event loop stood still meanwhile. */
import process from "node:process";
import { sleep, systemClock } from "../../src/time/clock.ts";

const TIMER_MS = 5;

/** What it came to. */
export interface Stall {
  readonly tookMs: number;
  /** By how much a timer of 5 ms was late. */
  readonly longestMs: number;
  /** CPU time between two of its ticks: what it comes to where nobody else uses the machine. */
  readonly longestCpuMs: number;
}

/** User and system time of this process so far. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Runs it beside a timer of 5 ms. */
export async function stall(run: () => unknown): Promise<Stall> {
  await sleep(systemClock, TIMER_MS);
  let [longestMs, longestCpuMs] = [0, 0];
  let [lastMs, lastCpuMs] = [performance.now(), cpuMs()];
  const look = () => {
    longestMs = Math.max(longestMs, performance.now() - lastMs - TIMER_MS);
    longestCpuMs = Math.max(longestCpuMs, cpuMs() - lastCpuMs);
    [lastMs, lastCpuMs] = [performance.now(), cpuMs()];
  };
  const timer = setInterval(look, TIMER_MS);
  const beginMs = performance.now();
  await run();
  const tookMs = performance.now() - beginMs;
  look();
  clearInterval(timer);
  return { longestMs, longestCpuMs, tookMs };
}
