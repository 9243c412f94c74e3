/** JSON Schema (draft 2020-12) of the configuration file, made of the schema that checks it. */
import * as z from "zod";
import { CAN_BE_OFF, CAN_BE_ONE, CAN_BE_WORD } from "../values/rules.ts";
import { fileSchema } from "./schema.ts";

/** The schema of what people write: before texts become addresses and durations. */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(fileSchema(), {
    io: "input",
    override({ jsonSchema }) {
      allowOff(jsonSchema);
      allowWord(jsonSchema);
      allowOne(jsonSchema);
    },
  });
  return { $schema, title: "bgp-lb configuration", ...rest };
}

/** Where a part can be off, the words for it stand beside the part. */
function allowOff(schema: Record<string, unknown>): void {
  if (schema[CAN_BE_OFF] !== true) return;
  const { [CAN_BE_OFF]: _mark, description, ...part } = schema;
  for (const key of Object.keys(schema)) delete schema[key];
  Object.assign(schema, { description, anyOf: [{ enum: ["off", false] }, part] });
}

/** Where a word may stand in place of a part, it stands beside the part. */
function allowWord(schema: Record<string, unknown>): void {
  const { [CAN_BE_WORD]: word, description, ...part } = schema;
  if (word === undefined) return;
  for (const key of Object.keys(schema)) delete schema[key];
  Object.assign(schema, { description, anyOf: [{ const: word }, part] });
}

/** Where one may stand for a list of one, it stands beside the list. */
function allowOne(schema: Record<string, unknown>): void {
  if (schema[CAN_BE_ONE] !== true) return;
  const { [CAN_BE_ONE]: _mark, description, ...list } = schema;
  for (const key of Object.keys(schema)) delete schema[key];
  Object.assign(schema, { description, anyOf: [list["items"], list] });
}
