/** A BGP peer that holds sessions up, one after the other, and keeps what it was told, and when it heard anything. */
import { type CodecContext, INITIAL_CONTEXT } from "../../src/bgp/wire/codec_context.ts";
import { IPV4_UNICAST, IPV6_UNICAST } from "../../src/bgp/wire/nlri.ts";
import { decodeUpdate } from "../../src/bgp/wire/update.ts";
import {
  KEEPALIVE,
  keepalive,
  NOTIFICATION,
  OPEN,
  open,
  type RawListener,
  type RawPeer,
  UPDATE,
} from "./raw_peer.ts";

const CONTEXT: CodecContext = {
  ...INITIAL_CONTEXT,
  fourOctetAs: true,
  families: [IPV4_UNICAST, IPV6_UNICAST],
};
/** Its own KEEPALIVEs are for the shortest hold time. */
const BEAT_MS = 800;

/** One prefix in an UPDATE. */
export interface Told {
  readonly prefix: string;
  readonly what: "announced" | "withdrawn";
}

/** What a listener hears. */
export class HearingPeer implements Disposable {
  /** By prefix, since the session is up. */
  readonly table = new Set<string>();
  /** In order, over all sessions; whoever has looked at it empties it. */
  readonly told: Told[] = [];
  /** NOTIFICATIONs, code and subcode. */
  readonly notifications: string[] = [];
  /** How many sessions were Established. */
  sessions = 0;
  up = false;
  /**
   * The longest time without KEEPALIVE and UPDATE, each of which restarts KeepaliveTimer (RFC 4271 section 4.4), as a part of
   * the hold time; and how far beyond a third of that it went.
   */
  worstGap = 0;
  worstLateMs = 0;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #identifier: number;
  #peers = 0;
  #current: RawPeer | undefined;
  #read = 0;
  #holdTimeMs = 0;
  #lastMs = 0;
  #lastBeatMs = 0;

  constructor(readonly listener: RawListener, identifier: number) {
    this.#identifier = identifier;
    this.#timer = setInterval(() => this.#look(), 5);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const peer = this.#current ??= this.#next();
    if (peer === undefined) return;
    for (; this.#read < peer.heard.length; this.#read++) this.#hear(peer, peer.heard[this.#read]);
    if (this.up && performance.now() - this.#lastBeatMs >= BEAT_MS) this.#beat(peer);
    if (peer.ended === undefined) return;
    this.up = false;
    this.table.clear();
    peer[Symbol.dispose]();
    this.#current = undefined;
  }

  #next(): RawPeer | undefined {
    this.#read = 0;
    const next = this.listener.peers[this.#peers];
    if (next !== undefined) this.#peers++;
    return next;
  }

  #hear(peer: RawPeer, message: RawPeer["heard"][number] | undefined): void {
    if (message === undefined) return;
    const { type, body, at } = message;
    if (this.up && (type === KEEPALIVE || type === UPDATE)) this.#kept(at - this.#lastMs);
    this.#lastMs = at;
    switch (type) {
      case OPEN:
        this.#holdTimeMs = 1_000 * ((body[3] ?? 0) * 256 + (body[4] ?? 0));
        peer.send(open({ identifier: [10, 0, 0, this.#identifier] }));
        this.#beat(peer);
        return;
      case KEEPALIVE:
        if (!this.up) this.sessions++;
        this.up = true;
        return;
      case NOTIFICATION:
        this.notifications.push(`${body[0]}/${body[1]}`);
        return;
      case UPDATE:
        this.#update(body);
        return;
    }
  }

  #kept(gapMs: number): void {
    this.worstGap = Math.max(this.worstGap, gapMs / this.#holdTimeMs);
    this.worstLateMs = Math.max(this.worstLateMs, gapMs - this.#holdTimeMs / 3);
  }

  #update(body: Uint8Array): void {
    const { reach, unreach } = decodeUpdate(body, 0, body.byteLength, CONTEXT);
    for (const { nlri } of unreach) {
      for (const { text } of nlri.prefixes()) {
        this.table.delete(text);
        this.told.push({ prefix: text, what: "withdrawn" });
      }
    }
    for (const { nlri } of reach) {
      for (const { text } of nlri.prefixes()) {
        this.table.add(text);
        this.told.push({ prefix: text, what: "announced" });
      }
    }
  }

  #beat(peer: RawPeer): void {
    peer.send(keepalive());
    this.#lastBeatMs = performance.now();
  }
}
