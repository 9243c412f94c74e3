/**
 * AS_PATH and AS4_PATH values (RFC 4271 section 4.3, RFC 5065, RFC 6793, RFC 7607): check, decode, encode, and
 * the path that the two make together when it comes from a two-octet speaker.
 */
import { Writer } from "../../bytes/writer.ts";
import { MAX_TWO_OCTET_AS } from "./attribute_values.ts";
import { AS_TRANS, AsPathSegmentType } from "./constants.ts";

/** One segment of AS_PATH or AS4_PATH. */
export interface AsPathSegment {
  readonly type: number;
  readonly ases: readonly number[];
}

/** A segment counts its ASes in one octet. */
const MAX_SEGMENT_ASES = 255;

/**
 * AS_PATH as the segments of `ases`, which may be more than one segment holds.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(asSequence([65001, 65002]), [{ type: 2, ases: [65001, 65002] }]);
 * ```
 */
export function asSequence(ases: readonly number[]): AsPathSegment[] {
  const segments: AsPathSegment[] = [];
  for (let at = 0; at < ases.length; at += MAX_SEGMENT_ASES) {
    segments.push({ type: AsPathSegmentType.AS_SEQUENCE, ases: ases.slice(at, at + MAX_SEGMENT_ASES) });
  }
  return segments;
}

/**
 * What is wrong with the path between two offsets, or undefined: segments that do not fit, an empty or unknown
 * one, AS 0, or confederation segments where they are not allowed.
 */
export function checkAsPath(
  bytes: Uint8Array,
  start: number,
  end: number,
  asOctets: 2 | 4,
  confederation: boolean,
): string | undefined {
  let at = start;
  while (at < end) {
    if (end - at < 2) return "one octet is left after the last segment";
    const type = bytes[at] ?? 0;
    const count = bytes[at + 1] ?? 0;
    const known = type === AsPathSegmentType.AS_SEQUENCE || type === AsPathSegmentType.AS_SET ||
      (confederation && isConfederation(type));
    if (!known) return `segment of type ${type}`;
    if (count === 0) return "empty segment";
    at += 2;
    if (count * asOctets > end - at) return `segment of ${count} ASes in ${end - at} octets`;
    for (const last = at + count * asOctets; at < last; at += asOctets) {
      const zero = bytes[at] === 0 && bytes[at + 1] === 0 &&
        (asOctets === 2 || (bytes[at + 2] === 0 && bytes[at + 3] === 0));
      if (zero) return "AS 0";
    }
  }
  return undefined;
}

/** The segments between two offsets, which `checkAsPath` has found good. */
export function decodeAsPath(
  bytes: Uint8Array,
  start: number,
  end: number,
  asOctets: 2 | 4,
): AsPathSegment[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments: AsPathSegment[] = [];
  let at = start;
  while (at < end) {
    const type = view.getUint8(at);
    const count = view.getUint8(at + 1);
    const ases: number[] = [];
    for (let i = 0; i < count; i++) {
      const offset = at + 2 + i * asOctets;
      ases.push(asOctets === 4 ? view.getUint32(offset) : view.getUint16(offset));
    }
    segments.push({ type, ases });
    at += 2 + count * asOctets;
  }
  return segments;
}

/** The value of AS_PATH; with two octets, AS_TRANS stands for what does not fit. */
export function encodeAsPath(path: readonly AsPathSegment[], asOctets: 2 | 4): Uint8Array {
  const writer = new Writer();
  for (const { type, ases } of path) {
    if (ases.length === 0 || ases.length > MAX_SEGMENT_ASES) {
      throw new RangeError(`segment of ${ases.length} ASes, must have 1 to ${MAX_SEGMENT_ASES}`);
    }
    writer.u8(type).u8(ases.length);
    for (const as of ases) {
      if (asOctets === 4) writer.u32(as);
      else writer.u16(as > MAX_TWO_OCTET_AS ? AS_TRANS : as);
    }
  }
  return writer.finish();
}

/** AS4_PATH that must go with `path` to a two-octet speaker: undefined where every AS fits (RFC 6793 section 4.2.2). */
export function as4PathFor(path: readonly AsPathSegment[]): readonly AsPathSegment[] | undefined {
  const plain = withoutConfederation(path);
  return plain.some(({ ases }) => ases.some((as) => as > MAX_TWO_OCTET_AS)) ? plain : undefined;
}

/** The path without the segments that do not leave a confederation. */
function withoutConfederation(path: readonly AsPathSegment[]): readonly AsPathSegment[] {
  return path.filter(({ type }) => !isConfederation(type));
}

/**
 * The whole path, from AS_PATH and AS4_PATH of a two-octet speaker (RFC 6793 section 4.2.3): AS4_PATH, preceded by
 * as much of AS_PATH as it is longer; AS_PATH alone where it is the shorter one.
 */
export function mergeAs4Path(
  path: readonly AsPathSegment[],
  as4Path: readonly AsPathSegment[],
): readonly AsPathSegment[] {
  const four = withoutConfederation(as4Path);
  let missing = pathLength(path) - pathLength(four);
  if (missing < 0) return path;
  const leading: AsPathSegment[] = [];
  for (const segment of path) {
    if (isConfederation(segment.type)) {
      leading.push(segment);
      continue;
    }
    if (missing === 0) break;
    const sequence = segment.type === AsPathSegmentType.AS_SEQUENCE;
    const ases = sequence ? segment.ases.slice(0, missing) : segment.ases;
    leading.push({ type: segment.type, ases });
    missing -= sequence ? ases.length : 1;
    if (sequence && ases.length < segment.ases.length) break;
  }
  return joinSequences(leading, four);
}

/** RFC 4271 section 9.1.2.2 and RFC 5065 section 5.3: a set counts one, confederation segments nothing. */
function pathLength(path: readonly AsPathSegment[]): number {
  return path.reduce((sum, { type, ases }) => {
    if (isConfederation(type)) return sum;
    return sum + (type === AsPathSegmentType.AS_SET ? 1 : ases.length);
  }, 0);
}

/** Makes one of two sequences that meet, where it fits. */
function joinSequences(
  head: readonly AsPathSegment[],
  tail: readonly AsPathSegment[],
): readonly AsPathSegment[] {
  const last = head.at(-1);
  const first = tail[0];
  const joinable = last?.type === AsPathSegmentType.AS_SEQUENCE && first?.type === last.type &&
    last.ases.length + first.ases.length <= MAX_SEGMENT_ASES;
  if (!joinable) return [...head, ...tail];
  return [...head.slice(0, -1), { type: last.type, ases: [...last.ases, ...first.ases] }, ...tail.slice(1)];
}

function isConfederation(type: number): boolean {
  return type === AsPathSegmentType.AS_CONFED_SEQUENCE || type === AsPathSegmentType.AS_CONFED_SET;
}
