/**
 * `deno task soak --minutes=10 --seed=N [--faults=a,b] [--only=K..L] [--plant=X]`: real routers, a real kernel, clients, and faults by
 * chance, in user-mode Linux or, where this kernel can do it, in namespaces. The exit status is 1 where an invariant broke.
 */
import { parseArgs } from "node:util";
import { FAULTS, isFault } from "../../soak/schedule.ts";
import { runInside } from "../boot.ts";
import { PLANTS } from "./plants.ts";
import { placeNames } from "../place.ts";
import { prepare } from "../setup.ts";

/** Beyond the minutes that are asked for: to boot, to end the last round, to stop. */
const AROUND_MS = 240_000;

function usage(problem: string): never {
  console.error(
    `${problem}\nusage: soak [--minutes=10] [--seed=N] [--faults=${
      Object.keys(FAULTS).slice(0, 2).join(",")
    },…] [--only=K..L]`,
  );
  Deno.exit(2);
}

const TEXT = { type: "string" } as const;

function optionsOf(args: readonly string[]) {
  const options = { minutes: TEXT, seed: TEXT, faults: TEXT, only: TEXT, plant: TEXT, place: TEXT };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    return usage(error instanceof Error ? error.message : `${error}`);
  }
}

function isRange(text: string): boolean {
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(text) ?? [];
  return first !== undefined && Number(first) <= Number(last);
}

/** @returns the exit status */
async function main(args: readonly string[]): Promise<number> {
  const values = optionsOf(args);
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => interrupted.abort());
  }
  const minutes = Number(values.minutes ?? "10");
  const seed = Number(values.seed ?? `${Math.floor(Math.random() * 1_000_000)}`);
  if (!(minutes > 0 && minutes <= 10_000)) {
    usage(`--minutes must be more than 0 and at most 10000 (got ${values.minutes})`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) usage(`--seed must be a whole number (got ${values.seed})`);
  for (const name of values.faults?.split(",") ?? []) {
    if (!isFault(name)) usage(`--faults: there is no ${name}; there are ${Object.keys(FAULTS).join(", ")}`);
  }
  if (values.only !== undefined && !isRange(values.only)) {
    usage(`--only must be K..L, two whole numbers, K not above L (got ${values.only})`);
  }
  if (values.plant !== undefined && !(values.plant in PLANTS)) {
    usage(`--plant: there is no ${values.plant}; there are ${Object.keys(PLANTS).join(", ")}`);
  }
  const { place, passedOver, denoDir } = await prepare(
    console.error,
    values.place ?? Deno.env.get("BGP_LB_LAB_PLACE"),
  );
  for (const reason of passedOver) console.error(reason);
  if (place === "loopback") {
    console.error("the soak needs a kernel with IPVS, and there is none");
    return 3;
  }
  console.log(`seed ${seed}, ${minutes} minutes, in ${placeNames[place]}`);
  const passed = (["faults", "only", "plant"] as const).flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [`--${name}`, value];
  });
  let failed: number | undefined;
  const job = {
    args: ["soak", "--minutes", `${minutes}`, "--seed", `${seed}`, ...passed],
    ...{ denoDir, limitMs: minutes * 60_000 + AROUND_MS },
  };
  const running = runInside(place, job, (event) => {
    if (event.type === "say") console.log(event.text);
    if (event.type === "result") {
      console.log(`${event.outcome === "passed" ? "held" : "BROKEN"}: ${event.name}: ${event.message}`);
      for (const line of event.evidence) console.log(`  ${line}`);
    }
    if (event.type === "end") failed = event.failed;
  }, interrupted.signal);
  const outcome = await running.catch((error) => {
    if (interrupted.signal.aborted) return undefined;
    throw error;
  });
  if (outcome === undefined || interrupted.signal.aborted) {
    console.log("interrupted; everything was ended and removed");
    return 130;
  }
  if (failed === undefined) { for (const line of outcome.console.slice(-40)) console.log(`| ${line}`); }
  console.log(failed === 0 ? `all invariants held, seed ${seed}` : `NOT all invariants held, seed ${seed}`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
