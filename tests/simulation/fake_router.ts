/**
 * A router, as small as one can be: it opens and accepts sessions, keeps what it is told, helps at a graceful restart
 * (RFC 4724, RFC 8538), and can be made to misbehave. It says nothing but OPEN, KEEPALIVE and NOTIFICATION.
 */
import { Inbox } from "../../src/bgp/transport/inbox.ts";
import type { TcpSocket } from "../../src/bgp/transport/transport.ts";
import type { Capability } from "../../src/bgp/wire/capability.ts";
import { type CodecContext, INITIAL_CONTEXT } from "../../src/bgp/wire/codec_context.ts";
import { decodeMessage, encodeMessage, keepalive } from "../../src/bgp/wire/message.ts";
import { IPV4_UNICAST, IPV6_UNICAST } from "../../src/bgp/wire/nlri.ts";
import type { OpenMessage } from "../../src/bgp/wire/open.ts";
import { isEndOfRib, type UpdateMessage } from "../../src/bgp/wire/update.ts";
import { type Address, addressToU32 } from "../../src/net/address.ts";
import type { Clock } from "../../src/time/clock.ts";
import { peerConfig } from "../support/bgp.ts";
import type { MemoryHost } from "../support/memory_transport.ts";
import { type KnownRoute, type Loss, RouteTable } from "./route_table.ts";

/** What a router is made of. */
export interface RouterOptions {
  readonly name: string;
  readonly as: number;
  readonly address: Address;
  readonly host: MemoryHost;
  readonly clock: Clock;
  readonly agent: Address;
  /** It keeps routes over a graceful restart of the agent. */
  readonly helps: boolean;
  /** It connects, too; else it waits. */
  readonly connects: boolean;
  readonly holdTimeSeconds: number;
  readonly tell: RouterReader;
}

/** Who is told what happens at a router. */
export interface RouterReader {
  announced(router: FakeRouter, prefix: string): void;
  lost(router: FakeRouter, prefix: string, how: Loss): void;
  /** A session ended that was Established for so long. */
  ended(router: FakeRouter, cause: string, lastedMs: number): void;
}

const CONNECT_RETRY_MS = 1500;
/** Each attempt in vain doubles the time to the next one, up to this. */
const LONGEST_RETRY_MS = 12_000;
const OPEN_HOLD_MS = 20_000;

/** One TCP connection and the session over it. */
interface Session {
  readonly socket: TcpSocket;
  readonly outgoing: boolean;
  state: "OpenSent" | "OpenConfirm" | "Established" | "ended";
  open: OpenMessage | undefined;
  heardMs: number;
  /** When it became Established. */
  sinceMs: number;
  timer: Disposable | undefined;
}

