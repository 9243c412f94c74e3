/**
 * What the router's kernel really forwards by, as it changes: `ip -ts -o monitor route` read line by line. Every
 * change has the time at which it happened, so nothing needs polling and convergence is measured where flows are.
 */
import { Process } from "../support/process.ts";

/** The next hops of a prefix from a moment on. Empty: there is no route. */
export interface RouteChange {
  readonly prefix: string;
  /** Wall-clock milliseconds, with a fraction. */
  readonly atMs: number;
  readonly nextHops: readonly string[];
}

/** The change in one line of `ip -ts -o monitor route`, or undefined for a line that is none. */
export function parseRouteChange(line: string): RouteChange | undefined {
  const match = /^\[([^\]]+)\]\s*(Deleted )?(\S+) (.*)$/.exec(line);
  if (match === null) return undefined;
  const [, time = "", deleted, destination = "", rest = ""] = match;
  const prefix = destination.includes("/")
    ? destination
    : `${destination}/${destination.includes(":") ? 128 : 32}`;
  const nextHops = [...rest.matchAll(/\bvia (\S+)/g)].map((via) => via[1] ?? "").sort();
  return { prefix, atMs: parseTime(time), nextHops: deleted === undefined ? nextHops : [] };
}

/** Milliseconds of a local time with microseconds; Date keeps only three digits of them. */
function parseTime(text: string): number {
  const [seconds = "", fraction = "0"] = text.split(".");
  return Date.parse(seconds) + Number(`0.${fraction}`) * 1_000;
}

/** The routes of one node, and their history. */
export class RouteWatch implements AsyncDisposable {
  readonly #history: RouteChange[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #process: Process;

  constructor(node: string, ip = "ip") {
    this.#process = new Process({
      command: ip,
      args: ["-n", node, "-ts", "-o", "monitor", "route"],
      onLine: ({ text }) => this.#add(text),
    });
  }

  /** Changes of `prefix` since `sinceMs`, in order. */
  changes(prefix: string, sinceMs = 0): RouteChange[] {
    return this.#history.filter((change) => change.prefix === prefix && change.atMs >= sinceMs);
  }

  /** The next hops of `prefix` now. */
  nextHops(prefix: string): readonly string[] {
    return this.changes(prefix).at(-1)?.nextHops ?? [];
  }

  /** Waits until `prefix` has exactly these next hops, and gives the change that made it so. @throws after the limit */
  async until(prefix: string, nextHops: readonly string[], limitMs: number): Promise<RouteChange> {
    const wanted = [...nextHops].sort().join(" ");
    const deadline = Date.now() + limitMs;
    for (;;) {
      const last = this.changes(prefix).at(-1) ?? { prefix, atMs: 0, nextHops: [] };
      if (last.nextHops.join(" ") === wanted) return last;
      const left = deadline - Date.now();
      if (left <= 0) {
        const seen = last.nextHops.join(" ") || "no route";
        throw new Error(`${prefix}: next hops ${wanted || "none"} not within ${limitMs} ms; still ${seen}`);
      }
      await this.#changed(left);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop("SIGKILL");
  }

  #add(line: string): void {
    const change = parseRouteChange(line);
    if (change === undefined) return;
    this.#history.push(change);
    for (const wake of this.#waiting) wake();
  }

  #changed(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, limitMs);
      this.#waiting.add(wake);
    });
  }
}
