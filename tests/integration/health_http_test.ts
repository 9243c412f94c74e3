/** The http check against real servers, good ones and bad ones, by fetch and by node alike. */
import assert from "node:assert/strict";
import type { HttpCheckConfig } from "../../src/config/checks/http.ts";
import { httpProbe, PROXY_VARIABLES } from "../../src/health/kinds/http.ts";
import { BLOCKED_PORTS, fetchCan } from "../../src/health/kinds/http_request.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { until, within } from "../support/until.ts";
import {
  answer,
  type Behaviour,
  drip,
  flood,
  hang,
  makeCertificate,
  openDirectClient,
  RawServer,
} from "./health_servers.ts";

const CONFIG: HttpCheckConfig = {
  type: "http",
  address: "127.0.0.1",
  port: 80,
  path: "/",
  scheme: "http",
  insecureSkipVerify: false,
  caFile: undefined,
  name: "http-1",
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1000,
  rise: 1,
  fall: 1,
};

/** Some attempts end by a limit of the system's, such as the resolver's where no name server answers. */
const LIMIT_MS = 120_000;

/** One attempt, cut off after `timeoutMs` as a check would. */
async function probe(config: Partial<HttpCheckConfig>, timeoutMs = LIMIT_MS): Promise<ProbeOutcome> {
  using client = openDirectClient();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  try {
    return await within(
      httpProbe({ ...CONFIG, ...config }, client).run(controller.signal),
      "a probe",
      2 * LIMIT_MS,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Where fetch goes, and where it refuses to go so that node does: the same is expected of both. */
const WAYS = [
  { way: "fetch", hostname: "127.0.0.1", port: 0 },
  { way: "node", hostname: "127.88.0.1", port: 10080 },
] as const;

const HEAD = "HTTP/1.1 200 OK\r\n";
const ANSWERS: readonly (readonly [sentence: string, behaviour: Behaviour, pass: boolean, detail: RegExp])[] =
  [
    ["passes a 200", answer(`${HEAD}content-length: 2\r\n\r\nok`), true, /^status 200$/],
    ["passes a 200 in two pieces", answer("HTTP/1.1 2", "00 OK\r\n\r\n"), true, /^status 200$/],
    ["passes a 200 of HTTP/1.0", answer("HTTP/1.0 200 OK\r\n\r\nok"), true, /^status 200$/],
    ["passes a 204", answer("HTTP/1.1 204 No Content\r\n\r\n"), true, /^status 204$/],
    ["passes a 299", answer("HTTP/1.1 299 Fine\r\ncontent-length: 0\r\n\r\n"), true, /^status 299$/],
    [
      "waits for the answer after a 103",
      answer("HTTP/1.1 103 Early Hints\r\n\r\n", `${HEAD}\r\n`),
      true,
      /^status 200$/,
    ],
    ["fails a 300", answer("HTTP/1.1 300 Many\r\ncontent-length: 0\r\n\r\n"), false, /^status 300$/],
    [
      "fails a redirect and does not follow it",
      answer("HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n"),
      false,
      /^status 302, a redirect to \/login: not followed$/,
    ],
    ["fails a 404", answer("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"), false, /^status 404$/],
    [
      "fails a 503",
      answer("HTTP/1.1 503 No\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n"),
      false,
      /^status 503$/,
    ],
    [
      "fails a close without an answer",
      () => Promise.resolve(),
      false,
      /^connection (closed without an answer|reset)$/,
    ],
    ["fails half an answer", answer("HTTP/1.1 20"), false, /^connection closed without an answer$/],
    ["fails what is not HTTP", answer("SSH-2.0-OpenSSH_9.2\r\n"), false, /^the answer is not HTTP$/],
    [
      "fails endless header fields",
      flood(HEAD, `x: ${"y".repeat(1000)}\r\n`),
      false,
      /^the answer is not HTTP$/,
    ],
  ];

for (const { way, hostname, port } of WAYS) {
  for (const [sentence, behaviour, pass, detail] of ANSWERS) {
    Deno.test(`httpProbe() by ${way} ${sentence}`, async () => {
      await using server = new RawServer(behaviour, { hostname, port });
      const outcome = await probe({ address: hostname, port: server.port });
      assert.match(outcome.detail, detail);
      assert.equal(outcome.pass, pass);
    });
  }

  Deno.test(`httpProbe() by ${way} does not wait for an endless body, and leaves the server in peace`, async () => {
    await using server = new RawServer(flood(`${HEAD}\r\n`, "y".repeat(65_536)), { hostname, port });
    assert.deepEqual(await probe({ address: hostname, port: server.port }), {
      pass: true,
      detail: "status 200",
    });
    await until(() => server.open.size === 0);
  });

  Deno.test(`httpProbe() by ${way} does not wait for a body that never comes`, async () => {
    const promise = async (connection: Deno.Conn) => {
      await connection.write(new TextEncoder().encode(`${HEAD}content-length: 10\r\n\r\n`));
      await hang(connection);
    };
    await using server = new RawServer(promise, { hostname, port });
    assert.deepEqual(await probe({ address: hostname, port: server.port }), {
      pass: true,
      detail: "status 200",
    });
    await until(() => server.open.size === 0);
  });

  for (const [sentence, behaviour] of [["never answers", hang], ["drips", drip(HEAD, 20)]] as const) {
    Deno.test(`httpProbe() by ${way} closes its connection to a server that ${sentence} when cut off`, async () => {
      await using server = new RawServer(behaviour, { hostname, port });
      assert.equal((await probe({ address: hostname, port: server.port }, 100)).pass, false);
      await until(() => server.open.size === 0);
    });
  }

  Deno.test(`httpProbe() by ${way} opens a connection of its own for every attempt`, async () => {
    await using server = new RawServer(async (connection) => {
      for (;;) await answer(`${HEAD}content-length: 2\r\n\r\nok`)(connection);
    }, { hostname, port });
    using client = openDirectClient();
    const probe = httpProbe({ ...CONFIG, address: hostname, port: server.port }, client);
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.equal((await probe.run(new AbortController().signal)).pass, true);
    }
    assert.equal(server.accepted, 3);
    await until(() => server.open.size === 0);
  });

  Deno.test(`httpProbe() by ${way} says that a closed port refuses`, async () => {
    const closed = new RawServer(hang, { hostname, port });
    await closed[Symbol.asyncDispose]();
    assert.deepEqual(await probe({ address: hostname, port: closed.port }), {
      pass: false,
      detail: "connection refused",
    });
  });

  Deno.test(`httpProbe() by ${way} says that a host name does not exist`, async () => {
    const { pass, detail } = await probe({ address: "no-such-host.invalid", port: port === 0 ? 80 : port });
    assert.equal(pass, false);
    assert.match(detail, /^host name (not found|lookup failed for now)$/);
  });

  Deno.test(`httpProbe() by ${way} sends GET, its path as it is, and the host`, async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    await using server = new RawServer(async (connection) => {
      const buffer = new Uint8Array(4096);
      resolve(new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0)));
    }, { hostname, port });
    await probe({ address: hostname, port: server.port, path: "//healthz?full=1&a=%20b" });
    const [first, ...fields] = (await promise).toLowerCase().split("\r\n");
    assert.equal(first, "get //healthz?full=1&a=%20b http/1.1");
    assert.ok(fields.includes(`host: ${hostname}:${server.port}`), fields.join(" | "));
    assert.ok(fields.includes("user-agent: bgp-lb"), fields.join(" | "));
  });
}

