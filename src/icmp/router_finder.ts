/**
 * Finds the routers on links, and is found by them, for peers that are known by their interface alone: drives a search per
 * link (`router_search.ts`) over a raw ICMPv6 socket that is bound to the interface and to our link-local address on it. The
 * host's own accept_ra and forwarding are neither asked nor changed. However much is sent to us, a turn and a second have bounds.
 */
import { addressOf, isLinkLocal, parseAddress } from "../net/address.ts";
import type { Address } from "../net/address.ts";
import type { HostAddresses } from "../net/host_addresses.ts";
import type { Neighbour, Neighbours } from "../net/neighbours.ts";
import type { Datagram, Datagrams, DatagramSocket } from "../net/sockets.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock, Random } from "../time/clock.ts";
import {
  decodeRouterMessage,
  encodeRouterAdvertisement,
  encodeRouterSolicitation,
  ROUTER_MESSAGE_TYPES,
} from "./router_messages.ts";
import {
  isProven,
  NEW_SEARCH,
  type RouterSearch,
  type SearchAction,
  searchDeadline,
  type SearchEvent,
  stepSearch,
} from "./router_search.ts";

/** What a finder lives on. */
export interface RouterFinderOptions {
  readonly datagrams: Datagrams;
  readonly addresses: HostAddresses;
  readonly clock: Clock;
  readonly random: Random;
}

const [ALL_NODES, ALL_ROUTERS] = ["ff02::1", "ff02::2"] as const;
/** Whoever is further away than the link cannot have sent this, nor anybody have forwarded it (RFC 4861 section 6.1). */
const HOP_LIMIT = 255;
/** Messages that are read in a turn; behind a full batch, so long nothing is. */
const [BATCH, PAUSE_MS] = [32, 100] as const;
/** A socket that cannot be had is tried again so often, beside every change of this host's addresses. */
const REOPEN_MS = 5000;

/** Finds routers. Disposing ends every search. */
export class RouterFinder implements Neighbours, Disposable {
  readonly #options: RouterFinderOptions;
  readonly #links = new Map<string, Link>();
  readonly #callbacks = new Set<(link: string) => void>();
  #addressWatch: Disposable | undefined;

  constructor(options: RouterFinderOptions) {
    this.#options = options;
  }

