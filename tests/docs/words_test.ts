// The documents: commands, options, tasks, event kinds and keys of the configuration that they name are there.
import assert from "node:assert/strict";
import denoJson from "../../deno.json" with { type: "json" };
import { COMMANDS } from "../../src/cli/command_table.ts";
import { jsonSchema } from "../../src/config/schema/json_schema.ts";
import { type Code, commandLines, spans } from "./documents.ts";

/** Words of others that are spelled as our keys are. */
const FOREIGN: readonly string[] = [
  // A header of HTTP, a word in a table about routers.
  "accept",
  "community",
  "controlPlaneEndpoint",
  "excludeCIDRs",
  "externalIPs",
  "externalTrafficPolicy",
  "healthCheckNodePort",
  "leftOut",
];

const TOP = "bgp|services|network|http|control|hooks|limits|state|log";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Every name of a property, anywhere in a JSON Schema. */
function names(schema: unknown, into = new Set<string>()): ReadonlySet<string> {
  if (Array.isArray(schema)) { for (const each of schema) names(each, into); }
  else if (isRecord(schema)) {
    const { properties } = schema;
    if (isRecord(properties)) { for (const name of Object.keys(properties)) into.add(name); }
    for (const each of Object.values(schema)) names(each, into);
  }
  return into;
}

const KEYS = names(jsonSchema());

Deno.test("every command of ours in the documents is one, with options that it has", () => {
  const uses = [...spans(), ...commandLines()].flatMap(({ text, where }) =>
    [...text.matchAll(/(?:^|[\s;|&(])bgp-lb ([a-z][a-z-]+)([^;|&#>)]*)/g)].map(
      ([, name = "", rest = ""]) => ({ name, rest, where }),
    )
  );
  assert.ok(uses.length > 150, `${uses.length} uses`);
  const wrong = uses.flatMap(({ name, rest, where }) => {
    const command = COMMANDS.find((row) => row.name === name);
    if (command === undefined) return [`${where}: no command ${name}`];
    return [...rest.matchAll(/(?:^|\s)--([a-z-]+)/g)].flatMap(([, option = ""]) =>
      command.options.some((row) => row.name === option) || option === "help"
        ? []
        : [`${where}: ${name} has no --${option}`]
    );
  });
  assert.deepEqual(wrong, []);
});

Deno.test("every task of Deno in the documents is one", () => {
  const tasks = new Set(Object.keys(denoJson.tasks));
  const uses = [...spans(), ...commandLines()].flatMap(({ text, where }) =>
    [...text.matchAll(/deno(?:@\S+)? task ([a-z-]+)/g)].map(([, name = ""]) => ({ name, where }))
  );
  assert.ok(uses.length > 20, `${uses.length} uses`);
  assert.deepEqual(uses.filter(({ name }) => !tasks.has(name)), []);
});

Deno.test("every key of the configuration in the documents is one", () => {
  const used: Code[] = spans().flatMap(({ text, where }) => {
    const dotted = new RegExp(`^(?:${TOP})(?:\\[\\])?(?:\\.[a-zA-Z0-9]+(?:\\[\\])?)+$`).test(text)
      ? text.replaceAll("[]", "").split(".")
      : [];
    const camel = /^[a-z]+(?:[A-Z][a-zA-Z]*)+6?$/.test(text) ? [text] : [];
    // YAML: in braces, or one key and one value.
    const isYaml = text.includes("{") || /^[a-z][a-zA-Z0-9]*: (?:\S+|\[.*\])$/.test(text);
    const all = isYaml ? text.matchAll(/(?:^|[{,] ?)([a-z][a-zA-Z0-9]*): /g) : [];
    const pairs = [...all].map(([, key = ""]) => key);
    return [...dotted, ...camel, ...pairs].map((key) => ({ text: key, where }));
  });
  assert.ok(used.length > 200, `${used.length} uses`);
  assert.deepEqual(used.filter(({ text }) => !KEYS.has(text) && !FOREIGN.includes(text)), []);
});

Deno.test("every gate is a row of docs/failures.md", () => {
  const sources = ["src/service/gates.ts", "src/status/explain.ts"].map((path) =>
    Deno.readTextFileSync(path)
  );
  const gates = sources.flatMap((text) =>
    [...text.matchAll(/(?:\bname: |\bstep\()"([a-zA-Z ]+)"/g)].map(([, name = ""]) => name)
  );
  assert.ok(gates.length >= 13, gates.join());
  const text = Deno.readTextFileSync("docs/failures.md");
  assert.deepEqual(gates.filter((gate) => !text.includes(`\n| ${gate} `)), []);
});

Deno.test("every kind of event is in the table of docs/running.md, and every kind that is asked for is one", () => {
  const source = Deno.readTextFileSync("src/http/event_counters.ts");
  const table = source.slice(source.indexOf("const KINDS"), source.indexOf("satisfies Record<EventKind"));
  const kinds = [...table.matchAll(/"([a-z-]+)": true/g)].map(([, kind = ""]) => kind);
  assert.ok(kinds.length > 35, kinds.join());
  const running = Deno.readTextFileSync("docs/running.md");
  // Probes are told to whoever looks at a check, and are no events that are kept.
  const untold = kinds.filter((kind) => kind !== "probe" && !running.includes(`\`${kind}\``));
  assert.deepEqual(untold, []);
  const asked = [...spans(), ...commandLines()].flatMap(({ text, where }) =>
    [...text.matchAll(/--kind ([a-z,-]+)/g)].flatMap(([, list = ""]) =>
      list.split(",").map((kind) => ({ kind, where }))
    )
  );
  assert.ok(asked.length > 8, `${asked.length} kinds are asked for`);
  assert.deepEqual(asked.filter(({ kind }) => !kinds.includes(kind)), []);
});
