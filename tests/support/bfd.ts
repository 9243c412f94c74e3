/** BFD of ours in a network namespace, for tests against other programs and other instances. */
import { openLibc } from "../../ffi/libc.ts";
import { Datagrams } from "../../ffi/datagrams.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Bfd, type BfdEvent, type BfdPeer, type BfdStatus } from "../../src/bfd/bfd.ts";
import type { Datagrams as DatagramsPort } from "../../src/net/sockets.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address } from "./bgp.ts";
import type { NetworkNamespace } from "./namespace.ts";
import { until } from "./until.ts";

/** A peer with what a test does not name left usual: 50 ms by 3. */
export function bfdPeer(to: string, changed: Partial<BfdPeer> = {}): BfdPeer {
  return {
    name: to,
    key: to,
    address: address(to),
    zone: undefined,
    local: undefined,
    device: undefined,
    multihop: false,
    // Over more hops BIRD sends with what the host has for everything, 64.
    minimumTtl: changed.multihop === true ? 60 : 255,
    transmitMs: 50,
    receiveMs: 50,
    multiplier: 3,
    passive: false,
    ...changed,
  };
}

/** BFD on sockets of a namespace. */
export class NamespaceBfd implements AsyncDisposable {
  readonly bfd: Bfd;
  readonly events: BfdEvent[] = [];
  readonly #libc = openLibc();
  readonly #reactor = new Reactor(this.#libc);

  constructor(namespace: NetworkNamespace) {
    const sockets = new Sockets(this.#libc, this.#reactor);
    const datagrams: DatagramsPort = new Datagrams(sockets);
    this.bfd = new Bfd({
      datagrams: { open: (options) => namespace.inside(() => datagrams.open(options)) },
      interfaceIndex: (name) => namespace.inside(() => sockets.interfaceIndex(name)),
      clock: systemClock,
      random: Math.random,
      onEvent: (event) => this.events.push(event),
      isServiceAddress: () => false,
    });
  }

  /** The session with a peer. @throws there is none */
  of(key: string): BfdStatus {
    const status = this.bfd.status().find((each) => each.key === key);
    if (status === undefined) throw new Error(`no session with ${key}`);
    return status;
  }

  /** Waits until every session is in this state. */
  async awaits(state: BfdStatus["state"]): Promise<void> {
    await until(
      () => this.bfd.status().every((each) => each.state === state),
      () =>
        this.bfd.status().map((each) => `${each.key} ${each.state}: ${each.fault ?? each.cause}`).join("; "),
    );
  }

  /** How often sessions changed their state, by event. */
  get changes(): readonly string[] {
    return this.events.flatMap((event) =>
      event.type === "bfd-state" ? [`${event.key} ${event.from} to ${event.to}`] : []
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.bfd.abort();
    await this.#reactor.close();
    this.#libc[Symbol.dispose]();
  }
}

/** Gives each end of a pair an address that is reached by way of the other's: 10.98.0.1 and 10.98.0.2. */
export async function farAddresses(
  { a, b }: { readonly a: NetworkNamespace; readonly b: NetworkNamespace },
): Promise<void> {
  await a.ip("addr", "add", "10.98.0.1/32", "dev", "lo");
  await b.ip("addr", "add", "10.98.0.2/32", "dev", "lo");
  await a.ip("route", "add", "10.98.0.2/32", "via", "10.9.0.2", "src", "10.98.0.1");
  await b.ip("route", "add", "10.98.0.1/32", "via", "10.9.0.1", "src", "10.98.0.2");
}

/** Our sessions with the other end of a pair, one of each kind. */
export function peersOfPair(): readonly BfdPeer[] {
  return [
    bfdPeer("10.9.0.2"),
    bfdPeer("fd09::2"),
    bfdPeer("fe80::b", { zone: "va" }),
    bfdPeer("10.98.0.2", { local: address("10.98.0.1"), multihop: true }),
  ];
}
