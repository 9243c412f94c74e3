/** Whatever a capture or an MRT file has of BGP, given to the codec: what became of it, and the first oddities with their place. */
import type { CodecContext } from "../../../src/bgp/wire/codec_context.ts";
import { IPV4_UNICAST, IPV6_UNICAST } from "../../../src/bgp/wire/nlri.ts";
import { messageOf } from "../../../src/text/error_message.ts";
import { judge } from "../../bgp/wire/fuzz.ts";
import { isMrt, mrtMessages } from "./mrt.ts";
import { decompressed, type OctetStream, ReplayError } from "./octet_stream.ts";
import { isCapture, packets } from "./pcap.ts";
import { Reassembly } from "./reassembly.ts";
import { segmentIn } from "./segment.ts";

/** What became of a file. */
export interface ReplayReport {
  /** How many messages came out so. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** What was not replayed. */
  readonly skipped: ReadonlyMap<string, number>;
  /** The first messages that are not as they should be. */
  readonly oddities: readonly string[];
  /** Messages on which the codec failed: faults of ours. */
  readonly failures: readonly string[];
}

type Known = Partial<Pick<CodecContext, "fourOctetAs" | "internal">>;

const MAX_TOLD = 20;
/** Directions of connections that are put together at once. */
const MAX_FLOWS = 4096;
const GOOD = ["OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"];
const UPDATE = 2;
const OPEN = 1;
const FOUR_OCTET_AS = 65;
const ADD_PATH = 69;

/** Counts while a file is read. */
class Replay implements ReplayReport {
  readonly outcomes = new Map<string, number>();
  readonly skipped = new Map<string, number>();
  readonly oddities: string[] = [];
  readonly failures: string[] = [];

  /** Judges a message as the session has it where that is known, else as the kind of session that it fits best. */
  message(bytes: Uint8Array, known: Known, place: string): void {
    try {
      const outcomes = contextsOf(known).map((context) => judge(bytes, context));
      const outcome = outcomes.find((each) => GOOD.includes(each)) ?? outcomes[0] ?? "";
      count(this.outcomes, outcome);
      if (!GOOD.includes(outcome) && this.oddities.length < MAX_TOLD) {
        this.oddities.push(`${place}: ${outcome}: ${shown(bytes)}`);
      }
    } catch (error) {
      count(this.outcomes, "failure of ours");
      if (this.failures.length < MAX_TOLD) {
        this.failures.push(`${place}: ${messageOf(error)}\n${bytes.toHex()}`);
      }
    }
  }

  skip(what: string, times = 1): void {
    count(this.skipped, what, times);
  }
}

/** Replays a file. @throws {ReplayError} where it is none that can be */
export async function replay(chunks: AsyncIterable<Uint8Array>): Promise<ReplayReport> {
  const stream = await decompressed(chunks);
  const head = await stream.peek(6);
  const report = new Replay();
  if (head !== undefined && isCapture(head)) await replayCapture(stream, report);
  else if (head !== undefined && isMrt(head)) await replayMrt(stream, report);
  else throw new ReplayError("is neither pcap, pcapng nor MRT");
  if (stream.left > 0) report.skip("octets of what the file ends in", stream.left);
  return report;
}

async function replayMrt(stream: OctetStream, report: Replay): Promise<void> {
  for await (const each of mrtMessages(stream)) {
    if ("skipped" in each) report.skip(each.skipped);
    else report.message(each.bytes, sessionOf(each), `record ${each.record}`);
  }
}

function sessionOf(
  { fourOctetAs, internal }: { fourOctetAs: boolean; internal: boolean | undefined },
): Known {
  return internal === undefined ? { fourOctetAs } : { fourOctetAs, internal };
}

/** One direction of a connection. */
interface Flow {
  readonly octets: Reassembly;
  /** What its OPEN said. */
  open: { readonly as: number; readonly fourOctetAs: boolean; readonly addPath: boolean } | undefined;
}

