// Every rule of the file with its exact message and place: tests/golden/config/problems.txt holds the cases.
import assert from "node:assert/strict";
import { issuesOf } from "./text.ts";

interface Case {
  readonly section: string;
  readonly title: string;
  readonly input: string;
  readonly expected: readonly string[];
}

const PEER = "{address: 10.0.0.254, as: 65512}";
const SERVICE = "{name: web, addresses: [10.99.0.1]}";
const LOCAL = "routerID: 10.0.0.1, as: 65512";

/** A whole file around the part that a section's cases give. */
const FRAMES: Readonly<Record<string, (part: string) => string>> = {
  file: (text) => `${text}\n`,
  top: (lines) => `${lines}\n${file({})}`,
  local: (local) => file({ local }),
  peer: (options) => file({ peers: `\n    - ${PEER.replace("}", "")}, ${options}}` }),
  peers: (peers) => file({ peers: `\n    - ${peers}` }),
  service: (line) => file({ services: `- name: web\n    addresses: [10.99.0.1]\n    ${line}` }),
  services: (services) => file({ services: `- ${services}` }),
};

function file({ local = LOCAL, peers = ` [${PEER}]`, services = `- ${SERVICE}` }): string {
  return `bgp:\n  local: {${local}}\n  peers:${peers}\nservices:\n  ${services}\n`;
}

/** `=== SECTION`, then cases: `--- TITLE`, the input, and `! LINE:COLUMN: …` for each expected issue. */
function readCases(text: string): readonly Case[] {
  return text.split(/^=== /m).slice(1).flatMap((block) => {
    const [section = "", ...rest] = block.split("\n");
    return rest.join("\n").split(/^---/m).slice(1).map((item) => {
      const [title = "", ...lines] = item.trimEnd().split("\n");
      const expected = lines.filter((line) => line.startsWith("! ")).map((line) => line.slice(2));
      const input = lines.filter((line) => !line.startsWith("! ")).join("\n");
      return { section, title: title.trim() || input, input, expected };
    });
  });
}

const cases = readCases(Deno.readTextFileSync("tests/golden/config/problems.txt"));

Deno.test("problems.txt has cases in every section, each with an expected issue", () => {
  assert.ok(cases.length > 200, `found ${cases.length}`);
  assert.deepEqual(new Set(cases.map(({ section }) => section)), new Set(Object.keys(FRAMES)));
  assert.deepEqual(cases.filter(({ expected }) => expected.length === 0), []);
});

for (const section of Object.keys(FRAMES)) {
  Deno.test(`parseConfig() says what is wrong, and where: ${section} (CONTRACT Configuration file)`, () => {
    for (const { title, input, expected } of cases.filter((one) => one.section === section)) {
      assert.deepEqual(issuesOf(FRAMES[section]?.(input) ?? ""), expected, title);
    }
  });
}
