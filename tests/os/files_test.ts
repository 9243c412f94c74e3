// Whole files, and words for those that cannot be read.
import assert from "node:assert/strict";
import { readFile } from "../../src/os/files.ts";

Deno.test("readFile() reads at most one octet more than it may, and tells the permission bits", () => {
  const whole = readFile("deno.json", 1 << 20);
  assert.deepEqual(whole.octets, Deno.readFileSync("deno.json"));
  assert.equal(whole.mode, (Deno.statSync("deno.json").mode ?? 0) & 0o7777);
  assert.equal(readFile("deno.json", 9).octets.byteLength, 10);
});

Deno.test("readFile() names the path that was tried where a relative one cannot be read (faults C6)", () => {
  const folder = Deno.cwd();
  const rows: readonly (readonly [string, string])[] = [
    [
      "no/such.yaml",
      `does not exist: ${folder}/no/such.yaml was tried, from the working directory ${folder}`,
    ],
    [`${folder}/none.yaml`, "does not exist"],
    ["tests", `is a folder, not a file: ${folder}/tests was tried, from the working directory ${folder}`],
    [`${folder}/deno.json/x`, "is below something that is no folder"],
    ["/etc/shadow", "may not be read: --allow-read leaves it out"],
  ];
  for (const [path, words] of rows) assert.throws(() => readFile(path, 1), { message: words });
});
