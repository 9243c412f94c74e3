/** The http check against real servers, good ones and bad ones: over IPv4, IPv6, names, refused ports and TLS the same. */
import assert from "node:assert/strict";
import type { HttpCheckConfig } from "../../src/config/checks/http.ts";
import { httpProbe } from "../../src/health/kinds/http.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { httpCheckConfig } from "../support/config.ts";
import { until, within } from "../support/until.ts";
import {
  answer,
  type Behaviour,
  Certificates,
  drip,
  flood,
  hang,
  probePorts,
  RawServer,
  type RawServerOptions,
} from "./health_servers.ts";

/** Some attempts end by a limit of the system's. */
const LIMIT_MS = 120_000;

/** One attempt, cut off after `timeoutMs` as a check would. */
async function probe(config: Partial<HttpCheckConfig>, timeoutMs = LIMIT_MS): Promise<ProbeOutcome> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  const outcome = httpProbe(httpCheckConfig(config), probePorts()).run(controller.signal, () => {});
  try {
    return told(await within(outcome, "a probe", 2 * LIMIT_MS), config.address);
  } finally {
    clearTimeout(timer);
  }
}

/** What is said of a host name tells which of its addresses it was; the rest is the same whatever the way is. */
function told(outcome: ProbeOutcome, host: string | undefined): ProbeOutcome {
  if (host !== "localhost") return outcome;
  const detail = outcome.detail.replace(/ \((127\.0\.0\.1|127\.0\.0\.1, ::1)\)$/, "");
  assert.notEqual(detail, outcome.detail, "no address is told");
  return { ...outcome, detail };
}

/** A way to a server: where it listens, and what the check is told. */
interface Way {
  readonly way: string;
  readonly server: RawServerOptions;
  readonly config: Partial<HttpCheckConfig>;
}

async function ways(certificates: Certificates): Promise<readonly Way[]> {
  const tls = await certificates.selfSigned();
  return [
    { way: "IPv4", server: {}, config: {} },
    { way: "IPv6", server: { hostname: "::1" }, config: { address: "::1" } },
    { way: "a host name", server: {}, config: { address: "localhost" } },
    // What browsers refuse to ask.
    { way: "port 6667", server: { hostname: "127.88.0.1", port: 6667 }, config: { address: "127.88.0.1" } },
    { way: "TLS", server: { tls }, config: { scheme: "https", insecureSkipVerify: true } },
    { way: "verified TLS", server: { tls }, config: { scheme: "https", caFile: tls.certFile } },
    {
      way: "verified TLS by IPv6",
      server: { tls, hostname: "::1" },
      config: { scheme: "https", caFile: tls.certFile, address: "::1" },
    },
  ];
}

