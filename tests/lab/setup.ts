/**
 * Brings a machine to where tests and demo can run: packages (by apt-get, as root) and Deno's dependencies, which must be
 * in its cache before the lab starts, as nothing in there reaches a registry.
 */
import { existsSync } from "node:fs";
import { repositoryRoot, run } from "../support/process.ts";
import { type Choice, choosePlace } from "./place.ts";

const root = repositoryRoot();

/** What is there after `prepare`. */
export interface Prepared extends Choice {
  /** The cache to run with. */
  readonly denoDir: string;
}

/** Installs what is missing and chooses the place. Quiet where nothing is to be done. @throws where Deno's cache cannot be filled */
export async function prepare(say: (text: string) => void = sayOnStderr, wanted?: string): Promise<Prepared> {
  const [choice, denoDir] = await Promise.all([choosePlace(say, wanted), cacheDependencies()]);
  return { ...choice, denoDir };
}

/** One line on standard error. */
export function sayOnStderr(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`setup: ${text}\n`));
}

async function cacheDependencies(): Promise<string> {
  const wanted = [
    ...[
      "main.ts",
      "tests/lab/inside.ts",
      "tests/lab/loopback.ts",
      "tests/lab/client.ts",
      "tests/lab/application.ts",
    ],
    ...["tests/contract/kernel_contract_test.ts", "tests/bench/ipvs_bench.ts"],
  ];
  const scripts = wanted.filter((path) => existsSync(`${root}/${path}`));
  const cached = await run(Deno.execPath(), ["cache", "--quiet", ...scripts], {
    cwd: root,
    timeoutMs: 300_000,
  });
  if (cached.code !== 0) throw new Error(`deno cache: ${cached.stderr.trim()}`);
  const info = await run(Deno.execPath(), ["info", "--json"], { cwd: root });
  const found = /"denoDir":\s*("(?:[^"\\]|\\.)*")/.exec(info.stdout)?.[1];
  if (found === undefined) throw new Error(`deno info says no denoDir: ${info.stdout}`);
  return `${JSON.parse(found)}`;
}
