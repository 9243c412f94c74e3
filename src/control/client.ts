/** One question to whoever listens on a control socket: HTTP/1.1 over a unix socket, bounded in time and octets. */
import { OctetQueue } from "../bytes/octet_queue.ts";
import { type ResponseHead, responseHeadParser } from "../net/http1.ts";
import { bodyDecoder, responseFraming } from "../net/http1_body.ts";
import type { Streams, StreamSocket } from "../net/sockets.ts";
import { codeOf, messageOf } from "../text/error_message.ts";
import { untilAborted } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";

/** What a question needs. */
export interface ClientPorts {
  readonly streams: Streams;
  readonly clock: Clock;
}

/** What is asked. */
export interface ControlRequest {
  /** Of the control socket. */
  readonly path: string;
  /** Path and query of the question. */
  readonly target: string;
  readonly accept: string;
}

/** The agent's answer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** An agent that takes longer is as good as none. */
const ANSWER_LIMIT_MS = 5000;
const MAX_ANSWER_OCTETS = 16 * 1024 * 1024;

/**
 * One request to the agent that listens at `path`.
 * @throws {Error} in words for people, where no agent answers
 */
export async function askControl(request: ControlRequest, ports: ClientPorts): Promise<Answer> {
  try {
    return await exchange(request, ports, ANSWER_LIMIT_MS);
  } catch (error) {
    throw new Error(`no agent answers at ${request.path}: ${reasonOf(error)}`);
  }
}

/** What an agent says of itself. */
export interface AgentIdentity {
  readonly version: string | undefined;
  readonly pid: number | undefined;
}

/** Who listens on a socket. */
export type Found =
  | { readonly type: "agent"; readonly agent: AgentIdentity }
  /** Somebody answers, who is no agent. */
  | { readonly type: "other" }
  /** Somebody listens, and does not answer in time. */
  | { readonly type: "silent" }
  | { readonly type: "nobody" };

/** An agent that starts, or works hard, may take so long. */
const FIND_LIMIT_MS = 2000;

/** Asks who listens at `path`. @throws {Error} with the kernel's code, where it may not even be asked */
export async function findAgent(path: string, ports: ClientPorts): Promise<Found> {
  try {
    const request = { path, target: "/v1/agent", accept: "application/json" };
    const { status, body } = await exchange(request, ports, FIND_LIMIT_MS);
    const agent = status === 200 ? identityOf(body) : undefined;
    if (agent !== undefined) return { type: "agent", agent };
    // Version 0.1.0 does not know the question, but says so in words of its own.
    const early = status === 404 && body.startsWith("this agent has no view");
    return early ? { type: "agent", agent: { version: undefined, pid: undefined } } : { type: "other" };
  } catch (error) {
    if (error instanceof LateError || codeOf(error) === "EAGAIN") return { type: "silent" };
    if (error instanceof NoAnswerError) return { type: "other" };
    switch (codeOf(error)) {
      case "ENOENT":
      case "ECONNREFUSED":
        return { type: "nobody" };
      case "ECONNRESET":
      case "EPIPE":
        return { type: "other" };
      default:
        throw error;
    }
  }
}

function identityOf(body: string): AgentIdentity | undefined {
  try {
    const { agent, version, pid } = JSON.parse(body);
    if (agent !== "bgp-lb") return undefined;
    return {
      version: typeof version === "string" && /^[\w.+-]{1,40}$/.test(version) ? version : undefined,
      pid: Number.isSafeInteger(pid) ? pid : undefined,
    };
  } catch {
    return undefined;
  }
}

/** Nothing came in time. */
export class LateError extends Error {}

/** What came is no answer of HTTP/1.1, or no whole one. */
export class NoAnswerError extends Error {}

async function exchange(
  { path, target, accept }: ControlRequest,
  { streams, clock }: ClientPorts,
  limitMs: number,
): Promise<Answer> {
  const late = new AbortController();
  let socket: StreamSocket | undefined;
  using _limit = clock.at(clock.now() + limitMs, () => {
    late.abort(new LateError(`nothing came within ${limitMs / 1000} s`));
    socket?.[Symbol.dispose]();
  });
  try {
    const connecting = streams.connect({ path }, late.signal);
    // One that comes too late is nobody's.
    connecting.then((found) => late.signal.aborted && found[Symbol.dispose](), () => {});
    socket = await untilAborted(connecting, late.signal);
    const lines = [
      `GET ${target} HTTP/1.1`,
      "host: bgp-lb",
      `accept: ${accept}`,
      "connection: close",
      "",
      "",
    ];
    await socket.write(new TextEncoder().encode(lines.join("\r\n")));
    const answer = await readAnswer(socket);
    late.signal.throwIfAborted();
    return answer;
  } catch (error) {
    throw late.signal.aborted ? late.signal.reason : error;
  } finally {
    socket?.[Symbol.dispose]();
  }
}

async function readAnswer(socket: StreamSocket): Promise<Answer> {
  const queue = new OctetQueue();
  const more = async () => {
    const octets = await socket.read();
    if (octets !== undefined) queue.append(octets);
    return octets !== undefined;
  };
  const head = await readHead(queue, more);
  const framing = responseFraming("GET", head);
  if (framing.type === "error") throw new NoAnswerError(framing.reason);
  const decoder = bodyDecoder(framing, true);
  const body = new OctetQueue();
  for (let done = false; !done;) {
    const part = decoder.decode(queue.view);
    if (part.type === "error") throw new NoAnswerError(part.reason);
    for (const data of part.data) body.append(data);
    queue.consume(part.used);
    if (body.length > MAX_ANSWER_OCTETS) {
      throw new NoAnswerError(`more than ${MAX_ANSWER_OCTETS} octets came`);
    }
    done = part.done;
    if (!done && !await more()) {
      if (framing.type !== "close") {
        throw new NoAnswerError("the connection ended in the middle of the answer");
      }
      done = true;
    }
  }
  return { status: head.status, body: new TextDecoder().decode(body.view) };
}

/** The head of the answer, past interim ones. @throws {NoAnswerError} */
export async function readHead(queue: OctetQueue, more: () => Promise<boolean>): Promise<ResponseHead> {
  let parser = responseHeadParser();
  for (;;) {
    const head = parser.parse(queue.view);
    if (head.type === "error") throw new NoAnswerError(`what answers there is no agent: ${head.reason}`);
    if (head.type === "head") {
      queue.consume(head.length);
      if (head.status >= 200) return head;
      parser = responseHeadParser();
    } else if (!await more()) {
      throw new NoAnswerError("the connection ended without an answer");
    }
  }
}

/** Why nobody answers, in words for people. */
export function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case "ENOENT":
      return "there is no socket";
    case "ECONNREFUSED":
      return "nobody listens there: the process that made the socket has ended, or it is no socket";
    case "EACCES":
    case "EPERM":
      return "this user may not (the agent's own user may, most often root)";
    case "ENOTDIR":
      return "its folder is no folder";
    case "EAGAIN":
      return "it has no room for one more connection: the agent hangs, or is overrun";
    case "ECONNRESET":
    case "EPIPE":
      return "the connection was closed before an answer came";
    default:
      return messageOf(error);
  }
}
