/** What a gRPC server may send, by chance and seeded: right answers, and what becomes of them by mutation. */
import { onlyMessage } from "../../../src/health/connect/grpc_call.ts";
import { decodeHealthResponse, servingStatus } from "../../../src/health/connect/grpc_health.ts";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import { encodeFields } from "../../../src/health/connect/hpack.ts";
import { messageOf } from "../../../src/text/error_message.ts";
import {
  callMetBy,
  END_HEADERS,
  END_STREAM,
  frame,
  head,
  hex,
  joined,
  PADDED,
  SERVING,
  SETTINGS,
  trailers,
  WELL,
} from "../../support/grpc_frames.ts";
import { seeded } from "../../support/random.ts";

/** A whole number from 0 on, below the limit. */
type Below = (limit: number) => number;

const FRAMES: readonly Uint8Array[] = [
  ...WELL,
  frame(6, 0, 0, "0102030405060708"),
  frame(4, 0, 0, "0003 00000064"),
  frame(7, 0, 0, "00000001 00000000"),
  frame(7, 0, 0, "00000000 0000000b"),
  frame(3, 0, 1, "00000007"),
  frame(5, END_HEADERS, 1, "00000002 88"),
  frame(8, 0, 1, "00000001"),
  frame(0, PADDED, 1, `02 ${SERVING} 0000`),
  frame(0, END_STREAM, 1, "00 00000002 0802"),
  frame(1, END_HEADERS, 1, encodeFields([[":status", "103"]])),
  frame(1, 0, 1, encodeFields([[":status", "200"]])),
  frame(9, END_HEADERS, 1, encodeFields([["grpc-status", "0"]])),
  head(END_STREAM, ["grpc-status", "12"], ["grpc-message", "unknown%20service"]),
  trailers(["grpc-status", "5"], ["grpc-message", "%e2%82"]),
];

const RESPONSES = ["", "0801", "0802", "10 05 19 0102030405060708 22 02 0801 2d 01020304 08 01"].map(hex);

/**
 * Meets `count` calls with answers mutated by `seed`, and counts what became of them.
 * @throws {Error} anything else than a ProbeFailure comes of one, with its octets
 */
export async function fuzzGrpcAnswers(seed: number, count: number): Promise<ReadonlyMap<string, number>> {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const outcomes = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const octets = joined(...answer(below));
    const outcome = await outcomeOf(octets, pieces(octets, below));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  return outcomes;
}

/**
 * Reads `count` messages of gRPC and protobuf, mutated by `seed`, and counts what became of them.
 * @throws {Error} anything else than a ProbeFailure comes of one, with its octets
 */
export function fuzzHealthResponses(seed: number, count: number): ReadonlyMap<string, number> {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const outcomes = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const message = mutated(RESPONSES[below(RESPONSES.length)] ?? new Uint8Array(), below);
    for (const read of [decodeHealthResponse, onlyMessage]) {
      const outcome = readable(message, () => read(message)) ? "status" : "unreadable";
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  }
  return outcomes;
}

/** A right answer, or frames by chance; some with wrong octets. */
function answer(below: Below): readonly Uint8Array[] {
  const frames = below(3) === 0
    ? [SETTINGS, ...Array.from({ length: below(8) }, () => FRAMES[below(FRAMES.length)] ?? SETTINGS)]
    : WELL;
  return frames.map((octets) => below(6) === 0 ? mutated(octets, below) : octets);
}

function mutated(octets: Uint8Array, below: Below): Uint8Array {
  const at = below(octets.byteLength + 1);
  const [before, behind] = [octets.subarray(0, at), octets.subarray(at)];
  switch (below(4)) {
    case 0:
      return before;
    case 1:
      return joined(before, Uint8Array.of(below(256)), behind.subarray(1));
    case 2:
      return joined(before, Uint8Array.of((behind[0] ?? 0) ^ (1 << below(8))), behind.subarray(1));
    default:
      return joined(before, Uint8Array.from({ length: below(20) }, () => below(256)), behind);
  }
}

/** The same octets, cut somewhere. */
function pieces(octets: Uint8Array, below: Below): readonly Uint8Array[] {
  const at = below(octets.byteLength + 1);
  return [octets.subarray(0, at), octets.subarray(at)].filter(({ byteLength }) => byteLength > 0);
}

async function outcomeOf(octets: Uint8Array, pieces: readonly Uint8Array[]): Promise<string> {
  try {
    const answer = await callMetBy(pieces);
    return readable(octets, () => servingStatus(answer, "a")) ? "pass" : "fail";
  } catch (error) {
    if (error instanceof ProbeFailure) return "unreadable";
    throw new Error(`${messageOf(error)}: ${octets.toHex()}`, { cause: error });
  }
}

function readable(octets: Uint8Array, read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof ProbeFailure) return false;
    throw new Error(`${messageOf(error)}: ${octets.toHex()}`, { cause: error });
  }
}
