/**
 * Answers to an http check by chance: right ones that were damaged, by HTTP/1.1 and 2. Whatever comes, the outcome is an
 * answer or a ProbeFailure, and the same however its octets were cut into pieces.
 */
import assert from "node:assert/strict";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import { askByHttp1 } from "../../../src/health/connect/http1.ts";
import { askByHttp2 } from "../../../src/health/connect/http2.ts";
import type { HttpAnswer, HttpRequest } from "../../../src/health/connect/http_exchange.ts";
import { BODY_OCTETS, bodyTest } from "../../../src/health/kinds/http_body.ts";
import type { StreamSocket } from "../../../src/net/sockets.ts";
import { concat } from "../../../src/bytes/concat.ts";
import type { Random } from "../../../src/time/clock.ts";
import { seeded } from "../../support/random.ts";

/** What is fuzzed. */
export type HttpVersion = "1" | "2";

/** How many answers were of which kind. */
export interface FuzzReport {
  readonly answers: number;
  readonly outcomes: ReadonlyMap<string, number>;
}

const text = (value: string) => Uint8Array.from(value, (character) => character.charCodeAt(0));

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const head = [
    payload.length >> 16,
    payload.length >> 8 & 255,
    payload.length & 255,
    type,
    flags,
    0,
    0,
    0,
    stream,
  ];
  return concat([new Uint8Array(head), payload]);
}

const SETTINGS = frame(4, 0, 0, new Uint8Array());
const OK_200 = new Uint8Array([0x88]);

/** Right answers. */
const SEEDS: Readonly<Record<HttpVersion, readonly Uint8Array[]>> = {
  1: [
    "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nall well",
    "HTTP/1.0 200 OK\r\n\r\nall well",
    "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;x=y\r\nall \r\n4\r\nwell\r\n0\r\na: b\r\n\r\n",
    "HTTP/1.1 302 Found\r\nlocation: /a\r\nx: y\r\n z\r\n\r\n",
    "HTTP/1.1 200 OK\ncontent-encoding: gzip\n\nall well",
  ].map(text),
  2: [
    [SETTINGS, frame(1, 4, 1, OK_200), frame(0, 1, 1, text("all well"))],
    [SETTINGS, frame(4, 1, 0, new Uint8Array()), frame(1, 5, 1, OK_200)],
    [
      SETTINGS,
      frame(1, 0, 1, new Uint8Array([0x48])),
      frame(9, 4, 1, text("\x03200")),
      frame(0, 9, 1, text("\x02all well\0\0")),
    ],
    [
      SETTINGS,
      frame(1, 4, 1, text("\x08\x03103")),
      frame(1, 0x2c, 1, text("\x01\0\0\0\0\0\x88\0")),
      frame(0, 0, 1, text("all ")),
      frame(1, 5, 1, text("\0\x01a\x01b")),
    ],
    [
      SETTINGS,
      frame(1, 4, 1, Uint8Array.fromHex("4882640258 85aec3771a4b".replace(" ", ""))),
      frame(3, 0, 1, new Uint8Array(4)),
    ],
    [SETTINGS, frame(7, 0, 0, new Uint8Array(8)), frame(1, 5, 1, OK_200)],
  ].map(concat),
};

/** Pieces that mean something where they come to stand. */
const WORDS: Readonly<Record<HttpVersion, readonly Uint8Array[]>> = {
  1: [
    "\r\n",
    "\n",
    "\r\n\r\n",
    "0\r\n\r\n",
    "transfer-encoding: chunked\r\n",
    "content-length: 3\r\n",
    "HTTP/1.1 100 C\r\n\r\n",
    ";",
    ":",
    " ",
    "ffffffffffff",
    "-1",
  ]
    .map(text),
  2: [
    SETTINGS,
    frame(0, 0, 1, new Uint8Array()),
    frame(0, 1, 1, text("x")),
    frame(3, 0, 1, new Uint8Array(4)),
    frame(6, 0, 0, new Uint8Array(8)),
    new Uint8Array([0xff, 0xff, 0xff]),
    new Uint8Array([0x88]),
  ],
};

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[below(random, list.length)] ?? assert.fail("an empty list");
}

/** An answer that was damaged up to four times. */
function damaged(version: HttpVersion, random: Random): Uint8Array {
  let octets = pick(random, SEEDS[version]).slice();
  for (let count = below(random, 5); count > 0; count--) {
    const at = below(random, octets.length + 1);
    const to = Math.min(octets.length, at + below(random, 12));
    const [before, after] = [octets.subarray(0, at), octets.subarray(at)];
    switch (below(random, 5)) {
      case 0:
        octets[at] = below(random, 256);
        break;
      case 1:
        octets = concat([before, octets.subarray(to)]).slice();
        break;
      case 2:
        octets = concat([before, pick(random, WORDS[version]), after]).slice();
        break;
      case 3:
        octets = concat([before, octets.subarray(at, to), after]).slice();
        break;
      default:
        octets = concat([
          before,
          Uint8Array.from({ length: below(random, 20) }, () => below(random, 256)),
          after,
        ]).slice();
    }
  }
  return octets;
}

function streamOf(octets: Uint8Array, pieceLength: () => number): StreamSocket {
  let at = 0;
  return {
    local: undefined,
    remote: undefined,
    read() {
      if (at >= octets.length) return Promise.resolve(undefined);
      const piece = octets.slice(at, at + pieceLength());
      at += piece.length;
      return Promise.resolve(piece);
    },
    write: () => Promise.resolve(),
    end: () => Promise.resolve(),
    [Symbol.dispose]() {},
  };
}

const REQUEST: HttpRequest = {
  method: "GET",
  scheme: "http",
  authority: "a.example",
  path: "/",
  fields: {},
  wanted: { fields: ["location", "content-encoding"], body: true },
};
const hasText = bodyTest({ contains: "all well" });

async function outcomeOf(version: HttpVersion, stream: StreamSocket): Promise<string> {
  try {
    const answer: HttpAnswer = await (version === "1" ? askByHttp1 : askByHttp2)(stream, REQUEST);
    assert.ok(answer.status >= 100 && answer.status <= 999);
    const problem = await hasText(answer);
    return `status ${answer.status}${problem === undefined ? ", all well" : `: ${problem}`}`;
  } catch (error) {
    if (error instanceof ProbeFailure) return error.message;
    throw error;
  }
}

/** So many answers by chance. @throws {AssertionError} with the octets, where an outcome is none, or depends on the pieces */
export async function fuzzHttp(version: HttpVersion, seed: number, answers: number): Promise<FuzzReport> {
  const random = seeded(seed);
  const outcomes = new Map<string, number>();
  for (let count = 0; count < answers; count++) {
    const octets = damaged(version, random);
    assert.ok(octets.length < BODY_OCTETS);
    const told: string[] = [];
    for (const pieceLength of [() => octets.length, () => 1 + below(random, 9), () => 1]) {
      told.push(
        await outcomeOf(version, streamOf(octets, pieceLength)).catch((error) =>
          assert.fail(`seed ${seed}, answer ${count}: ${octets.toHex()}: ${error}`)
        ),
      );
    }
    // How much of what is no HTTP had come by then is all that depends on it.
    assert.equal(
      new Set(told.map((words) => words.replace(/, what came: .*/s, ""))).size,
      1,
      `seed ${seed}, answer ${count}: ${octets.toHex()}: ${told.join(" | ")}`,
    );
    const kind = (told[0] ?? "").replace(/\d+/g, "N").replace(/(it begins with|what came:) .*/s, "$1 …");
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
  }
  return { answers, outcomes };
}
