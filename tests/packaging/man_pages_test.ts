// The manual pages: all that the table of commands and the schema have, as mdoc(7) takes it.
import assert from "node:assert/strict";
import { commandPage } from "../../packaging/deb/command_page.ts";
import { configurationPage } from "../../packaging/deb/configuration_page.ts";
import { macro, prose, verbatim, word } from "../../packaging/deb/mdoc.ts";
import { COMMANDS } from "../../src/cli/command_table.ts";
import { ExitStatus } from "../../src/cli/exit_status.ts";
import { jsonSchema } from "../../src/config/schema/json_schema.ts";

const DATE = "2026-11-27T19:00:00Z";
const EXAMPLE = Deno.readTextFileSync("config.example.yaml");

Deno.test("bgp-lb(8) has every command, every option that help has, and every exit status", () => {
  const lines = commandPage(DATE).split("\n");
  for (const { name, options } of COMMANDS) {
    assert.ok(lines.includes(`.Cm ${name}`) && lines.includes(`.It Cm ${name}`), name);
    for (const option of options) {
      const named = lines.some((line) => line.startsWith(`.It Fl -${option.name}`));
      assert.equal(named, option.hidden !== true, option.name);
    }
  }
  for (const status of Object.values(ExitStatus)) assert.ok(lines.includes(`.It ${status}`), String(status));
});

Deno.test("bgp-lb.yaml(5) has every key of the example, and the example", () => {
  const page = configurationPage(jsonSchema(), EXAMPLE, DATE);
  const keys = [...page.matchAll(/^\.It Va (.*)$/gm)].map(([, path = ""]) => path);
  assert.equal(new Set(keys).size, keys.length, "one of each");
  const last = new Set(keys.map((path) => path.replace(/^.*[.\]]/, "")));
  const named = [...EXAMPLE.matchAll(/^ *(?:- )?#?([a-zA-Z]\w*):(?= |$)/gm)].map(([, key = ""]) => key);
  assert.ok(named.length > 100);
  assert.deepEqual([...new Set(named)].filter((key) => !last.has(key)), []);
  assert.ok(
    keys.includes("services[].checks[type=tcp].send") && keys.includes("services[].checks[].interval"),
  );
  assert.ok(page.includes("\n.Bd -literal\n# Configuration of bgp-lb, every key of it."));
});

Deno.test("prose() and word() leave no text to be taken for a macro (mdoc(7), roff(7))", () => {
  assert.deepEqual(prose("One. Two .Nm \\x"), ["One.", "Two .Nm \\ex"]);
  assert.deepEqual(prose(".Nm 'a"), ["\\&.Nm 'a"]);
  assert.deepEqual(verbatim("'a\n.b\n"), [".Bd -literal", "\\&'a", "\\&.b", ".Ed"]);
  assert.deepEqual(["Ar", "a b", ".x", "run", 'a"b', "\u00e4"].map(word), [
    "\\&Ar",
    '"a b"',
    "\\&.x",
    "run",
    '"a\\(dqb"',
    "\\[u00E4]",
  ]);
  assert.equal(macro("Op", "Fl", "-json"), ".Op Fl -json");
});
