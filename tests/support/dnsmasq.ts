/** A real name server for tests, on loopback: dnsmasq (package dnsmasq-base), with the records that it is given. */
import { Process } from "./process.ts";
import { within } from "./until.ts";

const ATTEMPTS = 5;

/** A running dnsmasq. Disposing ends it. */
export class Dnsmasq implements AsyncDisposable {
  readonly port: number;
  readonly #process: Process;

  private constructor(port: number, process: Process) {
    [this.port, this.#process] = [port, process];
  }

  /** One that knows what these lines of its configuration say, and refuses everything else. @throws where it does not start */
  static async start(lines: readonly string[]): Promise<Dnsmasq> {
    const said: string[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const port = freePort();
      const started = Promise.withResolvers<boolean>();
      const process = new Process({
        command: "dnsmasq",
        args: [
          ...["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces"],
          ...[`--port=${port}`, "--listen-address=127.0.0.1,::1", ...lines.map((line) => `--${line}`)],
        ],
        onLine: ({ text }) => {
          said.push(text);
          if (/: started, version/.test(text)) started.resolve(true);
        },
      });
      process.exited.then(() => started.resolve(false));
      if (await within(started.promise, "dnsmasq starts")) return new Dnsmasq(port, process);
      await process[Symbol.asyncDispose]();
    }
    throw new Error(`dnsmasq did not start: ${said.join("; ")}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}

/** One that nothing had a moment ago, over TCP at least. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
