/** Starts the backends of the health benchmarks, and asks them what came. */
import { Process } from "../support/process.ts";
import { until } from "../support/until.ts";
import { run } from "../support/process.ts";
import type { BackendPorts, Spacing } from "./probe_backends.ts";

const LIMIT_MS = 20_000;

/** A running process of backends. Disposing ends it. */
export class Backends implements AsyncDisposable {
  #answers: string[] = [];

  private constructor(
    readonly ports: BackendPorts,
    readonly caFile: string,
    private readonly process: Process,
  ) {}

  /** Starts them, with a certificate of their own in `folder`. */
  static async start(folder: string): Promise<Backends> {
    const [cert, key] = [`${folder}/backend.pem`, `${folder}/backend.key`];
    const { code, stderr } = await run("openssl", [
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
      ...["-keyout", key, "-out", cert, "-subj", "/CN=backend", "-addext", "subjectAltName=IP:127.0.0.1"],
    ]);
    if (code !== 0) throw new Error(`openssl: ${stderr}`);
    const lines: string[] = [];
    const process = new Process({
      command: Deno.execPath(),
      args: ["run", "--quiet", "-A", "tests/bench/probe_backends.ts", cert, key],
      stdin: true,
      onLine: ({ stream, text }) => void (stream === "stdout" ? lines.push(text) : console.error(text)),
    });
    await until(() => lines.length > 0, () => "backends", LIMIT_MS);
    const ports: BackendPorts = JSON.parse(lines.shift() ?? "");
    const backends = new Backends(ports, cert, process);
    backends.#answers = lines;
    return backends;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Counts from now on. */
  forget(): Promise<void> {
    return this.process.write("forget\n");
  }

  /** How what came since `forget` was spaced, where it should have been by so much. */
  async spacing(beatMs: number): Promise<Spacing> {
    await this.process.write(`spacing ${beatMs}\n`);
    await until(() => this.#answers.length > 0, () => "spacing", LIMIT_MS);
    return JSON.parse(this.#answers.shift() ?? "");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}
