/** What a gRPC server may send, by chance and seeded: right answers, and what becomes of them by mutation. */
import assert from "node:assert/strict";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import { decodeHealthResponse, servingStatus } from "../../../src/health/connect/grpc_health.ts";
import { encodeFields } from "../../../src/health/connect/hpack.ts";
import { grpcProbe } from "../../../src/health/kinds/grpc.ts";
import { latin1Text } from "../../../src/net/latin1.ts";
import { checkWords, type FuzzSubject, sortOf, type Verdict, withoutWhatCame } from "../../fuzz/fuzz.ts";
import { grpcCheckConfig } from "../../support/config.ts";
import type { Dice } from "../../support/dice.ts";
import { FuzzNetwork } from "../../support/fuzz_network.ts";
import {
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

/** Answers to a grpc check. */
export const GRPC_FUZZ: FuzzSubject = {
  name: "grpc",
  open: () => (dice) => {
    const shown = joined(...answer(dice));
    // In fewer than a stream may have.
    const cuts = [[shown], dice.pieces(shown, Math.max(30, shown.length / 80))];
    return {
      shown,
      async judge() {
        const [one, other] = [await outcomeOfProbe(cuts[0] ?? []), await outcomeOfProbe(cuts[1] ?? [])];
        assert.equal(withoutWhatCame(one.detail), withoutWhatCame(other.detail));
        // No name of its status is in the static table, so it is there in full.
        assert.ok(one.verdict === "fail" || latin1Text(shown).includes("grpc-status"), one.detail);
        return one;
      },
    };
  },
};

/** Messages of gRPC and protobuf. */
export const GRPC_MESSAGE_FUZZ: FuzzSubject = {
  name: "grpc-message",
  open: () => (dice) => {
    const shown = dice.damaged(dice.pick(RESPONSES), RESPONSES);
    return {
      shown,
      judge() {
        const read = { grpcStatus: 0, grpcMessage: "", httpStatus: 200 };
        const prefixed = joined(Uint8Array.of(0, 0, 0, shown.length >> 8, shown.length & 255), shown);
        const [status, whole] = [
          wordsOf(() => decodeHealthResponse(shown)),
          wordsOf(() => servingStatus({ ...read, body: prefixed }, "")),
        ];
        const bare = wordsOf(() => servingStatus({ ...read, body: shown }, ""));
        // The last of the fields that are a status counts, so its octets are there; a varint may be longer than it need be.
        assert.equal(whole.verdict === "pass", status.words === "1", `${status.words}, ${whole.words}`);
        assert.ok(whole.verdict === "fail" || shown.some((octet) => (octet & 0x7f) === 1));
        return { verdict: whole.verdict, sort: `${sortOf(whole.words)}; bare ${bare.verdict}` };
      },
    };
  },
};

/** A right answer, or frames by chance; some with wrong octets. */
function answer(dice: Dice): readonly Uint8Array[] {
  const frames = dice.oneIn(3)
    ? [SETTINGS, ...Array.from({ length: dice.below(8) }, () => dice.pick(FRAMES))]
    : WELL;
  return frames.map((octets) => dice.oneIn(6) ? dice.damaged(octets, FRAMES) : octets);
}

async function outcomeOfProbe(pieces: readonly Uint8Array[]) {
  const network = new FuzzNetwork({ stream: { pieces } });
  const { streams, names, clock } = network;
  const unused = { secure: () => assert.fail(), roots: () => assert.fail(), keyPair: () => assert.fail() };
  return await network.outcomeOf(
    grpcProbe(grpcCheckConfig({ service: "a" }), { streams, names, clock, tls: unused, trustStore: unused }),
  );
}

function wordsOf(read: () => unknown): { readonly verdict: Verdict; readonly words: string } {
  try {
    return { verdict: "pass", words: String(read()) };
  } catch (error) {
    if (!(error instanceof ProbeFailure)) throw error;
    checkWords(error.message);
    return { verdict: "fail", words: error.message };
  }
}