async function replayCapture(stream: OctetStream, report: Replay): Promise<void> {
  const flows = new Map<string, Flow>();
  const finish = ({ octets }: Flow, name: string) => {
    for (const bytes of octets.end()) report.message(bytes, {}, `the end of ${name}`);
    if (octets.gaps > 0) report.skip("gaps", octets.gaps);
    if (octets.skipped > 0) report.skip("octets that are no message", octets.skipped);
  };
  for await (const { number, linkType, bytes } of packets(stream)) {
    const segment = segmentIn(linkType, bytes);
    if (typeof segment === "string") {
      report.skip(segment);
      continue;
    }
    let flow = flows.get(segment.flow);
    if (flow === undefined) {
      flow = { octets: new Reassembly(), open: undefined };
      flows.set(segment.flow, flow);
      const [oldest] = flows;
      if (flows.size > MAX_FLOWS && oldest !== undefined) {
        finish(oldest[1], oldest[0]);
        flows.delete(oldest[0]);
      }
    }
    for (const message of flow.octets.add(segment.sequence, segment.syn, segment.payload)) {
      if (message[18] === OPEN) flow.open = readOpen(message);
      const known = knownOf(flow, flows.get(segment.reverse));
      if (known === "add-path" && message[18] === UPDATE) report.skip("UPDATE with ADD-PATH (RFC 7911)");
      else report.message(message, known === "add-path" ? {} : known, `packet ${number}, ${segment.flow}`);
    }
  }
  for (const [name, flow] of flows) finish(flow, name);
}

/** What both OPENs say of the session. */
function knownOf({ open: ours }: Flow, other: Flow | undefined): Known | "add-path" {
  const theirs = other?.open;
  if (ours === undefined || theirs === undefined) return {};
  if (ours.addPath && theirs.addPath) return "add-path";
  return { fourOctetAs: ours.fourOctetAs && theirs.fourOctetAs, internal: ours.as === theirs.as };
}

/** Looks at what matters here, without the codec under test. */
function readOpen(bytes: Uint8Array): Flow["open"] {
  const body = bytes.subarray(19);
  const two = ((body[1] ?? 0) << 8) | (body[2] ?? 0);
  const found = { as: two, fourOctetAs: false, addPath: false };
  const extended = body[10] === 255 && body[9] !== 0;
  const width = extended ? 2 : 1;
  const size = (at: number) => width === 2 ? ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0) : body[at] ?? 0;
  for (let at = extended ? 13 : 10; at + 1 + width <= body.byteLength;) {
    const end = Math.min(body.byteLength, at + 1 + width + size(at + 1));
    const isCapabilities = body[at] === 2;
    for (let each = at + 1 + width; isCapabilities && each + 2 <= end; each += 2 + (body[each + 1] ?? 0)) {
      if (body[each] === ADD_PATH) found.addPath = true;
      if (body[each] !== FOUR_OCTET_AS || each + 6 > end) continue;
      found.fourOctetAs = true;
      found.as = new DataView(body.buffer, body.byteOffset).getUint32(each + 2);
    }
    at = end;
  }
  return found;
}

/** The sessions that a message may be of, the likeliest first. */
function contextsOf({ fourOctetAs, internal }: Known): readonly CodecContext[] {
  const widths = fourOctetAs === undefined ? [true, false] : [fourOctetAs];
  const kinds = internal === undefined ? [false, true] : [internal];
  return widths.flatMap((width) =>
    kinds.map((kind) => ({
      fourOctetAs: width,
      internal: kind,
      maxReceiveLength: 65_535,
      maxSendLength: 65_535,
      families: [IPV4_UNICAST, IPV6_UNICAST],
      extendedNextHop: [IPV4_UNICAST],
    }))
  );
}

function count(counts: Map<string, number>, key: string, times = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + times);
}

function shown(bytes: Uint8Array): string {
  const text = bytes.toHex();
  return text.length <= 400 ? text : `${text.slice(0, 400)}… (${bytes.byteLength} octets)`;
}
