/** What 10,000 checks keep in memory, and what of it are their last results: of details that are all alike, and of ones that never are. */
import { Check } from "../../src/health/check.ts";
import type { Probe } from "../../src/health/kinds/probe.ts";
import { RECENT_RESULTS, RecentResults } from "../../src/health/recent.ts";
import { liveOctets } from "../support/live_memory.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const CHECKS = 10_000;
const ROUNDS = 2 * RECENT_RESULTS;

const DETAILS: Readonly<Record<string, (round: number) => string>> = {
  "status 200": () => `status ${[200].join()}`,
  "answer from 192.0.2.1 in 1.2 ms": (round) => `answer from 192.0.2.1 in ${(round * 1.37).toFixed(1)} ms`,
};

function ringOctets(detail: (round: number) => string): number {
  const before = liveOctets();
  const rings = Array.from({ length: CHECKS }, () => new RecentResults());
  for (let round = 0; round < ROUNDS; round++) {
    for (const ring of rings) {
      ring.add({ kind: "pass", detail: detail(round), seenMs: round * 1000.125, durationMs: 1.25 });
    }
  }
  const after = liveOctets();
  if (rings.length !== CHECKS) throw new Error("they are still used");
  return (after - before) / CHECKS;
}

async function checkOctets(detail: (round: number) => string): Promise<number> {
  const clock = new VirtualClock();
  const probe = (): Probe => {
    let round = 0;
    return { run: () => Promise.resolve({ kind: "pass", detail: detail(round++) }) };
  };
  const config = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 500, rise: 2, fall: 3 };
  const before = liveOctets();
  const checks = Array.from({ length: CHECKS }, (_, index) => {
    const target = { type: "service", service: "web" } as const;
    return new Check({ name: `c${index}`, target, config, probe: probe(), clock });
  });
  for (const check of checks) check.start();
  await clock.advance(ROUNDS * 1000);
  const octets = (liveOctets() - before) / CHECKS;
  for (const check of checks) check.stop();
  return octets;
}

for (const [what, detail] of Object.entries(DETAILS)) {
  console.log(
    `${CHECKS} checks of "${what}": ${Math.round(await checkOctets(detail))} octets each, ` +
      `${Math.round(ringOctets(detail))} of it the last ${RECENT_RESULTS} results`,
  );
}
