/** A router of the lab: what scenarios ask of any, and BIRD, a process in the router's namespace and its control socket. */
import { Process } from "../support/process.ts";
import { birdConfig, type BirdProtocol, type BirdRoute, BirdSocket } from "./bird.ts";
import { PATIENCE_MS } from "./lab_world.ts";
import type { RouterNode, Topology } from "./topology.ts";
import { waitFor } from "../support/until.ts";

/** Starts a command in a node's place. */
export type Wrap = (node: string, command: string, args: readonly string[]) => {
  readonly command: string;
  readonly args: readonly string[];
};

/** What runs on a router, whoever made it. */
export interface RoutingDaemon extends AsyncDisposable {
  readonly name: string;
  /** Its program's name, for people. */
  readonly program: string;
  readonly log: readonly string[];
  /** Starts it, unless it runs, and waits until it answers. */
  start(): Promise<void>;
  /** Since when the session with that host is Established, in the router's own words; undefined where it is not. @throws while it is down */
  established(host: string): Promise<string | undefined>;
  /** Is that host's agent away, or back but without End-of-RIB, and are its routes kept (RFC 4724)? @throws while it is down */
  keeps(host: string): Promise<boolean>;
}

/** BIRD on one node. */
export class Router implements RoutingDaemon {
  readonly program = "BIRD";
  readonly log: string[] = [];
  #bird: Process | undefined;
  #socket: BirdSocket | undefined;

  constructor(
    readonly topology: Topology,
    readonly node: RouterNode,
    readonly folder: string,
    readonly wrap: Wrap,
  ) {}

  get name(): string {
    return this.node.name;
  }

  /** Starts BIRD, unless it runs, and waits until it answers. */
  async start(): Promise<void> {
    if (this.#bird?.running === true) return;
    const base = `${this.folder}/${this.name}`;
    Deno.writeTextFileSync(`${base}.conf`, birdConfig(this.topology, this.node));
    const args = ["-f", "-c", `${base}.conf`, "-s", `${base}.ctl`, "-P", `${base}.pid`];
    const bird = new Process({
      ...this.wrap(this.name, "bird", args),
      onLine: ({ text }) => void this.log.push(text),
    });
    this.#bird = bird;
    this.#socket = await waitFor(`${this.name}: BIRD answers`, PATIENCE_MS, async () => {
      if (!bird.running) throw new Error(`${this.name}: BIRD ended: ${this.log.slice(-5).join(" / ")}`);
      return await BirdSocket.connect(`${base}.ctl`).catch(() => undefined);
    });
  }

  /** Ends BIRD without a word to anybody (SIGKILL), or in order (SIGTERM). */
  async stop(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
    await this.#bird?.stop(signal);
  }

  /** Every route to `prefix` that BIRD has. @throws while it is down */
  routes(prefix: string): Promise<BirdRoute[]> {
    return this.#open.routes(prefix);
  }

  /** The BGP sessions. @throws while it is down */
  protocols(): Promise<BirdProtocol[]> {
    return this.#open.protocols();
  }

  async established(host: string): Promise<string | undefined> {
    const sessions = await this.protocols();
    return sessions.find(({ name, state }) => name === host && state === "Established")?.since;
  }

  /** Is that session's neighbour away, or back but without End-of-RIB, and its routes kept (RFC 4724)? @throws while it is down */
  keeps(session: string): Promise<boolean> {
    return this.#open.keeps(session);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }

  get #open(): BirdSocket {
    if (this.#socket === undefined) throw new Error(`router ${this.name} is down`);
    return this.#socket;
  }
}
