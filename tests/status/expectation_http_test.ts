/** What opens the gate of a service whose check fails, in words. */
import assert from "node:assert/strict";
import { expectationOf } from "../../src/status/expectation.ts";
import { httpCheckConfig, tlsCheckConfig } from "../support/config.ts";

for (
  const [check, words] of [
    [httpCheckConfig(), "http://127.0.0.1:8080/ answers with a 2xx status within 1s"],
    [
      httpCheckConfig({ address: "::1", scheme: "https", port: 443, path: "/a", minDaysLeft: 7 }),
      "https://[::1]:443/a answers with a 2xx status, a certificate good for 7 days or more, within 1s",
    ],
    [
      httpCheckConfig({
        unixSocket: "/run/a",
        method: "HEAD",
        host: "a.example",
        status: [{ from: 404, to: 404 }],
      }),
      "HEAD http://unix:/run/a:/ (host a.example) answers with status 404 within 1s",
    ],
    [
      httpCheckConfig({ body: { contains: 'a"b' } }),
      'http://127.0.0.1:8080/ answers with a 2xx status and a body that contains "a\\"b" within 1s',
    ],
    [
      httpCheckConfig({ body: { matches: "^ok" } }),
      "http://127.0.0.1:8080/ answers with a 2xx status and a body that matches ^ok within 1s",
    ],
    [
      tlsCheckConfig({ minDaysLeft: 1 }),
      "127.0.0.1:8443 shakes hands by TLS with a trusted certificate for 127.0.0.1, good for 1 day or more, within 1s",
    ],
    [
      tlsCheckConfig({ insecureSkipVerify: true }),
      "127.0.0.1:8443 shakes hands by TLS with any certificate within 1s",
    ],
  ] as const
) {
  Deno.test(`expectationOf() says: ${words}`, () => {
    assert.equal(expectationOf(check), words);
  });
}
