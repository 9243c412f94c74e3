/**
 * The next hop of our routes to a peer (RFC 4271 section 5.1.3, RFC 2545, RFC 8950), or why there is none now. What is
 * configured for the peer, and that alone; else the first that will do of: our end of the session, this host's address of
 * the family, one of the family on the link of the session (before a BGP Identifier elsewhere that stands in for the host's
 * address, where the router is next door). What will do is an address that this host has, and that is neither the peer's nor a service's: routes
 * that have none are held. Decided here alone, anew whenever addresses change.
 */
import { type Address, isLinkLocal } from "../../net/address.ts";
import { isLoopback } from "../../net/address_kind.ts";
import {
  besideOnLink,
  interfaceOf,
  isOfService,
  type KnownAddresses,
  stateOf,
} from "../../net/host_addresses.ts";
import { linkLocalBeside } from "../../net/on_link.ts";
import type { CodecContext } from "../wire/codec_context.ts";
import { IPV4_UNICAST, sameFamily } from "../wire/nlri.ts";

/** What is known of this host's addresses. */
export interface OwnAddresses {
  readonly addresses: KnownAddresses;
  /** Those of every service that is configured, by `text`. */
  readonly services: ReadonlySet<string>;
}

/** What the next hop depends on. */
export interface NextHopContext {
  readonly codec: CodecContext;
  readonly peerName: string;
  /** `bgp.local.address`. */
  readonly address: Address;
  /** `bgp.local.address6`. */
  readonly address6: Address | undefined;
  /** The peer's `nextHop` and `nextHop6`. */
  readonly nextHop: Address | undefined;
  readonly nextHop6: Address | undefined;
  /** Our end of the session; link-local on an unnumbered one, where `zone` is its interface. */
  readonly localAddress: Address;
  readonly zone: string | undefined;
  /** The peer's end. */
  readonly remoteAddress: Address;
  readonly own: OwnAddresses;
  /** `address` is the BGP Identifier, for want of another one, and the router is next door: it takes none of another link. */
  readonly prefersOnLink: boolean;
  /** May a link-local address go beside a global one? */
  readonly besideGlobal: boolean;
}

/** The next hops of routes of a family, global then link-local, or why there is none and what to do. */
export function nextHopsFor(family: 4 | 6, context: NextHopContext): readonly Address[] | string {
  return family === 4 ? nextHopsForIPv4(context) : nextHopsForIPv6(context);
}

/** Do both families go by the same next hops, or are they held for the same reason? */
export function sameNextHops(a: NextHopContext, b: NextHopContext): boolean {
  return ([4, 6] as const).every((family) => nextHopsText(family, a) === nextHopsText(family, b));
}

function nextHopsText(family: 4 | 6, context: NextHopContext): string {
  const hops = nextHopsFor(family, context);
  return typeof hops === "string" ? hops : hops.map(({ text }) => text).join();
}

/** Is `address` one of a service, by what is configured or by where it is? */
export function isServiceAddress(address: Address, { addresses, services }: OwnAddresses): boolean {
  return services.has(address.text) || isOfService(addresses, address);
}

function nextHopsForIPv4(context: NextHopContext): readonly Address[] | string {
  const { nextHop, peerName, localAddress, address } = context;
  const extended = context.codec.extendedNextHop.some((family) => sameFamily(family, IPV4_UNICAST));
  if (nextHop?.family === 6 && !extended) {
    return `next hop ${nextHop.text} for IPv4 needs the extended next hop capability (RFC 8950), ` +
      `which was not agreed on with ${peerName}: turn it on on both sides, or set nextHop to an IPv4 address`;
  }
  if (nextHop !== undefined) return configured(nextHop, "nextHop", context);
  const choices = [
    ...localAddress.family === 4 ? [localAddress] : extended ? ownIPv6(context) : [],
    ...inOrder([address], onLink(4, context), context),
  ];
  const cure = localAddress.family === 6 && !extended
    ? "turn on extended next hops (RFC 8950) on both sides, or set"
    : "set";
  return firstOf(choices, `${cure} bgp.local.address, or nextHop of the peer,`, context) ?? "";
}

function nextHopsForIPv6(context: NextHopContext): readonly Address[] | string {
  const { nextHop6, peerName } = context;
  if (nextHop6?.family === 4) {
    return `nextHop6 ${nextHop6.text} is not an IPv6 address: set nextHop6 of ${peerName} to one`;
  }
  if (nextHop6 !== undefined) return configured(nextHop6, "nextHop6", context);
  const choices = [...ownIPv6(context), ...onLink(6, context)];
  return firstOf(choices, "set bgp.local.address6, or nextHop6 of the peer,", context) ??
    `no IPv6 next hop, as the session with ${peerName} runs over IPv4: ` +
      "set bgp.local.address6, or nextHop6 of the peer";
}

