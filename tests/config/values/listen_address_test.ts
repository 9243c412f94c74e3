// Where servers listen: boundary rows, and what is formatted reads back.
import assert from "node:assert/strict";
import { formatListenAddress, parseListenAddress } from "../../../src/config/values/listen_address.ts";

Deno.test("parseListenAddress() and formatListenAddress() are inverse", () => {
  for (const text of ["", ":8081", "127.0.0.1:1", "0.0.0.0:65535", "[::1]:8081", "[2001:db8::1]:80"]) {
    const parsed = parseListenAddress(text);
    assert.ok("value" in parsed, text);
    assert.equal(formatListenAddress(parsed.value), text);
  }
  assert.deepEqual(parseListenAddress("localhost:80"), { value: { hostname: "127.0.0.1", port: 80 } });
  for (
    const text of [
      "8081",
      ":",
      ":0",
      ":65536",
      "::1:80",
      "[::1]",
      "a:80",
      "[fe80::1%eth0]:80",
      "http://127.0.0.1:80",
    ]
  ) {
    assert.ok("problem" in parseListenAddress(text), text);
  }
});
