/** `bgp-lb migrate FILE`: the reference's file in our format, meaning exactly the same. */
import { formatIssue } from "../config/issue.ts";
import { parseConfig, readText, unreadable } from "../config/load.ts";
import { migrateReference } from "../config/migrate.ts";
import { type Overrides, parseOverrides } from "../config/overrides.ts";
import { ExitStatus } from "./exit_status.ts";
import { fileArgument, type FilePorts } from "./file_ports.ts";

/** Arguments of `bgp-lb migrate`. */
export interface MigrateArguments {
  /** A path, or `-` for standard input. */
  readonly file: string;
  /** The flags that the reference was run with: they become part of the file. */
  readonly overrides?: Overrides;
}

/** Prints the file in our format; resolves to 0, or to 2 where it is not a valid file of the reference's. */
export async function migrate({ file, overrides = {} }: MigrateArguments, ports: FilePorts): Promise<number> {
  const refuse = (lines: readonly string[]) => {
    for (const line of lines) ports.stderr(`${line}\n`);
    return ExitStatus.USAGE;
  };
  const { name, readFile } = await fileArgument(file, ports);
  const read = readText(name, readFile);
  if ("problem" in read) return refuse([formatIssue(unreadable(name, read))]);
  const noSecrets = () => {
    throw new Error("is not read by migrate");
  };
  const result = parseConfig(read.text, { fileName: name, readSecretFile: noSecrets, overrides });
  if (result.format === "bgp-lb") {
    return refuse([`${name}: is in the format of bgp-lb already: it has no service`]);
  }
  if (!result.ok) return refuse(result.issues.map(formatIssue));
  for (const warning of result.warnings) ports.stderr(`${formatIssue(warning)}\n`);
  ports.stdout(migrateReference(read.text, parseOverrides(overrides).values));
  return ExitStatus.OK;
}
