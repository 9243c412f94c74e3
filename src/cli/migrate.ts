/** `bgp-lb migrate FILE...`: files of the reference, ExaBGP, anycast-healthchecker or keepalived in our format. */
import { formatIssue, type Issue } from "../config/issue.ts";
import { loadText, parseConfig, readText, unreadable } from "../config/load.ts";
import { type Overrides, parseOverrides } from "../config/overrides.ts";
import { type SourceFile, SourceProblem } from "../migrate/directive.ts";
import type { SpeakerFlags } from "../migrate/file.ts";
import { FORMATS, formatsOf, type SourceFormat } from "../migrate/format.ts";
import { type ForeignFormat, migrateFiles, type Migration, type MigrationFlags } from "../migrate/migrate.ts";
import { migrateReference } from "../migrate/reference.ts";
import { nearest } from "../text/nearest.ts";
import type { Parsed } from "../text/parsed.ts";
import { ExitStatus } from "./exit_status.ts";
import { fileArgument, type FilePorts } from "./file_ports.ts";

/** Arguments of `bgp-lb migrate`. */
export interface MigrateArguments {
  /** Paths, or `-` for standard input; several are of one configuration. */
  readonly files: readonly string[];
  /** Whose format it is; undefined: told by what is in the files. */
  readonly from?: string | undefined;
  /** The flags that the reference was run with: they become part of the file, whosever it is. */
  readonly overrides?: Overrides;
  /** What the source does not say of BGP. */
  readonly speaker?: SpeakerFlags;
}

const OUTPUT_NAME = "<output>";

/**
 * Prints the files in our format, and on stderr what it lacks of them; resolves to 0, or to 2 where they cannot be read or
 * are of no format that is known.
 */
export async function migrate(
  { files, from, overrides = {}, speaker = {} }: MigrateArguments,
  ports: FilePorts,
): Promise<number> {
  const refuse = (lines: readonly string[]) => {
    for (const line of lines) ports.stderr(`${line}\n`);
    return ExitStatus.USAGE;
  };
  const sources: SourceFile[] = [];
  for (const file of files) {
    const { name, readFile } = await fileArgument(file, ports);
    const read = readText(name, readFile);
    if ("problem" in read) return refuse([formatIssue(unreadable(name, read))]);
    sources.push({ name, text: read.text });
  }
  const format = formatOf(sources, from);
  if ("problem" in format) return refuse([format.problem]);
  const flags = parseOverrides(overrides);
  if (flags.issues.length > 0) return refuse(flags.issues.map(formatIssue));
  if (format.value === "reference") {
    const [source, another] = sources;
    if (another !== undefined) return refuse([`${another.name}: the reference has one file`]);
    return source === undefined ? ExitStatus.USAGE : migrateReferenceFile(source, overrides, ports);
  }
  const migration = migrated(format.value, sources, { overrides: flags.values, speaker });
  if ("severity" in migration) return refuse([formatIssue(migration)]);
  for (const { place: { file, ...position }, text } of migration.remarks) {
    ports.stderr(`${formatIssue({ severity: "warning", file, position, path: [], message: text })}\n`);
  }
  for (const line of await problemsOf(migration.yaml)) ports.stderr(`${line}\n`);
  ports.stdout(migration.yaml);
  return ExitStatus.OK;
}

function migrateReferenceFile({ name, text }: SourceFile, overrides: Overrides, ports: FilePorts): number {
  const noSecrets = () => {
    throw new Error("is not read by migrate");
  };
  const result = parseConfig(text, { fileName: name, readSecretFile: noSecrets, overrides });
  if (result.format === "bgp-lb") {
    ports.stderr(`${ours(name)}\n`);
    return ExitStatus.USAGE;
  }
  if (!result.ok) {
    for (const issue of result.issues) ports.stderr(`${formatIssue(issue)}\n`);
    return ExitStatus.USAGE;
  }
  for (const warning of result.warnings) ports.stderr(`${formatIssue(warning)}\n`);
  ports.stdout(migrateReference(text, parseOverrides(overrides).values));
  return ExitStatus.OK;
}

function ours(name: string): string {
  return `${name}: is in the format of bgp-lb already: it has no service`;
}

/** The one that was named, or that all of the files are in. */
function formatOf(files: readonly SourceFile[], from: string | undefined): Parsed<SourceFormat> {
  if (from !== undefined) {
    const named = FORMATS.find((format) => format === from);
    if (named !== undefined) return { value: named };
    const guess = nearest(from, FORMATS);
    const cure = guess === undefined ? "" : `, did you mean ${guess}?`;
    return {
      problem: `error: --from must be one of ${FORMATS.join(", ")}${cure} (got ${JSON.stringify(from)})`,
    };
  }
  const told = files.map((file) => ({ file, formats: formatsOf(file) }));
  for (const { file: { name }, formats } of told) {
    const [only, another] = formats;
    if (only === "bgp-lb") {
      return { problem: ours(name) };
    }
    if (only === undefined) {
      return {
        problem: `${name}: is of no format that is known by its content: say --from ${FORMATS.join("|")}`,
      };
    }
    if (another !== undefined) {
      return { problem: `${name}: could be of ${formats.join(" or ")}: say which by --from` };
    }
  }
  const [first, ...rest] = told.map(({ formats: [format] }) => format);
  const other = rest.find((format) => format !== first);
  if (first === undefined || first === "bgp-lb") return { problem: "error: no file is named" };
  return other === undefined ? { value: first } : {
    problem: `error: the files are of ${first} and ${other}: name files of one configuration, or say --from`,
  };
}

function migrated(
  format: ForeignFormat,
  files: readonly SourceFile[],
  flags: MigrationFlags,
): Migration | Issue {
  try {
    return migrateFiles(format, files, flags);
  } catch (error) {
    if (!(error instanceof SourceProblem)) throw error;
    const { place: { file, ...position }, message } = error;
    return { severity: "error", file, position, path: [], message };
  }
}

/** What `bgp-lb check` will say of the answer. */
async function problemsOf(yaml: string): Promise<readonly string[]> {
  const noFiles = () => {
    throw new Error("is not read by migrate");
  };
  const result = await loadText({ name: OUTPUT_NAME, text: yaml }, noFiles);
  if (result.ok) return result.warnings.map(formatIssue);
  return ["bgp-lb check will refuse it until this is put right:", ...result.issues.map(formatIssue)];
}