/** This host's own IPv6 addresses, the better ones first. */
function ownIPv6({ localAddress, address6 }: NextHopContext): readonly Address[] {
  const global = address6 === undefined ? [] : [address6];
  if (localAddress.family === 4) return global;
  return isLinkLocal(localAddress) ? [...global, localAddress] : [localAddress, ...global];
}

/** This host's own address before those on the session's link; or behind them, where it is none of them. */
function inOrder(
  own: readonly Address[],
  beside: readonly Address[],
  { prefersOnLink }: NextHopContext,
): readonly Address[] {
  const isElsewhere = own.every((each) => beside.every(({ text }) => text !== each.text));
  return prefersOnLink && isElsewhere ? [...beside, ...own] : [...own, ...beside];
}

function onLink(
  family: 4 | 6,
  { own: { addresses }, localAddress, zone }: NextHopContext,
): readonly Address[] {
  return typeof addresses === "object" ? besideOnLink(addresses, localAddress, zone, family) : [];
}

function configured(nextHop: Address, key: string, context: NextHopContext): readonly Address[] | string {
  const fault = faultOf(nextHop, context);
  if (fault !== undefined) return faultText(nextHop, fault, `set ${key} of the peer`, context);
  return nextHop.text === context.localAddress.text ? withLinkLocal(nextHop, context) : [nextHop];
}

/** The first choice that will do; where none does, what is wrong with the first one; undefined where there is none. */
function firstOf(
  choices: readonly Address[],
  cure: string,
  context: NextHopContext,
): readonly Address[] | string | undefined {
  const good = choices.find((choice) => faultOf(choice, context) === undefined);
  if (good !== undefined) return withLinkLocal(good, context);
  const [first] = choices;
  const fault = first && faultOf(first, context);
  return first && fault && faultText(first, fault, cure, context);
}

/** Adds our link-local address where the peer shares the link that the global one is on, or the session runs over it. */
function withLinkLocal(nextHop: Address, context: NextHopContext): readonly Address[] {
  const { localAddress, remoteAddress, own: { addresses }, besideGlobal } = context;
  if (nextHop.family === 4 || isLinkLocal(nextHop) || !besideGlobal) return [nextHop];
  if (nextHop.text === localAddress.text) {
    const beside = typeof addresses === "object"
      ? linkLocalBeside(addresses, localAddress, remoteAddress)
      : undefined;
    return beside === undefined ? [nextHop] : [nextHop, beside];
  }
  const isUnnumbered = isLinkLocal(localAddress) && faultOf(localAddress, context) === undefined;
  return isUnnumbered ? [nextHop, localAddress] : [nextHop];
}

/** What keeps an address from being a next hop. */
type Fault = "peer" | "service" | "loopback" | "unread" | "absent" | "tentative" | "duplicate";

function faultOf(address: Address, context: NextHopContext): Fault | undefined {
  const { remoteAddress, localAddress, zone, own } = context;
  if (address.text === remoteAddress.text) return "peer";
  if (isServiceAddress(address, own)) return "service";
  if (isLoopback(address) && !isLoopback(remoteAddress)) return "loopback";
  if (own.addresses === undefined) return undefined;
  if (own.addresses === "unread") return "unread";
  const link = isLinkLocal(address) ? interfaceOf(own.addresses, localAddress, zone) : undefined;
  const state = stateOf(own.addresses, address, link);
  return state === "usable" ? undefined : state;
}

/** What is wrong, and behind the last colon the cure. */
function faultText(address: Address, fault: Fault, cure: string, { peerName }: NextHopContext): string {
  const { text } = address;
  const another = `${cure} to an address of this host`;
  switch (fault) {
    case "peer":
      return `next hop ${text} is the address of ${peerName} itself, which must not get it (RFC 4271 section 5.1.3): ${another}`;
    case "service":
      return `next hop ${text} is a service address, which every host of the service has: ${another} alone`;
    case "loopback":
      return `next hop ${text} is a loopback address, by which ${peerName} does not reach this host: ${another}`;
    case "unread":
      return `next hop ${text} is held until this host's addresses are read: that comes by itself`;
    case "absent":
      return isLinkLocal(address)
        ? `next hop ${text} is no address of this host on the link of the session: give it to that interface, or ${another}`
        : `next hop ${text} is no address of this host: give it to an interface, or ${another}`;
    case "tentative":
      return `next hop ${text} is tentative, as duplicate address detection is under way: it goes out when that is over`;
    case "duplicate":
      return `next hop ${text} is the address of another host on its link, too, as duplicate address detection found: ` +
        `free it there and give it to this host again, or ${another}`;
    default:
      return fault satisfies never;
  }
}