  /** Looks on these interfaces from now on, and on no others. */
  follow(links: readonly string[]): void {
    for (const [name, link] of this.#links) {
      if (links.includes(name)) continue;
      link[Symbol.dispose]();
      this.#links.delete(name);
    }
    for (const name of links) {
      if (this.#links.has(name)) continue;
      const link = new Link(name, this.#options, () => this.#callbacks.forEach((callback) => callback(name)));
      this.#links.set(name, link);
      link.followAddresses();
    }
    if (this.#links.size === 0) return this.#unwatch();
    this.#addressWatch ??= this.#options.addresses.watch(() => {
      for (const link of this.#links.values()) link.followAddresses();
    });
  }

  /** What is known of the router on a link. */
  on(link: string): Neighbour {
    return this.#links.get(link)?.neighbour ??
      { address: undefined, words: `nobody is looked for on ${link}` };
  }

  /** Whether the router of now is spoken with. */
  keep(link: string, inUse: boolean): void {
    this.#links.get(link)?.step({ type: "in-use", inUse });
  }

  /** Calls back when the address of a link's router is another. */
  watch(onChange: (link: string) => void): Disposable {
    this.#callbacks.add(onChange);
    return { [Symbol.dispose]: () => void this.#callbacks.delete(onChange) };
  }

  [Symbol.dispose](): void {
    this.#unwatch();
    for (const link of this.#links.values()) link[Symbol.dispose]();
    this.#links.clear();
  }

  #unwatch(): void {
    this.#addressWatch?.[Symbol.dispose]();
    this.#addressWatch = undefined;
  }
}

/** One link. */
class Link implements Disposable {
  readonly #name: string;
  readonly #options: RouterFinderOptions;
  readonly #onChange: () => void;
  #search: RouterSearch = NEW_SEARCH;
  #socket: DatagramSocket | undefined;
  /** What it is bound to; undefined: this host's addresses are not known. */
  #own: Address | undefined;
  #watch: Disposable | undefined;
  /** Why there is no socket. */
  #fault = "";
  #timer: Disposable | undefined;
  #pause: Disposable | undefined;
  #reopen: Disposable | undefined;

  constructor(name: string, options: RouterFinderOptions, onChange: () => void) {
    [this.#name, this.#options, this.#onChange] = [name, options, onChange];
  }

  get neighbour(): Neighbour {
    const { router, others, unanswered } = this.#search;
    const name = this.#name;
    if (router !== undefined) {
      const more = others.length === 0
        ? ""
        : `; ${others.length} more ${
          others.length === 1 ? "router advertises itself" : "routers advertise themselves"
        } ` +
          `there (${others.map(({ address }) => address.text).join(", ")}), and this one stays ${
            isProven(this.#search) ? "while it answers" : "for 30 s, unless a session comes up"
          }`;
      return { address: router.address, words: `found by its router advertisements on ${name}${more}` };
    }
    const sent = `${unanswered} ${unanswered === 1 ? "solicitation" : "solicitations"} sent, none heard`;
    const why = this.#socket === undefined ? this.#fault : sent;
    return { address: undefined, words: `waiting for a router advertisement on ${name} (${why})` };
  }

  /** Opens, closes or opens anew, as our link-local address on the interface comes, goes or is another. */
  followAddresses(): void {
    const known = this.#options.addresses.current();
    if (known === "unread") {
      this.#fault = "this host's addresses are being read";
      return this.#close();
    }
    if (known === undefined) return this.#socket === undefined ? this.#open(undefined) : undefined;
    const here = known.filter((each) => each.interface === this.#name && isLinkLocal(each.address));
    const own = here.find(({ state }) => state === "usable")?.address;
    if (own === undefined) {
      const [first] = here;
      this.#fault = first === undefined
        ? `${this.#name} is not there, is down or has no link-local address`
        : `its own link-local address ${first.address.text} is ${first.state}`;
      return this.#close();
    }
    if (this.#socket !== undefined && own.text === this.#own?.text) return;
    this.#close();
    this.#open(own);
  }

  step(event: SearchEvent): void {
    const { clock, random } = this.#options;
    const before = this.#search.router?.address.text;
    const { state, actions } = stepSearch(this.#search, event, { now: clock.now(), random });
    this.#search = state;
    for (const action of actions) this.#send(action);
    this.#arm();
    if (state.router?.address.text !== before) this.#onChange();
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#timer?.[Symbol.dispose]();
  }

  #open(own: Address | undefined): void {
    const { datagrams } = this.#options;
    try {
      this.#socket = datagrams.open({
        family: 6,
        kind: "icmp",
        device: this.#name,
        ...own === undefined ? {} : { local: { address: own, port: 0, scopeId: 0 } },
        ttl: HOP_LIMIT,
        receiveTtl: true,
        icmpTypes: ROUTER_MESSAGE_TYPES,
        group: groupAddress(ALL_ROUTERS),
      });
    } catch (error) {
      return this.#closeFor(error);
    }
    this.#own = own;
    this.#listen();
    this.step({ type: "opened" });
  }

  #close(): void {
    for (const part of [this.#watch, this.#pause, this.#reopen, this.#socket]) part?.[Symbol.dispose]();
    this.#watch =
      this.#pause =
      this.#reopen =
      this.#socket =
        undefined;
    if (this.#search.open) this.step({ type: "closed" });
  }

  /** The interface went, or CAP_NET_RAW is not there: a state, and tried again. */
  #closeFor(error: unknown): void {
    this.#close();
    const needs = error instanceof Error && "code" in error && error.code === "EPERM"
      ? ", it needs CAP_NET_RAW"
      : "";
    this.#fault = `no ICMPv6 socket: ${messageOf(error)}${needs}`;
    const { clock } = this.#options;
    this.#reopen = clock.at(clock.now() + REOPEN_MS, () => {
      this.#reopen = undefined;
      this.followAddresses();
    });
  }

  #listen(): void {
    this.#watch = this.#socket?.onReadable(() => this.#receive());
  }

  #receive(): void {
    for (let count = 0; count < BATCH; count++) {
      const datagram = this.#next();
      if (datagram === undefined) return;
      this.#hear(datagram);
    }
    // A flood: what does not fit into the socket meanwhile the kernel drops.
    const { clock } = this.#options;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#pause = clock.at(clock.now() + PAUSE_MS, () => {
      this.#pause = undefined;
      this.#listen();
    });
  }

  #next(): Datagram | undefined {
    try {
      return this.#socket?.receive();
    } catch (error) {
      this.#closeFor(error);
      return undefined;
    }
  }

  #hear({ octets, from, ttl }: Datagram): void {
    if (ttl !== HOP_LIMIT || from === undefined) return;
    const message = decodeRouterMessage(octets);
    if (message === "solicitation") return this.step({ type: "solicited" });
    if (message === undefined) return;
    const address = addressOf(from.address.bytes);
    if (isLinkLocal(address) && !this.#isOwn(address)) this.step({ type: "advertised", from: address });
  }

  #isOwn({ text }: Address): boolean {
    const known = this.#options.addresses.current();
    if (typeof known !== "object") return false;
    return known.some((each) => each.interface === this.#name && each.address.text === text);
  }

  #send(action: SearchAction): void {
    const [octets, group] = action === "solicit"
      ? [encodeRouterSolicitation(), ALL_ROUTERS]
      : [encodeRouterAdvertisement(), ALL_NODES];
    try {
      this.#socket?.send(octets, { address: groupAddress(group), port: 0, scopeId: 0 });
    } catch (error) {
      this.#closeFor(error);
    }
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const atMs = searchDeadline(this.#search);
    if (atMs === Infinity) return;
    this.#timer = this.#options.clock.at(atMs, () => this.step({ type: "time" }));
  }
}

/** @throws {RangeError} it is none: a mistake of this file's */
function groupAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new RangeError(`${text} is no address`);
  return address;
}
