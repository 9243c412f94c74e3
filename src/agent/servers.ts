/** What answers questions about the agent: metrics and the read-only API over HTTP, and the control socket. */
import { changedKeys } from "../config/canonical.ts";
import type { Config } from "../config/config.ts";
import { formatListenAddress, type ListenAddress } from "../config/values/listen_address.ts";
import { createControlApp } from "../control/app.ts";
import type { Orders } from "../control/orders.ts";
import { MAX_PLAN_OCTETS, type Planner } from "../control/plan_route.ts";
import { ControlSocketInUseError, openControlSocket } from "../control/socket_file.ts";
import type { Journal } from "../events/journal.ts";
import { JournalReaders } from "../events/readers.ts";
import { createHttpApp, type HttpAppPorts } from "../http/app.ts";
import { hostNames, isOurHost } from "../http/host.ts";
import { HttpServer, type ServerStatus } from "../http/server.ts";
import { SideListener, type SideListenerState } from "../http/side_listener.ts";
import { listenTcp } from "../http/tcp_listener.ts";
import { parseAddress } from "../net/address.ts";
import { isLoopback } from "../net/address_kind.ts";
import { messageOf } from "../text/error_message.ts";
import type { Loop } from "../time/loop.ts";
import { type AgentPorts, HostNotFitError } from "./ports.ts";

/** A server that a reload replaces may be the one that answers that reload. */
const LAST_RELOAD_ANSWER_MS = 15_000;
/** What clients get for their last answers. */
const LAST_ANSWERS_MS = 500;

/** What the servers tell of the agent, and who follows orders. */
export interface AgentAnswers extends Omit<HttpAppPorts, "events" | "clock" | "hostname"> {
  readonly orders: Orders;
  readonly planner: Planner;
  readonly journal: Journal;
}

/** One server and where it listens. */
export interface SideServerStatus {
  readonly listener: SideListenerState;
  readonly server: ServerStatus;
}

/** Where the configuration has it. */
type ServerKey = "http.listen" | "control.socket";

/** A server and its listener. */
interface SideServer {
  readonly listener: SideListener;
  readonly server: HttpServer;
  readonly readers: JournalReaders;
}

/** Readers of the event stream of one server at once: others are to find room beside them. */
const MAX_READERS = 64;

/** The servers of one agent. */
export class AgentServers {
  readonly #ports: AgentPorts;
  readonly #answers: AgentAnswers;
  #config: Config;
  #http: SideServer | undefined;
  #control: SideServer | undefined;
  /** Those of an earlier configuration, while they give their last answers. */
  readonly #closing = new Map<HttpServer, Promise<void>>();
  #closed = false;

  constructor(config: Config, ports: AgentPorts, answers: AgentAnswers) {
    this.#ports = ports;
    this.#answers = answers;
    this.#config = config;
    this.#http = this.#createHttp(config);
    this.#control = this.#createControl(config);
  }

