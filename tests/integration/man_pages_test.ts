// mandoc judges the manual pages.
import assert from "node:assert/strict";
import { commandPage } from "../../packaging/deb/command_page.ts";
import { configurationPage } from "../../packaging/deb/configuration_page.ts";
import { jsonSchema } from "../../src/config/schema/json_schema.ts";
import { run } from "../support/process.ts";
import { ensurePackages } from "../support/setup.ts";

Deno.test("mandoc finds nothing to say of the manual pages", async () => {
  const { advice } = await ensurePackages(["mandoc"], console.log);
  assert.equal(advice, undefined);
  const date = "2026-11-27T19:00:00Z";
  const example = await Deno.readTextFile("config.example.yaml");
  const folder = await Deno.makeTempDir();
  for (
    const [name, page] of [
      ["bgp-lb.8", commandPage(date)],
      ["bgp-lb.yaml.5", configurationPage(jsonSchema(), example, date)],
    ] as const
  ) {
    await Deno.writeTextFile(`${folder}/${name}`, page);
    const { stdout, stderr } = await run("mandoc", ["-T", "lint", `${folder}/${name}`]);
    // That other pages are not installed here is no fault of these.
    const said = (stdout + stderr).split("\n").filter((line) =>
      line !== "" && !/referenced manual not found|outdated mandoc\.db/.test(line)
    );
    assert.deepEqual(said, []);
    const text = (await run("mandoc", ["-T", "utf8", `${folder}/${name}`])).stdout;
    assert.ok(text.split("\n").length > 100, text);
  }
  await Deno.remove(folder, { recursive: true });
});
