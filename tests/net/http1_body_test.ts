import assert from "node:assert/strict";
import fc from "fast-check";
import { parseRequestHead, parseResponseHead } from "../../src/net/http1.ts";
import { type BodyDecoder, bodyDecoder, requestFraming, responseFraming } from "../../src/net/http1_body.ts";

const encode = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const decodeText = (parts: readonly Uint8Array[]) =>
  parts.map((part) => String.fromCharCode(...part)).join("");

Deno.test("requestFraming() knows one end of a request's body, or refuses (RFC 9112 section 6.3)", () => {
  const framing = (fields: string, version = "1.1") => {
    const head = parseRequestHead(encode(`POST / HTTP/${version}\r\n${fields}\r\n`));
    assert.ok(head.type === "head", fields);
    const answer = requestFraming(head);
    return answer.type === "error" ? answer.status : answer.type === "length" ? answer.octets : answer.type;
  };
  assert.equal(framing(""), 0);
  assert.equal(framing("Content-Length: 10\r\n"), 10);
  assert.equal(framing("Content-Length: 10\r\ncontent-length: 10\r\n"), 10);
  assert.equal(framing("Transfer-Encoding: Chunked\r\n"), "chunked");
  for (
    const wrong of [
      "Content-Length: 10\r\nContent-Length: 11\r\n",
      "Content-Length: 10, 10\r\n",
      "Content-Length: +10\r\n",
      "Content-Length: 0x10\r\n",
      "Content-Length: -1\r\n",
      "Content-Length: \r\n",
      "Content-Length: 1000000000000000\r\n",
      "Content-Length: 10\r\nTransfer-Encoding: chunked\r\n",
    ]
  ) assert.equal(framing(wrong), 400, wrong);
  assert.equal(framing("Transfer-Encoding: gzip, chunked\r\n"), 501);
  assert.equal(framing("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 501);
  assert.equal(framing("Transfer-Encoding: \r\n"), 501);
  assert.equal(framing("Transfer-Encoding: chunked\r\n", "1.0"), 400);
});

Deno.test("responseFraming() ends without a body, by length, by chunks or with the connection (RFC 9112 section 6.3)", () => {
  const framing = (method: string, status: number, fields: string) => {
    const head = parseResponseHead(encode(`HTTP/1.1 ${status} x\r\n${fields}\r\n`));
    assert.ok(head.type === "head", fields);
    return responseFraming(method, head);
  };
  const length = (octets: number) => ({ type: "length", octets });
  for (const [method, status] of [["HEAD", 200], ["GET", 103], ["GET", 204], ["GET", 304]] as const) {
    assert.deepEqual(framing(method, status, "Content-Length: 10\r\n"), length(0));
  }
  assert.deepEqual(framing("GET", 200, "Content-Length: 10\r\n"), length(10));
  assert.deepEqual(framing("GET", 200, "Content-Length: 10\r\nTransfer-Encoding: chunked\r\n"), {
    type: "chunked",
  });
  assert.deepEqual(framing("GET", 200, ""), { type: "close" });
  assert.equal(framing("GET", 200, "Content-Length: ten\r\n").type, "error");
});

/** All data of `text`, decoded in pieces of `size` octets; what is left over, after "|"; or the error's reason. */
function decodeAll(decoder: BodyDecoder, text: string, size: number): string {
  const octets = encode(text);
  let data = "";
  for (let at = 0; at < octets.length;) {
    const part = decoder.decode(octets.subarray(at, at + size));
    if (part.type === "error") return part.reason;
    data += decodeText(part.data);
    at += part.used;
    if (part.done) return `${data}|${decodeText([octets.subarray(at)])}`;
  }
  return data;
}

Deno.test("bodyDecoder() reads chunks in pieces of any size, drops extensions and trailers, and stops at the end", () => {
  const rows = [
    ["0\r\n\r\nGET", "|GET"],
    ["3\r\nabc\r\n0\r\n\r\n", "abc|"],
    ["3;a=b\r\nabc\r\n00A \r\n0123456789\r\n0\r\nX: y\r\nZ: z\r\n\r\nrest", "abc0123456789|rest"],
    ["3\r\nab", "ab"],
    ["3\r\nabcd\r\n", "a chunk is longer than its size"],
    ["-3\r\nabc\r\n", "a chunk's size is no hexadecimal number"],
    ["\r\nabc\r\n", "a chunk's size is no hexadecimal number"],
    ["0x3\r\nabc\r\n", "a chunk's size is no hexadecimal number"],
    ["1000000000000\r\n", "a chunk's size is no hexadecimal number"],
    ["3\nabc\n0\n\n", "a chunk's line ends with LF alone"],
    [`3;${"a".repeat(1100)}`, "a line of the chunked coding is too long"],
    [`0\r\n${"a: b\r\n".repeat(1700)}\r\n`, "a line of the chunked coding is too long"],
  ] as const;
  for (const [text, expected] of rows) {
    for (const size of [1, 2, 7, 5000]) {
      const decoded = decodeAll(bodyDecoder({ type: "chunked" }), text, size);
      const wrong = expected === "a chunk is longer than its size"
        ? /longer than its size|too long/
        : undefined;
      if (wrong === undefined) assert.equal(decoded, expected, `${text.slice(0, 40)} by ${size}`);
      else assert.match(decoded, wrong);
    }
  }
  assert.equal(decodeAll(bodyDecoder({ type: "chunked" }, true), "3\nabc\n0\n\n", 2), "abc|");
  assert.equal(decodeAll(bodyDecoder({ type: "length", octets: 3 }), "abcdef", 2), "abc|def");
  assert.equal(decodeAll(bodyDecoder({ type: "close" }), "abcdef", 2), "abcdef");
});

Deno.test("bodyDecoder() gives back any chunks that were written, and never throws at any octets", () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 10 });
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 50 }), (chunks, size) => {
      const bodies = chunks.map((chunk) => String.fromCharCode(...chunk));
      const text = bodies.map((body) => `${body.length.toString(16)}\r\n${body}\r\n`).join("");
      assert.equal(
        decodeAll(bodyDecoder({ type: "chunked" }), `${text}0\r\n\r\nnext`, size),
        `${bodies.join("")}|next`,
      );
    }),
    { seed: 91120 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
      bodyDecoder({ type: "chunked" }).decode(octets);
    }),
    { seed: 91121 },
  );
});
