/** What answers questions about the agent: metrics and the read-only API over HTTP, and the control socket. */
import { messageOf } from "../text/error_message.ts";
import { type AgentPorts, HostNotFitError } from "./ports.ts";
import type { Config } from "../config/config.ts";
import { createControlRoutes } from "../control/app.ts";
import { ControlSocketInUseError } from "../control/socket.ts";
import { createRoutes, type RoutesPorts } from "../http/app.ts";

/** What clients get for their last answers. */
const LAST_ANSWERS_MS = 500;

/** The servers of one agent. */
export class AgentServers {
  readonly #config: Config;
  readonly #ports: AgentPorts;
  readonly #answers: RoutesPorts;
  #open: readonly AsyncDisposable[] = [];

  constructor(config: Config, ports: AgentPorts, answers: RoutesPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#answers = answers;
  }

  /** @throws {HostNotFitError} where another agent answers on the control socket, or HTTP's address cannot be had */
  async open(): Promise<void> {
    await this.#listenControl();
    this.#serve();
  }

  /** Requests are answered to their end, but a client that hangs does not hold the stop up. */
  async close(): Promise<void> {
    const { clock } = this.#ports;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _limit = clock.at(clock.now() + LAST_ANSWERS_MS, resolve);
    const closing = this.#open.map((server) => server[Symbol.asyncDispose]());
    this.#open = [];
    await Promise.race([Promise.all(closing), late]);
  }

  /** Another agent on this host is a reason not to start; a path that cannot be had is not. */
  async #listenControl(): Promise<void> {
    const { socket } = this.#config.control;
    if (socket === undefined) return;
    const { clock, events } = this.#ports;
    const { status } = this.#answers;
    const handler = createControlRoutes({ status, now: () => clock.wallTime() });
    try {
      this.#open = [...this.#open, await this.#ports.listenControl(socket, handler)];
    } catch (error) {
      if (error instanceof ControlSocketInUseError) {
        throw new HostNotFitError(
          `control.socket: ${error.message}; stop it, or choose another socket for one of the two`,
        );
      }
      events.publish({
        kind: "server",
        server: "control",
        to: "failed",
        cause: `control.socket: cannot listen on ${socket}: ${messageOf(error)}; ` +
          "bgp-lb status, peers and routes cannot ask this agent. " +
          'Make the folder writable, choose another path, or turn it off with control.socket: ""',
      });
    }
  }

  #serve(): void {
    const { listen } = this.#config.http;
    if (listen === undefined) return;
    try {
      this.#open = [...this.#open, this.#ports.serve(listen, createRoutes(this.#answers))];
    } catch (error) {
      throw new HostNotFitError(
        `http.listen: cannot listen on ${listen.hostname || "*"}:${listen.port}: ${messageOf(error)}; ` +
          `stop what has the port, choose another, or turn it off with http.listen: ""`,
      );
    }
  }
}
