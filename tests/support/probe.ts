/** A scripted BGP peer on a network in memory: it says what the test wants, right or wrong, and notes what it hears. */
import { Inbox } from "../../src/bgp/transport/inbox.ts";
import type { TcpSocket } from "../../src/bgp/transport/transport.ts";
import { type CodecContext, INITIAL_CONTEXT } from "../../src/bgp/wire/codec_context.ts";
import { decodeMessage, encodeMessage, type Message } from "../../src/bgp/wire/message.ts";
import type { OpenMessage } from "../../src/bgp/wire/open.ts";
import type { Address } from "../../src/net/address.ts";
import { peerConfig } from "./bgp.ts";
import type { MemoryHost } from "./memory_transport.ts";
import { openOf } from "./sessions.ts";

/** What a session with the probe uses once both OPENs are through. */
export const PROBE_CONTEXT: CodecContext = {
  ...INITIAL_CONTEXT,
  fourOctetAs: true,
  families: [{ afi: 1, safi: 1 }, { afi: 2, safi: 1 }],
  extendedNextHop: [{ afi: 1, safi: 1 }],
};

/** One connection with the speaker under test. */
export class ProbeSession {
  /** What was heard, in order. */
  readonly heard: Message[] = [];
  /** Octets that were heard. */
  octets = 0;
  /** How it ended, once it did. */
  ended: string | undefined;
  readonly connection: TcpSocket;
  /** False: nothing is read any more. */
  reading = true;
  #context: CodecContext;

  constructor(connection: TcpSocket, context: CodecContext = PROBE_CONTEXT) {
    this.connection = connection;
    this.#context = context;
    this.#read();
  }

  /** The types that were heard; NOTIFICATIONs with their codes. */
  get words(): string[] {
    return this.heard.map((message) =>
      message.type === "NOTIFICATION" ? `NOTIFICATION ${message.code}/${message.subcode}` : message.type
    );
  }

  /** The last NOTIFICATION's data, as numbers. */
  get notificationData(): number[] | undefined {
    const message = this.heard.findLast((candidate) => candidate.type === "NOTIFICATION");
    return message?.type === "NOTIFICATION" ? [...message.data] : undefined;
  }

  /** Says something. */
  say(...messages: readonly (Message | Uint8Array)[]): void {
    for (const message of messages) {
      const bytes = message instanceof Uint8Array ? message : encodeMessage(message, this.#context);
      this.connection.write(bytes).catch(() => {});
    }
  }

  /** Says OPEN and KEEPALIVE, which makes a session. */
  establish(open: Partial<OpenMessage> = {}): void {
    this.say(openOf(open), { type: "KEEPALIVE" });
  }

  /** Closes. */
  close(): void {
    this.connection[Symbol.dispose]();
  }

  async #read(): Promise<void> {
    const inbox = new Inbox();
    try {
      while (this.reading) {
        const chunk = await this.connection.read();
        if (chunk === undefined) return void (this.ended = "closed");
        this.octets += chunk.byteLength;
        inbox.push(chunk);
        const { maxReceiveLength } = this.#context;
        while (inbox.next(maxReceiveLength)) {
          this.heard.push(decodeMessage(inbox.bytes.slice(inbox.from, inbox.to), this.#context));
        }
      }
    } catch (error) {
      this.ended = error instanceof Error ? error.message : String(error);
    }
  }
}

/** A host of probes: it takes connections and makes them. */
export class Probe implements Disposable {
  readonly sessions: ProbeSession[] = [];
  readonly #host: MemoryHost;
  readonly #context: CodecContext;
  #listener: Disposable | undefined;

  constructor(host: MemoryHost, context: CodecContext = PROBE_CONTEXT) {
    this.#host = host;
    this.#context = context;
  }

  /** Takes connections. */
  listen(address: Address, port = 179): this {
    this.#listener = this.#host.listenToAll({ address, zone: undefined, port }, (connection) => {
      this.sessions.push(new ProbeSession(connection, this.#context));
    });
    return this;
  }

  /** Makes a connection. */
  async connect(address: Address, port = 179): Promise<ProbeSession> {
    const connection = await this.#host.connect(
      peerConfig({ address, port }),
      0,
      new AbortController().signal,
    );
    const session = new ProbeSession(connection, this.#context);
    this.sessions.push(session);
    return session;
  }

  /** The newest connection. @throws where there is none */
  get last(): ProbeSession {
    const session = this.sessions.at(-1);
    if (session === undefined) throw new Error("nobody has connected");
    return session;
  }

  [Symbol.dispose](): void {
    this.#listener?.[Symbol.dispose]();
    for (const session of this.sessions) session.close();
  }
}
