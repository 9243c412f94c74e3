/** `bgp-lb status`, `peers` and `routes`: a question to the running agent over its control socket. */
import { messageOf } from "../text/error_message.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import { parseSocketPath } from "../config/values/socket_path.ts";
import type { Answer, ControlRequest } from "../control/client.ts";
import type { ViewName } from "../status/views.ts";
import { ExitStatus } from "./exit_status.ts";

/** What is asked. */
export interface Question {
  readonly view: ViewName;
  /** Only this peer or service; undefined: all. */
  readonly name: string | undefined;
  readonly json: boolean;
  /** Path of the control socket. */
  readonly socket: string;
}

/** The way to the agent, and where the answer goes. */
export interface AskPorts {
  /** @throws {Error} in words for people, where no agent answers */
  askControl(request: ControlRequest): Promise<Answer>;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Prints the agent's answer; resolves to the exit status. */
export async function ask({ view, name, json, socket }: Question, ports: AskPorts): Promise<number> {
  const problem = socketPathProblem(socket);
  if (problem !== undefined) {
    ports.stderr(`${problem}\n`);
    return ExitStatus.USAGE;
  }
  const target = `/v1/${view}${name === undefined ? "" : `?name=${encodeURIComponent(name)}`}`;
  let answer: Answer;
  try {
    answer = await ports.askControl({
      path: socket,
      target,
      accept: json ? "application/json" : "text/plain",
    });
  } catch (error) {
    ports.stderr(`${messageOf(error)}\n${CURE}`);
    return ExitStatus.FAILED;
  }
  if (answer.status !== 200) {
    ports.stderr(answer.body);
    return ExitStatus.FAILED;
  }
  ports.stdout(json ? indented(answer.body) : answer.body);
  return ExitStatus.OK;
}

/** What is wrong with a `--control-socket`; undefined: nothing. */
export function socketPathProblem(socket: string): string | undefined {
  const path = parseSocketPath(socket);
  if ("value" in path && path.value !== undefined) return undefined;
  const problem = "problem" in path ? path.problem : "must not be empty";
  return `--control-socket: ${problem} (got ${JSON.stringify(socket)})`;
}

/** JSON for people to read; on a terminal it does nothing else than that. */
export function indented(json: string): string {
  const lines = JSON.stringify(JSON.parse(json), undefined, 2).split("\n");
  return lines.map((line) => `${escapeUnprintable(line)}\n`).join("");
}

/** What to look at where no agent answers. */
export const CURE =
  "Is the agent running, by another user, or with another control.socket (then say --control-socket PATH)?\n";
