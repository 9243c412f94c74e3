/**
 * The fuzzer of the codec for as long as one likes.
 * `deno run tests/bgp/wire/fuzz_main.ts --seconds=60 [--messages=N] [--seed=N]`; without limits, a minute.
 */
import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.ts";

const BATCH = 10_000;

const { values } = parseArgs({
  options: { seconds: { type: "string" }, messages: { type: "string" }, seed: { type: "string" } },
});
const limit = values.messages === undefined ? Infinity : Number(values.messages);
const seconds = values.seconds === undefined ? (limit === Infinity ? 60 : Infinity) : Number(values.seconds);
const first = Number(values.seed ?? 1);

const started = performance.now();
const elapsed = () => (performance.now() - started) / 1000;
const totals = new Map<string, number>();
let messages = 0;
let seed = first;
while (messages < limit && elapsed() < seconds) {
  const report = fuzz(seed++, Math.min(BATCH, limit - messages));
  messages += report.messages;
  for (const [outcome, count] of report.outcomes) totals.set(outcome, (totals.get(outcome) ?? 0) + count);
  if ((seed - first) % 100 === 0) print(`${messages} messages, ${elapsed().toFixed(0)} s`);
}
for (const [outcome, count] of [...totals].sort(([, a], [, b]) => b - a)) {
  print(`${String(count).padStart(10)}  ${outcome}`);
}
print(
  `${messages} messages in ${elapsed().toFixed(1)} s, seeds ${first} to ${
    seed - 1
  }: nothing but NotificationError was thrown`,
);

function print(line: string): void {
  console.log(line);
}
