// AS_PATH and what AS4_PATH makes of it (RFC 4271 section 4.3, RFC 6793 section 4.2.3).
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  as4PathFor,
  type AsPathSegment,
  asSequence,
  checkAsPath,
  decodeAsPath,
  encodeAsPath,
  mergeAs4Path,
} from "../../../src/bgp/wire/as_path.ts";
import { decodeMessage, encodeMessage } from "../../../src/bgp/wire/message.ts";
import { codecContext, fromHex, toHex, update, updateBytes } from "./support.ts";
import { address } from "../../support/bgp.ts";

const seq = (...ases: readonly number[]): AsPathSegment => ({ type: 2, ases });
const set = (...ases: readonly number[]): AsPathSegment => ({ type: 1, ases });
const confed = (...ases: readonly number[]): AsPathSegment => ({ type: 3, ases });
const T = 23456;
const BIG = 4_200_000_000;

interface Row {
  readonly name: string;
  readonly path: readonly AsPathSegment[];
  readonly as4: readonly AsPathSegment[];
  readonly whole: readonly AsPathSegment[];
}

const MERGES: readonly Row[] = [
  { name: "of equal length takes AS4_PATH", path: [seq(T, 2)], as4: [seq(BIG, 2)], whole: [seq(BIG, 2)] },
  { name: "keeps what is in front", path: [seq(1, 2, T, 4)], as4: [seq(BIG, 4)], whole: [seq(1, 2, BIG, 4)] },
  {
    name: "takes AS_PATH alone where AS4_PATH is longer",
    path: [seq(T)],
    as4: [seq(BIG, 2)],
    whole: [seq(T)],
  },
  { name: "of nothing is nothing", path: [], as4: [], whole: [] },
  { name: "with an empty AS4_PATH is AS_PATH", path: [seq(1, 2)], as4: [], whole: [seq(1, 2)] },
  {
    name: "counts a set as one",
    path: [seq(1), set(5, 6), seq(T)],
    as4: [seq(BIG)],
    whole: [seq(1), set(5, 6), seq(BIG)],
  },
  {
    name: "keeps a set whole in front",
    path: [set(5, 6), seq(T, 7)],
    as4: [seq(BIG, 7)],
    whole: [set(5, 6), seq(BIG, 7)],
  },
  {
    name: "cuts within a segment",
    path: [seq(1, 2), seq(3, T)],
    as4: [seq(BIG)],
    whole: [seq(1, 2), seq(3, BIG)],
  },
  {
    name: "does not count confederation segments, and keeps those in front",
    path: [confed(9), seq(1, T)],
    as4: [seq(BIG)],
    whole: [confed(9), seq(1, BIG)],
  },
  {
    name: "drops confederation segments of AS4_PATH",
    path: [seq(T)],
    as4: [confed(9), seq(BIG)],
    whole: [seq(BIG)],
  },
  {
    name: "does not join what would be more than 255",
    path: [seq(...new Array<number>(200).fill(1), ...new Array<number>(55).fill(T)), seq(T)],
    as4: [seq(...new Array<number>(56).fill(BIG))],
    whole: [seq(...new Array<number>(200).fill(1)), seq(...new Array<number>(56).fill(BIG))],
  },
];

for (const { name, path, as4, whole } of MERGES) {
  Deno.test(`mergeAs4Path() ${name} (RFC 6793 4.2.3)`, () => {
    assert.deepEqual(mergeAs4Path(path, as4), whole);
  });
}

Deno.test("as4PathFor() is there only where an AS does not fit, without confederations (RFC 6793 4.2.2)", () => {
  assert.equal(as4PathFor([seq(1, 65535)]), undefined);
  assert.equal(as4PathFor([]), undefined);
  assert.equal(as4PathFor([confed(BIG), seq(1)]), undefined);
  assert.deepEqual(as4PathFor([confed(9), seq(1, 65536)]), [seq(1, 65536)]);
});

