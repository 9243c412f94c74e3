// config.example.yaml: it is valid, so is every alternative in it, and it leaves no key of the schema out.
import assert from "node:assert/strict";
import { readDocument } from "../../src/config/document.ts";
import { formatIssue } from "../../src/config/issue.ts";
import { jsonSchema } from "../../src/config/schema/json_schema.ts";
import { parseConfig } from "../../src/config/load.ts";

const EXAMPLE = Deno.readTextFileSync("config.example.yaml");
const OPTIONS = { fileName: "config.example.yaml", readSecretFile: () => ({ text: "from a file" }) };
/** `#key: value`: an alternative, or a default that is not spelled out. */
const ALTERNATIVE = /^( *)#([A-Za-z0-9]+): /;

/** The example with one alternative in force: the key that it replaces, on another line with that indent, goes. */
function variants(): { readonly name: string; readonly text: string }[] {
  const lines = EXAMPLE.split("\n");
  return lines.flatMap((line, at) => {
    const [, indent = "", key = ""] = ALTERNATIVE.exec(line) ?? [];
    if (key === "") return [];
    const rest = lines.map((other, index) => {
      if (index === at) return line.replace("#", "");
      return near(lines, at, index) && other.startsWith(`${indent}${key}: `) ? "" : other;
    });
    return [{ name: `line ${at + 1}: ${line.trim()}`, text: rest.join("\n") }];
  });
}

/** True where no line between the two is indented less: they belong to one mapping. */
function near(lines: readonly string[], a: number, b: number): boolean {
  const indent = /^ */.exec(lines[a] ?? "")?.[0].length ?? 0;
  const between = lines.slice(Math.min(a, b), Math.max(a, b)).filter((line) => line.trim() !== "");
  return between.every((line) => (/^ */.exec(line)?.[0].length ?? 0) >= indent);
}

function problemsOf(text: string): string[] {
  const result = parseConfig(text, OPTIONS);
  return (result.ok ? result.warnings : result.issues).map(formatIssue);
}

/** Paths of all keys of a value, list positions left out. */
function keysOf(value: unknown, path: string, into: Set<string>): Set<string> {
  if (Array.isArray(value)) { for (const item of value) keysOf(item, path, into); }
  else if (typeof value === "object" && value !== null) {
    for (const [key, below] of Object.entries(value)) {
      keysOf(below, into.add(`${path}.${key}`) && `${path}.${key}`, into);
    }
  }
  return into;
}

/** The same of a JSON Schema, without what is not supported yet (`not: {}`). */
function schemaKeys(schema: unknown, path: string, into: Set<string>): Set<string> {
  if (!isRecord(schema)) return into;
  for (const key of ["oneOf", "anyOf"]) {
    const alternatives = schema[key];
    if (Array.isArray(alternatives)) { for (const one of alternatives) schemaKeys(one, path, into); }
  }
  schemaKeys(schema["items"], path, into);
  for (const [key, below] of Object.entries(isRecord(schema["properties"]) ? schema["properties"] : {})) {
    if (isUnsupported(below)) continue;
    schemaKeys(below, `${path}.${key}`, into.add(`${path}.${key}`));
  }
  return into;
}

/** `off` and nothing else: a key that has no behaviour yet. */
function isUnsupported(schema: unknown): boolean {
  const alternatives = isRecord(schema) ? schema["anyOf"] : undefined;
  return Array.isArray(alternatives) && alternatives.some((one) => JSON.stringify(one) === '{"not":{}}');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The defaults of peers have the keys of peers, and checks have the same ones wherever they stand. */
function shownOnce(path: string): string {
  return path.replace(".bgp.defaults.", ".bgp.peers.").replace(/^\.services\..*checks\./, ".checks.");
}

Deno.test("config.example.yaml is valid, without a warning", () => {
  assert.deepEqual(problemsOf(EXAMPLE), []);
});

Deno.test("config.example.yaml stays valid with each of its alternatives in force", () => {
  const all = variants();
  assert.ok(all.length > 20, `found ${all.length}`);
  for (const { name, text } of all) assert.deepEqual(problemsOf(text), [], name);
});

Deno.test("config.example.yaml shows every key of the schema", () => {
  const shown = new Set<string>();
  for (const { text } of [{ text: EXAMPLE }, ...variants()]) keysOf(readDocument(text).value, "", shown);
  const known = schemaKeys(jsonSchema(), "", new Set());
  assert.ok(known.size > 80, `found ${known.size}`);
  const once = new Set([...shown].map(shownOnce));
  assert.deepEqual([...known].map(shownOnce).filter((path) => !once.has(path)), []);
});
