/** Whom an https check believes: the host's store, the runtime's roots, caFile; what it says of others; HTTP/2 alone. */
import assert from "node:assert/strict";
import type { HttpCheckConfig } from "../../src/config/checks/http.ts";
import type { TlsOptions } from "../../src/health/connect/ports.ts";
import { httpProbe } from "../../src/health/kinds/http.ts";
import type { Probe, ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { BoundedFiles } from "../../src/os/bounded_files.ts";
import { nodeTls } from "../../src/os/tls_client.ts";
import { HostTrustStore } from "../../src/os/trust.ts";
import { httpCheckConfig } from "../support/config.ts";
import { until, within } from "../support/until.ts";
import { http2Server } from "./health_http2_server.ts";
import { answer, type Certificate, Certificates, hang, probePorts, RawServer } from "./health_servers.ts";

const OK = answer("HTTP/1.1 200 OK\r\n\r\n");
const PASS: ProbeOutcome = { kind: "pass", detail: "status 200" };
const UNTRUSTED: ProbeOutcome = {
  kind: "fail",
  detail:
    "certificate is not from a trusted issuer: add the CA to the host's store (update-ca-certificates) or name it with caFile",
};
const CACHED_MS = 10_000;

interface Rig {
  readonly probe: Probe;
  /** What each handshake trusted, in certificates; -1 is the runtime's own. */
  readonly trusted: number[];
  /** How often a certificate was taken apart for us. */
  looks(): number;
  advance(ms: number): void;
}

/** A probe of an https check where this host's store is `store`, and time is told. */
function rig(config: Partial<HttpCheckConfig>, store: string): Rig {
  let nowMs = 0;
  let looks = 0;
  const trusted: number[] = [];
  const tls = {
    async secure(socket: Parameters<typeof nodeTls.secure>[0], options: TlsOptions, signal: AbortSignal) {
      const { trust } = options;
      trusted.push(typeof trust === "object" ? trust.pem.split("BEGIN CERTIFICATE").length - 1 : -1);
      const session = await nodeTls.secure(socket, options, signal);
      const { stream, distrust, version, protocol } = session;
      return {
        stream,
        distrust,
        version,
        protocol,
        get certificate() {
          looks++;
          return session.certificate;
        },
        get root() {
          return session.root;
        },
      };
    },
  };
  const files = new BoundedFiles();
  const trustStore = new HostTrustStore({ files, now: () => nowMs, stores: [`${store}.not-there`, store] });
  return {
    probe: httpProbe(httpCheckConfig({ scheme: "https", ...config }), probePorts({ tls, trustStore })),
    trusted,
    looks: () => looks,
    advance: (ms) => nowMs += ms,
  };
}

function run(probe: Probe): Promise<ProbeOutcome> {
  return within(probe.run(new AbortController().signal, () => {}), "a probe");
}

Deno.test("httpProbe() over https takes the certificate apart only where its end is asked for", async () => {
  await using certificates = new Certificates();
  const made = await certificates.selfSigned({ ca: true });
  await using server = new RawServer(OK, { tls: made });
  const plain = rig({ port: server.port }, made.certFile);
  assert.deepEqual(await run(plain.probe), PASS);
  assert.deepEqual(await run(plain.probe), PASS);
  assert.equal(plain.looks(), 0);
  const dated = rig({ port: server.port, minDaysLeft: 1 }, made.certFile);
  assert.match((await run(dated.probe)).detail, /^status 200, certificate good for \d+ days?$/);
  assert.ok(dated.looks() > 0);
});

Deno.test("httpProbe() over https believes the host's store and caFile, and nobody else (C11)", async (t) => {
  await using certificates = new Certificates();
  const store = await certificates.selfSigned({ ca: true });
  const own = await certificates.selfSigned({ ca: true });
  const servers: readonly (readonly [name: string, made: Certificate, issuer: Certificate])[] = [
    ["signed by an authority", await certificates.issued(store), store],
    ["its own authority", store, store],
    ["signed by itself, and no authority", await certificates.selfSigned(), own],
  ];
  const other = await certificates.selfSigned({ ca: true });
  for (const [name, made, issuer] of servers) {
    const pinned = issuer === own ? made : issuer;
    await using server = new RawServer(OK, { tls: made });
    const rows: readonly (readonly [string, string, string | undefined, ProbeOutcome])[] = [
      ["the host's store has it", pinned.certFile, undefined, PASS],
      ["caFile has it", other.certFile, pinned.certFile, PASS],
      ["caFile has it, and the host has no store", "/nowhere/store.pem", pinned.certFile, PASS],
      ["the host's store has another", other.certFile, undefined, UNTRUSTED],
      ["caFile and store have others", other.certFile, own.certFile, UNTRUSTED],
      ["there is no store", "/nowhere/store.pem", undefined, UNTRUSTED],
    ];
    for (const [sentence, storeFile, caFile, expected] of rows) {
      await t.step(`${name}: ${sentence}`, async () => {
        const { probe } = rig({ port: server.port, caFile }, storeFile);
        // The second attempt may take a shorter way, and must come to the same.
        assert.deepEqual(await run(probe), expected);
        assert.deepEqual(await run(probe), expected);
        await until(() => server.open.size === 0);
      });
    }
  }
});

Deno.test("httpProbe() over https says what is wrong with a certificate", async (t) => {
  await using certificates = new Certificates();
  const ca = await certificates.selfSigned({ ca: true });
  await t.step("for another name, by name and by address", async () => {
    await using server = new RawServer(OK, {
      tls: await certificates.issued(ca, { names: "DNS:other.example" }),
    });
    for (const address of ["localhost", "127.0.0.1"]) {
      const { probe } = rig({ address, port: server.port }, ca.certFile);
      assert.deepEqual(await run(probe), {
        kind: "fail",
        detail: `certificate is for another name, not for ${address}: it is for other.example`,
      });
      const careless = rig({ address, port: server.port, insecureSkipVerify: true }, ca.certFile);
      const detail = address === "localhost" ? "status 200 (127.0.0.1)" : "status 200";
      assert.deepEqual(await run(careless.probe), { kind: "pass", detail });
    }
  });
  await t.step("what is not TLS, and what closes", async () => {
    await using plain = new RawServer(OK);
    await using closing = new RawServer((connection) => connection.read(new Uint8Array(999)).then(() => {}));
    for (const insecureSkipVerify of [false, true]) {
      const probeOf = (port: number) => rig({ port, insecureSkipVerify }, ca.certFile).probe;
      assert.deepEqual(await run(probeOf(plain.port)), { kind: "fail", detail: "the answer is not TLS" });
      const { kind, detail } = await run(probeOf(closing.port));
      assert.equal(kind, "fail");
      assert.match(detail, /^connection (closed within the TLS handshake|reset)$/);
    }
  });
  await t.step("a handshake that hangs is closed when it is cut off", async () => {
    await using server = new RawServer(hang);
    for (const insecureSkipVerify of [false, true]) {
      const controller = new AbortController();
      const { probe } = rig({ port: server.port, insecureSkipVerify }, ca.certFile);
      const running = probe.run(controller.signal, () => {});
      await until(() => server.open.size === 1);
      controller.abort();
      await within(running, "a probe that was cut off");
      await until(() => server.open.size === 0);
    }
  });
});

Deno.test("httpProbe() over https asks a root alone once it has led to trust, and all again where it does not", async () => {
  await using certificates = new Certificates();
  const [a, b, c] = [
    await certificates.selfSigned({ ca: true }),
    await certificates.selfSigned({ ca: true }),
    await certificates.selfSigned({ ca: true }),
  ];
  const store = `${certificates.folder}/store.pem`;
  await Deno.writeTextFile(store, `# three\n${a.cert}${b.cert}${c.cert}`);
  let tls = await certificates.issued(a);
  const first = new RawServer(OK, { tls });
  const { probe, trusted } = rig({ port: first.port }, store);
  assert.deepEqual(await run(probe), PASS);
  assert.deepEqual(await run(probe), PASS);
  assert.deepEqual(trusted.splice(0), [3, 1]);
  await first[Symbol.asyncDispose]();
  // The server changes over to another authority of the store.
  tls = await certificates.issued(b);
  const second = new RawServer(OK, { tls, port: first.port });
  for (const _ of [1, 2]) assert.deepEqual(await run(probe), PASS);
  assert.deepEqual(trusted.splice(0), [1, 3, 1]);
  await second[Symbol.asyncDispose]();
  const stranger = await certificates.selfSigned({ ca: true });
  await using _third = new RawServer(OK, { tls: await certificates.issued(stranger), port: first.port });
  assert.deepEqual(await run(probe), UNTRUSTED);
  assert.deepEqual(trusted.splice(0), [1, 3, -1]);
});

Deno.test("HostTrustStore notices that a file changed, and keeps what it knows while it is gone", async () => {
  await using certificates = new Certificates();
  const [before, after] = [
    await certificates.selfSigned({ ca: true }),
    await certificates.selfSigned({ ca: true }),
  ];
  const caFile = `${certificates.folder}/own.pem`;
  await using server = new RawServer(OK, { tls: await certificates.issued(after) });
  const { probe, advance } = rig({ port: server.port, caFile }, before.certFile);
  assert.deepEqual(await run(probe), { kind: "unknown", detail: `caFile ${caFile}: does not exist` });
  await Deno.writeTextFile(caFile, "no certificate\n");
  assert.deepEqual(await run(probe), {
    kind: "unknown",
    detail: `caFile ${caFile}: has no certificate in it`,
  });
  await Deno.writeTextFile(caFile, before.cert);
  assert.deepEqual(await run(probe), UNTRUSTED);
  await Deno.writeTextFile(caFile, `${before.cert}${after.cert}`);
  assert.deepEqual(await run(probe), UNTRUSTED, "what is known is good for a while");
  advance(CACHED_MS + 1);
  const outcomes: string[] = [];
  for (let attempt = 0; attempt < 500 && outcomes.at(-1) !== "pass"; attempt++) {
    outcomes.push((await run(probe)).kind);
  }
  assert.equal(outcomes.at(-1), "pass", "the change is seen");
  await Deno.remove(caFile);
  for (const _ of [1, 2, 3]) {
    advance(CACHED_MS + 1);
    assert.deepEqual(await run(probe), PASS);
  }
});

Deno.test("httpProbe() passes a server that speaks HTTP/2 alone, and fails what it refuses (C12)", async (t) => {
  await using certificates = new Certificates();
  const tls = await certificates.selfSigned();
  await using server = await http2Server(tls);
  const REDIRECT = "status 302, a redirect to /somewhere?else=1: not followed";
  for (
    const [status, kind, detail] of [
      [200, "pass", "status 200"],
      [204, "pass", "status 204"],
      [299, "pass", "status 299"],
      [103, "pass", "status 200"],
      [302, "fail", REDIRECT],
      [404, "fail", "status 404"],
      [503, "fail", "status 503"],
    ] as const
  ) {
    for (const insecureSkipVerify of [false, true]) {
      await t.step(`${status}, ${insecureSkipVerify ? "not verified" : "verified"}`, async () => {
        const { probe } = rig({ port: server.port, path: `/${status}`, insecureSkipVerify }, tls.certFile);
        assert.deepEqual(await run(probe), { kind, detail });
      });
    }
  }
});
