/** Hears of changes of links and addresses, and tells those that concern us. */
import { RT_SCOPE, RTM } from "../netlink/constants.ts";
import { ERRNO } from "../netlink/errno.ts";
import { decodeMessages, type NetlinkMessage } from "../netlink/message.ts";
import { decodeAddress, decodeLink } from "../netlink/rtnetlink.ts";
import { EPOLLIN, type NetlinkSocket, type ReactorPort } from "../netlink/transport.ts";
import type { Notice } from "./kernel.ts";
import { isOurs } from "./state.ts";

/** What was read last: changes of these concern us. */
export interface Concern {
  readonly interfaceNames: ReadonlySet<string>;
  readonly indexes: ReadonlySet<number>;
}

/** More notices at once are told as any change. */
const MAX_NOTICES = 256;

/** A socket that is a member of the groups of links and addresses. */
export class NetlinkWatch implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #registration: Disposable;
  #concern: Concern | undefined;
  /** What was heard and not told yet; undefined: something else besides, or more than is kept. */
  #notices: Notice[] | undefined = [];
  #disposed = false;

  constructor(socket: NetlinkSocket, reactor: ReactorPort, onChange: (notices: readonly Notice[]) => void) {
    this.#socket = socket;
    this.#registration = reactor.add(socket.fd, EPOLLIN, () => {
      if (!this.#receive()) return;
      const notices = this.#notices ?? [];
      this.#notices = [];
      onChange(notices);
    });
  }

  /** Forgets what was told before now; a read that begins now shows it. */
  drain(): void {
    this.#receive();
    this.#notices = [];
  }

  /** Narrows what is told. */
  concern(concern: Concern): void {
    this.#concern = concern;
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#registration[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
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
      } else {
        concerns = this.#concerns(datagram) || concerns;
      }
    }
    return false;
  }

  #concerns(datagram: Uint8Array): boolean {
    const concern = this.#concern;
    if (concern === undefined) return true;
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
  if (type === RTM.NEWLINK || type === RTM.DELLINK) {
    return { index: decodeLink(message).index, address: undefined, port };
  }
  if (type !== RTM.NEWADDR && type !== RTM.DELADDR) return undefined;
  const address = decodeAddress(message);
  return address && { index: address.index, address: address.address.text, port };
}

function messageConcerns(message: NetlinkMessage, { interfaceNames, indexes }: Concern): boolean {
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
    default:
      return true;
  }
}
