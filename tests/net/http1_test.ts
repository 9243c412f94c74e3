import assert from "node:assert/strict";
import fc from "fast-check";
import {
  parseRequestHead,
  parseResponseHead,
  REQUEST_LIMITS,
  requestHeadParser,
  RESPONSE_LIMITS,
  responseHeadParser,
  tokensOf,
  valuesOf,
} from "../../src/net/http1.ts";

const encode = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

Deno.test("parseRequestHead() reads method, target, version and fields (RFC 9112 sections 3 and 5)", () => {
  const rows = [
    ["GET / HTTP/1.1\r\n\r\n", "GET", "/", "1.1", []],
    ["\r\nGET / HTTP/1.0\r\n\r\n", "GET", "/", "1.0", []],
    ["OPTIONS * HTTP/1.7\r\n\r\n", "OPTIONS", "*", "1.1", []],
    ["GET http://a/b?c HTTP/1.1\r\nHost:a\r\nX-y: \t b\tc \t\r\nx-Y:\r\n\r\n", "GET", "http://a/b?c", "1.1", [
      ["host", "a"],
      ["x-y", "b\tc"],
      ["x-y", ""],
    ]],
    ["GET / HTTP/1.1\r\nx: \xe4:\xff\r\n\r\n", "GET", "/", "1.1", [["x", "\xe4:\xff"]]],
  ] as const;
  for (const [text, method, target, version, fields] of rows) {
    const expected = {
      type: "head",
      method,
      target,
      version,
      fields: fields.map(([name, value]) => ({ name, value })),
      length: text.length,
    };
    assert.deepEqual(parseRequestHead(encode(text)), expected, text);
    assert.deepEqual(
      parseRequestHead(encode(`${text}GET / HTTP/1.1\r\n`)),
      expected,
      "what follows is not looked at",
    );
  }
});

