// Files of other programs, written after their documentation, that use every directive which they have.
import { formatIssue } from "../../src/config/issue.ts";
import { parseOverrides } from "../../src/config/overrides.ts";
import type { SourceFile } from "../../src/migrate/directive.ts";
import type { SpeakerFlags } from "../../src/migrate/file.ts";
import { type ForeignFormat, migrateFiles } from "../../src/migrate/migrate.ts";

/** Files of one configuration. */
export interface CorpusCase {
  readonly format: ForeignFormat;
  readonly files: readonly SourceFile[];
  readonly speaker: SpeakerFlags;
}

const FOLDER = "tests/golden/migrate";

function source(name: string, as = name): SourceFile {
  return { name: as, text: Deno.readTextFileSync(`${FOLDER}/${name}`) };
}

/** What the command line says where the file says nothing of BGP. */
export const SPEAKER: SpeakerFlags = {
  routerID: "192.0.2.10",
  localAS: "64512",
  peers: "192.0.2.1,192.0.2.2",
  peerAS: "64500",
};

/** One for each format. */
export const CORPUS: readonly CorpusCase[] = [
  {
    format: "exabgp",
    files: [source("exabgp.conf"), source("exabgp-dns.conf", "/etc/exabgp/dns.conf")],
    speaker: {},
  },
  {
    format: "anycast-healthchecker",
    files: [source("anycast-healthchecker.conf"), source("anycast-services.conf")],
    speaker: SPEAKER,
  },
  { format: "keepalived", files: [source("keepalived.conf")], speaker: SPEAKER },
];

/** The answer on stdout, and the lines on stderr. */
export function migrated(
  { format, files, speaker }: CorpusCase,
): { readonly yaml: string; readonly told: string } {
  const { yaml, remarks } = migrateFiles(format, files, { overrides: parseOverrides({}).values, speaker });
  const lines = remarks.map(({ place: { file, ...position }, text }) =>
    `${formatIssue({ severity: "warning", file, position, path: [], message: text })}\n`
  );
  return { yaml, told: lines.join("") };
}
