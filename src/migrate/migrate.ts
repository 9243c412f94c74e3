/** Files of other programs as one of ours. */
import type { OverrideValues } from "../config/overrides.ts";
import { migrateAnycastHealthchecker } from "./anycast_healthchecker.ts";
import { type SourceFile, SourceProblem } from "./directive.ts";
import { migrateExabgp } from "./exabgp.ts";
import { migratedFile, type MigratedParts, type SpeakerFlags } from "./file.ts";
import type { SourceFormat } from "./format.ts";
import { migrateKeepalived } from "./keepalived.ts";
import type { Remark } from "./section.ts";

/** What the command line says of a migrated file. */
export interface MigrationFlags {
  readonly overrides: OverrideValues;
  readonly speaker: SpeakerFlags;
}

/** A file of ours, and what it lacks of the source, in the source's order. */
export interface Migration {
  readonly yaml: string;
  readonly remarks: readonly Remark[];
}

/** Formats of other programs than the reference. */
export type ForeignFormat = Exclude<SourceFormat, "reference">;

/** The files, all of one configuration, in our format. @throws {SourceProblem} where one cannot be read */
export function migrateFiles(
  format: ForeignFormat,
  files: readonly SourceFile[],
  { overrides, speaker }: MigrationFlags,
): Migration {
  const parts = partsOf(format, files, speaker);
  if (parts.services.length === 0 && parts.speaker.peers.length === 0) {
    const place = { file: files[0]?.name ?? "", line: 1, column: 1 };
    throw new SourceProblem(place, `has no service of ${format} in it`);
  }
  const file = migratedFile({ ...parts, flags: overrides, speakerFlags: speaker });
  const order = files.map(({ name }) => name);
  const told = new Map(file.remarks.map((remark) => [JSON.stringify([remark.place, remark.text]), remark]));
  const remarks = [...told.values()].sort(({ place: a }, { place: b }) =>
    order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line || a.column - b.column
  );
  return { yaml: file.toYaml(files.length > 1), remarks };
}

function partsOf(
  format: ForeignFormat,
  files: readonly SourceFile[],
  speaker: SpeakerFlags,
): MigratedParts {
  switch (format) {
    case "exabgp":
      return migrateExabgp(files, speaker);
    case "anycast-healthchecker":
      return migrateAnycastHealthchecker(files);
    case "keepalived":
      return migrateKeepalived(files);
    default:
      return format satisfies never;
  }
}
