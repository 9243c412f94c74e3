/** Hears of changes of links, addresses and local routes, and tells those that concern us. */
import type { Address } from "../net/address.ts";
import { NLMSG, RT_SCOPE, RT_TABLE, RTM, RTNLGRP } from "../netlink/constants.ts";
import { ERRNO } from "../netlink/errno.ts";
import { decodeMessages, type NetlinkMessage } from "../netlink/message.ts";
import { decodeRoute } from "../netlink/route.ts";
import { decodeAddress, decodeLink } from "../netlink/rtnetlink.ts";
import { EPOLLIN, type FilterStep, type NetlinkSocket, type ReactorPort } from "../netlink/transport.ts";
import type { Notice } from "./kernel.ts";
import { isOurs } from "./state.ts";

/** What is heard on one socket. */
export const LINK_GROUPS: readonly number[] = [RTNLGRP.LINK, RTNLGRP.IPV4_IFADDR, RTNLGRP.IPV6_IFADDR];

/**
 * What is heard on another one, through `LOCAL_TABLE`: a routing daemon that installs a million routes must neither wake us
 * nor push what concerns us out of the buffer.
 */
export const ROUTE_GROUPS: readonly number[] = [RTNLGRP.IPV4_ROUTE, RTNLGRP.IPV6_ROUTE];

/** Where rtm_table stands in a message. */
const RTM_TABLE_OFFSET = NLMSG.HDRLEN + 4;

/** Lets through what is told of routes in table `local`: BPF_LD|BPF_B|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K. */
export const LOCAL_TABLE: readonly FilterStep[] = [
  { code: 0x30, jumps: [0, 0], operand: RTM_TABLE_OFFSET },
  { code: 0x15, jumps: [0, 1], operand: RT_TABLE.LOCAL },
  { code: 0x06, jumps: [0, 0], operand: 0xffff_ffff },
  { code: 0x06, jumps: [0, 0], operand: 0 },
];

/** What was read last: changes of these concern us. */
export interface Concern {
  readonly interfaceNames: ReadonlySet<string>;
  readonly indexes: ReadonlySet<number>;
  /** The addresses on those interfaces, by `text`. */
  readonly addresses: ReadonlySet<string>;
}

/** More notices at once are told as any change. */
const MAX_NOTICES = 256;
/** So many datagrams are kept while a read goes on; with more of them, something may concern us. */
const MAX_KEPT = 256;

/** One socket that is a member of groups. */
export class NetlinkWatch implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #registration: Disposable;
  #concern: Concern | undefined;
  /** What was heard and not told yet; undefined: something else besides, or more than is kept. */
  #notices: Notice[] | undefined = [];
  /** What was told since a read began, which is to say what concerns us; undefined: no read goes on. */
  #kept: Uint8Array[] | undefined;
  readonly #onChange: (notices: readonly Notice[]) => void;
  #disposed = false;

  constructor(socket: NetlinkSocket, reactor: ReactorPort, onChange: (notices: readonly Notice[]) => void) {
    this.#socket = socket;
    this.#onChange = onChange;
    this.#registration = reactor.add(socket.fd, EPOLLIN, () => {
      if (this.#receive()) this.#tell();
    });
  }

  /** A read begins, and shows whatever was told before now. */
  beginRead(): void {
    this.#receive();
    this.#notices = [];
    this.#kept = [];
  }

  /** It has ended, or failed: changes of `concern`, or of what concerned us before, are told; those since it began at once. */
  endRead(concern: Concern | undefined): void {
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    this.#concern = concern ?? this.#concern;
    let concerns = false;
    for (const datagram of kept) concerns = this.#concerns(datagram) || concerns;
    if (concerns) this.#tell();
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#registration[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }

  #tell(): void {
    const notices = this.#notices ?? [];
    this.#notices = [];
    this.#onChange(notices);
  }

  /** Reads everything that is there; true where some of it concerns us, or got lost. */
  #receive(): boolean {
    let concerns = false;
    while (!this.#disposed) {
      const datagram = this.#socket.receive();
      if (datagram === ERRNO.EAGAIN) return concerns;
      // ENOBUFS: the kernel dropped notifications. A descriptor that is broken says so for ever, hence the return.
      if (typeof datagram === "number") {
        this.#notices = undefined;
        if (datagram === ERRNO.ENOBUFS || datagram === ERRNO.EMSGSIZE) concerns = true;
        else return true;
      } else if (this.#kept !== undefined && this.#kept.length < MAX_KEPT) {
        this.#kept.push(datagram.slice());
      } else {
        concerns = this.#concerns(datagram) || concerns;
      }
    }
    return false;
  }

  #concerns(datagram: Uint8Array): boolean {
    const concern = this.#concern;
    if (concern === undefined || this.#kept !== undefined) {
      this.#notices = undefined;
      return true;
    }
    const heard = decodeMessages(datagram).filter((message) => messageConcerns(message, concern));
    for (const message of heard) this.#keep(noticeOf(message));
    return heard.length > 0;
  }

  #keep(notice: Notice | undefined): void {
    if (notice === undefined || this.#notices?.length === MAX_NOTICES) this.#notices = undefined;
    this.#notices?.push(...notice === undefined ? [] : [notice]);
  }
}

/** What a message tells of; undefined: nothing that has a name here. */
function noticeOf(message: NetlinkMessage): Notice | undefined {
  const { type, port } = message;
  switch (type) {
    case RTM.NEWLINK:
    case RTM.DELLINK:
      return { index: decodeLink(message).index, address: undefined, port };
    case RTM.NEWADDR:
    case RTM.DELADDR: {
      const address = decodeAddress(message);
      return address && { index: address.index, address: address.address.text, port };
    }
    case RTM.NEWROUTE:
    case RTM.DELROUTE: {
      const { index, destination } = decodeRoute(message);
      // Of a multicast route nothing is ours by name: anything of IPv6 may work now.
      return destination === undefined || isMulticast(destination)
        ? undefined
        : { index, address: destination.text, port };
    }
    default:
      return undefined;
  }
}

function isMulticast(address: Address): boolean {
  return address.family === 6 && address.octet(0) === 0xff;
}

function messageConcerns(
  message: NetlinkMessage,
  { interfaceNames, indexes, addresses }: Concern,
): boolean {
  switch (message.type) {
    case RTM.NEWLINK:
    case RTM.DELLINK: {
      const link = decodeLink(message);
      return indexes.has(link.index) || interfaceNames.has(link.name) || isOurs(link);
    }
    case RTM.NEWADDR:
    case RTM.DELADDR: {
      const address = decodeAddress(message);
      return address !== undefined && indexes.has(address.index) &&
        !(address.address.family === 6 && address.scope === RT_SCOPE.LINK);
    }
    case RTM.NEWROUTE:
    case RTM.DELROUTE: {
      const { index, destination } = decodeRoute(message);
      // That IPv6 was switched on again is told by nothing but the routes and the link-local address that come with it.
      return destination !== undefined &&
        (addresses.has(destination.text) || isMulticast(destination) && indexes.has(index));
    }
    default:
      return true;
  }
}
