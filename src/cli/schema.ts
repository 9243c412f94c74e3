/** `bgp-lb schema`: JSON Schema of the configuration file, for editors. */
import { jsonSchema } from "../config/schema/json_schema.ts";
import type { FilePorts } from "./file_ports.ts";
import { ExitStatus } from "./exit_status.ts";

/** Prints the schema; resolves to 0. */
export function schema(ports: Pick<FilePorts, "stdout">): Promise<number> {
  ports.stdout(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  return Promise.resolve(ExitStatus.OK);
}
