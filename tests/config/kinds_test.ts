/** The schemas of the kinds of checks: each is built where a check of its kind is read, and no other. */
import assert from "node:assert/strict";
import * as z from "zod";
import { checkSchema, destinationCheckSchema, schemaOfKind } from "../../src/config/checks/kinds.ts";

Deno.test("schemaOfKind() is built where a check is of that kind, once", () => {
  const built: string[] = [];
  const kind = (type: string) =>
    schemaOfKind(type, () => (built.push(type), z.strictObject({ type: z.literal(type) })));
  const schema = z.discriminatedUnion("type", [kind("file"), kind("exec")]);
  assert.equal(schema.safeParse({ type: "of no kind" }).success, false);
  assert.deepEqual(built, []);
  assert.equal(schema.safeParse({ type: "exec" }).success, true);
  assert.equal(schema.safeParse({ type: "exec" }).success, true);
  assert.deepEqual(built, ["exec"]);
});

for (const [name, schema] of Object.entries({ checkSchema, destinationCheckSchema })) {
  Deno.test(`${name}() has kinds that are built so alone`, () => {
    for (const kind of schema().options) assert.ok(kind instanceof z.ZodLazy);
  });
}
