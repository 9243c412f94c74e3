/** The agent's own surfaces as the soak uses them: orders on the control socket, and the stream of events, read again where it broke off. */
import { z } from "zod";
import type { EventSeen } from "../../soak/observed.ts";

const LIMIT_MS = 20_000;

/** What one request on a control socket was answered. */
export interface ControlAnswer {
  readonly status: number;
  readonly body: string;
}

/** Asks, or with a body orders. @throws where nobody answers in time */
export async function control(
  socket: string,
  path: string,
  body?: unknown,
  limitMs = LIMIT_MS,
): Promise<ControlAnswer> {
  const connection = await Deno.connect({ transport: "unix", path: socket });
  const timer = setTimeout(() => close(connection), limitMs);
  try {
    const text = body === undefined ? "" : JSON.stringify(body);
    const head = body === undefined
      ? [`GET ${path} HTTP/1.1`]
      : [`POST ${path} HTTP/1.1`, "content-type: application/json", `content-length: ${text.length}`];
    const request = [...head, "host: localhost", "connection: close", "", text].join("\r\n");
    await connection.write(new TextEncoder().encode(request));
    let answer = "";
    const decoder = new TextDecoder();
    for await (const chunk of connection.readable) answer += decoder.decode(chunk, { stream: true });
    const [, status = "0"] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? [];
    return { status: Number(status), body: answer.slice(answer.indexOf("\r\n\r\n") + 4) };
  } finally {
    clearTimeout(timer);
    close(connection);
  }
}

/** An order that must be taken. @throws with the agent's own words where it is not */
export async function order(socket: string, name: string, body: unknown = {}): Promise<string> {
  const answer = await control(socket, `/v1/${name}`, body);
  if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.body}`);
  return answer.body;
}

const record = z.looseObject({
  id: z.number(),
  at: z.string(),
  kind: z.string(),
  cause: z.string(),
  because: z.number().optional(),
  service: z.string().optional(),
  address: z.string().optional(),
  destination: z.string().optional(),
  peer: z.string().optional(),
  to: z.string().optional(),
});

/** What a reader is told. */
export interface EventSink {
  event(event: EventSeen): void;
  gap(words: string): void;
}

/** Reads the events of a host's agents, over its lives, until it is disposed. */
export class EventReader implements AsyncDisposable {
  readonly #end = new AbortController();
  readonly #reading: Promise<void>;
  #place: string | undefined;

  constructor(readonly host: string, readonly url: string, readonly sink: EventSink) {
    this.#reading = this.#readAgain();
  }

  async #readAgain(): Promise<void> {
    while (!this.#end.signal.aborted) {
      await this.#read().catch(() => {});
      await pause(300, this.#end.signal);
    }
  }

  async #read(): Promise<void> {
    const headers = {
      accept: "text/event-stream",
      ...this.#place === undefined ? {} : { "last-event-id": this.#place },
    };
    const response = await fetch(this.url, { headers, signal: this.#end.signal });
    if (response.status !== 200 || response.body === null) return await response.body?.cancel();
    let rest = "";
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#block(block);
    }
  }

  #block(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1];
    const [place, name, data] = [field("id"), field("event"), field("data")];
    if (place !== undefined) this.#place = place;
    if (data === undefined || place === undefined) return;
    if (name !== undefined) {
      const { missing, cause } = notice.parse(JSON.parse(data));
      // That another run has begun is told as one, too.
      if ((missing ?? 0) > 0) this.sink.gap(`${missing} of them: ${cause}`);
      return;
    }
    const { at, id, kind, cause, because, service, address, destination, peer, to } = record.parse(
      JSON.parse(data),
    );
    const run = place.split("-")[0] ?? "";
    const about = { because, service, address, destination, peer, to };
    this.sink.event({ atMs: Date.parse(at), host: this.host, run, id, kind, cause, ...about });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#reading;
  }
}

const notice = z.looseObject({ missing: z.number().optional(), cause: z.string() });

/** So long, or until the end of everything. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