Deno.test("httpProbe() reaches an IPv6 address and a host name", async () => {
  await using server = new RawServer(answer(`${HEAD}\r\n`), { hostname: "::1" });
  assert.equal((await probe({ address: "::1", port: server.port })).pass, true);
  await using other = new RawServer(answer(`${HEAD}\r\n`));
  assert.equal((await probe({ address: "localhost", port: other.port })).pass, true);
});

Deno.test("fetchCan() is false for exactly such ports as fetch refuses", async () => {
  using client = openDirectClient();
  for (const port of BLOCKED_PORTS) {
    assert.equal(fetchCan({ ...CONFIG, port }), false);
    await assert.rejects(fetch(`http://127.88.0.2:${port}/`, { client }), /blocked/, String(port));
  }
  assert.equal(BLOCKED_PORTS.size, 82);
  for (const port of [80, 443, 8080, 8443, 10081]) assert.equal(fetchCan({ ...CONFIG, port }), true);
  assert.equal(fetchCan({ ...CONFIG, scheme: "https", insecureSkipVerify: true }), false);
  assert.equal(fetchCan({ ...CONFIG, scheme: "http", insecureSkipVerify: true }), true);
});

for (const ca of [false, true]) {
  Deno.test(`httpProbe() over https passes a self-signed ${ca ? "authority" : "certificate"} only where told not to verify`, async () => {
    await using made = await makeCertificate(ca);
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, key: made.key, cert: made.cert, onListen() {} },
      () => new Response("ok"),
    );
    const { port } = server.addr;
    assert.deepEqual(await probe({ port, scheme: "https", insecureSkipVerify: true }), {
      pass: true,
      detail: "status 200",
    });
    const { pass, detail } = await probe({ port, scheme: "https" });
    assert.equal(pass, false);
    assert.match(detail, /^certificate is not from a trusted issuer$/);
  });
}

