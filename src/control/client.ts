/** Questions and orders to whoever listens on a control socket, bounded in time and octets, with failures in words. */
import { OctetQueue } from "../bytes/octet_queue.ts";
import { codeOf, messageOf } from "../text/error_message.ts";
import {
  type ClientPorts,
  type ControlRequest,
  CutOffError,
  Exchange,
  LateError,
  NoAnswerError,
  type Reply,
} from "./exchange.ts";

export type { ClientPorts, ControlRequest } from "./exchange.ts";

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
  const exchange = new Exchange(ports);
  using _exchange = exchange;
  try {
    return await answerTo(request, exchange, ANSWER_LIMIT_MS);
  } catch (error) {
    throw new Error(noAgentText(request.path, error, ports.user));
  }
}

/** An order, and how long it may take to be followed. */
export interface ControlOrder extends ControlRequest {
  readonly body: unknown;
  readonly limitMs: number;
}

/**
 * One order to the agent that listens at `path`.
 * @throws {Error} in words for people: no agent, or nobody knows whether the order was followed
 */
export async function postControl(order: ControlOrder, ports: ClientPorts): Promise<Answer> {
  const exchange = new Exchange(ports);
  using _exchange = exchange;
  try {
    return await answerTo(order, exchange, order.limitMs);
  } catch (error) {
    throw new Error(unansweredText(order.path, error, exchange.sent, ports.user));
  }
}

/** Why an order has no answer, in words; `sent`: it may have been followed all the same. */
export function unansweredText(
  path: string,
  error: unknown,
  sent: boolean,
  user: number | undefined,
): string {
  const unknown = "the order may have been followed; ask with bgp-lb status";
  if (sent && error instanceof CutOffError) {
    return `the agent at ${path} ended before it answered: ${unknown}`;
  }
  if (sent && error instanceof LateError) {
    return `the agent at ${path} has not answered, ${error.message}: ${unknown}`;
  }
  return noAgentText(path, error, user);
}

/** Why there is no answer, in words. */
export function noAgentText(path: string, error: unknown, user: number | undefined): string {
  return `no agent answers at ${path}: ${reasonOf(error, user)}`;
}

async function answerTo(request: ControlRequest, exchange: Exchange, limitMs: number): Promise<Answer> {
  exchange.limit(limitMs);
  const reply = await exchange.send(request);
  return { status: reply.status, body: await bodyOf(reply) };
}

/** The whole body of a reply. @throws {NoAnswerError} it is too long, or cut off */
export async function bodyOf(reply: Pick<Reply, "read">): Promise<string> {
  const body = new OctetQueue();
  for (let octets = await reply.read(); octets !== undefined; octets = await reply.read()) {
    body.append(octets);
    if (body.length > MAX_ANSWER_OCTETS) {
      throw new NoAnswerError(`more than ${MAX_ANSWER_OCTETS} octets came`);
    }
  }
  return new TextDecoder().decode(body.view);
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
  const exchange = new Exchange(ports);
  using _exchange = exchange;
  try {
    const request = { path, target: "/v1/agent", accept: "application/json" };
    const { status, body } = await answerTo(request, exchange, FIND_LIMIT_MS);
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

/** What went wrong, in words. */
export function reasonOf(error: unknown, user: number | undefined): string {
  switch (codeOf(error)) {
    case "ENOENT":
      return "there is no socket";
    case "ECONNREFUSED":
      return "nobody listens there: the process that made the socket has ended, or it is no socket";
    case "EACCES":
    case "EPERM":
      return `this user${
        user === undefined ? "" : ` (uid ${user})`
      } may not: the agent's own user may, most often ` +
        "root, and the members of its control.group";
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