Deno.test("asSequence() makes segments of at most 255 ASes (RFC 4271 4.3)", () => {
  assert.deepEqual(asSequence([]), []);
  assert.deepEqual(asSequence([1]), [seq(1)]);
  const lengths = (count: number) =>
    asSequence(new Array<number>(count).fill(1)).map(({ ases }) => ases.length);
  assert.deepEqual([lengths(255), lengths(256), lengths(511)], [[255], [255, 1], [255, 255, 1]]);
});

Deno.test("encodeAsPath() throws RangeError for a segment that cannot be counted", () => {
  assert.throws(() => encodeAsPath([seq()], 4), RangeError);
  assert.throws(() => encodeAsPath([seq(...new Array<number>(256).fill(1))], 4), RangeError);
});

Deno.test("decodeMessage() takes AGGREGATOR with a real AS as a sign that the AS4 attributes are stale (RFC 6793 4.2.3)", () => {
  const context = codecContext({ fourOctetAs: false });
  const attributes = (aggregator: string) =>
    `40 01 01 00 40 02 04 0201 5ba0 40 03 04 0a000001 c0 07 06 ${aggregator} 0a000001
     c0 11 06 0201 fa56ea00 c0 12 08 fa56ea01 0a000002`;
  const read = (aggregator: string) => {
    const message = decodeMessage(
      updateBytes({ attributes: attributes(aggregator), nlri: "08 0a" }),
      context,
    );
    return message.type === "UPDATE" ? message.attributes : {};
  };
  assert.deepEqual(read("5ba0").asPath, [seq(BIG)]);
  assert.equal(read("5ba0").aggregator?.as, BIG + 1);
  assert.equal(read("5ba0").aggregator?.address.text, "10.0.0.2");
  assert.deepEqual(read("fde8").asPath, [seq(T)]);
  assert.equal(read("fde8").aggregator?.as, 65000);
});

const as = fc.oneof(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 65536, max: 0xffff_ffff }));
const segment = fc.tuple(fc.constantFrom(1, 2), fc.array(as, { minLength: 1, maxLength: 8 }))
  .map(([type, ases]): AsPathSegment => ({ type, ases }));

Deno.test("an AS_PATH of any segments comes back from a four-octet peer as it was", () => {
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (path) => {
      const bytes = encodeAsPath(path, 4);
      assert.equal(checkAsPath(bytes, 0, bytes.byteLength, 4, false), undefined);
      assert.deepEqual(decodeAsPath(bytes, 0, bytes.byteLength, 4), path);
    }),
    { seed: 4271, numRuns: 300 },
  );
});

Deno.test("an AS_PATH of any segments comes back from a two-octet peer as it was (RFC 6793 4.2)", () => {
  const context = codecContext({ fourOctetAs: false });
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (asPath) => {
      const message = decodeMessage(encodeMessage(update({ attributes: { asPath } }), context), context);
      assert.deepEqual(message.type === "UPDATE" && message.attributes.asPath, asPath);
    }),
    { seed: 6793, numRuns: 300 },
  );
});

Deno.test("checkAsPath() allows confederation segments only where told (RFC 5065 5)", () => {
  for (const type of ["03", "04"]) {
    const bytes = fromHex(`${type}01 0000ffe8`);
    assert.equal(checkAsPath(bytes, 0, 6, 4, true), undefined);
    assert.notEqual(checkAsPath(bytes, 0, 6, 4, false), undefined);
  }
});

Deno.test("encodeMessage() writes AS_TRANS from AS 65536 on, in AGGREGATOR as in AS_PATH (RFC 6793 4.2.2)", () => {
  const context = codecContext({ fourOctetAs: false });
  const hex = (as: number) => {
    const aggregator = { as, address: address("10.0.0.1") };
    return toHex(encodeMessage(update({ attributes: { asPath: [seq(as)], aggregator } }), context)).slice(46);
  };
  assert.equal(hex(65535), "4002040201ffff" + "c00706ffff0a000001");
  assert.equal(
    hex(65536),
    "40020402015ba0" + "c007065ba00a000001" + "c011060201" + "00010000" + "c0120800010000" + "0a000001",
  );
});