Deno.test("parseRequestHead() refuses what two parsers could read differently (RFC 9112 sections 2.2, 3 and 5)", () => {
  const rows = [
    ["GET / HTTP/1.1\n\n", 400, /LF alone/],
    ["GET / HTTP/1.1\r\nHost: a\n\r\n", 400, /LF alone/],
    ["\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400, /request line/],
    ["GET  / HTTP/1.1\r\n\r\n", 400, /request line/],
    ["GET / HTTP/1.1 \r\n\r\n", 400, /request line/],
    ["GET /\r\n\r\n", 400, /request line/],
    ["GET /\xe4 HTTP/1.1\r\n\r\n", 400, /request line/],
    ["GET /\t HTTP/1.1\r\n\r\n", 400, /request line/],
    ["G(T / HTTP/1.1\r\n\r\n", 400, /request line/],
    ["GET / http/1.1\r\n\r\n", 400, /request line/],
    ["GET / HTTP/1.1\rHost: a\r\n\r\n", 400, /request line/],
    ["GET / HTTP/11\r\n\r\n", 400, /request line/],
    ["PRI * HTTP/2.0\r\n\r\n", 505, /only HTTP/],
    ["\x16\x03\x01", 400, /not HTTP/],
    ["GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, /no token/],
    ["GET / HTTP/1.1\r\n: a\r\n\r\n", 400, /no token/],
    ["GET / HTTP/1.1\r\nHost\r\n\r\n", 400, /colon/],
    ["GET / HTTP/1.1\r\nH\xe4: a\r\n\r\n", 400, /no token/],
    ["GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, /white space/],
    ["GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, /white space/],
    ["GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400, /control/],
    ["GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400, /control/],
    ["GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n", 400, /control/],
  ] as const;
  for (const [text, status, reason] of rows) {
    const answer = parseRequestHead(encode(text));
    assert.ok(answer.type === "error", JSON.stringify([text, answer]));
    assert.equal(answer.status, status, text);
    assert.match(answer.reason, reason);
  }
});

Deno.test("parseResponseHead() reads what servers send, with LF alone and folded lines too (RFC 9112 section 4)", () => {
  const rows = [
    ["HTTP/1.1 200 OK\r\n\r\n", 200, "OK", []],
    ["HTTP/1.1 200\r\n\r\n", 200, "", []],
    ["HTTP/1.0 503 \r\n\r\n", 503, "", []],
    ["HTTP/1.1 103 Early Hints\n\n", 103, "Early Hints", []],
    ["HTTP/1.1 200 So \xe4\nA : b\n c\n\td\r\nE:f\n\n", 200, "So \xe4", [["a", "b c d"], ["e", "f"]]],
  ] as const;
  for (const [text, status, reason, fields] of rows) {
    const answer = parseResponseHead(encode(text));
    assert.ok(answer.type === "head", JSON.stringify([text, answer]));
    assert.deepEqual([answer.status, answer.reason, answer.length], [status, reason, text.length]);
    assert.deepEqual(answer.fields, fields.map(([name, value]) => ({ name, value })));
  }
});

Deno.test("parseResponseHead() knows another protocol by its first octets, before a line has ended", () => {
  for (const text of ["SSH-2.0-OpenSSH_9", "\x15\x03\x01", "HTTQ", "HTTP/2", "\r\n", "220 mail ready\r\n"]) {
    assert.equal(parseResponseHead(encode(text)).type, "error", text);
  }
  for (const text of ["", "H", "HTTP/1.", "HTTP/1.1 2"]) {
    assert.equal(parseResponseHead(encode(text)).type, "more", text);
  }
  for (const text of ["HTTP/1.1 20 OK\n\n", "HTTP/1.1 099 OK\n\n", "HTTP/1.1 2000\n\n", "HTTP/1.x 200\n\n"]) {
    assert.equal(parseResponseHead(encode(text)).type, "error", text);
  }
});

Deno.test("a head is bounded in octets, lines and fields, on the limit and one beyond it", () => {
  const limits = { octets: 64, lineOctets: 32, fields: 2 };
  const status = (text: string) => {
    const answer = parseRequestHead(encode(text), limits);
    return answer.type === "error" ? answer.status : answer.type;
  };
  const line = "GET / HTTP/1.1\r\n";
  const target = (length: number) => `GET /${"a".repeat(length - 15)} HTTP/1.1\r\n`;
  assert.equal(target(32).length, 33, "the LF is not part of the line");
  assert.equal(status(`${target(32)}\r\n`), "head");
  assert.equal(status(`${target(33)}\r\n`), 414);
  assert.equal(status(target(32).slice(0, 32)), "more");
  assert.equal(status("A".repeat(33)), 414, "a line that never ends");
  assert.equal(status(`${line}a:b\r\nc:d\r\n\r\n`), "head");
  assert.equal(status(`${line}a:b\r\nc:d\r\ne:f\r\n\r\n`), 431);
  const fields = (length: number) => `${line}a:${"b".repeat(26)}\r\nc:${"d".repeat(length - 52)}\r\n\r\n`;
  assert.equal(fields(64).length, 64);
  assert.equal(status(fields(64)), "head");
  assert.equal(status(fields(65)), 431);
  assert.equal(status(`${line}a:${"b".repeat(31)}`), 431);
});

Deno.test("lines that go on with a field are counted as fields are: each of them is work (faults S4)", () => {
  const folded = (lines: number) => `HTTP/1.1 200 OK\r\na:b\r\n${" c\r\n".repeat(lines)}`;
  const { fields } = RESPONSE_LIMITS;
  const head = parseResponseHead(encode(`${folded(fields - 1)}\r\n`));
  assert.ok(head.type === "head");
  assert.deepEqual(head.fields, [{ name: "a", value: `b${" c".repeat(fields - 1)}` }]);
  const answer = parseResponseHead(encode(folded(fields)));
  assert.ok(answer.type === "error", "it need not end to be too much");
  assert.equal(answer.status, 431);
});

Deno.test("valuesOf() and tokensOf() find every value of a field, whatever its line", () => {
  const head = parseRequestHead(
    encode("GET / HTTP/1.1\r\nConnection: Close, ,a\r\nX: y\r\nconnection: B\r\n\r\n"),
  );
  assert.ok(head.type === "head");
  assert.deepEqual(valuesOf(head.fields, "connection"), ["Close, ,a", "B"]);
  assert.deepEqual(tokensOf(head.fields, "connection"), ["close", "a", "b"]);
});

const text = (characters: string, options: fc.StringConstraints) =>
  fc.string({ unit: fc.constantFrom(...characters), ...options });
const TOKEN = "!#$%&'*+-.^_`|~0aZ";
const fields = fc.array(
  fc.record({
    name: text(TOKEN, { minLength: 1, maxLength: 20 }).map((name) => name.toLowerCase()),
    value: text('a:,"\t \xff~', { maxLength: 30 }).map((value) => value.replace(/^[\t ]+|[\t ]+$/g, "")),
  }, { noNullPrototype: true }),
  { maxLength: 20 },
);
const render = (head: readonly { name: string; value: string }[]) =>
  head.map(({ name, value }) => `${name}:${value}\r\n`).join("");

Deno.test("any head that is written is read back the same, in whatever pieces it arrives", () => {
  const method = text(TOKEN, { minLength: 1, maxLength: 10 });
  const target = text("/?a%:@~", { minLength: 1, maxLength: 40 });
  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 8 });
  fc.assert(
    fc.property(method, target, fields, cuts, (method, target, fields, cuts) => {
      const octets = encode(`${method} ${target} HTTP/1.1\r\n${render(fields)}\r\n`);
      const expected = {
        type: "head" as const,
        method,
        target,
        version: "1.1",
        fields,
        length: octets.length,
      };
      assert.deepEqual(parseRequestHead(octets), expected);
      const parser = requestHeadParser();
      for (const cut of cuts.sort((a, b) => a - b).filter((cut) => cut < octets.length)) {
        assert.deepEqual(parser.parse(octets.subarray(0, cut)), { type: "more" });
      }
      assert.deepEqual(parser.parse(octets), expected);
    }),
    { seed: 91122 },
  );
});

Deno.test("whatever arrives, the answer is one of three, the same in pieces as at once, and never beyond the limits", () => {
  const lines = fc.constantFrom(
    "GET / HTTP/1.1",
    "HTTP/1.1 200 OK",
    "a: b",
    " c",
    "\r",
    "\n",
    "\r\n",
    ":",
    "\0",
  );
  const hostile = fc.array(fc.oneof(lines, fc.string({ unit: "binary", maxLength: 5 })), { maxLength: 30 })
    .map((pieces) => encode(pieces.join("")));
  fc.assert(
    fc.property(fc.oneof(hostile, fc.uint8Array({ maxLength: 200 })), (octets) => {
      for (
        const [parse, parser] of [
          [parseRequestHead, requestHeadParser()],
          [parseResponseHead, responseHeadParser()],
        ] as const
      ) {
        const whole = parse(octets);
        let piecewise: ReturnType<typeof parse> = { type: "more" };
        for (let length = 0; length <= octets.length && piecewise.type === "more"; length++) {
          piecewise = parser.parse(octets.subarray(0, length));
        }
        // Words of an error may be of a line that had not ended.
        assert.equal(piecewise.type, whole.type);
        if (whole.type === "head") assert.deepEqual(piecewise, whole);
        if (whole.type === "head") assert.ok(whole.length <= octets.length);
      }
    }),
    { seed: 91123 },
  );
  const endless = new Uint8Array(REQUEST_LIMITS.octets).fill(0x61);
  assert.equal(parseRequestHead(endless).type, "error");
});