  /** How each is doing; undefined: it is turned off. */
  get status(): {
    readonly http: SideServerStatus | undefined;
    readonly control: SideServerStatus | undefined;
    /** Those who follow the events, and those who were cut off. */
    readonly readers: { readonly count: number; readonly cut: number };
  } {
    const readers = [this.#http, this.#control].flatMap((side) => side === undefined ? [] : [side.readers]);
    return {
      http: statusOf(this.#http),
      control: statusOf(this.#control),
      readers: {
        count: readers.reduce((sum, { count }) => sum + count, 0),
        cut: readers.reduce((sum, { cut }) => sum + cut, 0),
      },
    };
  }

  /** Its listeners, and what serves those who follow the events. */
  loops(): readonly Loop[] {
    return [["http", this.#http] as const, ["control", this.#control] as const].flatMap(([name, side]) =>
      side === undefined ? [] : [
        { name: `${name} listener`, dueMs: side.listener.dueMs },
        { name: `${name} readers of events`, dueMs: side.readers.dueMs },
      ]
    );
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

  /**
   * Serves as `next` says. A server that is another one now is closed and opened anew; what it is answering goes out all the
   * same. Where it cannot listen that is told, and tried again.
   */
  configure(next: Config): void {
    const old = this.#config;
    this.#config = next;
    // What may be open at once is shared out anew: a configuration may have the first checks of all, and no other servers.
    this.#ports.maxClients(next);
    const isOther = (...keys: readonly ("http" | "control" | "limits")[]) =>
      keys.some((key) => changedKeys<object>(old[key], next[key]).length > 0);
    if (isOther("http", "limits")) {
      this.#retire(this.#http);
      this.#http = this.#createHttp(next);
      void this.#http?.listener.start();
    }
    // A stop may have come while that was opened.
    if (isOther("control") && !this.#closed) {
      this.#retire(this.#control);
      this.#control = this.#createControl(next);
      void this.#control?.listener.start();
    }
  }

  /** Listens no more; whoever waits for an answer of it gets it. */
  #retire(side: SideServer | undefined): void {
    if (side === undefined) return;
    side.listener[Symbol.dispose]();
    const closed = side.server.close(LAST_RELOAD_ANSWER_MS).finally(() => side.readers[Symbol.dispose]());
    this.#closing.set(side.server, closed);
    closed.finally(() => this.#closing.delete(side.server));
  }

  /** Requests are answered to their end, but a client that hangs does not hold the stop up. */
  async close(): Promise<void> {
    this.#closed = true;
    const servers = [this.#control, this.#http].filter((each) => each !== undefined);
    for (const { listener } of servers) listener[Symbol.dispose]();
    const all = [...servers.map(({ server }) => server), ...this.#closing.keys()];
    await Promise.all([...all.map((server) => server.close(LAST_ANSWERS_MS)), ...this.#closing.values()]);
    for (const { readers } of servers) readers[Symbol.dispose]();
  }

  #createHttp(config: Config): SideServer | undefined {
    const { listen, allowedHosts } = config.http;
    if (listen === undefined) return undefined;
    const { clock, streams } = this.#ports;
    const maxClients = this.#ports.maxClients(config).http;
    const readers = this.#createReaders("HTTP", maxClients);
    const names = hostNames(this.#ports.hostname(), allowedHosts, !isOnLoopback(listen));
    const server = new HttpServer({
      clock,
      app: createHttpApp({
        ...this.#answers,
        clock,
        hostname: () => this.#ports.hostname(),
        events: (request) => readers.answer(request),
      }),
      limits: { connections: maxClients },
      isOurHost: (host) => isOurHost(host, names),
      ...this.#faultsOf("http.listen"),
    });
    const listener = new SideListener({
      clock,
      address: formatListenAddress(listen),
      open: () => listenTcp(listen, streams, server),
      onChange: (state) => this.#tell("http.listen", state, HTTP_CURE),
    });
    return { listener, server, readers };
  }

  #createControl(config: Config): SideServer | undefined {
    const { socket, group } = config.control;
    if (socket === undefined) return undefined;
    const { clock, streams, socketFiles: files, pid } = this.#ports;
    const maxClients = this.#ports.maxClients(config).control;
    const readers = this.#createReaders("the control socket", maxClients);
    const server = new HttpServer({
      clock,
      app: createControlApp({
        ...this.#answers,
        clock,
        now: () => clock.wallTime(),
        pid,
        events: (request) => readers.answer(request),
      }),
      limits: { connections: maxClients, bodyOctets: MAX_PLAN_OCTETS },
      ...this.#faultsOf("control.socket"),
    });
    const listener = new SideListener({
      clock,
      address: socket,
      open: () => openControlSocket({ path: socket, group }, server, { streams, files, clock }),
      onChange: (state) => this.#tell("control.socket", state, CONTROL_CURE),
    });
    return { listener, server, readers };
  }

  #createReaders(over: string, clients: number): JournalReaders {
    const { clock, events } = this.#ports;
    return new JournalReaders({
      journal: this.#answers.journal,
      clock,
      limit: Math.max(1, Math.min(MAX_READERS, Math.floor(clients / 2))),
      onCut(count, cause) {
        const reader = count === 1 ? "a reader of events" : `${count} readers of events`;
        events.publish({ kind: "reader-cut", reader: `${reader} over ${over}`, cause });
      },
    });
  }

  /** What happens beside the answers, as events. */
  #faultsOf(key: ServerKey) {
    const { events } = this.#ports;
    return {
      onFault: (error: unknown) =>
        events.publish({ kind: "fault", part: partOf(key), name: "answer", cause: messageOf(error) }),
      onAcceptFault: (error: Error) =>
        events.publish({
          kind: "warning",
          cause: `${key}: connections wait, as they cannot be accepted: ${error.message}`,
        }),
    };
  }

  #tell(key: ServerKey, state: SideListenerState, cure: string): void {
    if (state.state === "off") return;
    const failed = state.state === "failed";
    this.#ports.events.publish({
      kind: "server",
      server: partOf(key),
      to: state.state,
      cause: failed
        ? `${key}: cannot listen on ${state.address}: ${state.error}; all else works, and it is tried again. ${cure}`
        : `${key}: listening on ${state.address}`,
    });
    const shortfall = state.state === "listening" ? state.shortfall : undefined;
    if (shortfall !== undefined) this.#ports.events.publish({ kind: "warning", cause: shortfall });
  }
}

const HTTP_CURE =
  "Metrics and status cannot be asked for until then. Stop what has the port, choose another, " +
  'or turn it off with http.listen: ""';
const CONTROL_CURE =
  "Commands such as bgp-lb status and bgp-lb drain cannot reach this agent until then. Make the folder writable for " +
  'this user alone, choose another path, or turn it off with control.socket: ""';

function partOf(key: ServerKey): "http" | "control" {
  return key === "http.listen" ? "http" : "control";
}

function isOnLoopback({ hostname }: ListenAddress): boolean {
  const address = parseAddress(hostname);
  return address !== undefined && isLoopback(address);
}

function statusOf(side: SideServer | undefined): SideServerStatus | undefined {
  return side && { listener: side.listener.state, server: side.server.status };
}
