/** Servers for health checks to meet: well-behaved ones over HTTP and HTTPS, and ones that do what none should. */
import { Names } from "../../src/health/connect/names.ts";
import type { ProbePorts } from "../../src/health/create_probe.ts";
import { countedAllowance } from "../../src/health/kinds/allowance.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { checkPrograms } from "../../src/os/check_programs.ts";
import { BoundedFiles } from "../../src/os/bounded_files.ts";
import { loadDnsCodec } from "../../src/os/dns_packet.ts";
import { lookUp } from "../../src/os/resolver.ts";
import { nodeTls } from "../../src/os/tls_client.ts";
import { HostTrustStore } from "../../src/os/trust.ts";
import { systemClock } from "../../src/time/clock.ts";

/** What a raw server does with one connection; when it returns or throws, the connection is closed. */
export type Behaviour = (connection: Deno.Conn) => Promise<void>;

/** Where a server listens, and its certificate where it speaks TLS. */
export interface RawServerOptions {
  /** A unix socket in place of host name and port. */
  readonly path?: string | undefined;
  readonly hostname?: string | undefined;
  readonly port?: number | undefined;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
}

/** A TCP server on loopback that behaves as it is told. */
export class RawServer implements AsyncDisposable {
  readonly port: number;
  /** Connections accepted so far, and those still open. */
  accepted = 0;
  readonly open = new Set<Deno.Conn>();
  readonly #listener: AsyncIterable<Deno.Conn> & { close(): void };
  readonly #done: Promise<void>;

  constructor(behaviour: Behaviour, { hostname = "127.0.0.1", port = 0, path, tls }: RawServerOptions = {}) {
    if (path !== undefined) {
      this.#listener = Deno.listen({ transport: "unix", path });
      this.port = 0;
    } else {
      const listener = tls === undefined
        ? Deno.listen({ hostname, port })
        : Deno.listenTls({ hostname, port, key: tls.key, cert: tls.cert });
      this.#listener = listener;
      this.port = listener.addr.port;
    }
    this.#done = this.#serve(behaviour);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.open) connection.close();
    this.open.clear();
    await this.#done;
  }

  async #serve(behaviour: Behaviour): Promise<void> {
    const connections: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.accepted++;
      this.open.add(connection);
      connections.push(
        behaviour(connection).catch(() => {}).then(() => {
          if (this.open.delete(connection)) connection.close();
        }),
      );
    }
    await Promise.all(connections);
  }
}

/** Reads what comes and answers nothing, until the other side closes. */
export async function hang(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await connection.read(buffer) !== null);
}

/** Answers one request with these chunks, then closes. */
export function answer(...chunks: readonly string[]): Behaviour {
  return async (connection) => {
    await connection.read(new Uint8Array(4096));
    for (const chunk of chunks) await writeAll(connection, chunk);
  };
}

/** Answers one request with `head`, and then with `chunk` for ever. */
export function flood(head: string, chunk: string): Behaviour {
  return async (connection) => {
    await connection.read(new Uint8Array(4096));
    await writeAll(connection, head);
    for (;;) await writeAll(connection, chunk);
  };
}

/** Answers one request with `text`, one byte every `everyMs`. */
export function drip(text: string, everyMs: number): Behaviour {
  return async (connection) => {
    const gone = hang(connection).catch(() => {}).then(() => true);
    for (const byte of text) {
      await writeAll(connection, byte);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const wait = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), everyMs));
      const left = await Promise.race([gone, wait]);
      clearTimeout(timer);
      if (left) return;
    }
  };
}

async function writeAll(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** A certificate authority, or a certificate of its own, with its key. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  readonly certFile: string;
}

/** Certificates in a folder that goes away. */
export class Certificates implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  #count = 0;

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.folder, { recursive: true });
  }

  /** Signed with its own key; for localhost, 127.0.0.1 and ::1 unless `names` says otherwise. */
  selfSigned({ ca = false, names = NAMES } = {}): Promise<Certificate> {
    const file = this.#file();
    return this.#make(file, [
      ...["req", "-x509", ...NEW_KEY, "-keyout", `${file}.key`, "-out", `${file}.pem`, "-days", "2"],
      ...["-subj", `/CN=test ${this.#count}`, "-addext", `subjectAltName=${names}`],
      ...["-addext", `basicConstraints=critical,CA:${ca ? "TRUE" : "FALSE"}`],
    ]);
  }

  /** Signed by `issuer`. */
  async issued(issuer: Certificate, { names = NAMES, days = 2 } = {}): Promise<Certificate> {
    const file = this.#file();
    const extensions = `${file}.ext`;
    await Deno.writeTextFile(extensions, `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
    await openssl(["req", ...NEW_KEY, "-keyout", `${file}.key`, "-out", `${file}.csr`, "-subj", "/CN=leaf"]);
    return await this.#make(file, [
      ...["x509", "-req", "-in", `${file}.csr`, "-out", `${file}.pem`, "-days", String(days)],
      ...["-CA", issuer.certFile, "-CAkey", issuer.certFile.replace(/pem$/, "key"), "-CAcreateserial"],
      ...["-extfile", extensions],
    ]);
  }

  /** Signed by `issuer`, from one moment to another: `YYYYMMDDhhmmssZ`. */
  async dated(issuer: Certificate, from: string, to: string, names = NAMES): Promise<Certificate> {
    const file = this.#file();
    await Deno.writeTextFile(
      `${file}.cnf`,
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${file}.index\nserial=${file}.serial\nnew_certs_dir=${this.folder}\n` +
        `default_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n` +
        `[x]\nsubjectAltName=${names}\nbasicConstraints=CA:FALSE\n`,
    );
    await Promise.all([
      Deno.writeTextFile(`${file}.index`, ""),
      Deno.writeTextFile(`${file}.serial`, `${(this.#count + 16).toString(16)}\n`),
      openssl(["req", ...NEW_KEY, "-keyout", `${file}.key`, "-out", `${file}.csr`, "-subj", "/CN=leaf"]),
    ]);
    return await this.#make(file, [
      ...["ca", "-batch", "-notext", "-config", `${file}.cnf`, "-in", `${file}.csr`, "-out", `${file}.pem`],
      ...["-cert", issuer.certFile, "-keyfile", issuer.certFile.replace(/pem$/, "key")],
      ...["-startdate", from, "-enddate", to],
    ]);
  }

  #file(): string {
    return `${this.folder}/${this.#count++}`;
  }

  async #make(file: string, args: readonly string[]): Promise<Certificate> {
    await openssl(args);
    const [key, cert] = await Promise.all([
      Deno.readTextFile(`${file}.key`),
      Deno.readTextFile(`${file}.pem`),
    ]);
    return { key, cert, certFile: `${file}.pem` };
  }
}

const NAMES = "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1";
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

async function openssl(args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [...args],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`openssl: ${new TextDecoder().decode(stderr)}`);
}

/** Ports of probes to the real network, as the root joins them. */
export function probePorts(overrides: Partial<ProbePorts> = {}): ProbePorts {
  return {
    streams: denoStreams(),
    names: new Names({ lookUp, clock: systemClock }),
    tls: nodeTls,
    trustStore: new HostTrustStore({ files: new BoundedFiles(), now: systemClock.now }),
    clock: systemClock,
    slots: countedAllowance(() => 100),
    programSlots: countedAllowance(() => 100),
    startProgram: checkPrograms(),
    host: undefined,
    icmp: undefined,
    datagrams: undefined,
    dnsCodec: loadDnsCodec,
    random: Math.random,
    localAddresses: { has: () => true },
    ...overrides,
  };
}
