// What becomes of files of other programs: the file of ours, and what is told of what it lacks.
import assert from "node:assert/strict";
import { issuesOf, parse } from "../config/text.ts";
import { CORPUS, migrated } from "./corpus.ts";

for (const one of CORPUS) {
  Deno.test(`migrateFiles() of ${one.format}: the file, and what it lacks (CONTRACT bgp-lb migrate)`, () => {
    const { yaml, told } = migrated(one);
    const golden = (kind: string) =>
      Deno.readTextFileSync(`tests/golden/migrate/${one.format}.${kind}.golden`);
    assert.equal(yaml, golden("yaml"));
    assert.equal(told, golden("told"));
  });
}

Deno.test("migrateFiles() gives files that check accepts, but for what nobody can know", () => {
  const refused = CORPUS.map((one) => {
    const { yaml } = migrated(one);
    return parse(yaml).ok ? [] : issuesOf(yaml).filter((line) => !line.includes("warning:"))
      .map((line) => line.replace(/^\d+:\d+: /, ""));
  });
  assert.deepEqual(refused, [
    [],
    [],
    [
      'services[4].addresses[0]: must be an IPv4 or IPv6 address: nothing is put in for variables (got "$VIP")',
      'services[5].addresses[0]: must be an IPv4 or IPv6 address (got "FILL-IN")',
    ],
  ]);
});

Deno.test("migrateFiles() leaves what nobody said to be filled in, where check points at it", () => {
  const [, anycast] = CORPUS;
  assert.ok(anycast !== undefined);
  const { yaml } = migrated({ ...anycast, speaker: {} });
  const lines = yaml.split("\n");
  const places = issuesOf(yaml).map((line) => {
    const [, number, what] = /^(\d+):\d+: (\S+): /.exec(line) ?? [];
    return [what, lines[Number(number) - 2]?.trim().slice(0, 10)];
  });
  assert.deepEqual(places, [
    ["bgp.local.routerID", "# Fill in:"],
    ["bgp.local.as", "# Fill in:"],
    ["bgp.peers[0].address", "# Fill in:"],
    ["bgp.peers[0].as", "# Fill in:"],
  ]);
});
