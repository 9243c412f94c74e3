/**
 * The control socket: a unix socket where commands reach the running agent. One that a killed agent left is taken over,
 * one where an agent answers is not. Mode 0600, so only the agent's own user may ask.
 */
import { dirname } from "node:path";

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
  try {
    await clear(path);
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const server = Deno.serve({ transport: "unix", path, onListen() {} }, handler);
    Deno.chmodSync(path, MODE);
    return server;
  } catch (error) {
    throw error instanceof ControlSocketInUseError ? error : new Error(reasonOf(error));
  }
}

/**
 * One request to the agent that listens at `path`.
 * @throws {Error} in words for people, where no agent answers
 */
export async function askControl(path: string, target: string, accept: string): Promise<Answer> {
  try {
    // Tells apart what fetch would call by one name.
    await probe(path);
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
    // An address for a host: fetch would ask the resolver for a name, which takes 5 s where none answers.
    const response = await fetch(`http://127.0.0.1${target}`, { client, signal, headers: { accept } });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    throw new Error(`no agent answers at ${path}: ${reasonOf(error)}`);
  }
}

/** Removes a socket that nobody listens on any more. */
async function clear(path: string): Promise<void> {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new Error("what is there is not a socket, and stays");
    await probe(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof Deno.errors.ConnectionRefused) return Deno.removeSync(path);
    throw error;
  }
  throw new ControlSocketInUseError(`another agent answers at ${path}`);
}

async function probe(path: string): Promise<void> {
  (await Deno.connect({ transport: "unix", path })).close();
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no socket";
  if (error instanceof Deno.errors.ConnectionRefused) return "the process that made the socket has ended";
  if (error instanceof Deno.errors.PermissionDenied) return "this user may not (the agent's own user may)";
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return `nothing came within ${ANSWER_LIMIT_MS / 1000} s`;
  }
  return error instanceof Error ? error.message : String(error);
}
