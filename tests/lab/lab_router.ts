/**
 * A small router for places without BIRD, built on this project's codec: it waits for speakers, keeps what they announce, and
 * forwards each TCP connection to its service port to one of the next hops, chosen by the client's port like ECMP.
 */
import { addressToU32, formatU32, parseAddress } from "../../src/net/address.ts";
import { Inbox } from "../../src/bgp/transport/inbox.ts";
import { AS_TRANS } from "../../src/bgp/wire/constants.ts";
import { type CodecContext, INITIAL_CONTEXT } from "../../src/bgp/wire/codec_context.ts";
import { decodeMessage, encodeMessage, keepalive, type Message } from "../../src/bgp/wire/message.ts";
import { IPV4_UNICAST } from "../../src/bgp/wire/nlri.ts";
import { describeNotification } from "../../src/bgp/wire/notification.ts";
import { BGP_VERSION } from "../../src/bgp/wire/open.ts";
import { RouteHistory } from "./route_history.ts";

const HOLD_TIME_SECONDS = 9;

/** What the router is and where it listens; ports are chosen by the kernel. */
export interface LabRouterOptions {
  readonly address: string;
  readonly as: number;
  readonly routerID: string;
  /** The prefix that the service port forwards by, and the port of its next hops. */
  readonly prefix: string;
  readonly nextHopPort: number;
}

/** The router. Its history is what it forwards by. */
export class LabRouter extends RouteHistory implements Disposable {
  readonly log: string[] = [];
  readonly #options: LabRouterOptions;
  readonly #bgp: Deno.TcpListener;
  readonly #service: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  /** Next hops by prefix, then by the speaker's BGP Identifier. */
  readonly #routes = new Map<string, Map<string, string>>();

  constructor(options: LabRouterOptions) {
    super();
    this.#options = options;
    this.#bgp = Deno.listen({ hostname: options.address, port: 0 });
    this.#service = Deno.listen({ hostname: options.address, port: 0 });
    this.#accept(this.#bgp, (connection) => this.#speak(connection));
    this.#accept(this.#service, (connection) => this.#forward(connection));
  }

  get bgpPort(): number {
    return this.#bgp.addr.port;
  }

  get servicePort(): number {
    return this.#service.addr.port;
  }

  [Symbol.dispose](): void {
    this.#bgp.close();
    this.#service.close();
    for (const connection of this.#open) close(connection);
  }

  async #accept(
    listener: Deno.TcpListener,
    serve: (connection: Deno.TcpConn) => Promise<void>,
  ): Promise<void> {
    try {
      for await (const connection of listener) {
        this.#open.add(connection);
        serve(connection).catch((error) => this.log.push(`${error}`)).finally(() => {
          this.#open.delete(connection);
          close(connection);
        });
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) this.log.push(`${error}`);
    }
  }

  /** One BGP session, passive, until it ends. */
  async #speak(connection: Deno.TcpConn): Promise<void> {
    const inbox = new Inbox();
    const buffer = new Uint8Array(65_536);
    let context = INITIAL_CONTEXT;
    let identifier = "";
    let beat: ReturnType<typeof setInterval> | undefined;
    const send = (bytes: Uint8Array) => writeAll(connection, bytes).catch(() => {});
    try {
      for (;;) {
        const count = await connection.read(buffer);
        if (count === null) break;
        inbox.push(buffer.slice(0, count));
        while (inbox.next(4096)) {
          const message = decodeMessage(inbox.bytes.subarray(inbox.from, inbox.to), context);
          if (message.type === "OPEN") {
            identifier = formatU32(message.bgpIdentifier);
            this.log.push(`${identifier}: OPEN`);
            context = this.#contextOf(message);
            await send(encodeMessage(this.#openMessage(), context));
            await send(keepalive());
            beat = setInterval(() => send(keepalive()), HOLD_TIME_SECONDS * 1_000 / 3);
          }
          this.#take(identifier, message);
        }
      }
    } finally {
      clearInterval(beat);
      this.log.push(`${identifier}: closed`);
      for (const prefix of this.#routes.keys()) this.#set(prefix, identifier, undefined);
    }
  }

  #contextOf(open: Extract<Message, { type: "OPEN" }>): CodecContext {
    const fourOctetAs = open.capabilities.some(({ type }) => type === "four-octet-as");
    return { ...INITIAL_CONTEXT, fourOctetAs, families: [IPV4_UNICAST] };
  }

  #openMessage(): Message {
    const { as, routerID } = this.#options;
    const address = parseAddress(routerID);
    if (address === undefined) throw new Error(`${routerID} is no BGP Identifier`);
    return {
      type: "OPEN",
      version: BGP_VERSION,
      myAs: as > 65_535 ? AS_TRANS : as,
      holdTimeSeconds: HOLD_TIME_SECONDS,
      bgpIdentifier: addressToU32(address),
      capabilities: [{ type: "multiprotocol", family: IPV4_UNICAST }, { type: "four-octet-as", as }],
    };
  }

  #take(identifier: string, message: Message): void {
    if (message.type === "NOTIFICATION") this.log.push(`${identifier}: ${describeNotification(message)}`);
    if (message.type !== "UPDATE") return;
    for (const { nlri } of message.unreach) {
      for (const { text } of nlri.prefixes()) this.#set(text, identifier, undefined);
    }
    for (const { nextHops, nlri } of message.reach) {
      for (const { text } of nlri.prefixes()) this.#set(text, identifier, nextHops[0]?.text);
    }
  }

  #set(prefix: string, identifier: string, nextHop: string | undefined): void {
    const hops = this.#routes.get(prefix) ?? new Map<string, string>();
    this.#routes.set(prefix, hops);
    if (nextHop === undefined) hops.delete(identifier);
    else hops.set(identifier, nextHop);
    this.add({ prefix, atMs: Date.now(), nextHops: [...hops.values()].sort() });
  }

  /** One client connection, carried to a next hop and back. */
  async #forward(client: Deno.TcpConn): Promise<void> {
    const hops = this.nextHops(this.#options.prefix);
    const hostname = hops[hash(client.remoteAddr.port) % hops.length];
    if (hostname === undefined) return;
    const server = await Deno.connect({ hostname, port: this.#options.nextHopPort });
    this.#open.add(server);
    try {
      await Promise.all([copy(client, server), copy(server, client)]);
    } finally {
      this.#open.delete(server);
      close(server);
    }
  }
}

/** Spreads neighbouring ports. */
function hash(port: number): number {
  return Math.imul(port, 0x9e37_79b1) >>> 16;
}

async function copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(16_384);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) break;
      await writeAll(to, buffer.subarray(0, count));
    }
    await to.closeWrite();
  } catch {
    // A reset on one side is one on the other.
    close(to);
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
