/** docs/migration.md: its commands run over the files that it shows, and what they make is a configuration. */
import assert from "node:assert/strict";
import { bundledAgent, quoted } from "../support/bundled_agent.ts";
import { readDocument } from "../support/markdown.ts";
import { run } from "../support/process.ts";

Deno.test("docs/migration.md: every migration that is shown runs, and its result passes check", async () => {
  const { blocks } = readDocument(Deno.readTextFileSync("docs/migration.md"));
  const folder = Deno.makeTempDirSync();
  try {
    const sources = blocks.filter(({ file }) => file !== "");
    assert.equal(sources.length, 4);
    for (const { file, text } of sources) {
      const path = file.replace("/etc/", `${folder}/`);
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(path, text);
    }
    const ours = quoted(await bundledAgent(folder));
    const commands = blocks.filter(({ language }) => language === "sh");
    assert.equal(commands.length, 4);
    for (const { text, line } of commands) {
      const script = text.replaceAll("/etc/", `${folder}/`).replaceAll(/^bgp-lb /gm, `${ours} `);
      const { code, stderr } = await run("sh", ["-ec", script]);
      assert.equal(code, 0, `line ${line}: ${stderr}`);
      assert.match(stderr, /new\.yaml: valid: /, `line ${line}`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
