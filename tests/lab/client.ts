/**
 * The client of the lab: one process that stays, takes commands as JSON lines on standard input, and makes requests,
 * each over a TCP connection of its own (a new source port, so a new flow for the router's ECMP).
 */
import { z } from "zod";

const target = { address: z.string(), port: z.number(), timeoutMs: z.number() };

const command = z.discriminatedUnion("do", [
  /** So many requests, `concurrency` at a time. */
  z.object({ do: z.literal("burst"), id: z.number(), ...target, count: z.number(), concurrency: z.number() }),
  /** Requests on a beat until `stop`. */
  z.object({ do: z.literal("start"), id: z.number(), ...target, everyMs: z.number() }),
  z.object({ do: z.literal("stop"), id: z.number() }),
]);

export type ClientCommand = z.infer<typeof command>;

const request = z.object({
  /** Wall-clock milliseconds at which it began. */
  atMs: z.number(),
  ms: z.number(),
  /** The name that answered, or undefined where it failed. */
  host: z.string().optional(),
  /** Why it failed. */
  failure: z.string().optional(),
});

/** One request and how it went. */
export type LabRequest = z.infer<typeof request>;

/** What the client answers to a command: every request that it made. */
export const clientAnswer = z.object({ id: z.number(), requests: z.array(request) });

/** Makes one request over a new connection. */
export async function makeRequest(address: string, port: number, timeoutMs: number): Promise<LabRequest> {
  const atMs = Date.now();
  const begin = performance.now();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  let connection: Deno.TcpConn | undefined;
  try {
    connection = await Deno.connect({ hostname: address, port, signal: limit.signal });
    const open = connection;
    limit.signal.addEventListener("abort", () => close(open));
    const text = `GET / HTTP/1.1\r\nHost: ${address}\r\nConnection: close\r\n\r\n`;
    await open.write(new TextEncoder().encode(text));
    const host = bodyOf(await readAll(open));
    const ms = performance.now() - begin;
    return host === undefined ? { atMs, ms, failure: "no HTTP answer" } : { atMs, ms, host };
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error);
    return { atMs, ms: performance.now() - begin, failure: limit.signal.aborted ? "timed out" : reason };
  } finally {
    clearTimeout(timer);
    if (connection !== undefined) close(connection);
  }
}

async function readAll(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(4_096);
  let text = "";
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

/** The first line of the body. */
function bodyOf(answer: string): string | undefined {
  if (!answer.startsWith("HTTP/1.1 200")) return undefined;
  return answer.slice(answer.indexOf("\r\n\r\n") + 4).split(/\r?\n/)[0];
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}

async function burst(order: Extract<ClientCommand, { do: "burst" }>): Promise<LabRequest[]> {
  const requests: LabRequest[] = [];
  let left = order.count;
  const worker = async () => {
    while (left-- > 0) requests.push(await makeRequest(order.address, order.port, order.timeoutMs));
  };
  await Promise.all(Array.from({ length: Math.min(order.concurrency, order.count) }, worker));
  return requests;
}

async function serve(
  input: ReadableStream<Uint8Array>,
  answer: (text: string) => Promise<unknown>,
): Promise<void> {
  let beat: { timer: ReturnType<typeof setInterval>; pending: Promise<LabRequest>[] } | undefined;
  let rest = "";
  for await (const chunk of input.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const order = command.parse(JSON.parse(line));
      let requests: LabRequest[] = [];
      if (order.do === "burst") requests = await burst(order);
      if (order.do === "start") {
        clearInterval(beat?.timer);
        const pending: Promise<LabRequest>[] = [];
        const { address, port, timeoutMs } = order;
        const timer = setInterval(() => pending.push(makeRequest(address, port, timeoutMs)), order.everyMs);
        beat = { timer, pending };
      }
      if (order.do === "stop") {
        clearInterval(beat?.timer);
        requests = await Promise.all(beat?.pending ?? []);
        beat = undefined;
      }
      await answer(`${JSON.stringify({ id: order.id, requests })}\n`);
    }
  }
  clearInterval(beat?.timer);
}

if (import.meta.main) {
  const output = Deno.stdout.writable.getWriter();
  await serve(Deno.stdin.readable, (text) => output.write(new TextEncoder().encode(text)));
}
