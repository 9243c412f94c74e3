/** Errors as Deno, node and the kernel word them; whose fault each is, and what a person is told. */
import assert from "node:assert/strict";
import {
  failureOf,
  NO_LOCAL_ADDRESS,
  OwnShortage,
  ProbeFailure,
} from "../../../src/health/connect/failure.ts";

const of = (code: string | undefined, text: string, name = "Error") =>
  Object.assign(new Error(text), { name }, code === undefined ? {} : { code });

const THEIRS: readonly (readonly [error: unknown, words: string])[] = [
  [of("ECONNREFUSED", "Connection refused (os error 111)", "ConnectionRefused"), "connection refused"],
  [of("ECONNREFUSED", "connect: connection refused"), "connection refused"],
  [of("ECONNRESET", "Connection reset by peer (os error 104)", "ConnectionReset"), "connection reset"],
  [of("EPIPE", "Broken pipe (os error 32)", "BrokenPipe"), "connection reset"],
  [of("EHOSTUNREACH", "No route to host (os error 113)"), "no route to host"],
  [of("ENETUNREACH", "Network is unreachable (os error 101)"), "network is unreachable"],
  [of("ETIMEDOUT", "Connection timed out (os error 110)"), "connecting timed out in the kernel"],
  [
    of("EAFNOSUPPORT", "Address family not supported by protocol"),
    "this host does not have this address family",
  ],
  [
    of(
      "ECONNRESET",
      "Client network socket disconnected before secure TLS connection was established",
    ),
    "connection closed within the TLS handshake",
  ],
  [of(undefined, "received corrupt message of type InvalidContentType"), "the answer is not TLS"],
  [
    of(undefined, "received fatal alert: CertificateRequired"),
    "the server wants a certificate of ours: name it with certFile and keyFile",
  ],
  [of(undefined, "received fatal alert: UnknownCA"), "the server refuses our certificate"],
  [new ProbeFailure("the answer is not HTTP"), "the answer is not HTTP"],
  // Whatever else there is comes out as it is, without what says nothing.
  [of("ESOMETHING", "Something new (os error 200)"), "Something new"],
  [new Error("no echo reply within 1000 ms"), "no echo reply within 1000 ms"],
  // What has no words is something all the same.
  [new Error(""), "unknown error"],
  [new Error("(os error 5)", { cause: new Error(" ") }), "unknown error"],
  [new Error("handshake", { cause: new Error("") }), "handshake"],
  // Deno calls some errors of the system so; they have a code.
  [of("EINVAL", "Invalid argument (os error 22)", "TypeError"), "Invalid argument"],
];

const OURS: readonly (readonly [error: unknown, words: string])[] = [
  [of("EMFILE", "Too many open files (os error 24)"), "this process has too many open files"],
  [of(undefined, "io error: Too many open files (os error 24)"), "this process has too many open files"],
  [of("ENFILE", "Too many open files in system (os error 23)"), "this process has too many open files"],
  [of("ENFILE", "file table"), "this host has too many open files"],
  [of("ENOMEM", "Cannot allocate memory (os error 12)"), "this host is out of memory"],
  [of("ENOBUFS", "No buffer space available (os error 105)"), "this host is out of buffer space"],
  [of("EADDRNOTAVAIL", "Cannot assign requested address (os error 99)"), NO_LOCAL_ADDRESS],
  [of("EPERM", "Operation not permitted (os error 1)"), "not permitted by this host"],
  [of("EACCES", "Permission denied (os error 13)"), "not permitted by this host"],
  [
    of(
      undefined,
      'Requires net access to "192.0.2.1:80", run again with the --allow-net flag',
      "NotCapable",
    ),
    "not permitted by the runtime's own flags",
  ],
  [
    of("EPERM", "no ICMP socket: raw: EPERM, needs CAP_NET_RAW"),
    "no ICMP socket: raw: EPERM, needs CAP_NET_RAW",
  ],
  [new Error("sendto: the send buffer is full"), "sendto: the send buffer is full"],
  [
    new OwnShortage("not looked up: too many others are being looked up"),
    "not looked up: too many others are being looked up",
  ],
  // A wrapped one.
  [
    new Error("connect failed", { cause: of("EMFILE", "Too many open files") }),
    "this process has too many open files",
  ],
  // What our own code throws.
  [
    new TypeError("undefined is not a function"),
    "unexpected: undefined is not a function",
  ],
  [new RangeError("Invalid array length"), "unexpected: Invalid array length"],
  ["a string", "unexpected: a string"],
  [undefined, "unexpected: unknown error"],
  [Object.create(null), "unexpected: something that has no text"],
];

for (const [kind, rows] of [["fail", THEIRS], ["unknown", OURS]] as const) {
  for (const [error, detail] of rows) {
    Deno.test(`failureOf() says ${kind}: "${detail}" of ${error instanceof Error ? error : typeof error}`, () => {
      assert.deepEqual(failureOf(error), { kind, detail });
    });
  }
}

Deno.test("failureOf() ends with causes that go in a circle, and bounds what it quotes", () => {
  const error = new Error("round");
  error.cause = error;
  assert.equal(failureOf(error).detail, "round");
  const { detail } = failureOf(new Error(`\x1b[31m${"x".repeat(300_000)}`));
  assert.ok(detail.length <= 160, `${detail.length}`);
  assert.ok(detail.startsWith("\\u001b[31mxxx"));
});
