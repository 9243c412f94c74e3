/** The schemas of the kinds of checks: each is built where a check of its kind is read, and no other. */
import assert from "node:assert/strict";
import { checkSchema, destinationCheckSchema } from "../../src/config/checks/kinds.ts";

for (const [name, schema] of Object.entries({ checkSchema, destinationCheckSchema })) {
  Deno.test(`${name}() builds the schema of a kind where a check is of that kind`, () => {
    let built = 0;
    for (const { _zod: { def } } of schema().options) {
      const { getter } = def;
      const counted = () => (built++, getter());
      Object.assign(def, { getter: counted });
    }
    const check = { type: "file", path: "/run/maintenance" };
    assert.equal(schema().safeParse({ ...check, type: "of no kind" }).success, false);
    assert.equal(built, 0);
    assert.equal(schema().safeParse(check).success, true);
    assert.equal(schema().safeParse(check).success, true);
    assert.equal(built, 1);
  });
}
