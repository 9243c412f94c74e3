/**
 * The routes of a node's kernel as they change: `ip -ts -o monitor route` read line by line. Every change has the time at
 * which it happened, so nothing needs polling and convergence is measured where flows are.
 */
import { Process } from "../support/process.ts";
import { type RouteChange, RouteHistory } from "./route_history.ts";

/** The change in one line of `ip -ts -o monitor route`, or undefined for a line that is none. */
export function parseRouteChange(line: string): RouteChange | undefined {
  const match = /^\[([^\]]+)\]\s*(Deleted )?([0-9a-f.:/]+) (.*)$/.exec(line);
  if (match === null) return undefined;
  const [, time = "", deleted, destination = "", rest = ""] = match;
  const length = destination.includes(":") ? 128 : 32;
  const prefix = destination.includes("/") ? destination : `${destination}/${length}`;
  const nextHops = [...rest.matchAll(/\bvia (\S+)/g)].map((via) => via[1] ?? "").sort();
  return { prefix, atMs: parseTime(time), nextHops: deleted === undefined ? nextHops : [] };
}

/** Milliseconds of a local time with microseconds; Date keeps only three digits of them. */
function parseTime(text: string): number {
  const [seconds = "", fraction = "0"] = text.split(".");
  return Date.parse(seconds) + Number(`0.${fraction}`) * 1_000;
}

/** The history of one node's routes, as long as it is not disposed of. */
export class RouteWatch extends RouteHistory implements AsyncDisposable {
  readonly #process: Process;

  constructor(node: string) {
    super();
    this.#process = new Process({
      command: "ip",
      args: ["-n", node, "-ts", "-o", "monitor", "route"],
      onLine: ({ text }) => {
        const change = parseRouteChange(text);
        if (change !== undefined) this.add(change);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop("SIGKILL");
  }
}
