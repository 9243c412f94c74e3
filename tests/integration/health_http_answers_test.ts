/** What an http check asks, and what it makes of statuses and bodies: by HTTP/1.0, 1.1 and 2, over TCP, TLS and a unix socket. */
import assert from "node:assert/strict";
import type { HttpCheckConfig } from "../../src/config/checks/http.ts";
import { httpProbe } from "../../src/health/kinds/http.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { httpCheckConfig } from "../support/config.ts";
import { until, within } from "../support/until.ts";
import { http2Server } from "./health_http2_server.ts";
import { answer, type Behaviour, Certificates, hang, probePorts, RawServer } from "./health_servers.ts";

async function probe(config: Partial<HttpCheckConfig>): Promise<ProbeOutcome> {
  const running = httpProbe(httpCheckConfig(config), probePorts()).run(
    new AbortController().signal,
    () => {},
  );
  return await within(running, "a probe");
}

/** A server whose first request goes to `asked`. */
function recording(): { readonly asked: Promise<readonly string[]>; readonly behaviour: Behaviour } {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  return {
    asked: promise,
    async behaviour(connection) {
      const buffer = new Uint8Array(65_536);
      const count = await connection.read(buffer) ?? 0;
      resolve(new TextDecoder().decode(buffer.subarray(0, count)).split("\r\n"));
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
    },
  };
}

for (
  const [sentence, config, lines] of [
    ["the method", { method: "OPTIONS", path: "/a" }, ["OPTIONS /a HTTP/1.1"]],
    ["a length of no body where the method has one", { method: "POST" }, [
      "POST / HTTP/1.1",
      "Content-Length: 0",
    ]],
    ["the host", { host: "app.example:81" }, ["Host: app.example:81"]],
    ["header fields, its own ones replaced", { headers: { "X-Probe": "1", "User-Agent": "me" } }, [
      "X-Probe: 1",
      "User-Agent: me",
      "accept: */*",
      "accept-encoding: identity",
    ]],
  ] as const
) {
  Deno.test(`httpProbe() sends ${sentence}`, async () => {
    const { asked, behaviour } = recording();
    await using server = new RawServer(behaviour);
    assert.deepEqual(await probe({ port: server.port, ...config }), { kind: "pass", detail: "status 200" });
    const sent = await asked;
    for (const line of lines) assert.ok(sent.includes(line), `${line} is not in ${sent.join("; ")}`);
    assert.equal(sent.filter((line) => /^user-agent:/i.test(line)).length, 1);
  });
}

const NOT_FOUND = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
const REDIRECT = "HTTP/1.1 302 Found\r\nlocation: /login\r\n\r\n";

for (
  const [sentence, text, status, expected] of [
    ["a status that is listed", NOT_FOUND, [{ from: 404, to: 404 }], "pass: status 404"],
    [
      "a redirect that is listed",
      REDIRECT,
      [{ from: 200, to: 299 }, { from: 302, to: 303 }],
      "pass: status 302",
    ],
    [
      "no 200 that is not listed",
      "HTTP/1.1 200 OK\r\n\r\n",
      [{ from: 204, to: 204 }],
      "fail: status 200, not 204",
    ],
    [
      "no redirect that is not listed",
      REDIRECT,
      [{ from: 200, to: 301 }, { from: 303, to: 303 }],
      "fail: status 302, a redirect to /login: not followed, not 200-301, 303",
    ],
  ] as const
) {
  Deno.test(`httpProbe() passes ${sentence}`, async () => {
    await using server = new RawServer(answer(text));
    const { kind, detail } = await probe({ port: server.port, status });
    assert.equal(`${kind}: ${detail}`, expected);
  });
}

