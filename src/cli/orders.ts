/** `bgp-lb drain`, `undrain`, `reload`, `check-now` and `handover`: an order to the running agent over its control socket. */
import { readCheckNowAnswer, readDrainAnswer, readRefusal, readReloadAnswer } from "../control/answers.ts";
import { type Answer, type ClientPorts, postControl } from "../control/client.ts";
import { readDrainDuration, readReason } from "../control/order_body.ts";
import { messageOf } from "../text/error_message.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import { foreignText } from "../text/foreign.ts";
import { indented, noAnswerText, socketPathProblem } from "./ask.ts";
import { ExitStatus } from "./exit_status.ts";
import { checkNowText, drainText, type OrderText, reloadText, undrainText } from "./order_text.ts";
import { ProgressWatch, type WatchPorts } from "./progress_watch.ts";

/** What is ordered. */
export type Order =
  | {
    readonly name: "drain";
    readonly services: readonly string[];
    readonly reason: string | undefined;
    /** After how long it is undone, as it was written. */
    readonly duration: string | undefined;
    readonly wait: boolean;
  }
  | { readonly name: "undrain"; readonly services: readonly string[]; readonly wait: boolean }
  | { readonly name: "check-now"; readonly services: readonly string[] }
  | { readonly name: "reload" }
  | { readonly name: "handover" };

/** How an order is given. */
export interface OrderOptions {
  readonly json: boolean;
  /** Path of the control socket. */
  readonly socket: string;
}

/** The way to the agent, and where the answer goes. */
export interface OrderPorts extends ClientPorts, WatchPorts {}

/** A reload reads, compares and programs, which may take a while on a busy host. */
const RELOAD_LIMIT_MS = 90_000;
const ORDER_LIMIT_MS = 10_000;

/** Gives the order, says what came of it, and waits where that is wanted; resolves to the exit status. */
export async function giveOrder(order: Order, options: OrderOptions, ports: OrderPorts): Promise<number> {
  const problem = problemOf(order) ?? socketPathProblem(options.socket);
  if (problem !== undefined) {
    ports.stderr(`${escapeUnprintable(problem)}\n`);
    return ExitStatus.USAGE;
  }
  const body = bodyOf(order);
  const tell = (answer: Answer) => conclude(order, answer, options, ports);
  if ((order.name === "drain" || order.name === "undrain") && order.wait) {
    return await new ProgressWatch({ order: order.name, services: order.services, ...options }, ports).run(
      body,
      tell,
    );
  }
  const limitMs = order.name === "reload" ? RELOAD_LIMIT_MS : ORDER_LIMIT_MS;
  const request = {
    path: options.socket,
    target: `/v1/${order.name}`,
    accept: "application/json",
    body,
    limitMs,
  };
  try {
    return tell(await postControl(request, ports));
  } catch (error) {
    ports.stderr(noAnswerText(messageOf(error)));
    return ExitStatus.FAILED;
  }
}

/** What can be known to be wrong before anybody is asked. */
function problemOf(order: Order): string | undefined {
  if (order.name !== "drain") return undefined;
  const { reason, duration } = order;
  const read = reason === undefined ? undefined : readReason(reason);
  if (read !== undefined && "problem" in read) return `--reason ${read.problem}`;
  const forMs = duration === undefined ? undefined : readDrainDuration(duration);
  return forMs !== undefined && "problem" in forMs ? `--for ${forMs.problem}` : undefined;
}

function bodyOf(order: Order): unknown {
  switch (order.name) {
    case "drain":
      return { ...selection(order), reason: order.reason, for: order.duration };
    case "undrain":
    case "check-now":
      return selection(order);
    case "reload":
    case "handover":
      return {};
    default:
      return order satisfies never;
  }
}

function selection({ services }: { readonly services: readonly string[] }): object {
  return services.length === 0 ? {} : { services };
}

/** Prints what the agent answered; the exit status. */
function conclude(order: Order, answer: Answer, { json, socket }: OrderOptions, ports: OrderPorts): number {
  if (answer.status !== 200) return refused(order.name, answer, socket, ports);
  const outcome = outcomeOf(order, answer.body);
  if (outcome === undefined) {
    ports.stderr(
      `what answers at ${socket} is no agent, or not of this version: ${foreignText(answer.body)}\n`,
    );
    return ExitStatus.FAILED;
  }
  const { text, status } = outcome;
  // Of an order that is waited for, each line is JSON.
  const isOneLine = "wait" in order && order.wait;
  const printed = isOneLine ? linesOf([answer.body]) : indented(answer.body);
  ports.stdout(json ? printed : linesOf(text.out));
  // Who reads JSON has it all there.
  if (!json || status !== ExitStatus.OK) ports.stderr(linesOf(text.err));
  return status;
}

interface Concluded {
  readonly text: OrderText;
  readonly status: number;
}

/** Undefined where that is no answer to the order. */
function outcomeOf(order: Order, body: string): Concluded | undefined {
  switch (order.name) {
    case "drain": {
      const answer = readDrainAnswer(body);
      return answer && done(drainText(answer, order.services.length === 0, order.duration));
    }
    case "undrain": {
      const answer = readDrainAnswer(body);
      return answer && done(undrainText(answer, order.services.length === 0));
    }
    case "check-now": {
      const answer = readCheckNowAnswer(body);
      return answer && done(checkNowText(answer));
    }
    case "reload": {
      const answer = readReloadAnswer(body);
      if (answer === undefined) return undefined;
      if (answer.result === "invalid") return { text: reloadText(answer), status: ExitStatus.USAGE };
      const status = answer.errors.length > 0 ? ExitStatus.FAILED : ExitStatus.OK;
      return { text: reloadText(answer), status };
    }
    case "handover":
      return done({
        out: [
          "handing over: the agent ends, and the next one goes on with its sessions' routes and the kernel's objects",
        ],
        err: [],
      });
    default:
      return order satisfies never;
  }
}

function done(text: OrderText): Concluded {
  return { text, status: ExitStatus.OK };
}

/** Says why the agent did not follow; 2 where another order would do, 1 where another time might. */
function refused(name: string, { status, body }: Answer, socket: string, { stderr }: OrderPorts): number {
  const refusal = readRefusal(body);
  // It knows views alone, and says so in words of its own.
  if ((status === 404 || status === 405) && refusal === undefined) {
    stderr(
      `what answers at ${socket} does not know the order ${name}: it is an older agent, or none ` +
        `(${foreignText(body.trim())})\n`,
    );
    return ExitStatus.FAILED;
  }
  stderr(`${foreignText(refusal ?? body.trim(), 1000)}\n`);
  return [400, 404, 413, 415].includes(status) ? ExitStatus.USAGE : ExitStatus.FAILED;
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${escapeUnprintable(line)}\n`).join("");
}
