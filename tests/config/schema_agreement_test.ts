// `bgp-lb schema` and `bgp-lb check` accept the same: valid files by chance, and files with one value replaced by another.
import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { jsonSchema } from "../../src/config/schema/json_schema.ts";
import { VALID_FILES } from "./arbitrary.ts";
import { issuesOf } from "./text.ts";

const SEED = 2;

function schemaValidator() {
  return new Ajv2020({ strict: false }).compile(jsonSchema());
}

function problemsOf(file: unknown): readonly string[] {
  return issuesOf(JSON.stringify(file)).filter((issue) => !issue.includes(": warning: "));
}

Deno.test("schema accepts every file that check accepts (CONTRACT bgp-lb schema)", () => {
  const validate = schemaValidator();
  for (const file of VALID_FILES) {
    assert.deepEqual(problemsOf(file), []);
    assert.ok(validate(file), JSON.stringify(validate.errors));
  }
});

type Step = string | number;

function* pathsIn(value: unknown, path: readonly Step[] = []): Generator<readonly Step[]> {
  if (path.length > 0) yield path;
  const entries = Array.isArray(value) ? value.entries() : Object.entries(isObject(value) ? value : {});
  for (const [key, below] of entries) yield* pathsIn(below, [...path, key]);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** A copy of `file` with another value at `path`; undefined removes it. */
function changed(file: unknown, [step, ...rest]: readonly Step[], value: unknown): unknown {
  if (step === undefined) return value;
  if (Array.isArray(file)) {
    return file.map((item, index) => index === step ? changed(item, rest, value) : item);
  }
  const entries = Object.entries(isObject(file) ? file : {}).map(([key, item]) =>
    [key, key === step ? changed(item, rest, value) : item] as const
  );
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** Values that mean something to few keys. */
const STRANGE: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  "off",
  -1,
  0,
  1.5,
  99_999_999_999,
  "",
  " ",
  "no such thing!",
  "1m30s",
  "1m 30s",
  "1d",
  "-5s",
  "10.0.0.300",
  "10.9.8.7",
  "10.9.8.7/33",
  "fe80::1",
  "fe80::1%eth0",
  "2001:db8:9::1",
  "1:::2",
  "65512:1",
  "65536:1",
  "1:2:3",
  ":80",
  ":080",
  "/a/b",
  [],
  {},
  [[]],
  { "unknown key": 1 },
];

/** Rules between keys, about this host, or about what a text means: check alone knows them. */
const ONLY_CHECK =
  /is the same |is an address of|is this host's own|must be shorter than|has no meaning with a hold|must be of the peer's family|needs (a port|an IPv|protocol udp|scheme|bgp)|the service's (flag|rr|wrr|l|wl|dh|sh|sed|nq|fo|ovf|mh)|cannot be gained|can never be gained|must not be more than upperThreshold|would never be used|has no effect with scheduler|gives the same destination|of the same family as|a destination$|with the destination's address behind|is listed twice|is not the name of a peer|must not be longer than the interval|must be the service's port|is IPv[46], but|nobody would connect|is the address of peer|names a file|for a link-local|is one that it probes|must not be a (service|link-local) address|has no meaning with (invert|via)|is no port of the service|cannot be set here|is the same field as|has no effect without localRole|is for eBGP alone|auto needs interface|is the same as that of key|has no meaning with address/;
/** The bounds of durations with units. */
const BOUNDS = /must be (a duration|0, or)/;

Deno.test("schema and check agree on any one value that is replaced or removed (CONTRACT bgp-lb schema)", () => {
  const validate = schemaValidator();
  let refused = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...VALID_FILES),
      fc.nat(),
      fc.constantFrom(...STRANGE),
      (file, choice, value) => {
        const paths = [...pathsIn(file)];
        const path = paths[choice % paths.length] ?? assert.fail();
        const broken = changed(file, path, value);
        const problems = problemsOf(broken);
        const says = `${path.join(".")} = ${JSON.stringify(value)}: check says ${JSON.stringify(problems)}`;
        if (problems.length === 0) {
          assert.ok(validate(broken), `${says}, schema ${JSON.stringify(validate.errors)}`);
          return;
        }
        const own = problems.filter((problem) =>
          ONLY_CHECK.test(problem) || (value === "1m30s" && BOUNDS.test(problem))
        );
        if (own.length === problems.length) return;
        refused++;
        assert.ok(!validate(broken), says);
      },
    ),
    { seed: SEED, numRuns: 1000, endOnFailure: true },
  );
  assert.ok(refused > 300, `${refused} files were refused by both`);
});