/** One router. */
export class FakeRouter {
  readonly name: string;
  readonly address: Address;
  readonly #table: RouteTable;
  /** UPDATEs of all sessions. */
  updates = 0;
  /** Sessions that were Established. */
  sessions = 0;
  /** It says nothing any more, as one that is overloaded. */
  silent = false;
  /** It reads nothing any more. */
  #deaf: PromiseWithResolvers<void> | undefined;
  readonly #options: RouterOptions;
  readonly #sessions = new Set<Session>();
  #listener: Disposable | undefined;
  #retry: Disposable | undefined;
  #restart: Disposable | undefined;
  #retryMs = CONNECT_RETRY_MS;
  #running = false;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
    const { tell } = options;
    this.#table = new RouteTable({
      announced: (prefix) => tell.announced(this, prefix),
      lost: (prefix, how) => tell.lost(this, prefix, how),
    });
  }

  /** What it knows, by prefix. */
  get routes(): ReadonlyMap<string, KnownRoute> {
    return this.#table.routes;
  }

  /** Every prefix that an UPDATE was about. */
  get heard(): readonly string[] {
    return this.#table.heard;
  }

  get established(): boolean {
    return this.#established !== undefined;
  }

  get deaf(): boolean {
    return this.#deaf !== undefined;
  }

  get #established(): Session | undefined {
    return this.#sessions.values().find(({ state }) => state === "Established");
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    const { host, address } = this.#options;
    this.#listener = host.listenToAll({ address, zone: undefined, port: 179 }, (socket) => {
      this.#begin(socket, false);
    });
    this.#connectLater(0);
  }

  /** As where it loses power: nothing of what it knew is left. */
  stop(): void {
    this.#running = false;
    this.hear();
    this.silent = false;
    for (const timer of [this.#listener, this.#retry, this.#restart]) timer?.[Symbol.dispose]();
    for (const session of [...this.#sessions]) this.#end(session, "the router stops", false);
    this.#retry = this.#restart = undefined;
    this.#table.loseAll(() => true, "session");
  }

  /** Ends the session with a NOTIFICATION. */
  cease(): void {
    const session = this.#established;
    if (session === undefined) return;
    this.#notify(session, 6, 4);
    this.#end(session, "the router resets the session", true);
  }

  /** Asks for everything again. */
  refresh(): void {
    const session = this.#established;
    if (session === undefined) return;
    for (const family of [IPV4_UNICAST, IPV6_UNICAST]) {
      this.#write(session, encodeMessage({ type: "ROUTE-REFRESH", family, subtype: 0 }, INITIAL_CONTEXT));
    }
  }

  /** Reads nothing until `hear`. */
  deafen(): void {
    this.#deaf ??= Promise.withResolvers();
  }

  hear(): void {
    // What has arrived meanwhile is heard first.
    if (this.#deaf !== undefined) {
      for (const session of this.#sessions) session.heardMs = this.#options.clock.now();
    }
    this.#deaf?.resolve();
    this.#deaf = undefined;
  }

  #connectLater(delayMs: number): void {
    const { clock, connects } = this.#options;
    if (!connects || this.#retry !== undefined || !this.#running) return;
    this.#retry = clock.at(clock.now() + delayMs, () => {
      this.#retry = undefined;
      if (this.#sessions.size > 0 || this.silent) return this.#connectLater(CONNECT_RETRY_MS);
      void this.#connect();
    });
  }

  async #connect(): Promise<void> {
    const { host, agent } = this.#options;
    try {
      const socket = await host.connect(
        peerConfig({ address: agent, port: 179 }),
        0,
        new AbortController().signal,
      );
      if (this.#running) this.#begin(socket, true);
      else socket[Symbol.dispose]();
    } catch {
      // Nobody listens.
    }
    this.#connectLater(this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
  }

  #begin(socket: TcpSocket, outgoing: boolean): void {
    if (!this.#running) return socket[Symbol.dispose]();
    const heardMs = this.#options.clock.now();
    const session: Session = {
      socket,
      outgoing,
      state: "OpenSent",
      open: undefined,
      heardMs,
      sinceMs: heardMs,
      timer: undefined,
    };
    this.#sessions.add(session);
    this.#write(session, encodeMessage(this.#open(), INITIAL_CONTEXT));
    this.#watch(session, OPEN_HOLD_MS, OPEN_HOLD_MS);
    void this.#read(session);
  }

  #open(): OpenMessage {
    const { as, address, holdTimeSeconds, helps } = this.#options;
    const restart: Capability = {
      type: "graceful-restart",
      restarting: false,
      notification: true,
      restartTimeSeconds: 60,
      families: [],
    };
    return {
      type: "OPEN",
      version: 4,
      myAs: as,
      holdTimeSeconds,
      bgpIdentifier: addressToU32(address),
      capabilities: [
        { type: "multiprotocol", family: IPV4_UNICAST },
        { type: "multiprotocol", family: IPV6_UNICAST },
        { type: "route-refresh" },
        { type: "four-octet-as", as },
        ...helps ? [restart] : [],
      ],
    };
  }

  get #context(): CodecContext {
    const { as } = this.#options;
    return {
      ...INITIAL_CONTEXT,
      fourOctetAs: true,
      internal: as === 65_512,
      families: [IPV4_UNICAST, IPV6_UNICAST],
    };
  }

  async #read(session: Session): Promise<void> {
    const inbox = new Inbox();
    const context = this.#context;
    try {
      while (session.state !== "ended") {
        while (this.#deaf !== undefined) await this.#deaf.promise;
        const chunk = await session.socket.read();
        if (chunk === undefined) return this.#end(session, "closed", true);
        inbox.push(chunk);
        while (inbox.next(4096)) {
          this.#receive(session, decodeMessage(inbox.bytes.slice(inbox.from, inbox.to), context));
        }
      }
    } catch (error) {
      this.#end(session, error instanceof Error ? error.message : String(error), true);
    }
  }

  #receive(session: Session, message: ReturnType<typeof decodeMessage>): void {
    if (session.state === "ended") return;
    session.heardMs = this.#options.clock.now();
    switch (message.type) {
      case "OPEN":
        return this.#receiveOpen(session, message);
      case "KEEPALIVE":
        if (session.state === "OpenConfirm") this.#establish(session);
        return;
      case "UPDATE":
        if (session.state === "Established") this.#update(message);
        return;
      case "NOTIFICATION": {
        const keeps = this.#agentHasNBit(session) && !(message.code === 6 && message.subcode === 9);
        return this.#end(session, `NOTIFICATION ${message.code}/${message.subcode}`, keeps);
      }
      case "ROUTE-REFRESH":
        return;
      default:
        return message satisfies never;
    }
  }

  /** RFC 4271 section 6.8; this side has the higher identifier, so what it opened stays. */
  #receiveOpen(session: Session, open: OpenMessage): void {
    session.open = open;
    for (const other of this.#sessions) {
      if (other === session || other.state === "ended") continue;
      if (other.state === "Established" && !this.#restartOf(session)) return this.#collide(session);
      if (other.state === "Established") this.#end(other, "the agent connected anew", true);
      else if (other.state === "OpenConfirm" && other.outgoing && !session.outgoing) {
        return this.#collide(session);
      } else if (other.state === "OpenConfirm" && session.outgoing) this.#collide(other);
    }
    session.state = "OpenConfirm";
    this.#write(session, keepalive());
    const holdMs = this.#holdMs(session);
    this.#watch(session, holdMs / 3, holdMs);
  }

  #collide(session: Session): void {
    this.#notify(session, 6, 7);
    this.#end(session, "collision", true);
  }

  #holdMs({ open }: Session): number {
    return Math.min(open?.holdTimeSeconds ?? 90, this.#options.holdTimeSeconds) * 1000;
  }

  #establish(session: Session): void {
    for (const other of this.#sessions) if (other !== session) this.#collide(other);
    session.state = "Established";
    this.sessions++;
    this.#retryMs = CONNECT_RETRY_MS;
    session.sinceMs = this.#options.clock.now();
    this.#restart?.[Symbol.dispose]();
    this.#restart = undefined;
    const restart = this.#restartOf(session);
    const forwards = (prefix: string) =>
      restart?.families.some(({ family, forwarding }) =>
        forwarding && family.afi === (prefix.includes(":") ? 2 : 1)
      ) ?? false;
    this.#table.loseAll((prefix, { stale }) => stale && !forwards(prefix), "session");
  }

  #update(update: UpdateMessage): void {
    this.updates++;
    const family = isEndOfRib(update);
    if (family !== undefined) {
      this.#table.loseAll(
        (prefix, { stale }) => stale && prefix.includes(":") === (family.afi === 2),
        "not refreshed",
      );
      return;
    }
    this.#table.apply(update);
  }

  #agentHasNBit(session: Session): boolean {
    return this.#restartOf(session)?.notification ?? false;
  }

  #restartOf({ open }: Session) {
    if (!this.#options.helps) return undefined;
    const found = open?.capabilities.find(({ type }) => type === "graceful-restart");
    return found?.type === "graceful-restart" ? found : undefined;
  }

  /** KEEPALIVEs, and the HoldTimer. */
  #watch(session: Session, everyMs: number, holdMs: number): void {
    const { clock } = this.#options;
    session.timer?.[Symbol.dispose]();
    session.timer = clock.at(clock.now() + everyMs, () => {
      // A router that does not read has octets waiting that it only need read.
      if (this.#deaf === undefined && clock.now() - session.heardMs >= holdMs) {
        this.#notify(session, 4, 0);
        return this.#end(session, "the router's hold timer", this.#agentHasNBit(session));
      }
      if (session.state !== "OpenSent") this.#write(session, keepalive());
      this.#watch(session, everyMs, holdMs);
    });
  }

  #notify(session: Session, code: number, subcode: number): void {
    const message = { type: "NOTIFICATION", code, subcode, data: new Uint8Array() } as const;
    this.#write(session, encodeMessage(message, INITIAL_CONTEXT));
  }

  #write(session: Session, octets: Uint8Array): void {
    if (!this.silent) session.socket.write(octets).catch(() => {});
  }

  /** @param keeps whether a helper keeps the routes */
  #end(session: Session, cause: string, keeps: boolean): void {
    if (session.state === "ended") return;
    const was = session.state;
    session.state = "ended";
    session.timer?.[Symbol.dispose]();
    this.#sessions.delete(session);
    session.socket[Symbol.dispose]();
    if (was !== "Established") return;
    const restart = keeps ? this.#restartOf(session) : undefined;
    if (restart === undefined) this.#table.loseAll(() => true, "session");
    else this.#keepFor(restart.restartTimeSeconds * 1000);
    this.#options.tell.ended(this, cause, this.#options.clock.now() - session.sinceMs);
  }

  #keepFor(restartMs: number): void {
    const { clock } = this.#options;
    this.#table.markStale(clock.now() + restartMs);
    this.#restart?.[Symbol.dispose]();
    this.#restart = clock.at(clock.now() + restartMs, () => {
      this.#restart = undefined;
      this.#table.loseAll((_, { stale }) => stale, "restart time");
    });
  }
}
