/**
 * Deno's cache for the lab. A user-mode Linux gets one of its own: the caches are SQLite files in WAL mode, and two kernels
 * that map the same ones do not see each other's locks, which damaged V8's code cache and with it every later start.
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { repositoryRoot, run, runOrThrow } from "../support/process.ts";

const root = repositoryRoot();

/** What is started within the lab, so far as it is there. */
const scripts = [
  "main.ts",
  "tests/lab/inside.ts",
  "tests/lab/loopback.ts",
  "tests/lab/client.ts",
  "tests/lab/application.ts",
  "tests/lab/soak/soak.ts",
  "tests/lab/soak/server.ts",
  "tests/contract/kernel_contract_test.ts",
  "tests/contract/killed_kernel_test.ts",
  "tests/bench/ipvs_inside.ts",
].filter((path) => existsSync(`${root}/${path}`));

/**
 * Plain files that are written once under a name that says what is in them, and never changed. Of what was compiled only this
 * folder's: a machine on which much was tried has tens of thousands of others.
 */
const IMMUTABLE = ["npm", `gen/file${root}`];

/** Brings everything that the lab starts into this machine's own cache. @returns its path @throws where it cannot be filled */
export async function cacheDependencies(): Promise<string> {
  await fill({});
  const info = await runOrThrow(Deno.execPath(), ["info", "--json"], { cwd: root });
  const found = /"denoDir":\s*("(?:[^"\\]|\\.)*")/.exec(info)?.[1];
  if (found === undefined) throw new Error(`deno info says no denoDir: ${info}`);
  return `${JSON.parse(found)}`;
}

/** Makes a cache of its own in `to`, from the files of `from` and without a network; nothing has it open afterwards. */
export async function ownDenoDir(from: string, to: string): Promise<void> {
  for (const name of IMMUTABLE.filter((each) => existsSync(`${from}/${each}`))) {
    await Deno.mkdir(dirname(`${to}/${name}`), { recursive: true });
    // As links where both are on one disk: there are thousands of them, and nobody writes to one.
    const linked = await run("cp", ["-rl", `${from}/${name}`, `${to}/${name}`]);
    if (linked.code !== 0) await runOrThrow("cp", ["-r", `${from}/${name}/.`, `${to}/${name}`]);
  }
  await fill({ DENO_DIR: to });
  // Shared memory of who had them open here; it is made anew from the file beside it.
  for await (const { name } of Deno.readDir(to)) {
    if (name.endsWith("-shm")) await Deno.remove(`${to}/${name}`);
  }
}

async function fill(env: Readonly<Record<string, string>>): Promise<void> {
  const options = { cwd: root, env, timeoutMs: 300_000 };
  const cached = await run(Deno.execPath(), ["cache", "--quiet", ...scripts], options);
  if (cached.code !== 0) throw new Error(`deno cache: ${cached.stderr.trim()}`);
}
