/** The simulation is worth what it finds: bugs are planted in copies of the source, one in each, and it finds every one. */
import assert from "node:assert/strict";
import { PLANTED, type PlantedBug } from "../simulation/planted.ts";

/** Each is found within so many runs. */
const RUNS = 2000;
const AT_ONCE = 2;
/** What a simulation is made of. */
const PARTS = ["deno.json", "deno.lock", "src", "ffi", "tests/support", "tests/simulation"];

Deno.test(`planted bugs are found by the simulation, each within ${RUNS} runs (issue: ten planted bugs)`, async () => {
  const waiting = [...PLANTED];
  const missed: string[] = [];
  const lane = async () => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const output = await outputWith(bug);
      const [first = ""] = output.split("\n");
      console.log(`${bug.name} → ${first}`);
      const run = /^again: .*(--run=\d+)/m.exec(output)?.[1];
      // The same run has to go well where the bug is not there, or it is something else that was found.
      const without = run === undefined ? "" : await simulateIn(".", run);
      if (!without.startsWith("nothing is wrong")) {
        missed.push(`${bug.name}: ${output}\nwithout it: ${without}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  assert.deepEqual(missed, []);
});

/** What the simulation says of the source with `bug` in it. */
async function outputWith({ file, find, replace }: PlantedBug): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "planted-" });
  try {
    for (const part of PARTS) await copy(part, `${folder}/${part}`);
    const path = `${folder}/src/${file}`;
    const parts = (await Deno.readTextFile(path)).split(find);
    assert.equal(
      parts.length,
      2,
      `${file} has ${JSON.stringify(find)} not once but ${parts.length - 1} times`,
    );
    await Deno.writeTextFile(path, parts.join(replace));
    return await simulateIn(folder, `--runs=${RUNS}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function simulateIn(cwd: string, argument: string): Promise<string> {
  const options = ["--no-check", "--no-prompt", "--allow-read"];
  const args = ["run", ...options, "tests/simulation/simulate_main.ts", argument];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

async function copy(from: string, to: string): Promise<void> {
  const { isDirectory } = await Deno.stat(from);
  if (!isDirectory) {
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}
