// Files that cannot be read: what is said, and where; and what each grammar takes all the same.
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseOverrides } from "../../src/config/overrides.ts";
import { SourceProblem } from "../../src/migrate/directive.ts";
import { type ForeignFormat, migrateFiles } from "../../src/migrate/migrate.ts";
import { issuesOf } from "../config/text.ts";
import { CORPUS, SPEAKER } from "./corpus.ts";

function migrateText(format: ForeignFormat, text: string): string {
  const flags = { overrides: parseOverrides({}).values, speaker: SPEAKER };
  return migrateFiles(format, [{ name: "f", text }], flags).yaml;
}

function problemOf(format: ForeignFormat, text: string): string {
  try {
    migrateText(format, text);
    return "";
  } catch (error) {
    if (!(error instanceof SourceProblem)) throw error;
    return `${error.place.line}:${error.place.column}: ${error.message}`;
  }
}

const PROBLEMS: readonly (readonly [ForeignFormat, string, string])[] = [
  ["exabgp", "neighbor 192.0.2.1 {\n  peer-as 1\n}\n", "2:3: peer-as is not ended by a ;"],
  ["exabgp", "neighbor 192.0.2.1 {\n  peer-as 1;\n", "1:20: a { is not closed"],
  ["exabgp", "neighbor 192.0.2.1 {\n}\n}\n", "3:1: a } closes nothing"],
  ["exabgp", 'process a {\n  run x "y;\n}\n', '2:9: a " is not closed'],
  ["exabgp", "process a { run exabgp healthcheck --ip; }", "1:36: --ip has no value behind it"],
  ["exabgp", "process a { run exabgp healthcheck 1; }", '1:36: "1" is no option of healthcheck'],
  ["exabgp", "process a {\n  run \u200bx;\n}\n", "2:7: has U+200B, zero width space"],
  ["exabgp", "ip = 192.0.2.1\n??\n", "2:1: must be an option: its name, and = VALUE where it has one"],
  ["exabgp", "{", "1:1: a { has no name before it"],
  ["exabgp", "a {".repeat(30), "1:64: is nested deeper than 20 blocks"],
  ["anycast-healthchecker", "ip_prefix = 192.0.2.1\n", "1:1: ip_prefix stands before the first section"],
  ["anycast-healthchecker", "[a]\nip_prefix\n", "2:1: must be NAME = VALUE"],
  ["anycast-healthchecker", "[a\n", "1:1: a section must be [NAME], alone in its line"],
  ["anycast-healthchecker", "[a]\ncheck_cmd = /bin/a 'b\n", "2:13: check_cmd: a quote is not closed"],
  [
    "anycast-healthchecker",
    "[a]\ncheck_cmd = /bin/%(x)s\n",
    "2:13: has a %(name)s, for which migrate puts nothing in: write it out",
  ],
  [
    "keepalived",
    "virtual_server 192.0.2.1 80 {\n  real_server {\n  }\n}\n",
    "2:3: real_server: has no address",
  ],
  ["keepalived", "virtual_server 192.0.2.1 80 {\n", "1:29: a { is not closed"],
  ["keepalived", "}\n", "1:1: a } closes nothing"],
  ["keepalived", 'virtual_server 192.0.2.1 80 {\n  quorum_up "x\n}\n', '2:13: a " is not closed'],
  ["keepalived", "virtual_server {\n}\n", "1:1: virtual_server: has no address"],
  ["keepalived", "\n{\n}\n", "2:1: a { has no name before it"],
  [
    "keepalived",
    "virtual_server group x {\n}\n",
    "1:1: virtual_server group x: there is no such virtual_server_group",
  ],
  [
    "keepalived",
    "virtual_server 192.0.2.1 80 {\n real_server 192.0.2.2 80 {\n  MISC_CHECK {\n  }\n }\n}\n",
    "3:3: MISC_CHECK: has no misc_path",
  ],
];

Deno.test("migrateFiles() says what is wrong in a file that cannot be read, with line and column", () => {
  for (const [format, text, problem] of PROBLEMS) assert.equal(problemOf(format, text), problem, text);
});

Deno.test("migrateFiles() reads a group of neighbors, with what the group and a template have for each", () => {
  const yaml = migrateText(
    "exabgp",
    `template { neighbor t { hold-time 30; peer-as 1; } }
     group g { peer-as 2; local-as 9; neighbor 192.0.2.7 { peer-as 3; inherit t; } neighbor 192.0.2.8 { passive; } }`,
  );
  const shown = yaml.slice(
    yaml.indexOf("    - address: 192.0.2.7"),
    yaml.indexOf("    - address: 192.0.2.1\n"),
  );
  assert.equal(
    shown,
    "    - address: 192.0.2.7\n      as: 3\n      holdTime: 30s\n" +
      "    - address: 192.0.2.8\n      as: 2\n      passive: true\n",
  );
});

