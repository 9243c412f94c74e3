/**
 * `deno task compile`: one executable with exactly the flags of the task `agent`. Deno downloads the base of the executable
 * once; where that cannot be had, this says so and ends with status 77 (skipped), so that nobody takes it for done.
 */
import { sourceFlags, USER_REACH } from "./runtime_flags.ts";

const SKIPPED = 77;
const OUTPUT = "dist/bgp-lb";

async function run(
  command: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly text: string }> {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function main(flags: readonly string[]): Promise<number> {
  await Deno.mkdir("dist", { recursive: true });
  const compiled = await run(Deno.execPath(), ["compile", ...flags, "--output", OUTPUT, "main.ts"]);
  if (compiled.code !== 0) {
    if (!/denort/.test(compiled.text)) {
      console.error(compiled.text);
      return 1;
    }
    console.error(
      "skipped: deno compile needs its base executable (denort), which it downloads, and the download failed here. " +
        "On a machine that reaches Deno's download host, `deno task compile` makes dist/bgp-lb.",
    );
    return SKIPPED;
  }
  // A wrong base "succeeds" and yields a plain Deno, so the result has to answer as bgp-lb does.
  const expected = await run(Deno.execPath(), ["run", ...flags, "main.ts", "version"]);
  const actual = await run(OUTPUT, ["version"]);
  if (actual.code !== 0 || actual.text !== expected.text) {
    console.error(`${OUTPUT} is not bgp-lb: \`${OUTPUT} version\` printed ${JSON.stringify(actual.text)}`);
    return 1;
  }
  console.log(`${OUTPUT} (${((await Deno.stat(OUTPUT)).size / 1e6).toFixed(0)} MB)`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(sourceFlags(USER_REACH)));
