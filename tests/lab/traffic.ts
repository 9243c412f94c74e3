/** The client process from the scenarios' side, and what its requests add up to. */
import { Process, repositoryRoot } from "../support/process.ts";
import { type ClientAnswer, clientAnswer, type ClientCommand, type LabRequest } from "./client.ts";
import type { StreamResult } from "./datagrams.ts";
import type { DownloadResult } from "./download.ts";
import type { Placement } from "./host.ts";
import { PATIENCE_MS, waitFor } from "../support/until.ts";

const script = `${repositoryRoot()}/tests/lab/client.ts`;

/** Requests and how they went. */
export interface Traffic {
  readonly requests: readonly LabRequest[];
  /** Answers by the name of the host that gave them. */
  readonly byHost: ReadonlyMap<string, number>;
  readonly failures: readonly LabRequest[];
}

/** Adds requests up. */
export function summarize(requests: readonly LabRequest[]): Traffic {
  const byHost = new Map<string, number>();
  for (const { host } of requests) if (host !== undefined) byHost.set(host, (byHost.get(host) ?? 0) + 1);
  return { requests, byHost, failures: requests.filter((request) => request.failure !== undefined) };
}

/** Those requests that began at `sinceMs` or later. */
export function since(traffic: Traffic, sinceMs: number): Traffic {
  return summarize(traffic.requests.filter((request) => request.atMs >= sinceMs));
}

/** `h1 12, h2 8, 1 failed (timed out)`, for people. */
export function describe(traffic: Traffic): string {
  const hosts = [...traffic.byHost].sort().map(([host, count]) => `${host} ${count}`);
  const reasons = [...new Set(traffic.failures.map((request) => request.failure))].join(", ");
  const failed = traffic.failures.length === 0
    ? "0 failed"
    : `${traffic.failures.length} failed (${reasons})`;
  return [...hosts, failed].join(", ");
}

type Order = ClientCommand extends infer C ? C extends ClientCommand ? Omit<C, "id"> : never : never;

/** Where requests go. */
export interface Target {
  readonly address: string;
  readonly port: number;
  /** Default: tcp. */
  readonly protocol?: "tcp" | "udp";
}

/** What a download or a stream is called where nothing else is said. */
const ONLY = "the only one";

/** The resident client. Unless told otherwise, its requests go to all of its targets in turn. */
export class Client implements AsyncDisposable {
  readonly #process: Process;
  readonly #targets: readonly Target[];
  readonly #answers = new Map<number, ClientAnswer>();
  readonly #answered = new Map<string, number>();
  #lastId = 0;

  constructor(node: string, placement: Placement, targets: readonly Target[]) {
    this.#targets = targets;
    const args = ["run", "-A", "--unstable-net", "--quiet", "--cached-only", script];
    this.#process = new Process({
      ...placement.wrap(node, Deno.execPath(), args),
      stdin: true,
      onLine: ({ stream, text }) => {
        if (stream !== "stdout") return;
        const answer = clientAnswer.parse(JSON.parse(text));
        this.#answers.set(answer.id, answer);
      },
    });
  }

  /** Waits until the client takes commands. */
  async ready(): Promise<void> {
    await this.#order({ do: "stop" }, 60_000);
  }

  /** Makes `count` requests, some at a time, each a flow of its own. */
  async burst(count: number, targets = this.#targets): Promise<Traffic> {
    const timeoutMs = 3_000;
    const limitMs = 10_000 + count * timeoutMs;
    const { requests } = await this.#order(
      { do: "burst", targets: [...targets], count, concurrency: 8, timeoutMs },
      limitMs,
    );
    return summarize(requests);
  }

  /** Begins a stream of requests, one every `everyMs`. */
  async start(everyMs: number, timeoutMs = 3_000, targets = this.#targets): Promise<void> {
    await this.#order({ do: "start", targets: [...targets], everyMs, timeoutMs }, 10_000);
  }

  /** What has come of the stream since it was last asked for; it goes on. */
  async taken(): Promise<readonly LabRequest[]> {
    return (await this.#order({ do: "taken" }, 30_000)).requests;
  }

  /** Where requests go, one target for each family of the service. */
  get targets(): readonly Target[] {
    return this.#targets;
  }

  /** Ends the stream and gives all of its requests. */
  async stop(): Promise<Traffic> {
    return summarize((await this.#order({ do: "stop" }, 30_000)).requests);
  }

  /** Begins a download that goes on until `downloaded`. @throws where `from` is never the one that answers */
  async download(
    target: Target,
    from: string | undefined,
    octets: number,
    timeoutMs = 3_000,
    name = ONLY,
  ): Promise<void> {
    const order = { do: "download", name, ...target, octets, timeoutMs } as const;
    await this.#order({ ...order, ...(from === undefined ? {} : { from }) }, 64 * timeoutMs);
  }

  /** Ends the download once more of it has come, with `toEnd` once all of it has; that must be within the limit. */
  async downloaded(toEnd: boolean, limitMs = PATIENCE_MS, name = ONLY): Promise<DownloadResult> {
    const { download } = await this.#order({ do: "downloaded", name, toEnd, limitMs }, limitMs + 10_000);
    if (download === undefined) throw new Error("there was no download");
    return download;
  }

  /** Waits until more has come of every download. What is wrong with them; "" where nothing is. */
  async progress(limitMs = PATIENCE_MS): Promise<string> {
    return (await this.#order({ do: "progress", limitMs }, limitMs + 10_000)).body;
  }

  /** Begins a stream of datagrams from one port, one every `everyMs`. */
  async stream(name: string, { address, port }: Target, everyMs: number): Promise<void> {
    await this.#order({ do: "stream", name, address, port, everyMs }, 10_000);
  }

  /** Ends the stream of that name, once all were answered or the limit has passed. */
  async streamed(name: string, limitMs = 3_000): Promise<StreamResult> {
    const { stream } = await this.#order({ do: "streamed", name, limitMs }, limitMs + 10_000);
    if (stream === undefined) throw new Error(`there was no stream ${name}`);
    return stream;
  }

  /** How many requests that host has answered so far, over all bursts and streams that have ended. */
  answered(host: string): number {
    return this.#answered.get(host) ?? 0;
  }

  /** The body of one GET, or "" where it failed. */
  async get(address: string, port: number, path: string, timeoutMs = 3_000): Promise<string> {
    return (await this.#order({ do: "get", address, port, path, timeoutMs }, timeoutMs + 10_000)).body;
  }

  async #order(order: Order, limitMs: number): Promise<ClientAnswer> {
    const id = ++this.#lastId;
    await this.#process.write(`${JSON.stringify({ id, ...order })}\n`);
    const answer = await waitFor(`client: ${order.do}`, limitMs, () => this.#answers.get(id), 5);
    this.#answers.delete(id);
    if (answer.fault !== undefined) throw new Error(`client: ${order.do}: ${answer.fault}`);
    for (const [host, count] of summarize(answer.requests).byHost) {
      this.#answered.set(host, this.answered(host) + count);
    }
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop("SIGKILL");
  }
}
