/** What tls and https checks say of certificates: theirs, by dates, names and issuer; and ours, that servers ask for. */
import assert from "node:assert/strict";
import type { HttpCheckConfig } from "../../src/config/checks/http.ts";
import type { TlsCheckConfig } from "../../src/config/checks/tls.ts";
import { createProbe, type ProbePorts } from "../../src/health/create_probe.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { BoundedFiles } from "../../src/os/bounded_files.ts";
import { HostTrustStore } from "../../src/os/trust.ts";
import { httpCheckConfig, tlsCheckConfig } from "../support/config.ts";
import { eventually, until, within } from "../support/until.ts";
import { answer, type Certificate, Certificates, hang, probePorts, RawServer } from "./health_servers.ts";

type Config = Partial<HttpCheckConfig> & Partial<Omit<TlsCheckConfig, "type">>;

/** The ports where the host trusts nobody, so that whom a check believes is in its configuration. */
function portsAt(now: () => number = () => 0): ProbePorts {
  const trustStore = new HostTrustStore({ files: new BoundedFiles(), now, stores: [] });
  return probePorts({ trustStore });
}

async function probe(
  type: "tls" | "http",
  { type: _, ...config }: Config,
  ports = portsAt(),
): Promise<string> {
  const full = type === "tls" ? tlsCheckConfig(config) : httpCheckConfig({ scheme: "https", ...config });
  const running = createProbe(full, ports).run(new AbortController().signal, () => {});
  const { kind, detail }: ProbeOutcome = await within(running, "a probe");
  return `${kind}: ${detail}`;
}

const OK = answer("HTTP/1.1 200 OK\r\n\r\n");
/** A moment so many days from now, as openssl has them. */
function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().replace(/\.\d+|[-:T]/g, "");
}

