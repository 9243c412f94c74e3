// renderConfig(): what `check --print` shows, and that it reads back as the same configuration.
import assert from "node:assert/strict";
import { stringify } from "yaml";
import { renderConfig } from "../../src/config/render.ts";
import { HIDDEN } from "../../src/config/values/hidden.ts";
import { VALID_FILES } from "./arbitrary.ts";
import { configOf } from "./text.ts";

Deno.test("renderConfig() is read back as the same configuration", () => {
  for (const file of VALID_FILES) {
    const config = configOf(JSON.stringify(file));
    const printed = stringify(renderConfig(config, { showPasswords: true }));
    assert.deepEqual(configOf(printed), config);
    assert.deepEqual(configOf(stringify(file)), config, "YAML and JSON are the same");
  }
});

Deno.test("renderConfig() spells out the contract's own example, without passwords (CONTRACT Configuration file)", () => {
  const config = configOf(Deno.readTextFileSync("tests/golden/config/contract.yaml.golden"));
  const printed = stringify(renderConfig(config), { lineWidth: 0 });
  assert.equal(printed, Deno.readTextFileSync("tests/golden/config/contract.printed.yaml.golden"));
  assert.ok(printed.includes(HIDDEN) && !printed.includes("secret"));
});
