import assert from "node:assert/strict";
import { repositoryRoot, run } from "../support/process.ts";
import { cacheDependencies, ownDenoDir } from "./deno_dir.ts";

Deno.test("ownDenoDir() makes a cache that starts the agent without any other, and has no code and no lock of another kernel's", async () => {
  const folder = await Deno.makeTempDir();
  const own = `${folder}/deno`;
  await ownDenoDir(await cacheDependencies(), own);
  const names = [...Deno.readDirSync(own)].map(({ name }) => name);
  assert.ok(names.includes("npm"), names.join());
  assert.deepEqual(names.filter((name) => name.startsWith("v8_code_cache") || name.endsWith("-shm")), []);
  const main = `${repositoryRoot()}/main.ts`;
  const flags = [
    "run",
    "--quiet",
    "--cached-only",
    "--no-code-cache",
    "--allow-env",
    "--allow-read",
    main,
    "version",
  ];
  const answer = await run(Deno.execPath(), flags, { env: { DENO_DIR: own } });
  assert.equal(answer.code, 0, answer.stderr);
  await Deno.remove(folder, { recursive: true });
});