for (const insecureSkipVerify of [false, true]) {
  const how = insecureSkipVerify ? "without verifying" : "verifying";
  Deno.test(`httpProbe() over https ${how} fails what is not TLS, and what closes`, async () => {
    await using plain = new RawServer(answer(`${HEAD}\r\n`));
    await using closing = new RawServer((connection) => connection.read(new Uint8Array(999)).then(() => {}));
    const config = { scheme: "https", insecureSkipVerify } as const;
    assert.deepEqual(await probe({ ...config, port: plain.port }), {
      pass: false,
      detail: "the answer is not TLS",
    });
    const { pass, detail } = await probe({ ...config, port: closing.port });
    assert.equal(pass, false);
    assert.match(detail, /^connection (closed within the TLS handshake|reset|closed without an answer)$/);
  });

  Deno.test(`httpProbe() over https ${how} closes its connection in a handshake that hangs when cut off`, async () => {
    await using server = new RawServer(hang);
    assert.equal((await probe({ port: server.port, scheme: "https", insecureSkipVerify }, 100)).pass, false);
    await until(() => server.open.size === 0);
  });
}

/** What a process of its own says of one attempt, in an environment of its own. */
async function probeElsewhere(
  config: Partial<HttpCheckConfig>,
  env: Record<string, string>,
  args: readonly string[] = [],
): Promise<unknown> {
  const module = (path: string) =>
    JSON.stringify(new URL(`../../src/health/kinds/${path}`, import.meta.url).href);
  const script = `
    import { httpProbe, openHttpClient, PROXY_VARIABLES } from ${module("http.ts")};
    for (const name of PROXY_VARIABLES) Deno.env.delete(name);
    const probe = httpProbe(${JSON.stringify({ ...CONFIG, ...config })}, openHttpClient());
    console.log(JSON.stringify(await probe.run(new AbortController().signal)));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", ...args, "--ext=ts", script],
    env,
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  assert.notEqual(stdout.length, 0, text.decode(stderr));
  return JSON.parse(text.decode(stdout));
}

Deno.test("httpProbe() goes straight to its target once the proxy variables are removed", async () => {
  await using server = new RawServer(answer(`${HEAD}\r\n`));
  await using proxy = new RawServer(answer("HTTP/1.1 502 Proxy\r\n\r\n"));
  const env = Object.fromEntries(PROXY_VARIABLES.map((name) => [name, `http://127.0.0.1:${proxy.port}`]));
  assert.deepEqual(await probeElsewhere({ port: server.port }, env), { pass: true, detail: "status 200" });
  assert.equal(proxy.accepted, 0);
});

Deno.test("httpProbe() over https passes a certificate that this host trusts, for the right name alone", async () => {
  await using made = await makeCertificate();
  await using server = Deno.serve(
    { hostname: "0.0.0.0", port: 0, key: made.key, cert: made.cert, onListen() {} },
    () => new Response("ok"),
  );
  const { port } = server.addr;
  const trust = [`--cert=${made.certFile}`];
  const config = { port, scheme: "https" } as const;
  assert.deepEqual(await probeElsewhere(config, {}, trust), { pass: true, detail: "status 200" });
  assert.deepEqual(await probeElsewhere({ ...config, address: "127.88.0.3" }, {}, trust), {
    pass: false,
    detail: "certificate is for another name",
  });
});