Deno.test("tls and https checks say what is wrong with a certificate, and until when it is good", async (t) => {
  await using certificates = new Certificates();
  const ca = await certificates.selfSigned({ ca: true });
  const stranger = await certificates.selfSigned({ ca: true });
  const good = await certificates.dated(ca, inDays(-10), inDays(30.5));
  const other = "DNS:b.example,DNS:*.c.example,IP:192.0.2.1";
  const rows: readonly (readonly [
    sentence: string,
    certificate: Certificate,
    config: Config,
    tls: RegExp,
    https: RegExp,
  ])[] = [
    ["good", good, {}, /^pass: TLS 1\.3, certificate good for 30 days$/, /^pass: status 200$/],
    [
      "good for long enough",
      good,
      { minDaysLeft: 30 },
      /^pass: .*30 days$/,
      /^pass: status 200, certificate good for 30 days$/,
    ],
    [
      "about to end",
      good,
      { minDaysLeft: 31 },
      /^fail: certificate ends in 30 days \(\d{4}-\d\d-\d\d \d\d:\d\d UTC\), and must be valid for 31 days$/,
      /^fail: certificate ends in 30 days/,
    ],
    [
      "about to end, and not verified",
      await certificates.dated(stranger, inDays(-10), inDays(1.5), other),
      { insecureSkipVerify: true, minDaysLeft: 2 },
      /^fail: certificate ends in 1 day \(.* must be valid for 2 days$/,
      /^fail: certificate ends in 1 day /,
    ],
    [
      "that has ended",
      await certificates.dated(ca, inDays(-10), inDays(-2.5)),
      {},
      /^fail: certificate has expired 2 days ago \(\d{4}-/,
      /^fail: certificate has expired 2 days ago/,
    ],
    [
      "that has ended, and is not verified",
      await certificates.dated(ca, inDays(-10), inDays(-2.5)),
      { insecureSkipVerify: true },
      /^pass: TLS 1\.3, certificate expired 2 days ago$/,
      /^pass: status 200$/,
    ],
    [
      "that begins later",
      await certificates.dated(ca, inDays(3), inDays(9)),
      {},
      /^fail: certificate is not valid yet: it begins at \d{4}-/,
      /^fail: certificate is not valid yet/,
    ],
    [
      "for other names",
      await certificates.dated(ca, inDays(-3), inDays(9), other),
      {},
      /^fail: certificate is for another name, not for 127\.0\.0\.1: it is for b\.example, \*\.c\.example, 192\.0\.2\.1$/,
      /^fail: certificate is for another name/,
    ],
    [
      "for the name that is given",
      await certificates.dated(ca, inDays(-3), inDays(9), other),
      { serverName: "a.c.example" },
      /^pass/,
      /^pass/,
    ],
    [
      "for the address that is given",
      await certificates.dated(ca, inDays(-3), inDays(9), other),
      { serverName: "192.0.2.1" },
      /^pass/,
      /^pass/,
    ],
    [
      "of a stranger",
      await certificates.dated(stranger, inDays(-3), inDays(9)),
      {},
      /^fail: certificate is not from a trusted issuer/,
      /^fail: certificate is not from/,
    ],
  ];
  for (const [sentence, certificate, config, tls, https] of rows) {
    await using server = new RawServer(OK, { tls: certificate });
    const caFile = config.insecureSkipVerify === true ? undefined : ca.certFile;
    for (const [type, expected] of [["tls", tls], ["http", https]] as const) {
      await t.step(`${sentence}: ${type}`, async () => {
        assert.match(await probe(type, { port: server.port, caFile, ...config }), expected);
        await until(() => server.open.size === 0);
      });
    }
  }
  await t.step("the name of the certificate is that of host, of https", async () => {
    await using server = new RawServer(OK, {
      tls: await certificates.dated(ca, inDays(-3), inDays(9), other),
    });
    const config = { port: server.port, caFile: ca.certFile, host: "b.example:8443" };
    assert.equal(await probe("http", config), "pass: status 200");
  });
  await t.step("tls: what is not TLS, what closes, and what hangs", async () => {
    await using plain = new RawServer(OK);
    await using closing = new RawServer((connection) => connection.read(new Uint8Array(999)).then(() => {}));
    await using hanging = new RawServer(hang);
    assert.equal(await probe("tls", { port: plain.port }), "fail: the answer is not TLS");
    assert.match(
      await probe("tls", { port: closing.port }),
      /^fail: connection (closed within the TLS|reset)/,
    );
    const controller = new AbortController();
    const steps: string[] = [];
    const running = createProbe(tlsCheckConfig({ port: hanging.port }), portsAt())
      .run(controller.signal, (step) => steps.push(step));
    await until(() => hanging.open.size === 1 && steps.at(-1) === "in the TLS handshake");
    controller.abort();
    await within(running, "a probe that was cut off");
    await until(() => hanging.open.size === 0);
  });
});

/** openssl's own server, which wants a certificate that `ca` signed. */
function demandingServer(
  ca: Certificate,
  own: Certificate,
): AsyncDisposable & { readonly port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const child = new Deno.Command("openssl", {
    args: [
      ...["s_server", "-accept", `127.0.0.1:${port}`, "-cert", own.certFile, "-key", keyOf(own)],
      ...["-CAfile", ca.certFile, "-Verify", "2", "-verify_return_error", "-www", "-quiet"],
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
    },
  };
}

function keyOf({ certFile }: Certificate): string {
  return certFile.replace(/pem$/, "key");
}

Deno.test("https checks come with a certificate of their own, and say where it is refused or cannot be read", async (t) => {
  await using certificates = new Certificates();
  const ca = await certificates.selfSigned({ ca: true });
  const client = await certificates.issued(ca);
  const stranger = await certificates.selfSigned();
  await using server = demandingServer(ca, await certificates.issued(ca));
  const config = { port: server.port, caFile: ca.certFile, body: { contains: "s_server" } };
  const pair = (certFile: string, keyFile: string) => ({ ...config, keyPair: { certFile, keyFile } });
  await eventually(() => probe("http", config), (told) => !/refused$/.test(told), "openssl s_server");
  const broken = `${certificates.folder}/broken.pem`;
  await Deno.writeTextFile(
    broken,
    client.cert.replace(/\n[A-Za-z]/, "\n*") + client.key.replace(/\n[A-Z]/, "\nA"),
  );
  for (
    const [sentence, of, expected] of [
      [
        "that the server wants",
        pair(client.certFile, keyOf(client)),
        /^pass: status 200, the body contains "s_server"$/,
      ],
      [
        "that the server lacks",
        config,
        /^fail: the server wants a certificate of ours: name it with certFile and keyFile$/,
      ],
      [
        "that the server does not know",
        pair(stranger.certFile, keyOf(stranger)),
        /^fail: the server refuses our certificate$/,
      ],
      [
        "with another's key",
        pair(client.certFile, keyOf(stranger)),
        /^unknown: certFile and keyFile do not go together, or cannot be read$/,
      ],
      [
        "that is not there",
        pair("/nowhere/a.pem", keyOf(client)),
        /^unknown: certFile \/nowhere\/a\.pem: does not exist$/,
      ],
      [
        "whose key is not there",
        pair(client.certFile, "/nowhere/a.key"),
        /^unknown: keyFile \/nowhere\/a\.key: does not exist$/,
      ],
      [
        "whose key is none",
        pair(client.certFile, client.certFile),
        /^unknown: keyFile .* has no private key in it, or one that is encrypted$/,
      ],
      [
        "that is damaged",
        pair(broken, keyOf(client)),
        /^unknown: certFile .* has a certificate in it that cannot be read \(number 1\)$/,
      ],
      ["whose key is damaged", pair(client.certFile, broken), /^unknown: /],
    ] as const
  ) {
    await t.step(sentence, async () => assert.match(await probe("http", of), expected));
  }
  await t.step("that is read again when it changes", async () => {
    let nowMs = 0;
    const ports = portsAt(() => nowMs);
    const [certFile, keyFile] = [`${certificates.folder}/own.pem`, `${certificates.folder}/own.key`];
    const put = (one: Certificate) =>
      Promise.all([Deno.writeTextFile(certFile, one.cert), Deno.writeTextFile(keyFile, one.key)]);
    await put(stranger);
    assert.match(await probe("http", pair(certFile, keyFile), ports), /^fail: the server refuses/);
    await put(client);
    nowMs += 10_001;
    const again = () => probe("http", pair(certFile, keyFile), ports);
    await eventually(again, (told) => told.startsWith("pass"), "the new certificate");
  });
});
