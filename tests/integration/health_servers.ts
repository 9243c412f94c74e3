/** Servers for health checks to meet: well-behaved ones over HTTP and HTTPS, and ones that do what none should. */
import { type HttpClient, openHttpClient, PROXY_VARIABLES } from "../../src/health/kinds/http.ts";

/** What a raw server does with one connection; when it returns or throws, the connection is closed. */
export type Behaviour = (connection: Deno.Conn) => Promise<void>;

/** A TCP server on loopback that behaves as it is told. */
export class RawServer implements AsyncDisposable {
  readonly port: number;
  /** Connections accepted so far, and those still open. */
  accepted = 0;
  readonly open = new Set<Deno.Conn>();
  readonly #listener: Deno.TcpListener;
  readonly #done: Promise<void>;

  constructor(behaviour: Behaviour, { hostname = "127.0.0.1", port = 0 } = {}) {
    this.#listener = Deno.listen({ hostname, port });
    this.port = this.#listener.addr.port;
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

/** A key and a certificate signed with it, for localhost and 127.0.0.1, in a folder that goes away. */
export async function makeCertificate(ca = false): Promise<
  AsyncDisposable & { readonly key: string; readonly cert: string; readonly certFile: string }
> {
  const folder = await Deno.makeTempDir();
  const certFile = `${folder}/cert.pem`;
  const keyFile = `${folder}/key.pem`;
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
      ],
      ...["-keyout", keyFile, "-out", certFile, "-subj", "/CN=localhost"],
      ...[
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-addext",
        `basicConstraints=critical,CA:${ca ? "TRUE" : "FALSE"}`,
      ],
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`openssl: ${new TextDecoder().decode(stderr)}`);
  const [key, cert] = await Promise.all([Deno.readTextFile(keyFile), Deno.readTextFile(certFile)]);
  return { key, cert, certFile, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** A client that goes straight to its target, whatever proxies this machine has in its environment. */
export function openDirectClient(): HttpClient {
  const proxies = PROXY_VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  for (const [name] of proxies) Deno.env.delete(name);
  try {
    return openHttpClient();
  } finally {
    for (const [name, value] of proxies) if (value !== undefined) Deno.env.set(name, value);
  }
}
