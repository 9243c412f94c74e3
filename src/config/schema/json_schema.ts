/** JSON Schema (draft 2020-12) of the configuration file, made of the schema that checks it. */
import * as z from "zod";
import { fileSchema } from "./schema.ts";

/** The schema of what people write: before texts become addresses and durations. */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(fileSchema, { io: "input" });
  return { $schema, title: "bgp-lb configuration", ...rest };
}
