/** http and tls checks of a real nginx: HTTP/1.1 and 2, chunks, compression, a client's certificate, IPv6, a unix socket. */
import assert from "node:assert/strict";
import type { HttpCheckConfig } from "../../src/config/checks/http.ts";
import { httpProbe } from "../../src/health/kinds/http.ts";
import { tlsProbe } from "../../src/health/kinds/tls.ts";
import type { Probe } from "../../src/health/kinds/probe.ts";
import { endDaemon } from "../support/daemon.ts";
import { httpCheckConfig, tlsCheckConfig } from "../support/config.ts";
import { eventually, within } from "../support/until.ts";
import { type Certificate, Certificates, probePorts } from "./health_servers.ts";

function freePorts(count: number): readonly number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  for (const listener of listeners) listener.close();
  return listeners.map(({ addr }) => addr.port);
}

function configuration(folder: string, own: Certificate, ca: Certificate, ports: readonly number[]): string {
  const [plain, tls, demanding] = ports;
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join("\n");
  const certificate = `ssl_certificate ${own.certFile}; ssl_certificate_key ${
    own.certFile.replace(/pem$/, "key")
  };`;
  return `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 64; }
    http {
      access_log off; gzip on; gzip_min_length 0; gzip_types *; root ${folder}/www; ${paths}
      server {
        listen 127.0.0.1:${plain}; listen [::1]:${plain}; listen unix:${folder}/nginx.sock;
        location /who { return 200 "$request_method $host $http_x_probe"; }
        location /busy { return 503; }
      }
      server { listen 127.0.0.1:${tls} ssl http2; ${certificate} location /who { return 200 "$server_protocol $host"; } }
      server {
        listen 127.0.0.1:${demanding} ssl; ${certificate} ssl_client_certificate ${ca.certFile}; ssl_verify_client on;
        location / { return 200 "$ssl_client_s_dn"; }
      }
    }`;
}

async function told(probe: Probe): Promise<string> {
  const { kind, detail } = await within(probe.run(new AbortController().signal, () => {}), "a probe");
  return `${kind}: ${detail}`;
}

Deno.test("http and tls checks of nginx", async (t) => {
  await using certificates = new Certificates();
  const { folder } = certificates;
  const ca = await certificates.selfSigned({ ca: true });
  const [own, client] = [await certificates.issued(ca), await certificates.issued(ca)];
  const [plain = 0, tls = 0, demanding = 0] = freePorts(3);
  await Deno.mkdir(`${folder}/www`);
  await Deno.writeTextFile(`${folder}/www/long`, `${"x".repeat(65_000)}all well`);
  await Deno.chmod(folder, 0o755);
  await Deno.writeTextFile(`${folder}/nginx.conf`, configuration(folder, own, ca, [plain, tls, demanding]));
  const args = ["-c", `${folder}/nginx.conf`, "-p", folder];
  const nginx = new Deno.Command("nginx", { args, stdout: "null", stderr: "null" }).spawn();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => endDaemon(nginx, "SIGTERM", "nginx"));
  const http = (config: Partial<HttpCheckConfig>) => told(httpProbe(httpCheckConfig(config), probePorts()));
  await eventually(() => http({ port: plain, path: "/who" }), (words) => words.startsWith("pass"), "nginx");
  const verified = { scheme: "https", caFile: ca.certFile } as const;
  const keyPair = { certFile: client.certFile, keyFile: client.certFile.replace(/pem$/, "key") };
  const contains = (words: string) => ({ body: { contains: words } });
  const rows: readonly (readonly [sentence: string, config: Partial<HttpCheckConfig>, expected: string])[] = [
    [
      "a request as said",
      {
        port: plain,
        path: "/who",
        method: "POST",
        host: "a.example",
        headers: { "X-Probe": "7" },
        ...contains("POST a.example 7"),
      },
      'pass: status 200, the body contains "POST a.example 7"',
    ],
    ["HEAD", { port: plain, path: "/long", method: "HEAD" }, "pass: status 200"],
    ["a 503", { port: plain, path: "/busy" }, "fail: status 503"],
    [
      "a 503 that is wanted",
      { port: plain, path: "/busy", status: [{ from: 503, to: 503 }] },
      "pass: status 503",
    ],
    [
      "a long body",
      { port: plain, path: "/long", ...contains("all well") },
      'pass: status 200, the body contains "all well"',
    ],
    [
      "IPv6",
      { port: plain, address: "::1", path: "/who", ...contains("GET ::1") },
      'fail: status 200, but the body does not contain "GET ::1": it begins with "GET [::1] "',
    ],
    ["a unix socket", {
      unixSocket: `${folder}/nginx.sock`,
      address: "localhost",
      port: 80,
      path: "/who",
      ...contains("GET localhost"),
    }, 'pass: status 200, the body contains "GET localhost"'],
    [
      "a long body by TLS",
      { ...verified, port: tls, path: "/long", ...contains("all well") },
      'pass: status 200, the body contains "all well"',
    ],
    ["its host and certificate", {
      ...verified,
      port: tls,
      path: "/who",
      host: "localhost",
      minDaysLeft: 1,
      ...contains("localhost"),
    }, 'pass: status 200, the body contains "localhost", certificate good for 1 day'],
    [
      "a client's certificate",
      { ...verified, port: demanding, keyPair, ...contains("CN=leaf") },
      'pass: status 200, the body contains "CN=leaf"',
    ],
    ["none where one is wanted", { ...verified, port: demanding }, "fail: status 400"],
  ];
  for (const [sentence, config, expected] of rows) {
    await t.step(sentence, async () => assert.equal(await http(config), expected));
  }
  await t.step("tls", async () => {
    const config = tlsCheckConfig({ port: tls, caFile: ca.certFile });
    assert.match(
      await told(tlsProbe(config, probePorts())),
      /^pass: TLS 1\.[23], certificate good for 1 day$/,
    );
  });
});
