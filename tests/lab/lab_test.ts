/**
 * The lab, from outside: chooses the place, runs the suite inside, and makes every result a step. BGP_LB_LAB_PLACE
 * (namespaces, uml, loopback) asks for one place.
 */
import { ok } from "node:assert/strict";
import { type InsideOutcome, type Place, runInside } from "./boot.ts";
import { placeNames } from "./place.ts";
import { describeLoad, type LabEvent } from "./report.ts";
import { prepare, sayOnStderr } from "./setup.ts";

/** The whole suite takes about five minutes; a slow machine may take several times as long. */
const LIMIT_MS = 1_500_000;

Deno.test("the lab: configuration → kernel → health → BGP → client traffic (issues 2, 3 and 7)", async (t) => {
  const { place, passedOver, denoDir } = await prepare(sayOnStderr, Deno.env.get("BGP_LB_LAB_PLACE"));
  for (const reason of passedOver) sayOnStderr(reason);
  const first = await runSuite(place, denoDir);
  const fallback = place === "uml" && !first.outcome.started;
  if (fallback) {
    await t.step({
      name: `${placeNames.uml} does not work on this machine: ${first.outcome.console.slice(-3).join(" / ")}`,
      ignore: true,
      fn() {},
    });
  }
  const { outcome, events } = fallback ? await runSuite("loopback", denoDir) : first;
  const results = events.filter((event) => event.type === "result");
  for (const { name, outcome, message, evidence } of results) {
    await t.step({
      name,
      ignore: outcome === "skipped",
      fn() {
        ok(outcome === "passed", [message, ...evidence].join("\n"));
      },
    });
  }
  ok(outcome.ended, `the suite did not come to its end:\n${outcome.console.slice(-60).join("\n")}`);
  const end = events.find((event) => event.type === "end");
  ok(end !== undefined && end.ran > 0, "no scenario was run");
  ok(
    results.filter(({ outcome }) => outcome !== "skipped").length >= end.ran,
    "results were lost on the way",
  );
});

async function runSuite(
  place: Place,
  denoDir: string,
): Promise<{ outcome: InsideOutcome; events: LabEvent[] }> {
  sayOnStderr(`the lab runs in ${placeNames[place]}`);
  const events: LabEvent[] = [];
  const outcome = await runInside(place, { args: ["suite"], denoDir, limitMs: LIMIT_MS }, (event) => {
    events.push(event);
    if (event.type === "figure") {
      say(`${event.name}: ${event.value.toFixed(event.unit === "ms" ? 0 : 2)} ${event.unit}`);
    }
    if (event.type === "load") say(describeLoad(event));
    if (event.type === "result" && event.message !== "") {
      say(`${event.name}: ${event.outcome} (${Math.round(event.ms)} ms): ${event.message}`);
    }
  });
  say(`boot ${Math.round(outcome.bootMs ?? 0)} ms, all of it ${Math.round(outcome.totalMs)} ms`);
  return { outcome, events };
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`lab: ${text}\n`));
}
