/**
 * The control socket: a unix socket where commands reach the running agent. One that a killed agent left is taken over,
 * one where an agent answers is not; a lock beside it decides between two that start at once. Mode 0600, so only the
 * agent's own user may ask.
 */
import { request } from "node:http";
import { dirname } from "node:path";
import { messageOf } from "../text/error_message.ts";

/** A live agent has the socket. */
export class ControlSocketInUseError extends Error {
  override readonly name = "ControlSocketInUseError";
}

/** The agent's answer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** An agent that takes longer is as good as none. */
const ANSWER_LIMIT_MS = 5000;
const MODE = 0o600;

/**
 * Answers on a new socket at `path` until it is disposed; a missing folder is made, for the agent's user alone.
 * @throws {ControlSocketInUseError} where a live process has it
 * @throws {Error} in words for people, where the path cannot be had
 */
export async function listenControl(
  path: string,
  handler: (request: Request) => Promise<Response>,
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  try {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // The file of the lock stays for good: who removed it might remove the lock of another.
    const lock = stack.use(Deno.openSync(`${path}.lock`, { create: true, write: true, mode: MODE }));
    if (!lock.tryLockSync(true)) throw inUse(path);
    await clear(path);
    stack.use(Deno.serve({ transport: "unix", path, onListen() {} }, handler));
    Deno.chmodSync(path, MODE);
    return stack.move();
  } catch (error) {
    if (error instanceof ControlSocketInUseError) throw error;
    throw new Error(
      error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable
        ? `this process may not write to ${dirname(path)}`
        : messageOf(error),
    );
  }
}

/**
 * One request to the agent that listens at `path`.
 * @throws {Error} in words for people, where no agent answers
 */
export async function askControl(path: string, target: string, accept: string): Promise<Answer> {
  try {
    return await get(path, target, accept);
  } catch (error) {
    throw new Error(`no agent answers at ${path}: ${reasonOf(error)}`);
  }
}

/** By node:http, as fetch would heed NO_PROXY and ask a resolver, though neither has a say in a path. */
function get(path: string, target: string, accept: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
  const options = {
    socketPath: path,
    path: target,
    agent: false,
    signal,
    headers: { accept, host: "bgp-lb" },
  };
  const sent = request(options, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (text) => body += text);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    response.on("error", reject);
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}

/** Removes a socket that nobody listens on any more. */
async function clear(path: string): Promise<void> {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new Error("what is there is not a socket, and stays");
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof Deno.errors.ConnectionRefused) return Deno.removeSync(path);
    throw error;
  }
  throw inUse(path);
}

function inUse(path: string): ControlSocketInUseError {
  return new ControlSocketInUseError(`another agent answers at ${path}`);
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case "ENOENT":
      return "there is no socket";
    case "ECONNREFUSED":
      return "nobody listens there: the process that made the socket has ended, or it is no socket";
    case "EACCES":
    case "EPERM":
      return "this user may not (the agent's own user may)";
    case "ABORT_ERR":
      return `nothing came within ${ANSWER_LIMIT_MS / 1000} s`;
    default:
      return messageOf(error);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
