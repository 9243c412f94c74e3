/**
 * Every parser of what others send, fuzzed for as long as one likes:
 * `deno task fuzz [SUBJECT…] [--answers=N] [--seconds=N] [--seed=N] [--answer=K] [--sorts]`. Without a limit a minute of
 * each; `--answer` judges one alone. Ctrl-C ends the subject that is under way, and says how far it came.
 * `deno task fuzz FILE…` gives the BGP messages of captures (pcap, pcapng) and MRT files to the codec instead.
 */
import { parseArgs } from "node:util";
import { fuzz, FuzzFailure, type FuzzReport, type FuzzSubject, SLOW_MS, type Verdict } from "./fuzz.ts";
import { messageOf } from "../../src/text/error_message.ts";
import { ReplayError } from "./replay/octet_stream.ts";
import { replay } from "./replay/replay.ts";
import { SUBJECTS } from "./subjects.ts";

const DEFAULT_SECONDS = 60;
/** Some answers that take so long will never end. */
const STUCK_MS = 60_000;

const { values, positionals } = parseArgs({
  options: {
    answers: { type: "string" },
    seconds: { type: "string" },
    seed: { type: "string" },
    answer: { type: "string" },
    sorts: { type: "boolean" },
  },
  allowPositionals: true,
});
const seed = Number(values.seed ?? 1);
const first = Number(values.answer ?? 0);
const answers = values.answer === undefined ? Number(values.answers ?? Infinity) : 1;
const seconds = Number(values.seconds ?? (answers === Infinity ? DEFAULT_SECONDS : Infinity));

const files = positionals.filter((name) => /[./]/.test(name));
const unknown = positionals.filter((name) =>
  !files.includes(name) && SUBJECTS.every((subject) => subject.name !== name)
);
if (unknown.length > 0 || [seed, first, answers, seconds].some(Number.isNaN)) {
  const known = SUBJECTS.map(({ name }) => name).join(", ");
  console.error(unknown.length > 0 ? `no subject ${unknown.join(", ")}; there are ${known}` : "no number");
  Deno.exit(2);
}

let failed = false;
let interrupted = false;
Deno.addSignalListener("SIGINT", () => interrupted = true);
Deno.addSignalListener("SIGTERM", () => interrupted = true);
for (const file of files) await runFile(file);
for (const subject of SUBJECTS) {
  if (interrupted || (files.length > 0 && files.length === positionals.length)) break;
  if (positionals.length === 0 || positionals.includes(subject.name)) await run(subject);
}
Deno.exit(failed ? 1 : 0);

async function runFile(path: string): Promise<void> {
  try {
    const file = await Deno.open(path);
    const { outcomes, skipped, oddities, failures } = await replay(file.readable);
    console.log(`${path}: ${listed(outcomes) || "no messages"}`);
    if (skipped.size > 0) console.log(`  skipped: ${listed(skipped)}`);
    for (const oddity of oddities) console.log(`  ${oddity}`);
    for (const failure of failures) console.error(`  FAILED at ${failure}`);
    if (failures.length > 0) failed = true;
  } catch (error) {
    failed = true;
    console.error(
      `${path} ${error instanceof ReplayError ? error.message : `cannot be read: ${messageOf(error)}`}`,
    );
  }
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${number(count)}`).join(
    ", ",
  );
}

async function run(subject: FuzzSubject): Promise<void> {
  const began = performance.now();
  const elapsedMs = () => performance.now() - began;
  const current = { number: first, sinceMs: began };
  // Who waits for what never comes keeps no timer: without this one the process would end and say nothing.
  const watch = setInterval(() => {
    if (performance.now() - current.sinceMs < STUCK_MS) return;
    console.error(`${subject.name}: an answer from ${current.number} on of seed ${seed} never ends`);
    console.error(again(subject.name, current.number));
    Deno.exit(1);
  }, 1000);
  try {
    const report = await fuzz(subject, {
      seed,
      first,
      answers,
      isOver: () => interrupted || elapsedMs() > seconds * 1000,
      async pause(number) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        Object.assign(current, { number, sinceMs: performance.now() });
      },
    });
    print(subject.name, report, elapsedMs());
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    failed = true;
    console.error(`${error.message}\n${again(error.subject, error.number)}`);
  } finally {
    clearInterval(watch);
  }
}

function print(name: string, { answers, verdicts, sorts, slow }: FuzzReport, ms: number): void {
  const kinds: readonly Verdict[] = ["pass", "fail", "unknown"];
  const counts = kinds.map((kind) => `${kind} ${number(verdicts.get(kind) ?? 0)}`).join(", ");
  const rate = number(Math.round(answers / (ms / 1000)));
  console.log(
    `${name.padEnd(13)} ${number(answers)} answers, ${rate} a second: ${counts} (${sorts.size} sorts)`,
  );
  if (values.sorts) {
    for (const [sort, count] of [...sorts].sort(([, a], [, b]) => b - a)) {
      console.log(`${number(count).padStart(11)}  ${sort}`);
    }
  }
  for (const { number, ms } of slow) {
    console.log(`  answer ${number} of seed ${seed} takes ${ms.toFixed(0)} ms, more than ${SLOW_MS}`);
    console.log(again(name, number));
  }
}

function again(name: string, number: number): string {
  return `  alone: deno task fuzz ${name} --seed=${seed} --answer=${number}`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}
