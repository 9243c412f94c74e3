/**
 * Answers to an http check by chance: right ones that were damaged, by HTTP/1.1 and 2. Whatever comes, the outcome is an
 * answer or a ProbeFailure, and the same however its octets were cut into pieces.
 */
import assert from "node:assert/strict";
import { concat } from "../../../src/bytes/concat.ts";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import { askByHttp1 } from "../../../src/health/connect/http1.ts";
import { askByHttp2 } from "../../../src/health/connect/http2.ts";
import type { HttpAnswer, HttpRequest } from "../../../src/health/connect/http_exchange.ts";
import type { Tls, TrustStore } from "../../../src/health/connect/ports.ts";
import { httpProbe } from "../../../src/health/kinds/http.ts";
import { bodyTest } from "../../../src/health/kinds/http_body.ts";
import { latin1Text } from "../../../src/net/latin1.ts";
import type { StreamSocket } from "../../../src/net/sockets.ts";
import { checkWords, type FuzzSubject, withoutWhatCame } from "../../fuzz/fuzz.ts";
import { httpCheckConfig } from "../../support/config.ts";
import { FuzzNetwork, scriptedStream } from "../../support/fuzz_network.ts";

/** What is fuzzed. */
type HttpVersion = "1" | "2";

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

/** What the checks want to see. */
const WANTED = "all well";
const PASS = /^status 2\d\d, all well$/;

/** That the octets are an answer which has the text, as far as can be said without reading them as HTTP. */
function mayPass(version: HttpVersion, octets: Uint8Array): boolean {
  const letters = [...WANTED].join("[^]*?");
  const status = version === "1" ? "HTTP/1\\.\\d +2\\d\\d[^]*?" : "";
  return new RegExp(status + letters).test(latin1Text(octets));
}

/** The outcomes however the octets are cut, and that of a whole probe; the first two are the same. */
function httpFuzz(version: HttpVersion): FuzzSubject {
  return {
    name: `http${version}`,
    open: () => (dice) => {
      const shown = dice.damaged(dice.pick(SEEDS[version]), WORDS[version]);
      // Octet by octet is dear.
      const octetByOctet = shown.length < MANY && dice.oneIn(8);
      const cuts = [
        [shown],
        dice.pieces(shown, Math.max(9, shown.length / 99)),
        ...octetByOctet ? [dice.pieces(shown, 1)] : [],
      ];
      return {
        shown,
        async judge() {
          const told: string[] = [];
          for (const pieces of cuts) told.push(await outcomeOf(version, scriptedStream({ pieces })));
          assert.equal(new Set(told.map(withoutWhatCame)).size, 1, told.join(" | "));
          const [first = ""] = told;
          checkWords(first);
          const passes = PASS.test(first);
          assert.ok(!passes || mayPass(version, shown), `passes: ${first}`);
          const ofProbe = await outcomeOfProbe(version, shown);
          if (shown.length < MANY) assert.equal(ofProbe.verdict, passes ? "pass" : "fail", ofProbe.detail);
          return ofProbe;
        },
      };
    },
  };
}

/** Octets of a longer answer are not read one by one. */
const MANY = 8192;

/** Of an http check, or an https check whose server speaks HTTP/2. */
function outcomeOfProbe(version: HttpVersion, octets: Uint8Array) {
  const network = new FuzzNetwork({ stream: { pieces: [octets] } });
  const scheme = version === "1" ? "http" : "https";
  const config = httpCheckConfig({ scheme, body: { contains: WANTED }, insecureSkipVerify: true });
  const tls: Tls = {
    secure: (stream) =>
      Promise.resolve({
        stream,
        distrust: undefined,
        certificate: undefined,
        version: "TLSv1.3",
        protocol: "h2",
        root: undefined,
      }),
  };
  const trustStore: TrustStore = { roots: () => assert.fail(), keyPair: () => assert.fail() };
  const { streams, names, clock } = network;
  return network.outcomeOf(httpProbe(config, { streams, names, clock, tls, trustStore }));
}

/** Answers to an http check by HTTP/1.1, and by HTTP/2. */
export const HTTP_FUZZ: readonly FuzzSubject[] = [httpFuzz("1"), httpFuzz("2")];
