/** The grpc check against a real gRPC server, in the clear and over TLS, and against what is none. */
import assert from "node:assert/strict";
import type { GrpcCheckConfig } from "../../src/config/checks/grpc.ts";
import { grpcProbe } from "../../src/health/kinds/grpc.ts";
import { grpcCheckConfig } from "../support/config.ts";
import { startGrpcServer } from "../support/grpc_server.ts";
import { until, within } from "../support/until.ts";
import { answer, Certificates, drip, flood, hang, probePorts, RawServer } from "./health_servers.ts";

/** Some attempts end by the server's or the test's own limit. */
const LIMIT_MS = 60_000;

/** TLS in front of `port`, as a proxy ends it (the library's own does not work on this runtime). */
function startTls(
  port: number,
  { key, cert }: { readonly key: string; readonly cert: string },
  protocol: string,
) {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, key, cert, alpnProtocols: [protocol] });
  const serve = async (outer: Deno.Conn) => {
    using client = outer;
    using server = await Deno.connect({ hostname: "127.0.0.1", port });
    await Promise.race([
      client.readable.pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]);
  };
  const done = (async () => {
    const all: Promise<void>[] = [];
    for await (const outer of listener) all.push(serve(outer).catch(() => {}));
    await Promise.all(all);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await done;
    },
  };
}

async function probe(config: Partial<GrpcCheckConfig>, timeoutMs = LIMIT_MS) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error("timed out")), timeoutMs);
  const checked = grpcCheckConfig({ timeoutMs, ...config });
  try {
    const outcome = grpcProbe(checked, probePorts()).run(controller.signal, () => {});
    const { kind, detail } = await within(outcome, "a probe", 2 * LIMIT_MS);
    return [kind, detail] as const;
  } finally {
    clearTimeout(timer);
  }
}

for (const [address, by] of [["127.0.0.1", ""], ["::1", ""], ["localhost", " (127.0.0.1)"]] as const) {
  Deno.test(`grpcProbe() tells by ${address} what a real server says of its services`, async () => {
    await using server = await startGrpcServer({ hostname: address === "::1" ? "::1" : "127.0.0.1" });
    const { port } = server;
    assert.deepEqual(await probe({ address, port }), ["pass", `SERVING${by}`]);
    assert.deepEqual(await probe({ address, port, service: "shop" }), ["pass", `SERVING${by}`]);
    assert.deepEqual(await probe({ address, port, service: "bin" }), ["fail", `NOT_SERVING: bin${by}`]);
    assert.deepEqual(await probe({ address, port, service: "no" }), [
      "fail",
      `grpc-status 5 NOT_FOUND: the server's health service knows no service "no" (unknown service: ünbekannt)${by}`,
    ]);
    const host = address === "::1" ? "[::1]" : address;
    assert.deepEqual(server.asked[1], { service: "shop", authority: `${host}:${port}`, deadline: true });
  });
}

Deno.test("grpcProbe() says that a real server has no health service", async () => {
  await using server = await startGrpcServer({ withHealth: false });
  const [kind, detail] = await probe({ port: server.port });
  assert.equal(kind, "fail");
  assert.match(
    detail,
    /^grpc-status 12 UNIMPLEMENTED: the server has no health service, grpc\.health\.v1\.Health/,
  );
});

Deno.test("grpcProbe() over TLS verifies the certificate, or does not where it is told, and wants HTTP/2", async () => {
  await using certificates = new Certificates();
  const certificate = await certificates.selfSigned();
  const caFile = certificate.certFile;
  await using server = await startGrpcServer();
  {
    await using front = startTls(server.port, certificate, "h2");
    const { port } = front;
    assert.deepEqual(await probe({ port, tls: true, caFile }), ["pass", "SERVING"]);
    assert.deepEqual(await probe({ port, tls: true, insecureSkipVerify: true }), ["pass", "SERVING"]);
    const [kind, detail] = await probe({ port, tls: true });
    assert.equal(kind, "fail");
    assert.match(detail, /^certificate is not from a trusted issuer/);
    const [inTheClear] = await probe({ port });
    assert.equal(inTheClear, "fail");
  }
  await using front = startTls(server.port, certificate, "http/1.1");
  const [kind, detail] = await probe({ port: front.port, tls: true, caFile });
  assert.equal(kind, "fail");
  assert.match(detail, /ALPN/);
});

Deno.test("grpcProbe() is told many times at once, each over a connection of its own", async () => {
  await using server = await startGrpcServer();
  const all = await Promise.all(Array.from({ length: 50 }, () => probe({ port: server.port })));
  assert.deepEqual(new Set(all.map(String)), new Set(["pass,SERVING"]));
  assert.equal(server.asked.length, 50);
});

for (
  const [what, behaviour, expected, timeoutMs] of [
    ["a web server", answer("HTTP/1.1 400 Bad Request\r\n\r\n"), "the answer is not HTTP/2", LIMIT_MS],
    ["one that closes", () => Promise.resolve(), "connection", LIMIT_MS],
    ["one that floods", flood("", "\0".repeat(16_384)), "the answer is not HTTP/2", LIMIT_MS],
    [
      "one that floods SETTINGS",
      flood("", "\0\0\0\x04\0\0\0\0\0".repeat(1000)),
      "more than 32 SETTINGS",
      LIMIT_MS,
    ],
    ["one that drips", drip("\0\0\0\x04\0\0\0\0\0".repeat(9), 20), "", 300],
    ["one that says nothing", hang, "", 100],
  ] as const
) {
  Deno.test(`grpcProbe() fails for ${what}, and leaves nothing open`, async () => {
    await using server = new RawServer(behaviour);
    const [kind, detail] = await probe({ port: server.port }, timeoutMs);
    assert.equal(kind, "fail");
    assert.ok(detail.startsWith(expected), detail);
  });
}

Deno.test("grpcProbe() fails where it is refused", async () => {
  const server = new RawServer(hang);
  const { port } = server;
  await server[Symbol.asyncDispose]();
  assert.deepEqual(await probe({ port }), ["fail", "connection refused"]);
});

Deno.test("grpcProbe() watches by an idle connection, which a real server leaves open until it ends", async () => {
  const server = await startGrpcServer();
  const reasons: string[] = [];
  const probed = grpcProbe(grpcCheckConfig({ port: server.port }), probePorts());
  using _watch = probed.watch?.((reason) => reasons.push(reason));
  assert.deepEqual(await probe({ port: server.port }), ["pass", "SERVING"]);
  assert.deepEqual(reasons, []);
  server.shutDown();
  await until(() => reasons.length === 1);
  assert.match(
    reasons[0] ?? "",
    /^(the server closed an idle connection|idle connection: connection reset)$/,
  );
});
