/** What answers questions about the agent: metrics and the read-only API over HTTP, and the control socket. */
import type { Config } from "../config/config.ts";
import { formatListenAddress } from "../config/schema/values.ts";
import { createControlRoutes } from "../control/app.ts";
import { ControlSocketInUseError, openControlSocket } from "../control/socket_file.ts";
import { createRoutes, type RoutesPorts } from "../http/app.ts";
import { hostNames, isOurHost } from "../http/host.ts";
import { HttpServer, type ServerStatus } from "../http/server.ts";
import { SideListener, type SideListenerState } from "../http/side_listener.ts";
import { listenTcp } from "../http/tcp_listener.ts";
import { type AgentPorts, HostNotFitError } from "./ports.ts";

/** What clients get for their last answers. */
const LAST_ANSWERS_MS = 500;
/** Commands of people; nobody has as many terminals. */
const CONTROL_CONNECTIONS = 32;

/** One server and where it listens. */
export interface SideServerStatus {
  readonly listener: SideListenerState;
  readonly server: ServerStatus;
}

/** A server and its listener. */
interface SideServer {
  readonly listener: SideListener;
  readonly server: HttpServer;
}

/** The servers of one agent. */
export class AgentServers {
  readonly #ports: AgentPorts;
  readonly #http: SideServer | undefined;
  readonly #control: SideServer | undefined;

  constructor(config: Config, ports: AgentPorts, answers: RoutesPorts) {
    this.#ports = ports;
    this.#http = this.#createHttp(config, answers);
    this.#control = this.#createControl(config, answers);
  }

  /** How each is doing; undefined: it is turned off. */
  get status(): {
    readonly http: SideServerStatus | undefined;
    readonly control: SideServerStatus | undefined;
  } {
    return { http: statusOf(this.#http), control: statusOf(this.#control) };
  }

  /**
   * Begins to listen, and goes on trying where that fails.
   * @throws {HostNotFitError} where another agent answers on the control socket
   */
  async open(): Promise<void> {
    try {
      await this.#control?.listener.start((error) => error instanceof ControlSocketInUseError);
    } catch (error) {
      if (!(error instanceof ControlSocketInUseError)) throw error;
      throw new HostNotFitError(
        `control.socket: ${error.message}; stop it, or choose another socket for one of the two`,
      );
    }
    await this.#http?.listener.start();
  }

  /** Requests are answered to their end, but a client that hangs does not hold the stop up. */
  async close(): Promise<void> {
    const servers = [this.#control, this.#http].filter((each) => each !== undefined);
    for (const { listener } of servers) listener[Symbol.dispose]();
    await Promise.all(servers.map(({ server }) => server.close(LAST_ANSWERS_MS)));
  }

  #createHttp({ http }: Config, answers: RoutesPorts): SideServer | undefined {
    const { listen } = http;
    if (listen === undefined) return undefined;
    const { clock, streams } = this.#ports;
    const names = hostNames(this.#ports.hostname(), http.allowedHosts, !isLoopback(listen.hostname));
    const server = new HttpServer({
      clock,
      routes: createRoutes(answers),
      isOurHost: (host) => isOurHost(host, names),
      ...this.#faultsOf("http.listen"),
    });
    const listener = new SideListener({
      clock,
      address: formatListenAddress(listen),
      open: () => listenTcp(listen, streams, server),
      onChange: (state) => this.#sayHttp(state),
    });
    return { listener, server };
  }

  #createControl({ control }: Config, { status }: RoutesPorts): SideServer | undefined {
    const { socket } = control;
    if (socket === undefined) return undefined;
    const { clock, streams, socketFiles: files, pid } = this.#ports;
    const server = new HttpServer({
      clock,
      routes: createControlRoutes({ status, now: () => clock.wallTime(), pid }),
      limits: { connections: CONTROL_CONNECTIONS },
      ...this.#faultsOf("control.socket"),
    });
    const listener = new SideListener({
      clock,
      address: socket,
      open: () => openControlSocket(socket, server, { streams, files, clock }),
      onChange: (state) => this.#sayControl(state),
    });
    return { listener, server };
  }

  #faultsOf(key: "http.listen" | "control.socket") {
    const log = this.#ports.log.getChild("agent");
    return {
      onFault: (error: unknown) => log.error("{key}: an answer failed: {error}", { key, error }),
      onAcceptFault: (error: Error) =>
        log.warning("{key}: connections wait, as they cannot be accepted: {reason}", {
          key,
          reason: error.message,
        }),
    };
  }

  #sayHttp(state: SideListenerState): void {
    const log = this.#ports.log.getChild("agent");
    if (state.state === "listening") {
      log.info("http.listen: listening on {address}", { address: state.address });
    }
    if (state.state !== "failed") return;
    log.error(
      "http.listen: cannot listen on {address}: {reason}; metrics and status cannot be asked for, all else works, and it " +
        'is tried again. Stop what has the port, choose another, or turn it off with http.listen: ""',
      { address: state.address, reason: state.error },
    );
  }

  #sayControl(state: SideListenerState): void {
    const log = this.#ports.log.getChild("agent");
    if (state.state === "listening") {
      log.info("control.socket: listening on {socket}", { socket: state.address });
    }
    if (state.state !== "failed") return;
    log.error(
      "control.socket: cannot listen on {socket}: {reason}; bgp-lb status, peers and routes cannot ask this agent, and it " +
        "is tried again. Make the folder writable for this user alone, choose another path, or turn it off with " +
        'control.socket: ""',
      { socket: state.address, reason: state.error },
    );
  }
}

function isLoopback(hostname: string): boolean {
  return hostname.startsWith("127.") || hostname === "::1";
}

function statusOf(side: SideServer | undefined): SideServerStatus | undefined {
  return side && { listener: side.listener.state, server: side.server.status };
}
