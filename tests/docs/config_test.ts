// The documents: every configuration that they show passes `bgp-lb check`, without a warning.
import assert from "node:assert/strict";
import { formatIssue } from "../../src/config/issue.ts";
import { parseConfig } from "../../src/config/load.ts";
import { documents } from "./documents.ts";

Deno.test("every configuration in the documents passes check", () => {
  const shown = [...documents()].flatMap(([path, { blocks }]) =>
    blocks.filter(({ language, text }) => language === "yaml" && /^bgp:/m.test(text))
      .map(({ text, line }) => ({ fileName: `${path}:${line}`, text }))
  );
  assert.ok(shown.length >= 12, `${shown.length} configurations`);
  const problems = shown.flatMap(({ fileName, text }) => {
    const result = parseConfig(text, { fileName, readSecretFile: () => ({ text: "from a file" }) });
    return (result.ok ? result.warnings : result.issues).map((issue) => `${fileName}: ${formatIssue(issue)}`);
  });
  assert.deepEqual(problems, []);
});
