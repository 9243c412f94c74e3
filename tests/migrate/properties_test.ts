// Whatever a file of theirs has of what has an equivalent, the answer is a valid file of ours.
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseOverrides } from "../../src/config/overrides.ts";
import { type ForeignFormat, migrateFiles } from "../../src/migrate/migrate.ts";
import { issuesOf, parse } from "../config/text.ts";
import { ANYCAST_FILE, KEEPALIVED_FILE, OPTION_FILE } from "./arbitrary.ts";
import { SPEAKER } from "./corpus.ts";

const FAMILIES: readonly (readonly [ForeignFormat, fc.Arbitrary<string>])[] = [
  ["exabgp", OPTION_FILE],
  ["anycast-healthchecker", ANYCAST_FILE],
  ["keepalived", KEEPALIVED_FILE],
];

for (const [format, texts] of FAMILIES) {
  Deno.test(`migrateFiles() of ${format} passes check for any file of what has an equivalent`, () => {
    const flags = { overrides: parseOverrides({ logLevel: "debug" }).values, speaker: SPEAKER };
    fc.assert(
      fc.property(texts, (text) => {
        const { yaml } = migrateFiles(format, [{ name: "f", text }], flags);
        assert.ok(parse(yaml).ok, `${text}\n${issuesOf(yaml).join("\n")}\n${yaml}`);
      }),
      { seed: 9, numRuns: 60 },
    );
  });
}
