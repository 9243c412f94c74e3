/** A call of gRPC and its health protocol over octets in memory: what is asked, what is understood, what is refused. */
import assert from "node:assert/strict";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import {
  decodeHealthResponse,
  encodeHealthRequest,
  servingStatus,
} from "../../../src/health/connect/grpc_health.ts";
import { encodeFields } from "../../../src/health/connect/hpack.ts";
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
import { fuzz } from "../../fuzz/fuzz.ts";
import { GRPC_FUZZ, GRPC_MESSAGE_FUZZ } from "./grpc_fuzz.ts";

async function status(pieces: readonly Uint8Array[], service = "a"): Promise<string> {
  try {
    return servingStatus(await callMetBy(pieces), service);
  } catch (error) {
    assert.ok(error instanceof ProbeFailure, String(error));
    return error.message;
  }
}

Deno.test("callUnary() sends preface, SETTINGS, the header of a POST and one message (gRPC over HTTP2)", async () => {
  const sent: Uint8Array[] = [];
  await callMetBy(WELL, sent);
  const octets = joined(...sent);
  const text = String.fromCharCode(...octets);
  assert.ok(text.startsWith("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  for (
    const field of [
      "\x07:method\x04POST",
      "\x05:path\x1c/grpc.health.v1.Health/Check",
      "\x02te\x08trailers",
      "\x0cgrpc-timeout\x051500m",
      "\x0ccontent-type\x10application/grpc",
    ]
  ) assert.ok(text.includes(field), field);
  // END_STREAM, the message uncompressed, and the acknowledgement of the server's SETTINGS.
  assert.ok(octets.toHex().endsWith("000008000100000001" + "00000000030a0161" + "000000040100000000"));
});

for (
  const [sentence, pieces, expected] of [
    ["SERVING", WELL, "SERVING"],
    ["the same in one piece", [joined(...WELL)], "SERVING"],
    ["the same octet by octet", [...joined(...WELL)].map((octet) => Uint8Array.of(octet)), "SERVING"],
    [
      "NOT_SERVING",
      [SETTINGS, head(0), frame(0, 0, 1, "00 00000002 0802"), trailers(["grpc-status", "0"])],
      "NOT_SERVING: a",
    ],
    ["UNKNOWN, where the status is left out", [
      SETTINGS,
      head(0),
      frame(0, 0, 1, "00 00000000"),
      trailers(["grpc-status", "0"]),
    ], "UNKNOWN: a"],
    ["a status of no name", [
      SETTINGS,
      head(0),
      frame(0, 0, 1, "00 00000002 0809"),
      trailers(["grpc-status", "0"]),
    ], "an unknown status, 9: a"],
    ["padding, PING, SETTINGS, WINDOW_UPDATE, other streams and unknown frames", [
      SETTINGS,
      frame(6, 0, 0, "0102030405060708"),
      frame(8, 0, 0, "00000001"),
      frame(99, 0, 1, "00"),
      frame(4, 0, 0, "0003 00000064"),
      head(0),
      frame(0, 0, 3, "ff"),
      frame(0, PADDED, 1, `02 ${SERVING} 0000`),
      trailers(["grpc-status", "0"]),
    ], "SERVING"],
    ["the message in two frames", [
      SETTINGS,
      head(0),
      frame(0, 0, 1, "00 000000"),
      frame(0, 0, 1, "02 0801"),
      trailers(["grpc-status", "0"]),
    ], "SERVING"],
    ["interim answers", [
      SETTINGS,
      frame(1, END_HEADERS, 1, encodeFields([[":status", "103"]])),
      ...WELL.slice(1),
    ], "SERVING"],
    ["trailers in continuations", [
      SETTINGS,
      head(0),
      frame(0, 0, 1, SERVING),
      frame(1, END_STREAM, 1, encodeFields([["x", "y"]])),
      frame(9, END_HEADERS, 1, encodeFields([["grpc-status", "0"]])),
    ], "SERVING"],
    [
      "a GOAWAY that still answers us",
      [SETTINGS, frame(7, 0, 0, "00000001 00000000"), ...WELL.slice(1)],
      "SERVING",
    ],
    [
      "trailers alone: no health service",
      [SETTINGS, head(END_STREAM, ["grpc-status", "12"], ["grpc-message", "unknown%20service"])],
      "grpc-status 12 UNIMPLEMENTED: the server has no health service, grpc.health.v1.Health (unknown service)",
    ],
    // Each as gRPC has it: decoded once, in UTF-8, and what is no code as it is.
    [
      "a message that is decoded once, though trailers follow",
      [SETTINGS, head(0, ["grpc-message", "100%2525"]), trailers(["grpc-status", "1"])],
      "grpc-status 1 CANCELLED (100%25)",
    ],
    [
      "a message that was not coded",
      [SETTINGS, head(END_STREAM, ["grpc-status", "1"], ["grpc-message", "zu früh, 100%"])],
      "grpc-status 1 CANCELLED (zu früh, 100%)",
    ],
    [
      "a message that is too long, cut between two characters",
      [SETTINGS, head(END_STREAM, ["grpc-status", "1"], ["grpc-message", "a" + "%C3%BC".repeat(120)])],
      `grpc-status 1 CANCELLED (a${"ü".repeat(98)}…)`,
    ],
    [
      "trailers alone: no such service",
      [SETTINGS, head(END_STREAM, ["grpc-status", "5"])],
      'grpc-status 5 NOT_FOUND: the server\'s health service knows no service "a"',
    ],
    ["trailers alone: not for us", [
      SETTINGS,
      head(END_STREAM, ["grpc-status", "16"], ["grpc-message", "token%zz\n"]),
    ], "grpc-status 16 UNAUTHENTICATED (token%zz\\u000a)"],
    ["a code of no name", [SETTINGS, head(END_STREAM, ["grpc-status", "77"])], "grpc-status 77 of no name"],
    ["a message before a status that is no pass", [
      SETTINGS,
      head(0),
      frame(0, 0, 1, SERVING),
      trailers(["grpc-status", "14"]),
    ], "grpc-status 14 UNAVAILABLE"],
    ["a proxy that says no", [
      SETTINGS,
      frame(1, END_HEADERS | END_STREAM, 1, encodeFields([[":status", "503"]])),
    ], "not gRPC: HTTP status 503"],
    [
      "a web server",
      [SETTINGS, head(0), frame(0, END_STREAM, 1, "3c68746d6c3e")],
      "the answer is not gRPC: it has no grpc-status",
    ],
    [
      "a status that is no number",
      [SETTINGS, head(END_STREAM, ["grpc-status", "ok"])],
      "the answer is not gRPC: it has no grpc-status",
    ],
    ["no message", [SETTINGS, head(0), trailers(["grpc-status", "0"])], "the answer has no message"],
    [
      "two messages",
      [SETTINGS, head(0), frame(0, 0, 1, SERVING + SERVING), trailers(["grpc-status", "0"])],
      "the answer is not one message of gRPC",
    ],
    ["a message that is cut", [
      SETTINGS,
      head(0),
      frame(0, 0, 1, "00 00000003 0801"),
      trailers(["grpc-status", "0"]),
    ], "the answer is not one message of gRPC"],
    ["a compressed message", [
      SETTINGS,
      head(0),
      frame(0, 0, 1, "01 00000002 0801"),
      trailers(["grpc-status", "0"]),
    ], "the answer is compressed, which was not asked for"],
    ["a message that is no protobuf", [
      SETTINGS,
      head(0),
      frame(0, 0, 1, "00 00000001 08"),
      trailers(["grpc-status", "0"]),
    ], "the answer is no message of protobuf: it is cut"],
    [
      "HTTP/1.1",
      [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
      'the answer is not HTTP/2, what came: "HTTP/1.1 "',
    ],
    [
      "TLS",
      [hex("15 0303 0002 025000000000")],
      "the answer is not HTTP/2, what came: octets 150303000202500000",
    ],
    ["no SETTINGS first", [frame(6, 0, 0, "0102030405060708")], "the answer is not HTTP/2"],
    ["nothing", [], "connection closed without an answer"],
    [
      "an end within the answer",
      [SETTINGS, head(0), frame(0, 0, 1, SERVING)],
      "connection closed within the body",
    ],
    [
      "a reset of the stream",
      [SETTINGS, frame(3, 0, 1, "00000007")],
      "the server resets the stream, HTTP/2 error code 7",
    ],
    [
      "a GOAWAY",
      [SETTINGS, frame(7, 0, 0, "00000000 0000000b")],
      "the server goes away, HTTP/2 error code 11",
    ],
    [
      "a push",
      [SETTINGS, frame(5, END_HEADERS, 1, "00000002 88")],
      "the answer is not HTTP/2: a push, which was switched off",
    ],
    [
      "a body first",
      [SETTINGS, frame(0, 0, 1, SERVING)],
      "the answer is not HTTP/2: a body without a header",
    ],
    [
      "a continuation first",
      [SETTINGS, frame(9, END_HEADERS, 1, "88")],
      "the answer is not HTTP/2: a header without a beginning",
    ],
    [
      "a frame within a header",
      [SETTINGS, frame(1, 0, 1, "88"), frame(6, 0, 0, "0102030405060708")],
      "the answer is not HTTP/2: a header that is cut",
    ],
    [
      "trailers in the middle, which end it",
      [SETTINGS, head(0), head(0), frame(0, 0, 1, SERVING)],
      "the answer is not gRPC: it has no grpc-status",
    ],
    [
      "too much padding",
      [SETTINGS, head(0), frame(0, PADDED, 1, "09 0000")],
      "the answer is not HTTP/2: too much padding",
    ],
    ["SETTINGS for ever", Array(40).fill(SETTINGS), "more than 32 SETTINGS and PING frames in one answer"],
    ["interim answers for ever", [
      SETTINGS,
      ...Array(40).fill(frame(1, END_HEADERS, 1, encodeFields([[":status", "100"]]))),
    ], "more than 16 interim answers (1xx)"],
    ["a header for ever", [
      SETTINGS,
      frame(1, 0, 1, "88"),
      ...Array(5).fill(frame(9, 0, 1, new Uint8Array(16_384))),
    ], "the answer is too large: the head is longer than 65536 octets"],
    [
      "a body for ever",
      [SETTINGS, head(0), ...Array(5).fill(frame(0, 0, 1, new Uint8Array(16_384)))],
      "the answer is too large: the body is longer than 16384 octets",
    ],
  ] as const
) {
  Deno.test(`callUnary() is met by ${sentence}`, async () => {
    assert.equal(await status(pieces), expected);
  });
}

Deno.test("callUnary() acknowledges SETTINGS and PING, with what the PING has, and acknowledgements not", async () => {
  const sent: Uint8Array[] = [];
  await callMetBy([
    SETTINGS,
    frame(4, 1, 0),
    frame(6, 0, 0, "0102030405060708"),
    frame(6, 1, 0, "00".repeat(8)),
    ...WELL.slice(1),
  ], sent);
  assert.deepEqual(sent.slice(1), [frame(4, 1, 0), frame(6, 1, 0, "0102030405060708")]);
});

Deno.test("encodeHealthRequest() has the name in field 1, and nothing for the server as a whole", () => {
  assert.deepEqual(encodeHealthRequest(""), new Uint8Array());
  assert.deepEqual(encodeHealthRequest("shop"), hex("0a 04 73686f70"));
  assert.deepEqual(encodeHealthRequest("x".repeat(200)).subarray(0, 4), hex("0a c801 78"));
});

for (
  const [octets, expected] of [
    ["", 0],
    ["08 01", 1],
    ["08 02 08 01", 1],
    // What nobody knows: field 2 as each wire type, and field 1 as another.
    ["10 05  19 0102030405060708  22 02 0801  2d 01020304  0a 01 00  08 01", 1],
    ["08 ffffffffffffffffff01", -1],
  ] as const
) {
  Deno.test(`decodeHealthResponse() reads ${expected} in "${octets}"`, () => {
    assert.equal(decodeHealthResponse(hex(octets)), expected);
  });
}

for (const subject of [GRPC_FUZZ, GRPC_MESSAGE_FUZZ]) {
  Deno.test(`${subject.name}: whatever comes is an outcome, 5,000 answers by chance, seeded`, async () => {
    const { verdicts } = await fuzz(subject, { seed: 50051, answers: 5000 });
    for (const verdict of ["pass", "fail"] as const) {
      assert.ok((verdicts.get(verdict) ?? 0) > 100, `${verdict}: ${verdicts.get(verdict)}`);
    }
    assert.equal(verdicts.get("unknown"), undefined);
  });
}
