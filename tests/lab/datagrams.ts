/** Datagrams as the client sees them: one and its answer, or a stream of them from one port, each with its number. */
import { z } from "zod";

/** How a stream went. */
export const streamResult = z.object({
  sent: z.number(),
  /** Those that were answered. */
  answered: z.number(),
  /** Who answered, in the order of numbers, each row of answers of one counted once. */
  servers: z.array(z.string()),
  /** The numbers that were never answered. */
  lost: z.array(z.number()),
});

export type StreamResult = z.infer<typeof streamResult>;

/** Sends one datagram from a port of its own, and gives the name that answered. @throws where none does in time */
export async function askOnce(address: string, port: number, timeoutMs: number): Promise<string> {
  const socket = openSocket(address);
  const timer = setTimeout(() => socket.close(), timeoutMs);
  try {
    await socket.send(new TextEncoder().encode("0"), { transport: "udp", hostname: address, port });
    const [octets] = await socket.receive();
    return nameOf(octets).name;
  } catch (error) {
    if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
      throw new Error("timed out");
    }
    throw error;
  } finally {
    clearTimeout(timer);
    close(socket);
  }
}

/** Datagrams from one port, one every `everyMs`, until it is ended. */
export class DatagramStream {
  readonly #socket: Deno.DatagramConn;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #answers = new Map<number, string>();
  #sent = 0;
  #wake: () => void = () => {};

  constructor(address: string, port: number, everyMs: number) {
    this.#socket = openSocket(address);
    this.#read();
    const to = { transport: "udp", hostname: address, port } as const;
    this.#timer = setInterval(() => {
      // That nobody listens is told by what stays without an answer.
      this.#socket.send(new TextEncoder().encode(`${this.#sent++}`), to).catch(() => {});
    }, everyMs);
  }

  /** Sends no more, and gives how it went once all were answered or the limit has passed. */
  async end(limitMs: number): Promise<StreamResult> {
    clearInterval(this.#timer);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    this.#wake = () => {
      if (this.#answers.size >= this.#sent) resolve();
    };
    this.#wake();
    await promise;
    clearTimeout(timer);
    close(this.#socket);
    const numbers = Array.from({ length: this.#sent }, (_, number) => number);
    const names = numbers.flatMap((number) => this.#answers.get(number) ?? []);
    return {
      sent: this.#sent,
      answered: this.#answers.size,
      servers: names.filter((name, index) => name !== names[index - 1]),
      lost: numbers.filter((number) => !this.#answers.has(number)),
    };
  }

  async #read(): Promise<void> {
    for await (const [octets] of this.#socket) {
      const { name, number } = nameOf(octets);
      this.#answers.set(number, name);
      this.#wake();
    }
  }
}

function openSocket(address: string): Deno.DatagramConn {
  const hostname = address.includes(":") ? "::" : "0.0.0.0";
  return Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
}

function nameOf(octets: Uint8Array): { readonly name: string; readonly number: number } {
  const [name = "", number = ""] = new TextDecoder().decode(octets).split(" ");
  return { name, number: Number(number) };
}

function close(socket: Deno.DatagramConn): void {
  try {
    socket.close();
  } catch {
    // Closed already.
  }
}
