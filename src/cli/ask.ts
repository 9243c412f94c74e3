/** `bgp-lb status`, `peers` and `routes`: a question to the running agent over its control socket. */
import type { Answer } from "../control/socket.ts";
import type { ViewName } from "../status/views.ts";
import { ExitStatus } from "./program.ts";

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
  askControl(path: string, target: string, accept: string): Promise<Answer>;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Prints the agent's answer; resolves to the exit status. */
export async function ask({ view, name, json, socket }: Question, ports: AskPorts): Promise<number> {
  const target = `/v1/${view}${name === undefined ? "" : `?name=${encodeURIComponent(name)}`}`;
  try {
    const { status, body } = await ports.askControl(socket, target, json ? "application/json" : "text/plain");
    if (status === 200) {
      ports.stdout(json ? `${JSON.stringify(JSON.parse(body), undefined, 2)}\n` : body);
      return ExitStatus.OK;
    }
    ports.stderr(body);
  } catch (error) {
    ports.stderr(`${error instanceof Error ? error.message : error}\n${CURE}`);
  }
  return ExitStatus.FAILED;
}

const CURE =
  "Is the agent running, by another user, or with another control.socket (then say --control-socket PATH)?\n";
