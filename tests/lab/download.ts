/**
 * One long download, as the client sees it: it looks at every octet of the pattern, and so sees what is missing, what comes
 * twice, and how long nothing came.
 */
import { z } from "zod";
import { DOWNLOAD_PATH, mismatch } from "./pattern.ts";
import { bracketed } from "./topology.ts";

/** How a download went. */
export const downloadResult = z.object({
  /** Who sent it. */
  host: z.string(),
  octets: z.number(),
  /** All of it came. */
  complete: z.boolean(),
  /** What went wrong; undefined: every octet so far was the right one. */
  broken: z.string().optional(),
  longestGapMs: z.number(),
});

export type DownloadResult = z.infer<typeof downloadResult>;

/** A download that goes on while other things are done. */
export class Download {
  readonly host: string;
  readonly #connection: Deno.TcpConn;
  readonly #wanted: number;
  readonly #ended: Promise<void>;
  #octets = 0;
  #lastMs = performance.now();
  #longestGapMs = 0;
  #broken: string | undefined;
  #given = false;
  #wake: () => void = () => {};

  private constructor(connection: Deno.TcpConn, host: string, wanted: number, begun: Uint8Array) {
    this.#connection = connection;
    this.host = host;
    this.#wanted = wanted;
    this.#check(begun);
    this.#ended = this.#read();
  }

  /** Begins one, and gives it once its head was read. @throws where there is no good answer within the limit */
  static async begin(address: string, port: number, octets: number, timeoutMs: number): Promise<Download> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    const connection = await Deno.connect({ hostname: address, port, signal: limit.signal });
    const close = () => shut(connection);
    limit.signal.addEventListener("abort", close);
    try {
      const head = `GET ${DOWNLOAD_PATH}${octets} HTTP/1.1\r\nHost: ${
        bracketed(address)
      }:${port}\r\nConnection: close\r\n\r\n`;
      await connection.write(new TextEncoder().encode(head));
      const { text, rest } = await readHead(connection);
      const host = /^x-host: (\S+)\r$/im.exec(text)?.[1];
      if (!text.startsWith("HTTP/1.1 200") || host === undefined) throw new Error(text.split("\r\n")[0]);
      return new Download(connection, host, octets, rest);
    } catch (error) {
      close();
      throw error;
    } finally {
      clearTimeout(timer);
      limit.signal.removeEventListener("abort", close);
    }
  }

  /** Ends it, and nobody wants to know how it went. */
  giveUp(): void {
    this.#given = true;
    shut(this.#connection);
  }

  /** Waits until more of it has come. What is wrong with it, or undefined. */
  async progress(limitMs: number): Promise<string | undefined> {
    const before = this.#octets;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#broken ??= `nothing came for ${Math.round(performance.now() - this.#lastMs)} ms`;
      resolve();
    }, limitMs);
    this.#wake = () => {
      if (this.#octets > before) resolve();
    };
    await Promise.race([promise, this.#ended]);
    clearTimeout(timer);
    return this.#broken;
  }

  /** Ends it once more of it has come, or, with `toEnd`, all. What has not come within the limit breaks it. */
  async end(toEnd: boolean, limitMs: number): Promise<DownloadResult> {
    const before = this.#octets;
    const came = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#broken ??= `nothing came for ${Math.round(performance.now() - this.#lastMs)} ms`;
      came.resolve();
    }, limitMs);
    this.#wake = () => {
      if (!toEnd && this.#octets > before) came.resolve();
    };
    await Promise.race([came.promise, this.#ended]);
    clearTimeout(timer);
    this.giveUp();
    await this.#ended;
    return {
      host: this.host,
      octets: this.#octets,
      complete: this.#octets === this.#wanted,
      ...(this.#broken === undefined ? {} : { broken: this.#broken }),
      longestGapMs: this.#longestGapMs,
    };
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(16_384);
    try {
      while (this.#octets < this.#wanted && this.#broken === undefined) {
        const count = await this.#connection.read(buffer);
        if (count === null) {
          this.#broken = "it ended early";
          return;
        }
        this.#check(buffer.subarray(0, count));
        this.#wake();
      }
    } catch (error) {
      // Closing it is how it is given up.
      if (!this.#given) this.#broken ??= error instanceof Error ? error.message || error.name : String(error);
    } finally {
      shut(this.#connection);
    }
  }

  #check(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const wrong = mismatch(bytes, this.#octets);
    if (wrong !== undefined) this.#broken = `octet ${wrong} is a wrong one`;
    const nowMs = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.#octets += bytes.length;
  }
}

/** The head of an HTTP answer, and what of the body was read with it. */
async function readHead(connection: Deno.TcpConn): Promise<{ text: string; rest: Uint8Array }> {
  const buffer = new Uint8Array(4_096);
  let length = 0;
  for (;;) {
    const count = await connection.read(buffer.subarray(length));
    if (count === null || count === 0) throw new Error("no head of an answer");
    length += count;
    const text = Array.from(buffer.subarray(0, length), (octet) => String.fromCharCode(octet)).join("");
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return { text: text.slice(0, end + 2), rest: buffer.slice(end + 4, length) };
  }
}

function shut(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
