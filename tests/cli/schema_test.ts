// `bgp-lb schema`: JSON Schema that says something of every key.
import assert from "node:assert/strict";
import { schema } from "../../src/cli/schema.ts";
import { PATTERNS } from "../../src/config/values/patterns.ts";
import { filePorts } from "./files.ts";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Every property below `node`, with its path. */
function* properties(
  node: unknown,
  path: string,
): Generator<{ path: string; schema: Record<string, unknown> }> {
  if (!isRecord(node)) return;
  if (Array.isArray(node["oneOf"])) { for (const one of node["oneOf"]) yield* properties(one, path); }
  yield* properties(node["items"], path);
  for (const [key, below] of Object.entries(isRecord(node["properties"]) ? node["properties"] : {})) {
    if (isRecord(below)) yield { path: `${path}.${key}`, schema: below };
    yield* properties(below, `${path}.${key}`);
  }
}

Deno.test("schema() prints JSON Schema with a description of every key, and resolves to 0", async () => {
  const ports = filePorts({});
  assert.equal(await schema(ports), 0);
  const printed: unknown = JSON.parse(ports.out.join(""));
  assert.ok(isRecord(printed));
  assert.equal(printed["$schema"], "https://json-schema.org/draft/2020-12/schema");
  assert.equal(printed["additionalProperties"], false);
  assert.deepEqual(printed["required"], ["bgp", "services"]);
  const all = [...properties(printed, "")];
  assert.ok(all.length > 80, `found ${all.length}`);
  assert.deepEqual(
    all.filter((one) => typeof one.schema["description"] !== "string").map(({ path }) => path),
    [],
  );
});

Deno.test("schema() knows ranges, words and defaults", async () => {
  const ports = filePorts({});
  await schema(ports);
  const all = new Map(
    [...properties(JSON.parse(ports.out.join("")), "")].map(({ path, schema }) => [path, schema]),
  );
  assert.deepEqual(all.get(".log.level")?.["enum"], ["debug", "info", "warning", "error"]);
  assert.equal(all.get(".http.listen")?.["default"], "127.0.0.1:8081");
  const as = all.get(".bgp.local.as");
  assert.deepEqual([as?.["type"], as?.["minimum"], as?.["maximum"]], ["integer", 1, 4294967295]);
  assert.deepEqual(all.get(".services.checks.interval")?.["anyOf"], [
    { type: "string", pattern: PATTERNS.duration },
    { type: "number", minimum: 0.05, maximum: 3600 },
  ]);
});