Deno.test("migrateFiles() takes a file of options that is named in another folder for the one of that name", () => {
  const flags = { overrides: parseOverrides({}).values, speaker: SPEAKER };
  const { yaml } = migrateFiles("exabgp", [
    { name: "a/e.conf", text: "process p {\n  run exabgp healthcheck --config /etc/exabgp/o.conf;\n}\n" },
    { name: "a/o.conf", text: "ip = 198.51.100.1\nname = of-the-file\n" },
  ], flags);
  assert.match(yaml, /- name: of-the-file\n {4}addresses: \[ 198.51.100.1 \]/);
});

Deno.test("migrateFiles() takes a service of anycast-healthchecker for off that does not say check_disabled, as it does", () => {
  const yaml = migrateText(
    "anycast-healthchecker",
    "[a]\nip_prefix = 198.51.100.1/32\ncheck_cmd = /bin/true\n",
  );
  assert.match(
    yaml,
    /line 1: check_disabled: is not given, and true by default: so it was not checked\n {4}enabled: false/,
  );
});

Deno.test("migrateFiles() refuses what would become more than anybody has", () => {
  const ranges = Array.from({ length: 250 }, (_, index) => `10.${index}.0.0/24 80`).join("\n");
  const marks = Array.from({ length: 5000 }, (_, index) => `fwmark ${index + 1}`).join("\n");
  const reals = Array.from({ length: 50 }, (_, index) => `real_server 192.0.2.${index} 80 {\n}`).join("\n");
  const server = `virtual_server group g {\n${reals}\n}\n`;
  for (const entries of [ranges, marks]) {
    assert.match(
      problemOf("keepalived", `virtual_server_group g {\n${entries}\n}\n${server}`),
      /: (is one of more than 50000 addresses|virtual_server: is too much): migrate it in parts$/,
    );
  }
  const lines = (line: string) => `${line}\n`.repeat(20_001);
  assert.equal(problemOf("exabgp", lines("debug")), "20001:1: is more than 20000 directives");
  assert.match(problemOf("exabgp", "ip = 192.0.2.1\n".repeat(1025)), /^1:1: has more than 1024 addresses/);
});

Deno.test("migrateFiles() writes out the addresses of a network that is to be deaggregated", () => {
  const yaml = migrateText("exabgp", "ip = 198.51.100.4/30\ndeaggregate-networks\nincrease = 0\nno-syslog\n");
  assert.match(yaml, /addresses: \[ 198.51.100.4, 198.51.100.5, 198.51.100.6, 198.51.100.7 \]/);
});

const splice = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  drop: fc.nat(40),
  insert: fc.oneof(
    fc.constantFrom(
      "",
      "{",
      "}",
      "\n",
      ";",
      "[",
      "]",
      "=",
      '"',
      "'",
      "#",
      " - ",
      "$VIP ",
      "\\",
      "%",
      "fwmark ",
      "0",
    ),
    fc.string({ maxLength: 6, unit: "binary" }),
  ),
});

Deno.test("migrateFiles() of texts that were cut and glued gives YAML or a problem with its place, never a throw", () => {
  const texts = CORPUS.flatMap(({ format, files }) => files.map(({ text }) => ({ format, text })));
  const flags = { overrides: parseOverrides({}).values, speaker: SPEAKER };
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.array(splice, { minLength: 1, maxLength: 4 }),
      ({ format, text }, cuts) => {
        const cut = cuts.reduce((all, { at, drop, insert }) => {
          const place = Math.floor(at * all.length);
          return all.slice(0, place) + insert + all.slice(place + drop);
        }, text);
        let yaml;
        try {
          yaml = migrateFiles(format, [{ name: "f", text: cut }], flags).yaml;
        } catch (error) {
          if (!(error instanceof SourceProblem)) throw error;
          const lines = cut.split("\n");
          assert.ok(error.place.line >= 1 && error.place.line <= lines.length);
          assert.ok(
            error.place.column >= 1 && error.place.column <= (lines[error.place.line - 1]?.length ?? 0) + 2,
          );
          return;
        }
        for (const line of issuesOf(yaml)) assert.doesNotMatch(line, /YAML|character|is given twice/, cut);
      },
    ),
    { seed: 9, numRuns: 150 },
  );
});

Deno.test("migrateFiles() has the keys of a neighbor that peers have, and capabilities that are turned off", () => {
  const yaml = migrateText(
    "exabgp",
    `neighbor 192.0.2.7 { peer-as 3; local-as 9; }
     neighbor 192.0.2.8 {
       peer-as 3; local-as 8; source-interface eth1; incoming-ttl 254;
       capability { route-refresh disable; extended-message enable; nexthop false; }
     }`,
  );
  const shown = yaml.slice(
    yaml.indexOf("    - address: 192.0.2.8"),
    yaml.indexOf("    - address: 192.0.2.1\n"),
  );
  assert.equal(
    shown,
    "    - address: 192.0.2.8\n      as: 3\n      interface: eth1\n      ttlSecurity: 2\n" +
      "      # line 4: extended-message: is always so here\n" +
      "      capabilities:\n        routeRefresh: false\n        extendedNextHop: false\n      localAS: 8\n",
  );
});
