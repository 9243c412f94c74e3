/**
 * `deno task demo`: the main job, told on the terminal while it happens. Exit status 0 only where every step really
 * happened. Arguments: [--place namespaces|uml|loopback]. Ctrl-C ends it at any moment and leaves nothing behind.
 */
import { parseArgs } from "node:util";
import { type InsideOutcome, type Place, runInside } from "./boot.ts";
import { placeNames } from "./place.ts";
import type { LabEvent } from "./report.ts";
import { prepare, type Prepared } from "./setup.ts";
import { announceOnlyDemo, kernelDemo } from "./suites.ts";

const LIMIT_MS = 110_000;
const WIDTH = 100;

const pictures: Readonly<Record<Place, readonly string[]>> = {
  namespaces: kernelPicture(),
  uml: kernelPicture(),
  loopback: [
    "client ── router (ours, AS 65000) ──┬── h1 127.0.0.2 (AS 65001): agent, web application",
    "                                    └── h2 127.0.0.3 (AS 65001): agent, web application",
    "Both agents announce the service address 10.99.0.1/32 while their application is healthy.",
  ],
};

function kernelPicture(): readonly string[] {
  return [
    "c1 10.0.9.2 ── r1 (BIRD, AS 65000) ──┬── h1 10.0.1.2 (AS 65001): agent, web application on :8080",
    "                                     └── h2 10.0.2.2 (AS 65001): agent, web application on :8080",
    "The service is 10.99.0.1:80 and [2001:db8:99::1]:80 on both hosts: a dummy interface, IPVS to :8080,",
    "and BGP routes to r1; h1 speaks with r1 over IPv4, h2 over IPv6, and both carry the routes of both.",
  ];
}

function print(text = ""): void {
  let bytes = new TextEncoder().encode(`${text}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

/** `text` in lines of at most WIDTH characters, the first behind `head`, the others as far in. */
function printWrapped(head: string, text: string): void {
  let line = head;
  for (const word of text.split(" ")) {
    if (line.length + word.length >= WIDTH && line.trim() !== "") {
      print(line.trimEnd());
      line = " ".repeat(head.length);
    }
    line += `${word} `;
  }
  print(line.trimEnd());
}

/** What is known at the end. */
interface Story {
  readonly outcome: InsideOutcome;
  readonly results: readonly Extract<LabEvent, { type: "result" }>[];
  readonly figures: readonly Extract<LabEvent, { type: "figure" }>[];
}

async function tell(place: Place, denoDir: string, begin: number, signal: AbortSignal): Promise<Story> {
  const results: Extract<LabEvent, { type: "result" }>[] = [];
  const figures: Extract<LabEvent, { type: "figure" }>[] = [];
  const clock = () => `${((performance.now() - begin) / 1_000).toFixed(1).padStart(6)} s  `;
  const job = { args: ["demo"], denoDir, limitMs: LIMIT_MS };
  const outcome = await runInside(place, job, (event) => {
    switch (event.type) {
      case "hello":
        return printWrapped(clock(), `Linux ${event.kernel} is up; building the network`);
      case "scenario":
        print();
        return printWrapped(`${results.length + 1}. `, event.name);
      case "say":
        return printWrapped(clock(), event.text);
      case "figure":
        return void figures.push(event);
      case "result":
        results.push(event);
        if (event.outcome === "skipped") return;
        printWrapped(clock(), `${event.outcome === "passed" ? "ok:" : "FAILED:"} ${event.message}`);
        for (const line of event.evidence) print(`           | ${line}`);
        return;
    }
  }, signal);
  return { outcome, results, figures };
}

function summarize({ results, figures }: Story, seconds: number): void {
  print();
  print("Summary");
  for (const { name, outcome, ms } of results) {
    print(`  ${outcome.padEnd(8)}${(ms / 1_000).toFixed(1).padStart(5)} s  ${name}`);
  }
  print();
  for (const { name, value, unit } of figures) {
    print(`  ${String(Math.round(value)).padStart(7)} ${unit.padEnd(9)} ${name}`);
  }
  print();
  print(`  all of it took ${seconds.toFixed(1)} s`);
}

async function main(args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => interrupted.abort());
  }
  print(
    "bgp-lb: two load-balancer hosts announce one service address to a router, which spreads flows over them.",
  );
  let prepared: Prepared;
  try {
    const { values } = parseArgs({ args: [...args], options: { place: { type: "string" } } });
    prepared = await prepare((text) => print(`  ${text}`), values.place ?? Deno.env.get("BGP_LB_LAB_PLACE"));
  } catch (error) {
    print(`${error instanceof Error ? error.message : error}`);
    print("usage: demo [--place namespaces|uml|loopback]");
    return 2;
  }
  if (interrupted.signal.aborted) return 130;
  let { place } = prepared;
  for (const reason of prepared.passedOver) printWrapped("  ", reason);
  // A Ctrl-C also ends the programs that make the place ready, which is then no failure of theirs.
  const shown = (where: Place) =>
    show(where, prepared.denoDir, begin, interrupted.signal).catch((error) => {
      if (interrupted.signal.aborted) return undefined;
      throw error;
    });
  let story = await shown(place);
  if (place === "uml" && story?.outcome.started === false && !interrupted.signal.aborted) {
    printWrapped("  ", `user-mode Linux does not work here: ${story.outcome.console.slice(-3).join(" / ")}`);
    place = "loopback";
    story = await shown(place);
  }
  if (story === undefined || interrupted.signal.aborted) {
    print();
    print("interrupted; everything was ended and removed");
    return 130;
  }
  summarize(story, (performance.now() - begin) / 1_000);
  const expected = place === "loopback" ? announceOnlyDemo : kernelDemo;
  const happened = ({ name }: { readonly name: string }) =>
    story.results.some((result) => result.name === name && result.outcome === "passed");
  if (story.outcome.ended && expected.every(happened)) {
    print("  every step happened");
    return 0;
  }
  print("  NOT every step happened");
  if (!story.outcome.ended) { for (const line of story.outcome.console.slice(-20)) print(`  | ${line}`); }
  return 1;
}

async function show(place: Place, denoDir: string, begin: number, signal: AbortSignal): Promise<Story> {
  print(`Place: ${placeNames[place]}`);
  print();
  for (const line of pictures[place]) print(`  ${line}`);
  print();
  return await tell(place, denoDir, begin, signal);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
