/**
 * `deno task compile`: the stamped bundle as one executable, with exactly the flags of the task `agent`, and its checksum as
 * sha256sum(1) reads it. Deno downloads the base of the executable once; where that cannot be had, this says so and ends
 * with status 77 (skipped), so that nobody takes it for done.
 */
import { makeBundle, output } from "./bundle.ts";
import { bundleFlags, USER_REACH } from "./runtime_flags.ts";

const SKIPPED = 77;
const BUNDLE = "dist/bgp-lb.js";
const OUTPUT = "dist/bgp-lb";

/** The line of sha256sum(1) for a file of this name: the digest in hexadecimal digits, two spaces, the name. */
export async function checksumLine(octets: Uint8Array, name: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(octets)));
  return `${digest.toHex()}  ${name}\n`;
}

async function main(flags: readonly string[]): Promise<number> {
  await Deno.mkdir("dist", { recursive: true });
  await Deno.writeFile(BUNDLE, await makeBundle());
  const compiled = await output(Deno.execPath(), ["compile", ...flags, "--output", OUTPUT, BUNDLE]);
  if (compiled.code !== 0) {
    const text = compiled.stdout + compiled.stderr;
    if (!/denort/.test(text)) {
      console.error(text);
      return 1;
    }
    console.error(
      "skipped: deno compile needs its base executable (denort), which it downloads, and the download failed here. " +
        "On a machine that reaches Deno's download host, `deno task compile` makes dist/bgp-lb.",
    );
    return SKIPPED;
  }
  // A wrong base "succeeds" and yields a plain Deno, so the result has to answer as bgp-lb does.
  const expected = await output(Deno.execPath(), ["run", ...flags, BUNDLE, "version"]);
  const actual = await output(OUTPUT, ["version"]);
  if (actual.code !== 0 || actual.stdout !== expected.stdout) {
    const said = actual.stdout + actual.stderr;
    console.error(`${OUTPUT} is not bgp-lb: \`${OUTPUT} version\` printed ${JSON.stringify(said)}`);
    await Deno.remove(OUTPUT);
    return 1;
  }
  const executable = await Deno.readFile(OUTPUT);
  const line = await checksumLine(executable, "bgp-lb");
  await Deno.writeTextFile(`${OUTPUT}.sha256`, line);
  console.log(`${OUTPUT} (${(executable.byteLength / 1e6).toFixed(0)} MB)\n${line.trimEnd()}`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(bundleFlags(USER_REACH)));
