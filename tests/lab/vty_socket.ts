/**
 * The control socket of an FRR daemon, spoken directly, since starting vtysh costs more: a command ends with a NUL, an answer
 * with three and a status.
 */

/** CMD_SUCCESS. */
const SUCCESS = 0;
/** NUL, NUL, NUL, status. */
const END_OCTETS = 4;

/** A connection to it. Commands are answered one after the other. */
export class VtySocket implements Disposable {
  readonly #connection: Deno.UnixConn;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /** @throws where the daemon does not listen there */
  static async connect(path: string): Promise<VtySocket> {
    return new VtySocket(await Deno.connect({ transport: "unix", path }));
  }

  /** The answer to a command. @throws where the daemon refuses it */
  ask(command: string): Promise<string> {
    const answer = this.#queue.then(async () => {
      await this.#connection.write(new TextEncoder().encode(`${command}\0`));
      return await this.#answer(command);
    });
    this.#queue = answer.catch(() => {});
    return answer;
  }

  async #answer(command: string): Promise<string> {
    const chunk = new Uint8Array(65_536);
    let octets = new Uint8Array();
    for (;;) {
      const count = await this.#connection.read(chunk);
      if (count === null) throw new Error(`FRR closed its control socket at ${command}`);
      octets = Uint8Array.of(...octets, ...chunk.subarray(0, count));
      const [a, b, c, status] = octets.subarray(-END_OCTETS);
      if (octets.length < END_OCTETS || a !== 0 || b !== 0 || c !== 0) continue;
      const text = new TextDecoder().decode(octets.subarray(0, -END_OCTETS));
      if (status !== SUCCESS) throw new Error(`FRR refuses ${command} (${status}): ${text}`);
      return text;
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // FRR has closed it already.
    }
  }
}