const HEAD = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${HEAD}transfer-encoding: chunked\r\n\r\n`;
const LONG = "x".repeat(65_536);
const CONTAINS = { contains: "all well" };
const MATCHES = { matches: "^all (well|good)$" };
const PASS = 'pass: status 200, the body contains "all well"';

const BODIES: readonly (readonly [
  sentence: string,
  behaviour: Behaviour,
  body: HttpCheckConfig["body"],
  expected: string | RegExp,
])[] = [
  ["by its length", answer(`${HEAD}content-length: 8\r\n\r\nall well`), CONTAINS, PASS],
  ["up to the end of the connection", answer(`HTTP/1.0 200 OK\r\n\r\nall well`), CONTAINS, PASS],
  ["in chunks", answer(`${CHUNKED}4;a=b\r\nall \r\n4\r\nwell\r\n0\r\ntrailer: x\r\n\r\n`), CONTAINS, PASS],
  [
    "in chunks of HTTP/1.0",
    answer(`HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\nall well\r\n0\r\n\r\n`),
    CONTAINS,
    PASS,
  ],
  ["in pieces", answer(`${HEAD}content-length: 8\r\n\r\nall`, " w", "ell"), CONTAINS, PASS],
  [
    "before the connection is closed too early",
    answer(`${HEAD}content-length: 99\r\n\r\nall well`),
    CONTAINS,
    PASS,
  ],
  ["before the chunks become garbage", answer(`${CHUNKED}8\r\nall well\r\nzz\r\n`), CONTAINS, PASS],
  ["at its very end within the bound", answer(`${HEAD}\r\n${LONG.slice(8)}all well`), CONTAINS, PASS],
  [
    "by a regular expression",
    answer(`${HEAD}content-length: 8\r\n\r\nall good`),
    MATCHES,
    "pass: status 200, the body matches ^all (well|good)$",
  ],
  ["and a 404 as the status says", answer(`HTTP/1.1 404 No\r\n\r\nall well`), CONTAINS, "fail: status 404"],
  [
    "that is another",
    answer(`${HEAD}content-length: 18\r\n\r\n{"is": "broken"}\r\n`),
    CONTAINS,
    'fail: status 200, but the body does not contain "all well": it begins with "{"is": "broken"}\\r\\n"',
  ],
  [
    "that is empty",
    answer(`${HEAD}content-length: 0\r\n\r\n`),
    CONTAINS,
    'fail: status 200, but the body does not contain "all well": it is empty',
  ],
  [
    "that a regular expression does not match",
    answer(`${HEAD}\r\nall bad`),
    MATCHES,
    'fail: status 200, but the body does not match ^all (well|good)$: it begins with "all bad"',
  ],
  [
    "that has it behind the bound",
    answer(`${HEAD}\r\n${LONG}all well`),
    CONTAINS,
    /^fail: status 200, but the body does not contain "all well" in its first 64 KiB: it begins with "x{59}…"$/,
  ],
  [
    "that is cut short",
    answer(`${HEAD}content-length: 99\r\n\r\nall`),
    CONTAINS,
    "fail: connection closed within the body",
  ],
  [
    "that is cut short in a chunk",
    answer(`${CHUNKED}9\r\nall`),
    CONTAINS,
    "fail: connection closed within the body",
  ],
  [
    "whose chunks have no size",
    answer(`${CHUNKED}size\r\nall well\r\n`),
    CONTAINS,
    "fail: the body cannot be read: a chunk's size is no hexadecimal number",
  ],
  [
    "whose length is a lie: two of them",
    answer(`${HEAD}content-length: 8\r\ncontent-length: 9\r\n\r\nall well`),
    CONTAINS,
    "fail: the body cannot be read: a content length that is not one number",
  ],
  [
    "in a transfer coding that nobody asked for",
    answer(`${HEAD}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`),
    CONTAINS,
    "fail: the body cannot be read: a transfer coding other than chunked",
  ],
  [
    "that is compressed",
    answer(`${HEAD}content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\0\0`),
    CONTAINS,
    "fail: status 200, but the body is compressed (gzip), though identity was asked for",
  ],
];

Deno.test("httpProbe() reads a body", async (t) => {
  await using certificates = new Certificates();
  const tls = await certificates.selfSigned();
  const ways = [
    ["over TCP", {}, {}],
    ["over TCP, IPv6", { hostname: "::1" }, { address: "::1" }],
    ["over TLS", { tls }, { scheme: "https", caFile: tls.certFile }],
  ] as const;
  for (const [sentence, behaviour, body, expected] of BODIES) {
    for (const [way, server, config] of ways) {
      await t.step(`${sentence}, ${way}`, async () => {
        await using raw = new RawServer(behaviour, server);
        const { kind, detail } = await probe({ port: raw.port, body, ...config });
        if (typeof expected === "string") assert.equal(`${kind}: ${detail}`, expected);
        else assert.match(`${kind}: ${detail}`, expected);
        await until(() => raw.open.size === 0);
      });
    }
  }
});

Deno.test("httpProbe() gives a HEAD request no body to wait for", async () => {
  await using server = new RawServer(async (connection) => {
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode(`${HEAD}content-length: 8\r\n\r\n`));
    await hang(connection);
  });
  assert.deepEqual(await probe({ port: server.port, method: "HEAD" }), {
    kind: "pass",
    detail: "status 200",
  });
});

Deno.test("httpProbe() connects to a unix socket", async (t) => {
  const folder = await Deno.makeTempDir();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const unixSocket = `${folder}/app.sock`;
  await t.step("that does not exist", async () => {
    assert.deepEqual(await probe({ unixSocket }), { kind: "fail", detail: "the socket does not exist" });
  });
  const { asked, behaviour } = recording();
  const server = new RawServer(behaviour, { path: unixSocket });
  await t.step("and names its host localhost", async () => {
    const outcome = await probe({ unixSocket, address: "localhost", port: 80 });
    assert.deepEqual(outcome, { kind: "pass", detail: "status 200" });
    assert.ok((await asked).includes("Host: localhost"));
  });
  await server[Symbol.asyncDispose]();
  await t.step("whose server is gone", async () => {
    const listener = Deno.listen({ transport: "unix", path: `${folder}/gone.sock` });
    Deno.linkSync(`${folder}/gone.sock`, unixSocket + "2");
    listener.close();
    const outcome = await probe({ unixSocket: unixSocket + "2" });
    assert.deepEqual(outcome, { kind: "fail", detail: "connection refused" });
  });
});

Deno.test("httpProbe() reads a body by HTTP/2", async (t) => {
  await using certificates = new Certificates();
  const tls = await certificates.selfSigned();
  await using server = await http2Server(tls);
  const config = { port: server.port, scheme: "https", caFile: tls.certFile } as const;
  for (
    const [path, body, expected] of [
      ["/body?all%20well", CONTAINS, PASS],
      ["/trailers?all%20well", CONTAINS, PASS],
      // More than a window of HTTP/2 has.
      [`/filled?${LONG.length - 8}&all%20well`, CONTAINS, PASS],
      ["/body?all%20good", MATCHES, "pass: status 200, the body matches ^all (well|good)$"],
      ["/body?", CONTAINS, 'fail: status 200, but the body does not contain "all well": it is empty'],
      [
        "/trailers?bad",
        MATCHES,
        'fail: status 200, but the body does not match ^all (well|good)$: it begins with "bad"',
      ],
      [
        "/compressed?",
        CONTAINS,
        "fail: status 200, but the body is compressed (br), though identity was asked for",
      ],
      [`/filled?${3 * LONG.length}&all%20well`, CONTAINS, /does not contain "all well" in its first 64 KiB/],
    ] as const
  ) {
    await t.step(path.slice(0, 30), async () => {
      const { kind, detail } = await probe({ ...config, path, body });
      if (typeof expected === "string") assert.equal(`${kind}: ${detail}`, expected);
      else assert.match(`${kind}: ${detail}`, expected);
    });
  }
  await t.step("and asks with its method, host and fields", async () => {
    const request = {
      method: "POST",
      host: "app.example",
      serverName: "localhost",
      headers: { "X-Probe": "1" },
    };
    const body = { contains: "POST app.example 1 bgp-lb" };
    const { kind, detail } = await probe({ ...config, ...request, path: "/asked", body });
    assert.equal(`${kind}: ${detail}`, 'pass: status 200, the body contains "POST app.example 1 bgp-lb"');
  });
});
