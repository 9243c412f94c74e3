/**
 * A network in memory for fuzzed probes: each connection and each socket is given what the case says, and nothing waits.
 * What a probe leaves open is seen.
 */
import assert from "node:assert/strict";
import type { Probe, ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";
import type { Datagram, Datagrams, DatagramSocket, StreamSocket } from "../../src/net/sockets.ts";
import type { Clock } from "../../src/time/clock.ts";
import { checkWords, type FuzzOutcome, sortOf } from "../fuzz/fuzz.ts";
import { kernelError } from "./memory_streams.ts";

/** Time stands still: what is due runs next, what is later never. */
class StillClock implements Clock {
  /** Timers that are armed. */
  pending = 0;

  now(): number {
    return 0;
  }

  wallTime(): Date {
    return new Date(Date.UTC(2026, 0, 1));
  }

  at(atMs: number, callback: () => void): Disposable {
    let armed = true;
    this.pending++;
    const end = () => {
      if (armed) this.pending--;
      armed = false;
    };
    if (atMs <= 0) {
      queueMicrotask(() => {
        if (!armed) return;
        end();
        callback();
      });
    }
    return { [Symbol.dispose]: end };
  }
}

/** What a connection is given. */
export interface StreamScript {
  readonly pieces: readonly Uint8Array[];
  /** After these: it is closed (default), or reset. */
  readonly end?: "closed" | "reset";
}

/** A stream that says what the script has. */
export function scriptedStream({ pieces, end = "closed" }: StreamScript, onEnd = () => {}): StreamSocket {
  let at = 0;
  let open = true;
  return {
    local: undefined,
    remote: undefined,
    read() {
      const piece = open ? pieces[at++] : undefined;
      if (piece === undefined && open && end === "reset") return Promise.reject(kernelError("ECONNRESET"));
      // A view that is good until the next read: whoever keeps it has something else then.
      return Promise.resolve(piece);
    },
    write: () => Promise.resolve(),
    end: () => Promise.resolve(),
    [Symbol.dispose]() {
      if (open) onEnd();
      open = false;
    },
  };
}

/** What the network does: the same to each connection, and to each socket. */
export interface NetworkScript {
  readonly stream?: StreamScript;
  /** An error is what ICMP brought back. */
  readonly datagrams?: readonly (Uint8Array | "refused")[];
}

const SERVER = parseAddress("127.0.0.1");

/** The ports of probes that connect. */
export class FuzzNetwork {
  readonly clock = new StillClock();
  /** What was opened and not closed. */
  open = 0;
  readonly #script: NetworkScript;
  /** Socket by socket: reads all that waits. */
  readonly #readers = new Set<() => void>();

  constructor(script: NetworkScript) {
    this.#script = script;
  }

  readonly names = {
    addressesOf: () => Promise.resolve({ addresses: SERVER === undefined ? [] : [SERVER], leftOut: 0 }),
  };

  readonly streams = {
    connect: (): Promise<StreamSocket> => {
      this.open++;
      return Promise.resolve(scriptedStream(this.#script.stream ?? { pieces: [] }, () => this.open--));
    },
  };

  readonly datagrams: Datagrams = { open: ({ remote }) => this.#datagramSocket(remote?.port ?? 53) };

  /** The outcome of one run. @throws {AssertionError} its words are no words, or it leaves something open */
  async outcomeOf(probe: Probe): Promise<FuzzOutcome & { readonly detail: string }> {
    const cut = new AbortController();
    let outcome: ProbeOutcome | undefined;
    const running = probe.run(cut.signal, checkWords).then((one) => outcome = one);
    // Until it waits for what never comes, or has ended.
    for (let turn = 0; turn < 40 && outcome === undefined; turn++) {
      await Promise.resolve();
      for (const read of this.#readers) read();
    }
    if (this.#script.datagrams !== undefined) cut.abort(new Error("timeout after 1 s"));
    const { kind, detail } = await running;
    checkWords(detail);
    // What is closed beside the outcome is so in the same turn.
    for (let turn = 0; turn < 4 && this.open > 0; turn++) await Promise.resolve();
    assert.equal(this.open, 0, `left open: ${this.open}`);
    assert.equal(this.clock.pending, 0, `timers: ${this.clock.pending}`);
    return { verdict: kind, sort: sortOf(detail), detail };
  }

  #datagramSocket(port: number): DatagramSocket {
    this.open++;
    let isOpen = true;
    const waiting = [...this.#script.datagrams ?? []];
    const from = { address: addressOf(SERVER), port, scopeId: 0 };
    return {
      localAddress: () => assert.fail("nobody asks"),
      shareLocal: () => {},
      setFilter: () => {},
      send: () => true,
      receive(): Datagram | undefined {
        const octets = waiting.shift();
        if (octets === "refused") throw kernelError("ECONNREFUSED");
        return octets && { octets, from, ttl: undefined, interfaceIndex: undefined, to: undefined };
      },
      receiveReturned: () => undefined,
      onReadable: (callback) => {
        const read = () => {
          if (waiting.length > 0) callback();
        };
        this.#readers.add(read);
        return { [Symbol.dispose]: () => void this.#readers.delete(read) };
      },
      [Symbol.dispose]: () => {
        if (isOpen) this.open--;
        isOpen = false;
      },
    };
  }
}

function addressOf(address: Address | undefined): Address {
  return address ?? assert.fail("no address");
}
