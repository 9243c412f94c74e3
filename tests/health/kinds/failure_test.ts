/** Errors as fetch (hyper, rustls), node and the kernel word them, and what a person is told. */
import assert from "node:assert/strict";
import { describeFailure } from "../../../src/health/kinds/failure.ts";

const viaFetch = (text: string) => {
  const cause = new Error(`error sending request for url (http://127.0.0.1:8080/): client error ${text}`);
  return new TypeError("fetch failed", { cause });
};
const viaNode = (code: string, text: string) => Object.assign(new Error(text), { code });

const ROWS: readonly (readonly [error: unknown, words: string])[] = [
  [viaFetch("(Connect): tcp connect error: Connection refused (os error 111)"), "connection refused"],
  [viaNode("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:9"), "connection refused"],
  [viaFetch("(SendRequest): connection error: Connection reset by peer (os error 104)"), "connection reset"],
  [viaNode("ECONNRESET", "read ECONNRESET"), "connection reset"],
  [viaNode("ECONNRESET", "socket hang up"), "connection closed without an answer"],
  [
    viaFetch("(SendRequest): connection closed before message completed"),
    "connection closed without an answer",
  ],
  [viaFetch("(Connect): tcp connect error: No route to host (os error 113)"), "no route to host"],
  [viaFetch("(Connect): tcp connect error: Network is unreachable (os error 101)"), "network is unreachable"],
  [
    viaFetch("(Connect): tcp connect error: Cannot assign requested address (os error 99)"),
    "no local address or port to connect from",
  ],
  [
    viaFetch("(Connect): tcp open error: Too many open files (os error 24)"),
    "this process has too many open files",
  ],
  [
    viaFetch("(Connect): dns error: failed to lookup address information: Name or service not known"),
    "host name not found",
  ],
  [viaNode("ENOTFOUND", "getaddrinfo ENOTFOUND nowhere"), "host name not found"],
  [
    viaFetch(
      "(Connect): dns error: failed to lookup address information: Temporary failure in name resolution",
    ),
    "host name lookup failed for now",
  ],
  [viaFetch("(SendRequest): invalid HTTP version parsed"), "the answer is not HTTP"],
  [viaNode("HPE_INVALID_CONSTANT", "Parse Error: Expected HTTP/, RTSP/ or ICE/"), "the answer is not HTTP"],
  [viaFetch("(Connect): received corrupt message of type InvalidContentType"), "the answer is not TLS"],
  [viaFetch("(Connect): tls handshake eof"), "connection closed within the TLS handshake"],
  [
    viaNode("ECONNRESET", "Client network socket disconnected before secure TLS connection was established"),
    "connection closed within the TLS handshake",
  ],
  [
    viaFetch("(Connect): invalid peer certificate: UnknownIssuer"),
    "certificate is not from a trusted issuer",
  ],
  [
    viaNode("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"),
    "certificate is not from a trusted issuer",
  ],
  [viaFetch("(Connect): invalid peer certificate: Expired"), "certificate has expired"],
  [
    viaFetch("(Connect): invalid peer certificate: certificate expired: verification time 2 (UNIX)"),
    "certificate has expired",
  ],
  [viaFetch("(Connect): invalid peer certificate: NotValidYet"), "certificate is not valid yet"],
  [
    viaFetch('(Connect): invalid peer certificate: certificate not valid for name "10.0.0.1"'),
    "certificate is for another name",
  ],
  [viaNode("ERR_TLS_CERT_ALTNAME_INVALID", "Hostname/IP does not match"), "certificate is for another name"],
  // Whatever else there is comes out as it is, without what says nothing.
  [
    viaFetch("(Connect): tcp connect error: Something new (os error 200)"),
    "tcp connect error: Something new",
  ],
  [new Error("no echo reply within 1000 ms"), "no echo reply within 1000 ms"],
  ["a string", "a string"],
  [undefined, "unknown error"],
];

for (const [error, words] of ROWS) {
  Deno.test(`describeFailure() says "${words}" of ${String(error instanceof Error ? error.cause ?? error : error)}`, () => {
    assert.equal(describeFailure(error), words);
  });
}

Deno.test("describeFailure() ends with causes that go in a circle", () => {
  const error = new Error("round");
  error.cause = error;
  assert.equal(describeFailure(error), "round");
});