const HEAD = "HTTP/1.1 200 OK\r\n";
const ANSWERS: readonly (readonly [sentence: string, behaviour: Behaviour, kind: string, detail: RegExp])[] =
  [
    ["passes a 200", answer(`${HEAD}content-length: 2\r\n\r\nok`), "pass", /^status 200$/],
    ["passes a 200 in two pieces", answer("HTTP/1.1 2", "00 OK\r\n\r\n"), "pass", /^status 200$/],
    ["passes a 200 of HTTP/1.0", answer("HTTP/1.0 200 OK\r\n\r\nok"), "pass", /^status 200$/],
    ["passes lines that end with LF alone", answer("HTTP/1.1 200 OK\na: b\n\nok"), "pass", /^status 200$/],
    ["passes a 200 without a reason", answer("HTTP/1.1 200\r\n\r\n"), "pass", /^status 200$/],
    [
      "passes 20 kB of header fields",
      answer(`${HEAD}x: ${"y".repeat(10_000)}\r\nz: ${"y".repeat(10_000)}\r\n\r\n`),
      "pass",
      /^status 200$/,
    ],
    [
      "passes 200 header fields",
      answer(`${HEAD}${"x: y\r\n".repeat(200)}\r\n`),
      "pass",
      /^status 200$/,
    ],
    ["passes a 204", answer("HTTP/1.1 204 No Content\r\n\r\n"), "pass", /^status 204$/],
    ["passes a 299", answer("HTTP/1.1 299 Fine\r\ncontent-length: 0\r\n\r\n"), "pass", /^status 299$/],
    [
      "waits for the answer after some 103",
      answer(..."HTTP/1.1 103 Early Hints\r\n\r\n".repeat(3).match(/[^]{1,7}/g) ?? [], `${HEAD}\r\n`),
      "pass",
      /^status 200$/,
    ],
    [
      "waits for the answer after a 100 in the same piece",
      answer(`HTTP/1.1 100 Continue\r\n\r\n${HEAD}\r\n`),
      "pass",
      /^status 200$/,
    ],
    ["fails a 101", answer("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "fail", /^status 101$/],
    ["fails a 300", answer("HTTP/1.1 300 Many\r\ncontent-length: 0\r\n\r\n"), "fail", /^status 300$/],
    [
      "fails a redirect and does not follow it",
      answer("HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n"),
      "fail",
      /^status 302, a redirect to \/login: not followed$/,
    ],
    [
      "fails a redirect to 50,000 octets, and keeps few of them (S8)",
      answer(`HTTP/1.1 302 Found\r\nlocation: /${"a".repeat(50_000)}\r\ncontent-length: 0\r\n\r\n`),
      "fail",
      /^status 302, a redirect to \/a{158}…: not followed$/,
    ],
    ["fails a 404", answer("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"), "fail", /^status 404$/],
    ["fails a 503", answer("HTTP/1.1 503 No\r\nretry-after: 9\r\n\r\n"), "fail", /^status 503$/],
    [
      "fails half an answer",
      answer("HTTP/1.1 20"),
      "fail",
      /^connection closed without an answer$/,
    ],
    [
      "fails what is not HTTP",
      answer("SSH-2.0-OpenSSH_9.2\r\n"),
      "fail",
      /^the answer is not HTTP, what came: "SSH-2.0-OpenSSH_9.2\\r\\n"$/,
    ],
    [
      "fails HTTP/2 that was not agreed on",
      answer("\0\0\x12\x04\0\0\0\0\0"),
      "fail",
      /^the answer is not HTTP, what came: octets /,
    ],
    [
      "fails a control character in a field",
      answer(`${HEAD}a: b\0c\r\n\r\n`),
      "fail",
      /^the answer is not HTTP, what came: octets /,
    ],
    [
      "fails 1,000 header fields",
      answer(`${HEAD}${"x: y\r\n".repeat(1000)}\r\n`),
      "fail",
      /^the answer is too large: more than 256 fields$/,
    ],
    [
      "fails endless header fields",
      flood(HEAD, `x: ${"y".repeat(1000)}\r\n`),
      "fail",
      /^the answer is too large: the head is longer than 65536 octets$/,
    ],
    [
      "fails one endless line",
      flood(`${HEAD}x: `, "y".repeat(1000)),
      "fail",
      /^the answer is too large: /,
    ],
    [
      "fails endless interim answers (S4)",
      flood("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
      "fail",
      /^more than 16 interim answers \(1xx\)$/,
    ],
  ];

Deno.test("httpProbe() comes to one verdict whatever the way is (C12)", async (t) => {
  await using certificates = new Certificates();
  for (const { way, server, config } of await ways(certificates)) {
    for (const [sentence, behaviour, kind, detail] of ANSWERS) {
      await t.step(`${sentence}, over ${way}`, async () => {
        await using running = new RawServer(behaviour, server);
        const outcome = await probe({ ...config, port: running.port });
        assert.match(outcome.detail, detail);
        assert.equal(outcome.kind, kind);
        await until(() => running.open.size === 0);
      });
    }

    await t.step(`fails a close without an answer, over ${way}`, async () => {
      await using running = new RawServer(() => Promise.resolve(), server);
      const outcome = await probe({ ...config, port: running.port });
      assert.equal(outcome.kind, "fail");
      assert.match(
        outcome.detail,
        /^connection (closed without an answer|reset|closed within the TLS handshake)$/,
      );
    });

    await t.step(
      `does not wait for an endless body, and leaves the server in peace, over ${way}`,
      async () => {
        await using running = new RawServer(flood(`${HEAD}\r\n`, "y".repeat(65_536)), server);
        assert.deepEqual(await probe({ ...config, port: running.port }), {
          kind: "pass",
          detail: "status 200",
        });
        await until(() => running.open.size === 0);
      },
    );

    await t.step(`does not wait for a body that never comes, over ${way}`, async () => {
      const promise = async (connection: Deno.Conn) => {
        await connection.write(new TextEncoder().encode(`${HEAD}content-length: 10\r\n\r\n`));
        await hang(connection);
      };
      await using running = new RawServer(promise, server);
      assert.deepEqual(await probe({ ...config, port: running.port }), {
        kind: "pass",
        detail: "status 200",
      });
      await until(() => running.open.size === 0);
    });

    for (const [sentence, behaviour] of [["never answers", hang], ["drips", drip(HEAD, 20)]] as const) {
      await t.step(
        `closes its connection to a server that ${sentence} when cut off, over ${way}`,
        async () => {
          await using running = new RawServer(behaviour, server);
          await probe({ ...config, port: running.port }, 100);
          await until(() => running.open.size === 0);
        },
      );
    }

    await t.step(`opens a connection of its own for every attempt, over ${way}`, async () => {
      await using running = new RawServer(async (connection) => {
        for (;;) await answer(`${HEAD}content-length: 2\r\n\r\nok`)(connection);
      }, server);
      const probe = httpProbe(httpCheckConfig({ ...config, port: running.port }), probePorts());
      for (let attempt = 0; attempt < 3; attempt++) {
        assert.equal((await probe.run(new AbortController().signal, () => {})).kind, "pass");
      }
      assert.equal(running.accepted, 3);
      await until(() => running.open.size === 0);
    });

    await t.step(`says that a closed port refuses, over ${way}`, async () => {
      const closed = new RawServer(hang, server);
      await closed[Symbol.asyncDispose]();
      const outcome = await probe({ ...config, port: closed.port });
      assert.deepEqual(outcome, { kind: "fail", detail: "connection refused" });
    });

    await t.step(`sends GET, its path as it is, and the host, over ${way}`, async () => {
      const { promise, resolve } = Promise.withResolvers<string>();
      await using running = new RawServer(async (connection) => {
        const buffer = new Uint8Array(4096);
        resolve(new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0)));
      }, server);
      await probe({ ...config, port: running.port, path: "//healthz/../x?full=1&a=%20b" });
      const host = { address: "127.0.0.1", ...config }.address.replace(/^(.*:.*)$/, "[$1]");
      assert.deepEqual((await promise).split("\r\n"), [
        "GET //healthz/../x?full=1&a=%20b HTTP/1.1",
        `Host: ${host}:${running.port}`,
        "user-agent: bgp-lb",
        "accept: */*",
        "accept-encoding: identity",
        "Connection: close",
        "",
        "",
      ]);
    });
  }
});

Deno.test("httpProbe() says that a host name does not exist", async () => {
  const outcome = await probe({ address: "no-such-host.invalid" });
  assert.equal(outcome.kind, "fail");
  assert.match(outcome.detail, /^host name not (found|looked up)|^the resolver does not answer$/);
});
