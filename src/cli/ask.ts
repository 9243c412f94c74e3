/** `bgp-lb status`, `peers`, `services`, `routes` and `explain`: a question to the running agent over its control socket. */
import { messageOf } from "../text/error_message.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import type { Style } from "../text/style.ts";
import { parseSocketPath } from "../config/values/socket_path.ts";
import type { Answer, ControlRequest } from "../control/client.ts";
import type { ViewName } from "../status/views.ts";
import { ExitStatus } from "./exit_status.ts";
import { styleFor, type Terminal } from "./terminal.ts";

/** What is asked. */
export interface Question {
  readonly view: ViewName | "explain";
  /** Only this peer or service; undefined: all. */
  readonly name: string | undefined;
  /** The peer that a service is explained to; undefined: all. */
  readonly peer?: string | undefined;
  readonly json: boolean;
  /** Path of the control socket. */
  readonly socket: string;
}

/** The way to the agent, and where the answer goes. */
export interface AskPorts {
  /** @throws {Error} in words for people, where no agent answers */
  askControl(request: ControlRequest): Promise<Answer>;
  readonly terminal: Terminal;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** What became of a question. */
export type Outcome =
  | { readonly ok: true; readonly body: string }
  | {
    readonly ok: false;
    /** What there is to say to people, in whole lines. */
    readonly words: string;
    readonly status: number;
  };

/** Prints the agent's answer; resolves to the exit status. */
export async function ask(question: Question, ports: AskPorts): Promise<number> {
  const outcome = await outcomeOf(question, styleFor(ports.terminal), ports);
  if (!outcome.ok) {
    ports.stderr(outcome.words);
    return outcome.status;
  }
  ports.stdout(question.json ? indented(outcome.body) : outcome.body);
  return ExitStatus.OK;
}

/** Asks once. */
export async function outcomeOf(
  question: Question,
  style: Style,
  { askControl }: Pick<AskPorts, "askControl">,
): Promise<Outcome> {
  const { json, socket } = question;
  const problem = socketPathProblem(socket);
  if (problem !== undefined) {
    return { ok: false, words: `${problem}\n`, status: ExitStatus.USAGE };
  }
  const accept = json ? "application/json" : "text/plain";
  let answer: Answer;
  try {
    answer = await askControl({ path: socket, target: targetOf(question, style), accept });
  } catch (error) {
    const words = messageOf(error);
    return { ok: false, words: `${words}\n${noAgentCure(words)}\n`, status: ExitStatus.FAILED };
  }
  if (answer.status === 200) return { ok: true, body: answer.body };
  return { ok: false, words: answer.body, status: statusOf(answer) };
}

/** A name that there is not is wrong usage; a view that there is not is an agent of another version. */
function statusOf({ status, body }: Answer): number {
  const known = !/^(this agent has no view|no GET) /.test(body);
  return status === 404 && known ? ExitStatus.USAGE : ExitStatus.FAILED;
}

/** An agent that knows nothing of widths and colours leaves them be. */
function targetOf({ view, name, peer, json }: Question, { width, colour }: Style): string {
  const query = [
    ...name === undefined || view === "explain" ? [] : [["name", name]],
    ...peer === undefined ? [] : [["peer", peer]],
    ...json || width === undefined ? [] : [["width", `${width}`]],
    ...json || !colour ? [] : [["colour", "1"]],
  ].map(([key, value = ""]) => `${key}=${encodeURIComponent(value)}`).join("&");
  const place = view === "explain" ? `${view}/${encodeURIComponent(name ?? "")}` : view;
  return `/v1/${place}${query === "" ? "" : `?${query}`}`;
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

/** Why nobody has answered, with what to look at where there is no agent at all. */
export function noAnswerText(words: string): string {
  return `${escapeUnprintable(words)}\n${
    words.startsWith("no agent answers") ? `${noAgentCure(words)}\n` : ""
  }`;
}

/** What to look at where no agent answers, for the reason in `words`: one that is silent is there, and hangs. */
export function noAgentCure(words: string): string {
  return words.includes("nothing came within")
    ? "It is there, and stands still: its watchdog ends it within half a minute, or systemctl kill -s KILL bgp-lb. " +
      "IPVS goes on meanwhile."
    : "Is the agent running, by another user, or with another control.socket (then say --control-socket PATH)?";
}
